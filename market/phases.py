"""The phases of a day: each hands the state's tables to the kernels that do the work."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from agents.buyer import strip_value_usd
from agents.lender import mark_usd
from agents.miner import online_share
from market import contracts as contract_book
from market import covenants, custody, estate, liquidation
from market import credit as credit_book
from market import default as default_book
from market import operate as production
from market import service as debt_service
from market.bids import class_bids, income_usd_day, segment_strips, unit_cost_usd_day
from market.compute import ComputePaths, rent_after_supply
from market.crypto import IMPACT_LAWS, CryptoPaths, advance_difficulty, hashprice_usd, impact_log
from market.events import Cause, Event, log_event, with_room
from market.hardware import Family, schedule_usd
from market.ledger import Stocks, conservation_error, sum_stocks
from market.record import Recorder
from market.scenario import Scenario
from market.state import State

NETWORK_GROWTH_CLASS = "LT10"  # growth outside the modelled fleets comes as the newest rigs
NETWORK_POWER_USD_MWH = 50.0
EVENTS_PER_ROW = 6  # room in the log for a day, per loan, party and lot


@dataclass
class Quotes:
    """Constants of the opening day that phases need."""

    halving_blocks: float
    retarget_blocks: float
    routine_units_year: NDArray[np.float64]  # [class] ordinary second-hand trade
    network_open_eh_s: float
    rent_open_usd_h: float
    planned_supply: NDArray[np.float64]  # by day, effective GPUs
    first_of_segment: NDArray[np.int64]
    has_removed_buyers: NDArray[np.bool_]
    has_in_place_buyers: NDArray[np.bool_]
    smallest_cluster: float


@dataclass
class Run:
    """A market on its way: scenario, paths, state, day, and what was recorded."""

    scenario: Scenario
    seed: int
    state: State
    crypto: CryptoPaths
    compute: ComputePaths
    quotes: Quotes
    recorder: Recorder
    day: int = 0
    forced_usd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    stocks: Stocks | None = None
    schedule_usd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    strips: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def date(self) -> date:
        """Calendar date of the current day."""
        return self.crypto.start + timedelta(days=self.day)

    def btc_impact_of(self, sold_usd: float) -> float:
        """Change of the log BTC price if so much were sold in a day."""
        crypto = self.scenario.crypto
        impact: float = impact_log(
            sold_usd,
            crypto.depth_adv_usd,
            crypto.impact_coefficient,
            crypto.volatility / math.sqrt(365.0),
            IMPACT_LAWS.index(crypto.impact_law),
        )
        return impact


def shocks(run: Run) -> None:
    """Open the day's journal; a scripted crash enters the log on the day it starts."""
    s = run.state
    needed = EVENTS_PER_ROW * (len(s.loans.status) + s.borrower_count + int(s.lots.count[0])) + 1024
    s.events = with_room(s.events, int(s.event_count[0]), needed)
    s.ledger.flows[:] = 0.0
    crypto = run.scenario.crypto
    compute = run.scenario.compute
    scripted = (crypto.path == "crash" and run.day == crypto.crash_start_day + 1) or (
        compute.path == "scripted"
        and compute.rent_change_per_year != 0.0
        and run.day == compute.shock_start_day + 1
    )
    if scripted:
        s.shock_event = log_event(
            s.events,
            s.event_count,
            run.day,
            Event.SHOCK,
            Cause.SCENARIO,
            -1,
            -1,
            -1,
            0.0,
            s.shock_event,
        )


def prices(run: Run) -> None:
    """BTC with the impact of yesterday's forced sales, difficulty, hashprice, rents, marks."""
    s, p, day = run.state, run.state.prices, run.day
    crypto, channels = run.scenario.crypto, run.scenario.channels
    decay = 0.5 ** (1.0 / crypto.impact_half_life_days)
    p.btc_impact_log *= decay
    if channels.btc_impact:
        p.btc_impact_log += run.btc_impact_of(float(run.forced_usd[0]))
    run.forced_usd[0] = 0.0
    p.btc_exogenous_usd = float(run.crypto.btc_usd[day])
    p.btc_usd = p.btc_exogenous_usd * math.exp(p.btc_impact_log)
    p.eth_usd = float(run.crypto.eth_usd[day])
    planned = run.quotes.network_open_eh_s * float(run.crypto.hashrate_growth[day])
    hashrate = planned
    if channels.hashprice:
        online = float(s.miners.hashrate_online_th.sum()) / production.TH_PER_EH
        added = planned - run.quotes.network_open_eh_s
        k = s.names.hardware.index(NETWORK_GROWTH_CLASS)
        share = online_share(
            p.hashprice_usd_ph_day,
            NETWORK_POWER_USD_MWH,
            s.hardware.lo_j_th[k],
            s.hardware.hi_j_th[k],
        )
        hashrate = max(online + added * (share if added > 0.0 else 1.0), 1e-3 * planned)
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


def set_marks(run: Run) -> None:
    """Lenders' marks of the day, [class]: schedule and aged evidence."""
    s, marks, hw = run.state, run.scenario.marks, run.state.hardware
    weight = marks.evidence_weight if run.scenario.channels.mark_to_market else 0.0
    run.schedule_usd = np.array(
        [
            schedule_usd(hw.used_open_usd[k], hw.annual_depreciation[k], hw.scrap_usd[k], run.day)
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
    contract_book.run_contracts(
        run.day,
        p.rent_h100_usd_h,
        run.scenario.miners.hosting_cost_share,
        s.first_outside,
        s.contracts,
        s.hardware,
        s.parties,
        s.borrowers,
        s.neoclouds,
        s.holdings,
    )
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
    p.effective_gpus = production.run_gpus(
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
    """Accrue; make interest and principal due; count the tested perimeters' quarter."""
    s = run.state
    debt_service.make_due(
        run.day, s.prices.reference_rate, s.loans, s.perimeters, s.holdings, s.neoclouds
    )
    covenants.measure_coverage(s.perimeters)


def liquidity(run: Run) -> None:
    """Pay what is due out of cash, treasury and revolver."""
    s = run.state
    debt_service.pay_what_is_due(
        run.day,
        s.prices.btc_usd,
        s.prices.eth_usd,
        s.first_lender,
        s.first_outside,
        s.shock_event,
        s.parties,
        s.lenders,
        s.ledger,
        s.loans,
        run.forced_usd,
        s.forced_sale_event,
        s.events,
        s.event_count,
    )


def test(run: Run) -> None:
    """Margin calls on coins and rigs; quarterly coverage."""
    s, credit_terms = run.state, run.scenario.credit
    covenants.test_btc_loans(
        run.day,
        s.prices.btc_usd,
        s.prices.btc_impact_log,
        credit_terms.liquidation_bonus,
        run.scenario.channels.crypto_margin,
        s.first_lender,
        s.first_outside,
        s.shock_event,
        s.parties,
        s.lenders,
        s.ledger,
        s.loans,
        run.forced_usd,
        s.forced_sale_event,
        s.events,
        s.event_count,
    )
    covenants.test_hardware_loans(
        run.day,
        s.marks_usd,
        run.schedule_usd,
        s.clearing_event,
        s.first_lender,
        s.shock_event,
        s.parties,
        s.lenders,
        s.ledger,
        s.loans,
        s.events,
        s.event_count,
    )
    covenants.test_coverage(
        run.day,
        credit_terms.lockup_margin,
        s.first_lender,
        s.shock_event,
        s.parties,
        s.lenders,
        s.ledger,
        s.loans,
        s.perimeters,
        s.events,
        s.event_count,
    )


def default(run: Run) -> None:
    """Enforce what was not cured; fail who cannot pay; seize."""
    s, credit_terms = run.state, run.scenario.credit
    default_book.declare_defaults(
        run.day,
        run.seed,
        1.0 - math.exp(-credit_terms.hazard_per_year / 365.0),
        credit_terms.payables_days,
        run.scenario.channels.cross_default,
        s.prices.btc_usd,
        s.prices.eth_usd,
        credit_terms.liquidation_bonus,
        credit_terms.unsecured_recovery_prior,
        run.scenario.liquidation.site_recovery_share,
        s.marks_usd,
        s.first_lender,
        s.first_outside,
        s.shock_event,
        s.parties,
        s.lenders,
        s.ledger,
        s.loans,
        s.holdings,
        s.lots,
        run.forced_usd,
        s.forced_sale_event,
        s.events,
        s.event_count,
    )


def lenders(run: Run) -> None:
    """Resolve claims whose collateral is gone; pay out estates; losses go to capital."""
    s, credit_terms = run.state, run.scenario.credit
    estate.settle_claims(
        run.day,
        credit_terms.bankruptcy_days,
        s.prices.reference_rate,
        s.first_lender,
        s.parties,
        s.lenders,
        s.ledger,
        s.loans,
        s.events,
        s.event_count,
    )
    estate.pay_out_estates(
        run.day,
        credit_terms.bankruptcy_days,
        credit_terms.bankruptcy_cost_share,
        s.prices.reference_rate,
        s.first_lender,
        s.first_outside,
        s.parties,
        s.lenders,
        s.ledger,
        s.loans,
        s.lots,
        s.events,
        s.event_count,
    )


def liquidate(run: Run) -> None:
    """Custody every day; at each window an auction per class."""
    s, terms = run.state, run.scenario.liquidation
    custody.carry_lots(
        run.day,
        terms.idle_cost_share,
        terms.storage_usd_per_gpu_day,
        s.first_lender,
        s.first_outside,
        s.parties,
        s.lenders,
        s.loans,
        s.hardware,
        s.lots,
        s.events,
        s.event_count,
    )
    custody.advance_lots(
        run.day,
        terms.legal_days,
        terms.site_days,
        terms.in_place_days,
        run.quotes.smallest_cluster,
        terms.removal_usd_per_gpu,
        terms.removal_usd_per_th,
        run.quotes.has_removed_buyers,
        run.quotes.has_in_place_buyers,
        s.first_lender,
        s.first_outside,
        s.parties,
        s.lenders,
        s.loans,
        s.hardware,
        s.lots,
        s.events,
        s.event_count,
    )
    liquidation.sell_at_mark(
        run.day,
        terms.legal_cost_share,
        run.scenario.credit.unsecured_recovery_prior,
        s.prices.reference_rate,
        s.marks_usd,
        run.scenario.channels.fire_sale,
        s.first_lender,
        s.first_outside,
        s.parties,
        s.lenders,
        s.ledger,
        s.loans,
        s.holdings,
        s.hardware,
        s.lots,
        s.events,
        s.event_count,
    )
    if run.day % terms.window_days == 0:
        hold_auctions(run)


def hold_auctions(run: Run) -> None:
    """One sealed-bid call per class; buyers' money and slots are shared by all classes."""
    s, terms = run.state, run.scenario.liquidation
    limit = s.buyers.budget_usd_day * terms.budget_days
    s.buyers.budget_usd[:] = np.minimum(
        s.buyers.budget_usd + terms.window_days * s.buyers.budget_usd_day, limit
    )
    run.strips = strips_today(run)
    for k in range(len(s.hardware.family)):
        if s.hardware.family[k] == Family.SITE:
            continue
        hold = hold_value_usd(run, k)
        in_place = False
        if run.quotes.has_in_place_buyers[k]:
            bids, units = bids_today(run, k, True, 0.0)
            run.recorder.book(run, k, True, bids, units, hold)
            price, sold, event = liquidation.auction_in_place(
                run.day,
                k,
                bids,
                terms.cluster_gpus,
                hold,
                terms.legal_cost_share,
                run.scenario.credit.unsecured_recovery_prior,
                s.prices.reference_rate,
                s.marks_usd,
                s.first_lender,
                s.first_buyer,
                s.first_outside,
                s.parties,
                s.lenders,
                s.ledger,
                s.loans,
                s.holdings,
                s.hardware,
                s.buyers,
                s.lots,
                s.events,
                s.event_count,
            )
            in_place = sold > 0.0
            if in_place:
                _evidence(run, k, price, event, sold)
        if not run.quotes.has_removed_buyers[k]:
            continue
        bids, units = bids_today(run, k, False, 0.0)
        run.recorder.book(run, k, False, bids, units, hold)
        routine = run.quotes.routine_units_year[k] * terms.window_days / 365.0
        price, _, forced, event = liquidation.auction_removed(
            run.day,
            k,
            bids,
            units,
            routine,
            hold,
            terms.legal_cost_share,
            run.scenario.credit.unsecured_recovery_prior,
            s.prices.reference_rate,
            s.marks_usd,
            s.first_lender,
            s.first_buyer,
            s.first_outside,
            s.parties,
            s.lenders,
            s.ledger,
            s.loans,
            s.holdings,
            s.hardware,
            s.buyers,
            s.lots,
            s.events,
            s.event_count,
        )
        if np.isfinite(price):
            _evidence(run, k, price, event, forced)


def _evidence(run: Run, k: int, price: float, event: int, forced_units: float) -> None:
    """A clearing price is evidence for marks; machines sold by force run again for their buyer."""
    s = run.state
    s.clearing_usd[k] = price
    s.clearing_day[k] = run.day
    s.clearing_event[k] = event
    s.outside_online[k] += forced_units


def strips_today(run: Run) -> NDArray[np.float64]:
    """Strip values [segment, class] at today's rent and hashprice."""
    s, terms = run.state, run.scenario.liquidation
    strips: NDArray[np.float64] = segment_strips(
        s.prices.rent_h100_usd_h,
        s.prices.hashprice_usd_ph_day,
        terms.gpu_rent_drift,
        terms.gpu_rent_volatility,
        terms.hashprice_drift,
        terms.hashprice_volatility,
        terms.reversion_per_year,
        s.buyer_view,
        run.quotes.first_of_segment,
        s.buyers,
        s.hardware,
    )
    return strips


def bids_today(
    run: Run, k: int, in_place: bool, extra_days: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bids and units of every buyer for a class today."""
    s = run.state
    dealer = s.clearing_usd[k] if np.isfinite(s.clearing_usd[k]) else s.marks_usd[k]
    bids, units = class_bids(
        k,
        run.day,
        run.seed,
        in_place,
        run.scenario.liquidation.buyer_view_deviation,
        extra_days,
        dealer,
        s.hardware.replacement_usd[k],
        run.strips,
        s.buyers,
        s.hardware,
    )
    return bids, units


def hold_value_usd(run: Run, k: int) -> float:
    """What a unit is worth to a lender that keeps it and has it hosted [USD]."""
    s, terms = run.state, run.scenario.liquidation
    gpu = s.hardware.family[k] == Family.GPU
    income = income_usd_day(k, s.prices.rent_h100_usd_h, s.prices.hashprice_usd_ph_day, s.hardware)
    return float(
        strip_value_usd(
            income * s.buyer_view[k] * (1.0 - terms.hosting_discount),
            unit_cost_usd_day(k, custody.CARRY_USD_KWH if gpu else 0.055, s.hardware),
            terms.gpu_rent_drift if gpu else terms.hashprice_drift,
            terms.gpu_rent_volatility if gpu else terms.hashprice_volatility,
            terms.reversion_per_year,
            terms.seller_required_return,
            3.0 if gpu else 1.5,
        )
    )


def credit(run: Run) -> None:
    """Roll what matures, build what was committed, take delivery of what was ordered."""
    s, terms = run.state, run.scenario.credit
    credit_book.roll_over(
        run.day,
        terms.refinancing_appetite,
        terms.max_ltv,
        terms.min_coverage,
        terms.income_collateral_share,
        s.prices.btc_usd,
        s.prices.eth_usd,
        s.prices.reference_rate,
        s.first_lender,
        s.shock_event,
        s.marks_usd,
        s.parties,
        s.borrowers,
        s.lenders,
        s.ledger,
        s.loans,
        s.holdings,
        s.contracts,
        s.events,
        s.event_count,
    )
    credit_book.build(
        run.day,
        s.prices.reference_rate,
        s.first_lender,
        s.first_outside,
        s.parties,
        s.borrowers,
        s.lenders,
        s.ledger,
        s.loans,
    )
    credit_book.deliver(
        run.day,
        terms.delivery_days,
        terms.order_deposit_share,
        terms.tenant_prepayment_share,
        terms.growth_advance_rate,
        terms.growth_min_dscr,
        terms.refinancing_appetite,
        s.prices.reference_rate,
        s.first_lender,
        s.first_outside,
        s.parties,
        s.borrowers,
        s.lenders,
        s.ledger,
        s.loans,
        s.hardware,
        s.holdings,
        s.contracts,
        s.events,
        s.event_count,
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
