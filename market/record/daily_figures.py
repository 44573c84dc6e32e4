"""The figures of a day: sums over the tables, written into the series."""

from __future__ import annotations

import numpy as np

from ...agents.compiling.arrays import put, total
from ...agents.compiling.kernels import compiled
from ...agents.lender import credit_supply_share
from ...agents.party import Kind, Status
from ..state.events import Event
from ..state.hardware import Family
from ..state.loans import LoanStatus
from ..state.lots import LotState
from ..state.market import Market
from ..state.units import BLOCKS_PER_DAY, TH_PER_EH


@compiled
def write_day(market: Market, conservation_error: float) -> None:
    """Write today's row of the series, the two LTVs apart."""
    day, series = market.today.day, market.kept.series
    series.conservation_error[day] = conservation_error
    series.rigs_delivered_th[day] = market.dated.delivered_th[0]
    series.btc_forced_sale_usd[day] = market.log.forced_usd[0]
    put(series.mark_usd[day], market.marks_usd)
    put(series.clearing_usd[day], market.clearing_usd)
    _write_prices(market)
    _write_failures(market)
    _write_money(market)
    _write_coins(market)
    gpus = _seized(market, Family.GPU)
    series.gpus_seized[day], series.gpus_sold[day] = gpus[0], gpus[1]
    series.gpus_ended[day], series.gpus_for_sale[day] = gpus[2], gpus[3]
    rigs = _seized(market, Family.ASIC)
    series.asic_th_seized[day], series.asic_th_sold[day] = rigs[0], rigs[1]
    series.asic_th_ended[day], series.asic_th_for_sale[day] = rigs[2], rigs[3]


@compiled
def _write_prices(market: Market) -> None:
    """Prices, rates and what follows from them."""
    day, series, prices = market.today.day, market.kept.series, market.prices
    series.btc_usd[day] = prices.btc_usd
    series.btc_impact_log[day] = prices.btc_impact_log
    series.eth_usd[day] = prices.eth_usd
    series.hashprice_usd_ph_day[day] = prices.hashprice_usd_ph_day
    series.network_hashrate_eh_s[day] = prices.network_hashrate_eh_s
    series.difficulty_eh_s[day] = prices.difficulty_eh_s
    series.rent_h100_usd_h[day] = prices.rent_h100_usd_h
    series.rent_planned_usd_h[day] = prices.rent_planned_usd_h
    series.effective_gpus[day] = prices.effective_gpus
    series.outside_gpus[day] = prices.outside_gpus
    series.macro_stress[day] = prices.stress
    series.reference_rate[day] = prices.reference_rate
    series.loan_price[day] = prices.loan_price
    series.lending_ease[day] = prices.ease
    series.rig_q[day] = prices.rig_q
    series.machine_q[day] = prices.q
    series.hall_rent[day] = prices.hall_rent
    series.ordered_usd[day] = prices.ordered_usd
    series.paid_out_usd[day] = prices.paid_out_usd


@compiled
def _write_failures(market: Market) -> None:
    """Who has failed so far, and margin calls."""
    today, series, parties = market.today, market.kept.series, market.parties
    miners = neoclouds = lenders = calls = 0
    for b in range(today.first_lender):
        gone = parties.status[b] != Status.ACTIVE and parties.status[b] != Status.PROSPECT
        if gone or parties.reorganised_day[b] >= 0:
            miners += parties.kind[b] == Kind.MINER
            neoclouds += parties.kind[b] == Kind.NEOCLOUD
    for lender in range(today.first_lender, today.first_buyer):
        lenders += parties.status[lender] != Status.ACTIVE
    for event in range(market.log.count[0] - 1, -1, -1):
        if market.log.events[event]["day"] != today.day:
            break
        calls += market.log.events[event]["kind"] == Event.MARGIN_CALL
    series.defaults_miner[today.day] = miners
    series.defaults_neocloud[today.day] = neoclouds
    series.failures_lender[today.day] = lenders
    before = series.margin_calls[today.day - 1] if today.day > 0 else 0
    series.margin_calls[today.day] = before + calls


@compiled
def _write_money(market: Market) -> None:
    """Losses, capital, credit and cash."""
    day, series, lenders = market.today.day, market.kept.series, market.lenders
    series.gpus_online[day] = total(market.neoclouds.gpus_online)
    series.loss_usd[day] = total(lenders.loss_usd)
    series.lender_capital_usd[day] = total(lenders.capital_usd)
    series.credit_supply[day] = credit_supply_share(lenders)
    series.withdrawn_usd[day] = total(lenders.run_usd)
    series.loans_outstanding_usd[day] = total(market.loans.principal_usd)
    series.notes_mark[day] = _mean_mark(market)
    series.borrower_cash_usd[day] = total(market.parties.cash_usd[: market.today.first_lender])


@compiled
def _mean_mark(market: Market) -> float:
    """What funds mark a dollar of notes at, by principal; par if there are none."""
    loans = market.loans
    principal = below = 0.0
    for loan in range(len(loans.status)):
        if loans.note_value[loan] > 0.0 and loans.status[loan] == LoanStatus.PERFORMING:
            principal += loans.principal_usd[loan]
            below += loans.provision_usd[loan]
    return 1.0 - below / principal if principal > 0.0 else 1.0


@compiled
def _write_coins(market: Market) -> None:
    """Coins mined, sold and held, by all miners and by listed ones.

    Sold is what was mined and is not held, lent or pledged any more, whoever sold it; on the first
    day nobody has.
    """
    today, prices, borrowers = market.today, market.prices, market.borrowers
    series = market.kept.series
    mined_btc_per_th = 0.0
    if today.day > 0:
        fees = market.crypto.fee_share[today.day]
        mined_btc_per_th = BLOCKS_PER_DAY * prices.subsidy_btc / (1.0 - fees)
    difficulty_th = prices.difficulty_eh_s * TH_PER_EH
    n = today.first_lender
    mined, sold = np.empty(n), np.empty(n)
    mined_listed, sold_listed, held_listed = np.empty(n), np.empty(n), np.empty(n)
    listed = 0
    for b in range(n):
        now = market.parties.btc[b] + market.parties.btc_lent[b]
        for loan in range(market.loans.first[b], market.loans.first[b + 1]):
            now += market.loans.collateral_btc[loan]
        before = now if today.day == 0 else borrowers.coins_btc[b]
        borrowers.coins_btc[b] = now
        mined[b] = market.miners.hashrate_online_th[b] * mined_btc_per_th / difficulty_th
        sold[b] = mined[b] - (now - before)
        if borrowers.market_cap_open_usd[b] > 0.0:
            mined_listed[listed] = mined[b]
            sold_listed[listed] = sold[b]
            held_listed[listed] = now
            listed += 1
    series.btc_mined[today.day] = total(mined)
    series.btc_sold[today.day] = total(sold)
    series.btc_mined_listed[today.day] = total(mined_listed[:listed])
    series.btc_sold_listed[today.day] = total(sold_listed[:listed])
    series.btc_held_listed[today.day] = total(held_listed[:listed])


@compiled
def _seized(market: Market, family: int) -> tuple[float, float, float, float]:
    """Machines of a family seized so far; of these sold, ended without a buyer, for sale today.

    Those that their owners have listed are not among them.
    """
    lots, hardware = market.lots, market.hardware
    rows = np.empty(lots.count[0], np.int64)
    offered = np.empty(lots.count[0], np.int64)
    found = for_sale = 0
    for i in range(lots.count[0]):
        if lots.listed[i] or hardware.family[lots.hardware[i]] != family:
            continue
        rows[found] = i
        found += 1
        if lots.state[i] == LotState.IN_PLACE or lots.state[i] == LotState.REMOVED:
            offered[for_sale] = i
            for_sale += 1
    seized = total(lots.seized_units[rows[:found]])
    unsold = total(lots.units[rows[:found]])
    ended = total(lots.ended_units[rows[:found]])
    for_sale_units = total(lots.units[offered[:for_sale]])
    return seized, seized - unsold - ended, ended, for_sale_units
