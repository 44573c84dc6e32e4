"""What a run keeps for its reader: each column declared once, with unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np

from ...agents.columns import (
    Flags,
    Ints,
    Longs,
    Matrix,
    MatrixOrNone,
    OneCount,
    Reals,
    RealsOrNone,
    empty,
)


@dataclass(frozen=True)
class Means:
    """What a column of the series holds."""

    unit: str
    meaning: str


class Series(NamedTuple):
    """One row per day, the opening day first."""

    btc_usd: Annotated[Reals, Means("USD", "price of bitcoin")]
    btc_impact_log: Annotated[Reals, Means("1", "what forced sales have done to its log price")]
    eth_usd: Annotated[Reals, Means("USD", "price of ether")]
    hashprice_usd_ph_day: Annotated[Reals, Means("USD/PH/s/day", "revenue of hashrate")]
    network_hashrate_eh_s: Annotated[Reals, Means("EH/s", "hashrate of the whole network")]
    difficulty_eh_s: Annotated[Reals, Means("EH/s", "hashrate that the difficulty implies")]
    rent_h100_usd_h: Annotated[Reals, Means("USD/h", "spot rent of an H100")]
    rent_planned_usd_h: Annotated[Reals, Means("USD/h", "that rent if supply came as signed")]
    effective_gpus: Annotated[Reals, Means("H100", "GPUs online, by rent")]
    outside_gpus: Annotated[Reals, Means("H100", "of which in new classes of other fleets")]
    gpus_online: Annotated[Reals, Means("GPU", "GPUs online at their owners")]
    defaults_miner: Annotated[Longs, Means("1", "miners failed so far")]
    defaults_neocloud: Annotated[Longs, Means("1", "neoclouds failed so far")]
    margin_calls: Annotated[Longs, Means("1", "margin calls so far")]
    loss_usd: Annotated[Reals, Means("USD", "losses of lenders on this market's loans so far")]
    lender_capital_usd: Annotated[Reals, Means("USD", "capital of all lenders")]
    macro_stress: Annotated[Reals, Means("1", "macro factor, zero in normal times")]
    reference_rate: Annotated[Reals, Means("1/year", "reference rate of floating loans")]
    credit_supply: Annotated[Reals, Means("1", "share of their usual credit that lenders give")]
    loan_price: Annotated[Reals, Means("1", "price of lenders' other loans, 1 at par")]
    notes_mark: Annotated[Reals, Means("1", "mean mark of funds' bonds and convertibles")]
    lending_ease: Annotated[Reals, Means("1", "what lenders have learnt from losses, -1 to 1")]
    rig_q: Annotated[Reals, Means("1", "value over price of new rigs, 1 at the opening")]
    machine_q: Annotated[Reals, Means("1", "value over price of new machines, 1 at the opening")]
    hall_rent: Annotated[Reals, Means("1", "rent of empty halls for GPUs, 1 at the opening")]
    ordered_usd: Annotated[Reals, Means("USD", "orders beyond signed growth so far")]
    paid_out_usd: Annotated[Reals, Means("USD", "paid by borrowers to their owners so far")]
    withdrawn_usd: Annotated[Reals, Means("USD", "money that left lenders so far")]
    failures_lender: Annotated[Longs, Means("1", "lenders failed so far")]
    loans_outstanding_usd: Annotated[Reals, Means("USD", "principal of all loans")]
    btc_forced_sale_usd: Annotated[Reals, Means("USD", "forced sales of coins on the day")]
    btc_mined: Annotated[Reals, Means("BTC", "mined on the day by all miners")]
    btc_sold: Annotated[Reals, Means("BTC", "of theirs sold on the day, by whomever")]
    btc_mined_listed: Annotated[Reals, Means("BTC", "mined on the day by listed miners")]
    btc_sold_listed: Annotated[Reals, Means("BTC", "of theirs sold on the day, by whomever")]
    btc_held_listed: Annotated[Reals, Means("BTC", "held, lent or pledged by listed miners")]
    rigs_delivered_th: Annotated[Reals, Means("TH/s", "delivered so far of opening orders")]
    borrower_cash_usd: Annotated[Reals, Means("USD", "cash of all borrowers")]
    reported_ltv: Annotated[RealsOrNone, Means("1", "LTV of all collateral as lenders report it")]
    second_hand_ltv: Annotated[RealsOrNone, Means("1", "LTV at what a single machine trades at")]
    realisable_ltv: Annotated[RealsOrNone, Means("1", "LTV at what one sale of everything brings")]
    realisable_90_days_ltv: Annotated[RealsOrNone, Means("1", "LTV if that sale takes 90 days")]
    gpu_reported_ltv: Annotated[RealsOrNone, Means("1", "of GPUs: LTV as lenders report it")]
    gpu_second_hand_ltv: Annotated[RealsOrNone, Means("1", "of GPUs: LTV at second-hand prices")]
    gpu_realisable_ltv: Annotated[RealsOrNone, Means("1", "of GPUs: LTV at one sale of everything")]
    gpu_realisable_90_days_ltv: Annotated[RealsOrNone, Means("1", "of GPUs: that within 90 days")]
    conservation_error: Annotated[Reals, Means("1", "worst unexplained change of a stock")]
    gpus_seized: Annotated[Reals, Means("GPU", "seized so far")]
    gpus_sold: Annotated[Reals, Means("GPU", "of these sold to buyers so far")]
    gpus_ended: Annotated[Reals, Means("GPU", "of these no buyer took in time: in kind or scrap")]
    gpus_for_sale: Annotated[Reals, Means("GPU", "of these for sale today")]
    asic_th_seized: Annotated[Reals, Means("TH/s", "rigs seized so far")]
    asic_th_sold: Annotated[Reals, Means("TH/s", "of these sold to buyers so far")]
    asic_th_ended: Annotated[Reals, Means("TH/s", "of these no buyer took in time")]
    asic_th_for_sale: Annotated[Reals, Means("TH/s", "of these for sale today")]
    mark_usd: Matrix  # [day, class] lenders' marks
    clearing_usd: MatrixOrNone  # [day, class] last clearing prices, NaN before the first


class Ladders(NamedTuple):
    """Order books kept to look at, a row a step; rows ``0 .. count[0]`` are in use."""

    count: OneCount  # type: ignore[assignment]  # hides tuple.count
    day: Ints
    hardware: Ints
    in_place: Flags
    is_ask: Flags
    who: Ints  # segment of a bid, seller of an ask; -1: many sellers
    price_usd: Reals
    units: Reals


class Sales(NamedTuple):
    """Auctions that cleared; rows ``0 .. count[0]`` are in use."""

    count: OneCount  # type: ignore[assignment]  # hides tuple.count
    day: Ints
    hardware: Ints
    in_place: Flags
    price_usd: Reals
    forced_units: Reals  # of seized or listed lots


class Illusion(NamedTuple):
    """What collateral is reported at, trades at and would bring; rows ``0 .. count[0]``."""

    count: OneCount  # type: ignore[assignment]  # hides tuple.count
    day: Ints
    lender: Ints  # row in the lenders' table; -1: all together
    hardware: Ints  # -1: bitcoin
    balance_usd: Reals
    reported_usd: Reals
    second_hand_usd: Reals
    realisable_usd: Reals  # in one sale today
    realisable_90_days_usd: Reals  # and with what buyers earn meanwhile
    bids_usd: RealsOrNone  # of all together: the money that bids for the class


class Kept(NamedTuple):
    """All that a run remembers for its reader."""

    series: Series
    ladders: Ladders
    sales: Sales
    illusion: Illusion


def nothing_kept(days: int, classes: int) -> Kept:
    """Room for a series of so many days after the opening; nothing in it yet."""
    shape = (days + 1, classes)
    return Kept(
        empty(Series, days + 1, mark_usd=np.zeros(shape), clearing_usd=np.zeros(shape)),
        empty(Ladders, 0),
        empty(Sales, 0),
        empty(Illusion, 0),
    )
