"""The collateral illusion: what lenders report collateral at, and what a sale of it would bring.

Four values side by side. *Reported*: GPUs at system cost by the book, rigs and sites at marks.
*Second-hand*: what a single machine last traded at. *Realisable*: one sale of everything today, in
which each buyer's money and racks are spent once (:mod:`market.liquidation.one_sale`). *Within 90
days*: the same with what buyers earn meanwhile. Coins are worth their price; selling them moves it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...agents.columns import Longs, Reals
from ...agents.compiling.kernels import compiled, inlined
from ..liquidation.bids import bids_today, units_bid, value_machines
from ..liquidation.one_sale import (
    PATIENT_DAYS,
    Limits,
    Offer,
    no_limits,
    offered_units,
    sold_usd,
)
from ..prices.impact import btc_impact_of
from ..prices.marks import reported_usd, second_hand_usd
from ..state.hardware import Family
from ..state.journal import ILLUSION_DAYS
from ..state.loans import Collateral, LoanStatus
from ..state.market import Market
from ..state.sites import pledged_site_usd

BTC = ALL = -1  # in the table of the illusion, for a class and for a lender


class Values(NamedTuple):
    """What is owed on collateral, and four values of it [USD]."""

    balance: float
    reported: float
    second_hand: float
    at_once: float
    within_90_days: float


@inlined
def _plus(one: Values, other: Values) -> Values:
    return Values(
        one.balance + other.balance,
        one.reported + other.reported,
        one.second_hand + other.second_hand,
        one.at_once + other.at_once,
        one.within_90_days + other.within_90_days,
    )


@compiled
def measure_illusion(market: Market) -> None:
    """LTV of all pledged collateral and of GPUs by four values; kept until measured again."""
    if market.today.day % ILLUSION_DAYS != 0:
        _as_yesterday(market)
        return
    value_machines(market)
    coins = gpus = others = Values(0.0, 0.0, 0.0, 0.0, 0.0)
    coins = _coins(market)
    limits, scratch = no_limits(market), np.zeros(len(market.holdings.units))
    owing, offer = _pledged(market, np.arange(len(market.loans.status)), scratch)
    pledged = offered_units(market, offer)
    at_once = sold_usd(market, limits, offer, 0.0)
    patient = sold_usd(market, limits, offer, PATIENT_DAYS)
    for k in range(len(owing)):
        if owing[k] > 0.0:
            value = _of_class(market, k, owing[k], pledged[k], at_once[k], patient[k])
            _keep(market, ALL, k, value, _bids_usd(market, k))
            if market.hardware.family[k] == Family.GPU:
                gpus = _plus(gpus, value)
            else:
                others = _plus(others, value)
    if market.today.keeps_book:
        first, by_lender = _loans_by_lender(market)
        for row in range(len(market.lenders.kind)):
            its = by_lender[first[row] : first[row + 1]]
            owing, offer = _pledged(market, its, scratch)
            if owing.sum() > 0.0:
                _alone(market, limits, row, owing, offer)
    _write(market, _plus(_plus(coins, others), gpus), gpus)


@compiled
def _alone(market: Market, limits: Limits, row: int, owing: Reals, offer: Offer) -> None:
    """What machines and sites pledged to one lender would bring it while the others wait."""
    pledged = offered_units(market, offer)
    at_once = sold_usd(market, limits, offer, 0.0)
    patient = sold_usd(market, limits, offer, PATIENT_DAYS)
    for k in range(len(owing)):
        if owing[k] > 0.0:
            value = _of_class(market, k, owing[k], pledged[k], at_once[k], patient[k])
            _keep(market, row, k, value, 0.0)


@compiled
def _coins(market: Market) -> Values:
    """Bitcoin pledged to each lender; returns the values of one sale of all of it."""
    loans, lenders = market.loans, len(market.lenders.kind)
    owing, coins = np.zeros(lenders), np.zeros(lenders)
    for loan in range(len(loans.status)):
        if _is_owed(market, loan) and loans.collateral_btc[loan] > 0:
            owing[loans.lender[loan]] += loans.principal_usd[loan]
            coins[loans.lender[loan]] += loans.collateral_btc[loan]
    for row in range(lenders):
        if coins[row] > 0.0:
            _keep(market, row, BTC, _of_coins(market, owing[row], coins[row]), np.nan)
    everything = _of_coins(market, owing.sum(), coins.sum())
    if everything.balance > 0.0:
        _keep(market, ALL, BTC, everything, np.nan)
    return everything


@compiled
def _of_coins(market: Market, owing_usd: float, coins: float) -> Values:
    """The values of coins; slices of a sale over 90 days each meet what is left of the impact."""
    price = coins * market.prices.btc_usd
    at_once = price * math.exp(btc_impact_of(market, price))
    kept_share = market.terms.derived.btc_impact_kept  # of a day's impact, a day later
    daily = btc_impact_of(market, price / PATIENT_DAYS) / (1.0 - kept_share)
    return Values(owing_usd, price, price, at_once, max(at_once, price * math.exp(daily)))


@compiled
def _loans_by_lender(market: Market) -> tuple[Longs, Longs]:
    """Where each lender's loans begin, and loans lender by lender, in the order of the table."""
    lender = market.loans.lender
    first = np.zeros(len(market.lenders.kind) + 1, np.int64)
    for loan in range(len(lender)):
        first[lender[loan] + 1] += 1
    for row in range(len(first) - 1):
        first[row + 1] += first[row]
    at, order = first.copy(), np.empty(len(lender), np.int64)
    for loan in range(len(lender)):
        order[at[lender[loan]]] = loan
        at[lender[loan]] += 1
    return first, order


@compiled
def _pledged(market: Market, some: Longs, scratch: Reals) -> tuple[Reals, Offer]:
    """What is owed on some loans [class, USD], and the machines and MW pledged for them.

    A loan on a site counts for power and for halls as these are worth. ``scratch`` [holding] is
    zero, before and after.
    """
    loans, opening = market.loans, market.opening
    mw = np.zeros(len(market.hardware.family))
    owing = np.zeros(len(market.hardware.family))
    for loan in some:
        if not _is_owed(market, loan):
            continue
        if loans.collateral[loan] == Collateral.HARDWARE and loans.holding[loan] >= 0:
            owing[loans.hardware[loan]] += loans.principal_usd[loan]
            scratch[loans.holding[loan]] += loans.collateral_units[loan]
        elif loans.collateral[loan] == Collateral.SITE and pledged_site_usd(market, loan) > 0.0:
            halls = loans.hall_mw[loan] * market.marks_usd[opening.hall_class]
            share = halls / pledged_site_usd(market, loan)
            owing[opening.hall_class] += share * loans.principal_usd[loan]
            owing[opening.site_class] += (1.0 - share) * loans.principal_usd[loan]
            mw[opening.hall_class] += loans.hall_mw[loan]
            mw[opening.site_class] += loans.site_mw[loan]
    rows, units = _gathered(market, some, scratch)
    return owing, Offer(rows, units, mw)


@compiled
def _gathered(market: Market, some: Longs, scratch: Reals) -> tuple[Longs, Reals]:
    """Holdings of the borrowers of some loans, and units in ``scratch``, which is cleared."""
    holdings, borrower = market.holdings, market.loans.borrower
    room, last = 0, -1
    for loan in some:  # loans stand by borrower
        b = borrower[loan]
        if b != last:
            room += holdings.first[b + 1] - holdings.first[b]
        last = b
    rows, units = np.empty(room, np.int64), np.empty(room)
    found = 0
    for loan in some:
        for row in range(holdings.first[borrower[loan]], holdings.first[borrower[loan] + 1]):
            if scratch[row] > 0.0:
                rows[found], units[found] = row, scratch[row]
                scratch[row] = 0.0
                found += 1
    return rows[:found], units[:found]


@compiled
def _of_class(
    market: Market, k: int, owing_usd: float, pledged: float, at_once_usd: float, patient_usd: float
) -> Values:
    """The values of so many units of a class."""
    reported, price = reported_usd(market, k), second_hand_usd(market, k)
    return Values(owing_usd, pledged * reported, pledged * price, at_once_usd, patient_usd)


@compiled
def _bids_usd(market: Market, k: int) -> float:
    """The money that bids for a class [USD]; it may bid for others too."""
    usd = 0.0
    for in_place in (False, True):
        bids = bids_today(market, k, in_place)
        units = units_bid(market, k, bids)
        for i in range(len(bids)):
            usd += bids[i] * units[i]
    return usd


@inlined
def _is_owed(market: Market, loan: int) -> bool:
    loans = market.loans
    return loans.status[loan] == LoanStatus.PERFORMING and loans.principal_usd[loan] > 0


@compiled
def _keep(market: Market, lender: int, hardware: int, value: Values, bids_usd: float) -> None:
    """Keep the values of what is pledged to a lender, or to all, of a class."""
    kept = market.kept.illusion
    row = kept.count[0]
    kept.day[row] = market.today.day
    kept.lender[row] = lender
    kept.hardware[row] = hardware
    kept.balance_usd[row] = value.balance
    kept.reported_usd[row] = value.reported
    kept.second_hand_usd[row] = value.second_hand
    kept.realisable_usd[row] = value.at_once
    kept.realisable_90_days_usd[row] = value.within_90_days
    kept.bids_usd[row] = bids_usd
    kept.count[0] = row + 1


@inlined
def _ltv(value: Values, usd: float) -> float:
    return value.balance / max(usd, 1e-9) if value.balance > 0.0 else np.nan


@compiled
def _write(market: Market, everything: Values, gpus: Values) -> None:
    """The day's loan-to-value ratios."""
    series, day = market.kept.series, market.today.day
    series.reported_ltv[day] = _ltv(everything, everything.reported)
    series.second_hand_ltv[day] = _ltv(everything, everything.second_hand)
    series.realisable_ltv[day] = _ltv(everything, everything.at_once)
    series.realisable_90_days_ltv[day] = _ltv(everything, everything.within_90_days)
    series.gpu_reported_ltv[day] = _ltv(gpus, gpus.reported)
    series.gpu_second_hand_ltv[day] = _ltv(gpus, gpus.second_hand)
    series.gpu_realisable_ltv[day] = _ltv(gpus, gpus.at_once)
    series.gpu_realisable_90_days_ltv[day] = _ltv(gpus, gpus.within_90_days)


@compiled
def _as_yesterday(market: Market) -> None:
    """Between two measurements the last one stands."""
    series, day = market.kept.series, market.today.day
    for ltv in (
        series.reported_ltv,
        series.second_hand_ltv,
        series.realisable_ltv,
        series.realisable_90_days_ltv,
        series.gpu_reported_ltv,
        series.gpu_second_hand_ltv,
        series.gpu_realisable_ltv,
        series.gpu_realisable_90_days_ltv,
    ):
        ltv[day] = ltv[day - 1]
