"""The phases of a day: each hands the state's tables to the kernels that do the work."""

from __future__ import annotations

import math

import numpy as np

from agents.lender import mark_usd
from agents.miner import adjusted_share, online_share
from market import (
    claims,
    convertibles,
    covenants,
    custody,
    cycle,
    dated,
    estate,
    forbearance,
    funding,
    liquidation,
    listing,
    purchases,
    tenants,
    treasury,
)
from market import contracts as contract_book
from market import credit as credit_book
from market import default as default_book
from market import operate as production
from market import service as debt_service
from market.compute import rent_after_supply
from market.crypto import advance_difficulty, hashprice_usd
from market.events import Cause, Event, log_event, with_room
from market.failure import fail_lenders
from market.hardware import Family, schedule_usd
from market.ledger import Stocks, conservation_error, sum_stocks
from market.run import Run
from market.windows import hold_auctions

NETWORK_POWER_USD_MWH = 50.0
EVENTS_PER_ROW = 6  # room in the log for a day, per loan, party and lot


def shocks(run: Run) -> None:
    """Open the day's journal; a scripted crash enters the log on the day it starts."""
    s = run.state
    needed = EVENTS_PER_ROW * (len(s.loans.status) + s.borrower_count + int(s.lots.count[0])) + 1024
    needed += 4 * len(s.lenders.kind) + len(s.interlender.amount_usd)
    s.log = s.log._replace(events=with_room(s.log.events, len(s.events), needed))
    s.ledger.flows[:] = 0.0
    crypto = run.scenario.crypto
    compute = run.scenario.compute
    scripted = (crypto.path == "crash" and run.day == crypto.crash_start_day + 1) or (
        compute.path == "scripted"
        and compute.rent_change_per_year != 0.0
        and run.day == compute.shock_start_day + 1
    )
    macro = run.scenario.macro
    scripted = scripted or (macro.shock != 0.0 and run.day == macro.start_day + 1)
    if scripted:
        s.shock_event = log_event(
            s.log, run.day, Event.SHOCK, Cause.SCENARIO, -1, -1, -1, 0.0, s.shock_event
        )
    dated.open_day(run)


def prices(run: Run) -> None:
    """BTC with the impact of yesterday's forced sales, difficulty, hashprice, rents, marks."""
    s, p, day = run.state, run.state.prices, run.day
    p.stress = float(run.macro.stress[day])
    p.appetite = float(run.macro.appetite[day])
    p.reference_rate = run.scenario.credit.reference_rate + float(run.macro.rate_change[day])
    crypto, channels = run.scenario.crypto, run.scenario.channels
    decay = 0.5 ** (1.0 / crypto.impact_half_life_days)
    p.btc_impact_log *= decay
    p.btc_impact_log += run.btc_impact_of(float(s.log.forced_usd[0]))
    s.log.forced_usd[0] = 0.0
    p.btc_exogenous_usd = float(run.crypto.btc_usd[day])
    p.btc_usd = p.btc_exogenous_usd * math.exp(p.btc_impact_log)
    p.eth_usd = float(run.crypto.eth_usd[day])
    planned = run.quotes.network_open_eh_s * float(run.crypto.hashrate_growth[day])
    hashrate = planned
    if crypto.network == "history":  # the rest of the network fills up what fleets leave
        online = float(s.miners.hashrate_online_th.sum()) + p.receiver_th + resold_th(run)
        if channels.hashprice:
            hashrate = max(planned, online / production.TH_PER_EH)
    elif channels.hashprice:
        online = float(s.miners.hashrate_online_th.sum()) + p.receiver_th + resold_th(run)
        added = planned - run.quotes.network_open_eh_s
        k = run.quotes.growth_class
        target = online_share(
            p.hashprice_usd_ph_day,
            NETWORK_POWER_USD_MWH,
            s.hardware.lo_j_th[k],
            s.hardware.hi_j_th[k],
        )
        p.growth_online = adjusted_share(p.growth_online, target)
        online_eh_s = online / production.TH_PER_EH
        hashrate = online_eh_s + added * (p.growth_online if added > 0.0 else 1.0)
        hashrate = max(hashrate, 1e-3 * planned)
    advance_difficulty(p, hashrate, run.quotes.retarget_blocks, run.quotes.halving_blocks)
    p.hashprice_usd_ph_day = hashprice_usd(
        p.btc_usd, p.subsidy_btc, float(run.crypto.fee_share[day]), p.difficulty_eh_s
    )
    p.rent_planned_usd_h = run.quotes.rent_open_usd_h * float(run.compute.planned_rent[day])
    p.rent_h100_usd_h = p.rent_planned_usd_h
    if channels.rent_feedback:
        p.rent_h100_usd_h = rent_after_supply(
            p.rent_planned_usd_h,
            float(run.quotes.planned_supply[day]),
            p.effective_gpus,
            run.scenario.compute.elasticity,
        )
    set_marks(run)


def resold_th(run: Run) -> float:
    """Rigs sold by force that run for their new owners [TH/s]."""
    s = run.state
    total = 0.0
    for k in np.flatnonzero(s.hardware.family == Family.ASIC):
        share = online_share(
            s.prices.hashprice_usd_ph_day,
            NETWORK_POWER_USD_MWH,
            s.hardware.lo_j_th[k],
            s.hardware.hi_j_th[k],
        )
        total += float(s.outside_online[k]) * share
    return total


def set_marks(run: Run) -> None:
    """Lenders' marks of the day, [class]: schedule and aged evidence."""
    s, marks, hw = run.state, run.scenario.marks, run.state.hardware
    rule = run.scenario.policy.mark_rule
    weight = marks.evidence_weight if run.scenario.channels.mark_to_market else 0.0
    if rule != "scenario":
        weight = 1.0 if rule == "market" else 0.0
    run.schedule_usd = np.array(
        [
            schedule_usd(
                hw.used_open_usd[k],
                hw.annual_depreciation[k],
                hw.scrap_usd[k],
                run.day,
                hw.renewed_years[k],
                run.scenario.liquidation.new_price_decline,
            )
            for k in range(len(hw.family))
        ]
    )
    for k in range(len(hw.family)):
        age = float(run.day - s.clearing_day[k])
        aged = s.clearing_usd[k] * math.exp(-hw.annual_depreciation[k] * age / 365.0)
        s.marks_usd[k] = mark_usd(
            run.schedule_usd[k], aged, age, weight, marks.evidence_half_life_days
        )


def operate(run: Run) -> None:
    """Contracts, rigs, GPUs and overhead of a day (also used, undone, to open the books)."""
    s, p = run.state, run.state.prices
    if run.day > 0:
        tenants.break_contracts(
            run.today(), run.terms, s.borrower_count, s.contracts, s.hardware, s.parties, s.log
        )
    contract_book.run_contracts(
        run.day,
        run.terms,
        p.rent_h100_usd_h,
        s.first_outside,
        s.contracts,
        s.hardware,
        s.parties,
        s.borrowers,
        s.neoclouds,
        s.holdings,
    )
    treasury.set_hold_shares(run)
    reward = p.subsidy_btc / (1.0 - float(run.crypto.fee_share[run.day]))
    production.run_rigs(
        p.hashprice_usd_ph_day,
        p.difficulty_eh_s * production.TH_PER_EH,
        reward * 144.0,
        p.btc_usd,
        s.first_outside,
        s.parties,
        s.miners,
        s.hardware,
        s.holdings,
        s.ledger,
    )
    p.effective_gpus = p.receiver_gpus + production.run_gpus(
        p.rent_h100_usd_h,
        s.first_outside,
        s.parties,
        s.neoclouds,
        s.hardware,
        s.holdings,
        s.outside_online,
    )
    production.settle_overhead(s.first_outside, s.parties, s.borrowers, s.miners, s.neoclouds)


def service(run: Run) -> None:
    """Notes convert or are put; what falls due; a quarter's coverage is counted."""
    s, today = run.state, run.today()
    convertibles.exercise(
        today, run.terms, s.parties, s.borrowers, s.lenders, s.ledger, s.loans, s.log
    )
    debt_service.make_due(today, s.loans, s.perimeters, s.holdings, s.neoclouds)
    covenants.measure_coverage(s.perimeters)


def liquidity(run: Run) -> None:
    """Pay what is due, as far as the waterfall goes; sell machines for what is missing."""
    s, today = run.state, run.today()
    debt_service.pay_what_is_due(
        today, run.terms, s.parties, s.borrowers, s.lenders, s.ledger, s.loans, s.log
    )
    listing.list_machines(
        today,
        s.marks_usd,
        s.parties,
        s.neoclouds,
        s.loans,
        s.hardware,
        s.holdings,
        s.lots,
        s.log,
    )


def test(run: Run) -> None:
    """Margin calls on coins and rigs; quarterly coverage."""
    s, today = run.state, run.today()
    covenants.test_btc_loans(today, run.terms, s.parties, s.lenders, s.ledger, s.loans, s.log)
    covenants.test_hardware_loans(
        today,
        s.marks_usd,
        run.schedule_usd,
        s.clearing_event,
        s.parties,
        s.lenders,
        s.ledger,
        s.loans,
        s.log,
    )
    covenants.test_coverage(
        today, run.terms, s.parties, s.lenders, s.ledger, s.loans, s.perimeters, s.log
    )


def decide(run: Run) -> None:
    """Waive, extend or enforce what was not cured; hand over what is worth less than its debt."""
    forbearance.decide(run)


def default(run: Run) -> None:
    """Enforce what was not cured; fail who cannot pay; seize."""
    s, today = run.state, run.today()
    default_book.declare_defaults(
        today,
        run.terms,
        s.marks_usd,
        s.parties,
        s.lenders,
        s.ledger,
        s.loans,
        s.holdings,
        s.lots,
        s.log,
    )


def lenders(run: Run) -> None:
    """Losses reach capital, funders leave, assets are sold; lenders fail, round by round."""
    s, today = run.state, run.today()
    value_claims(run)
    estate.settle_claims(today, run.terms, s.parties, s.lenders, s.ledger, s.loans, s.log)
    estate.pay_out_estates(today, run.terms, s.parties, s.lenders, s.ledger, s.loans, s.lots, s.log)
    sold = funding.redeem(today, run.terms, s.parties, s.lenders, s.log)
    sold += funding.target_leverage(today, run.terms, s.parties, s.lenders)
    s.prices.loan_price = funding.mark_other_loans(
        today,
        run.terms,
        sold,
        run.quotes.other_loans_open_usd,
        s.prices.loan_price,
        s.parties,
        s.lenders,
        s.log,
    )
    rounds = 0
    while fail_lenders(run, rounds):
        rounds += 1
    funding.set_supply(today, run.terms, s.parties, s.lenders)
    cycle.learn(run)


def value_claims(run: Run) -> None:
    """Carry defaulted claims at what they will bring; the change goes to lenders' capital."""
    s = run.state
    claims.value_claims(
        run.today(), run.terms, s.marks_usd, s.parties, s.lenders, s.loans, s.lots, s.log
    )


def liquidate(run: Run) -> None:
    """Custody every day; at each window an auction per class."""
    s, today = run.state, run.today()
    s.prices.receiver_gpus, s.prices.receiver_th = custody.carry_lots(
        today,
        run.terms,
        s.parties,
        s.lenders,
        s.ledger,
        s.loans,
        s.hardware,
        s.miners,
        s.neoclouds,
        s.lots,
        s.log,
    )
    custody.advance_lots(
        today,
        run.terms,
        run.quotes.smallest_cluster,
        run.quotes.has_removed_buyers,
        run.quotes.has_in_place_buyers,
        s.parties,
        s.lenders,
        s.loans,
        s.hardware,
        s.lots,
        s.log,
    )
    liquidation.sell_at_mark(
        today,
        run.terms,
        s.marks_usd,
        run.scenario.channels.fire_sale,
        run.quotes.has_removed_buyers,
        s.parties,
        s.lenders,
        s.ledger,
        s.loans,
        s.holdings,
        s.hardware,
        s.lots,
        s.log,
    )
    if run.day % run.scenario.liquidation.window_days == 0:
        hold_auctions(run)
    value_claims(run)


def credit(run: Run) -> None:
    """Roll what matures, build what was committed, deliver what was signed, invest."""
    s, today = run.state, run.today()
    if run.day % credit_book.WEEK_DAYS == 0:
        underwrite(run)
    credit_book.roll_over(
        today, run.terms, s.parties, s.borrowers, s.lenders, s.ledger, s.loans, s.log
    )
    dated.give_credit(run)
    purchases.build(today, s.parties, s.borrowers, s.lenders, s.ledger, s.loans, s.log)
    purchases.deliver(
        today,
        run.terms,
        s.parties,
        s.borrowers,
        s.lenders,
        s.ledger,
        s.loans,
        s.hardware,
        s.holdings,
        s.contracts,
        s.log,
    )
    cycle.invest(run)


def underwrite(run: Run) -> None:
    """Find out who could refinance, and what shares are worth."""
    s = run.state
    credit_book.underwrite(
        run.today(),
        run.terms,
        s.marks_usd,
        run.schedule_usd,
        s.clearing_event,
        s.parties,
        s.borrowers,
        s.loans,
        s.holdings,
        s.contracts,
    )


def take_stock(run: Run) -> Stocks:
    """Sum every stock from the tables."""
    s = run.state
    stocks: Stocks = sum_stocks(
        s.parties,
        s.lenders,
        s.ledger,
        s.first_lender,
        s.loans.principal_usd,
        s.loans.collateral_btc,
        s.holdings.hardware,
        s.holdings.units,
        s.lots.hardware,
        s.lots.units,
        int(s.lots.count[0]),
    )
    return stocks


def record(run: Run) -> None:
    """Check that nothing was lost, then write the day to the series."""
    stocks = take_stock(run)
    assert run.stocks is not None
    error = conservation_error(run.stocks, stocks, run.state.ledger.flows)
    run.stocks = stocks
    run.recorder.day(run, error)
