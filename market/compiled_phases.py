"""Compiled phases: the kernels of a phase, in their order, on the tables of a market."""

from __future__ import annotations

import numpy as np

from ..agents.compiling.kernels import compiled
from .debt import claims, convertibles, covenants, default, estates, listing, service, underwriting
from .debt import roll_over as roll_over_
from .lenders import funding
from .operators import investment, leases, production, purchases, tenants
from .prices import marks, network
from .state.events import Cause
from .state.ledger import Stocks, conservation_error, sum_stocks
from .state.loans import Collateral, LoanStatus, cure_end
from .state.sharing import Shared, contents


@compiled
def resold_th(shared: Shared) -> float:
    """Rigs sold by force that run for their new owners at the last hashprice [TH/s]."""
    t, _, today = contents(shared)
    return network.resold_th(today.hashprice_usd_ph_day, t.outside_online, t.hardware)


@compiled
def set_marks(
    shared: Shared, weight: float, half_life_days: float, new_price_decline: float
) -> None:
    """Phase 2: lenders' marks of the day, from schedule and aged evidence."""
    t, _, today = contents(shared)
    marks.mark_classes(
        today.day,
        weight,
        half_life_days,
        new_price_decline,
        t.clearing_usd,
        t.clearing_day,
        t.hardware,
        t.schedule_usd,
        t.marks_usd,
    )


@compiled
def run_machines(shared: Shared, difficulty_th: float, reward_btc_day: float) -> float:
    """Phase 3: contracts, rigs, GPUs and overhead of a day; returns effective GPUs online."""
    t, terms, today = contents(shared)
    if today.day > 0:
        tenants.break_contracts(
            today, terms, today.first_lender, t.contracts, t.hardware, t.parties, t.log
        )
    leases.run_contracts(
        today.day,
        terms,
        today.rent_h100_usd_h,
        today.first_outside,
        t.contracts,
        t.hardware,
        t.parties,
        t.borrowers,
        t.neoclouds,
        t.holdings,
    )
    production.run_rigs(
        today.hashprice_usd_ph_day,
        difficulty_th,
        reward_btc_day,
        today.btc_usd,
        today.first_outside,
        t.parties,
        t.miners,
        t.hardware,
        t.holdings,
        t.ledger,
    )
    online = production.run_gpus(
        today.rent_h100_usd_h,
        today.first_outside,
        t.parties,
        t.neoclouds,
        t.hardware,
        t.holdings,
        t.outside_online,
    )
    production.settle_overhead(today.first_outside, t.parties, t.borrowers, t.miners, t.neoclouds)
    return online


@compiled
def service_debt(shared: Shared) -> None:
    """Phase 4: notes convert or are put; what falls due; a quarter's coverage is counted."""
    t, terms, today = contents(shared)
    convertibles.exercise(today, terms, t.parties, t.borrowers, t.lenders, t.ledger, t.loans, t.log)
    service.make_due(today, t.loans, t.perimeters, t.holdings, t.neoclouds)
    covenants.measure_coverage(t.perimeters)


@compiled
def raise_liquidity(shared: Shared) -> None:
    """Phase 5: pay what is due as far as the waterfall goes; sell machines for what is missing."""
    t, terms, today = contents(shared)
    service.pay_what_is_due(
        today, terms, t.parties, t.borrowers, t.lenders, t.ledger, t.loans, t.log
    )
    listing.list_machines(
        today, t.marks_usd, t.parties, t.neoclouds, t.loans, t.hardware, t.holdings, t.lots, t.log
    )


@compiled
def test_covenants(shared: Shared) -> None:
    """Phase 6: margin calls on coins and rigs; quarterly coverage."""
    t, terms, today = contents(shared)
    covenants.test_btc_loans(today, terms, t.parties, t.lenders, t.ledger, t.loans, t.log)
    covenants.test_hardware_loans(
        today,
        t.marks_usd,
        t.schedule_usd,
        t.clearing_event,
        t.parties,
        t.lenders,
        t.ledger,
        t.loans,
        t.log,
    )
    covenants.test_coverage(
        today, terms, t.parties, t.lenders, t.ledger, t.loans, t.perimeters, t.log
    )


@compiled
def decisions_due(shared: Shared, max_waivers: int) -> np.ndarray:
    """Phase 7: loans whose cure period has run out and whose lender may still be asked to wait."""
    t, _, today = contents(shared)
    loans = t.loans
    rows = np.empty(len(loans.status), np.int64)
    found = 0
    for loan in range(len(loans.status)):
        if (
            loans.breach[loan] != Cause.NONE
            and loans.status[loan] == LoanStatus.PERFORMING
            and loans.collateral[loan] != Collateral.BTC
            and today.day >= cure_end(loan, loans)
            and loans.waivers[loan] < max_waivers
        ):
            rows[found] = loan
            found += 1
    return rows[:found]


@compiled
def declare_defaults(shared: Shared) -> None:
    """Phase 8: enforce what was not cured; fail who cannot pay; seize."""
    t, terms, today = contents(shared)
    default.declare_defaults(
        today,
        terms,
        t.marks_usd,
        t.parties,
        t.lenders,
        t.ledger,
        t.loans,
        t.holdings,
        t.lots,
        t.log,
    )


@compiled
def value_claims(shared: Shared) -> None:
    """Carry defaulted claims at what they will bring; the change goes to lenders' capital."""
    t, terms, today = contents(shared)
    claims.value_claims(today, terms, t.marks_usd, t.parties, t.lenders, t.loans, t.lots, t.log)


@compiled
def strain_lenders(shared: Shared, market_usd: float, loan_price: float) -> float:
    """Phase 9, before anybody fails: losses, estates, runs, asset sales; returns loans' price."""
    t, terms, today = contents(shared)
    value_claims(shared)
    estates.settle_claims(today, terms, t.parties, t.lenders, t.ledger, t.loans, t.log)
    estates.pay_out_estates(today, terms, t.parties, t.lenders, t.ledger, t.loans, t.lots, t.log)
    sold = funding.redeem(today, terms, t.parties, t.lenders, t.log)
    sold += funding.target_leverage(today, terms, t.parties, t.lenders)
    return funding.mark_other_loans(
        today, terms, sold, market_usd, loan_price, t.parties, t.lenders, t.log
    )


@compiled
def underwrite(shared: Shared) -> None:
    """Once a week: who could refinance, and what shares are worth."""
    t, terms, today = contents(shared)
    underwriting.underwrite(
        today,
        terms,
        t.marks_usd,
        t.schedule_usd,
        t.clearing_event,
        t.parties,
        t.borrowers,
        t.loans,
        t.holdings,
        t.contracts,
    )


@compiled
def roll_over(shared: Shared) -> None:
    """Phase 11: underwrite once a week; roll what matures."""
    t, terms, today = contents(shared)
    if today.day % underwriting.WEEK_DAYS == 0:
        underwrite(shared)
    roll_over_.roll_over(today, terms, t.parties, t.borrowers, t.lenders, t.ledger, t.loans, t.log)


@compiled
def deliver(shared: Shared) -> None:
    """Phase 11: build what was committed, deliver what was signed."""
    t, terms, today = contents(shared)
    purchases.build(today, t.parties, t.borrowers, t.lenders, t.ledger, t.loans, t.log)
    purchases.deliver(
        today,
        terms,
        t.parties,
        t.borrowers,
        t.lenders,
        t.ledger,
        t.loans,
        t.hardware,
        t.holdings,
        t.contracts,
        t.log,
    )


@compiled
def invest(shared: Shared, k: int, q: float, unit_usd: float) -> tuple[float, float]:
    """Phase 11, beyond what was signed: new orders and payouts [USD] of the week; deliveries."""
    t, terms, today = contents(shared)
    ordered = 0.0
    paid_out = 0.0
    investment.grow_room(today, terms, t.lenders)
    if today.day % investment.WEEK_DAYS == 0:
        ordered = investment.place_orders(
            today,
            terms,
            k,
            q,
            unit_usd,
            t.parties,
            t.borrowers,
            t.neoclouds,
            t.lenders,
            t.loans,
            t.hardware,
            t.holdings,
            t.orders,
            t.log,
        )
        paid_out = investment.pay_out(today, terms, t.parties, t.borrowers, t.loans, t.orders)
    delivered = investment.deliver_orders(
        today,
        terms,
        k,
        t.parties,
        t.borrowers,
        t.lenders,
        t.ledger,
        t.loans,
        t.hardware,
        t.holdings,
        t.orders,
        t.log,
    )
    investment.renew_class(k, today.day, delivered, t.holdings, t.hardware)
    return ordered, paid_out


@compiled
def set_supply(shared: Shared) -> None:
    """Phase 9, at its end: what share of its usual credit each lender gives."""
    t, terms, today = contents(shared)
    funding.set_supply(today, terms, t.parties, t.lenders)


@compiled
def take_stock(shared: Shared) -> Stocks:
    """Sum every stock from the tables."""
    t, _, today = contents(shared)
    return sum_stocks(
        t.parties,
        t.lenders,
        t.ledger,
        today.first_lender,
        t.loans.principal_usd,
        t.loans.collateral_btc,
        t.holdings.hardware,
        t.holdings.units,
        t.lots.hardware,
        t.lots.units,
        t.lots.count[0],
    )


@compiled
def close_books(shared: Shared, before: Stocks) -> tuple[Stocks, float]:
    """Phase 12: today's stocks, and the worst relative error against the day's journal."""
    t, _, _ = contents(shared)
    after = take_stock(shared)
    return after, conservation_error(before, after, t.ledger.flows)
