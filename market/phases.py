"""The phases of a day: each hands the state's tables to the kernels that do the work."""

from __future__ import annotations

import math

from ..agents.miner import adjusted_share, online_share
from . import compiled_phases as compiled
from . import compiled_sales
from .dated import day as dated
from .lenders import credit_cycle, forbearance
from .lenders.failure import fail_lenders
from .liquidation.auction_day import hold_auctions
from .operators import investment, treasury
from .prices.network import NETWORK_POWER_USD_MWH, advance_difficulty, hashprice_usd
from .prices.rents import rent_after_supply
from .state.events import Cause, Event, log_event, with_room
from .state.run import Run
from .state.units import TH_PER_EH

EVENTS_PER_ROW = 6  # room in the log for a day, per loan, party and lot


def shocks(run: Run) -> None:
    """Open the day's journal; a scripted crash enters the log on the day it starts."""
    s = run.state
    needed = EVENTS_PER_ROW * (len(s.loans.status) + s.borrower_count + int(s.lots.count[0])) + 1024
    needed += 4 * len(s.lenders.kind) + len(s.interlender.amount_usd)
    events = with_room(s.log.events, len(s.events), needed)
    if events is not s.log.events:
        s.log = s.log._replace(events=events)
        run.share()
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
    online = float(s.miners.hashrate_online_th.sum()) + p.receiver_th
    online += compiled.resold_th(run.shared)
    if crypto.network == "history":  # the rest of the network fills up what fleets leave
        if channels.hashprice:
            hashrate = max(planned, online / TH_PER_EH)
    elif channels.hashprice:
        added = planned - run.quotes.network_open_eh_s
        k = run.quotes.growth_class
        target = online_share(
            p.hashprice_usd_ph_day,
            NETWORK_POWER_USD_MWH,
            s.hardware.lo_j_th[k],
            s.hardware.hi_j_th[k],
        )
        p.growth_online = adjusted_share(p.growth_online, target)
        online_eh_s = online / TH_PER_EH
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
    run.share()
    set_marks(run)


def set_marks(run: Run) -> None:
    """Lenders' marks of the day, [class]: schedule and aged evidence."""
    marks = run.scenario.marks
    rule = run.scenario.policy.mark_rule
    weight = marks.evidence_weight if run.scenario.channels.mark_to_market else 0.0
    if rule != "scenario":
        weight = 1.0 if rule == "market" else 0.0
    compiled.set_marks(
        run.shared,
        weight,
        marks.evidence_half_life_days,
        run.scenario.liquidation.new_price_decline,
    )


def operate(run: Run) -> None:
    """Contracts, rigs, GPUs and overhead of a day (also used, undone, to open the books)."""
    p = run.state.prices
    treasury.set_hold_shares(run)
    reward = p.subsidy_btc / (1.0 - float(run.crypto.fee_share[run.day]))
    p.effective_gpus = p.receiver_gpus + compiled.run_machines(
        run.shared, p.difficulty_eh_s * TH_PER_EH, reward * 144.0
    )


def service(run: Run) -> None:
    """Notes convert or are put; what falls due; a quarter's coverage is counted."""
    compiled.service_debt(run.shared)


def liquidity(run: Run) -> None:
    """Pay what is due, as far as the waterfall goes; sell machines for what is missing."""
    compiled.raise_liquidity(run.shared)


def test(run: Run) -> None:
    """Margin calls on coins and rigs; quarterly coverage."""
    compiled.test_covenants(run.shared)


def decide(run: Run) -> None:
    """Waive, extend or enforce what was not cured; hand over what is worth less than its debt."""
    forbearance.decide(run)


def default(run: Run) -> None:
    """Enforce what was not cured; fail who cannot pay; seize."""
    compiled.declare_defaults(run.shared)


def lenders(run: Run) -> None:
    """Losses reach capital, funders leave, assets are sold; lenders fail, round by round."""
    s = run.state
    s.prices.loan_price = compiled.strain_lenders(
        run.shared,
        run.quotes.other_loans_open_usd,
        s.prices.loan_price,
    )
    rounds = 0
    while fail_lenders(run, rounds):
        rounds += 1
    compiled.set_supply(run.shared)
    credit_cycle.learn(run)
    run.tell()


def liquidate(run: Run) -> None:
    """Custody every day; at each window an auction per class."""
    p, quotes = run.state.prices, run.quotes
    p.receiver_gpus, p.receiver_th = compiled_sales.keep_lots(
        run.shared,
        quotes.smallest_cluster,
        quotes.has_removed_buyers,
        quotes.has_in_place_buyers,
        run.scenario.channels.fire_sale,
    )
    if run.day % run.scenario.liquidation.window_days == 0:
        hold_auctions(run)
    compiled.value_claims(run.shared)


def credit(run: Run) -> None:
    """Roll what matures, build what was committed, deliver what was signed, invest."""
    compiled.roll_over(run.shared)
    dated.give_credit(run)
    compiled.deliver(run.shared)
    investment.invest(run)


def record(run: Run) -> None:
    """Check that nothing was lost, then write the day to the series."""
    assert run.stocks is not None
    run.stocks, error = compiled.close_books(run.shared, run.stocks)
    run.recorder.day(run, error)
