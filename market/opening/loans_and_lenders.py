"""Opening books of the credit side: loans, pledges, tested perimeters, lenders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.columns import empty
from ...agents.lender import FUNDS, MARKED, SLEEVES, LenderKind, Lenders
from ..state.hardware import Holdings
from ..state.loans import (
    PAYMENT_INTERVAL_DAYS,
    Claims,
    Collateral,
    Loans,
    Perimeters,
    TermSheets,
)
from .books import Books
from .drafts import MILLION, Drafts

DAYS = 365.0
LOCKED_DAYS = 730.0  # no lender waits longer for a price


def open_loans(
    drafts: Drafts,
    party: dict[str, int],
    first_lender: int,
    names: tuple[str, ...],
    haircut_floor: float = 0.0,
) -> tuple[Loans, list[str], Perimeters]:
    """Loans by borrower, their names, and the perimeters whose DSCR is tested."""
    rows = sorted(drafts.loans, key=lambda draft: party[draft.borrower])
    n = len(rows)
    first = np.zeros(len(drafts.borrowers) + 1, np.int64)
    for draft in rows:
        first[party[draft.borrower] + 1] += 1
    perimeters: dict[tuple[str, str], int] = {}
    for draft in rows:
        if np.isfinite(draft.min_dscr):
            perimeters.setdefault((draft.borrower, draft.perimeter), len(perimeters))

    vehicles: dict[tuple[str, str], int] = {}
    for draft in rows:
        vehicles.setdefault((draft.borrower, draft.perimeter), len(vehicles))

    def floats(name: str) -> NDArray[np.float64]:
        return np.array([getattr(draft, name) for draft in rows], np.float64)

    def ints(name: str) -> NDArray[np.int32]:
        return np.array([getattr(draft, name) for draft in rows], np.int32)

    btc = np.array([draft.collateral == Collateral.BTC for draft in rows], np.bool_)
    units = floats("collateral_units")
    principal = floats("principal_usd")
    loans = empty(
        Loans,
        n,
        first=np.cumsum(first),
        borrower=np.array([party[draft.borrower] for draft in rows], np.int32),
        lender=np.array([party[draft.lender] - first_lender for draft in rows], np.int32),
        perimeter=np.array(
            [
                perimeters[draft.borrower, draft.perimeter] if np.isfinite(draft.min_dscr) else -1
                for draft in rows
            ],
            np.int32,
        ),
        instrument=ints("instrument"),
        principal_usd=principal,
        undrawn_usd=floats("undrawn_usd"),
        rate_or_spread=floats("rate_or_spread"),
        floating=np.array([draft.floating for draft in rows], np.bool_),
        amortisation=ints("amortisation"),
        principal_per_payment_usd=floats("principal_per_payment_usd"),
        interval_days=np.array([PAYMENT_INTERVAL_DAYS[d.instrument] for d in rows], np.int32),
        next_payment_day=ints("next_payment_day"),
        maturity_day=ints("maturity_day"),
        collateral=ints("collateral"),
        hardware=np.array(
            [names.index(draft.hardware) if draft.hardware else -1 for draft in rows], np.int32
        ),
        collateral_units=np.where(btc, 0.0, units),
        collateral_btc=np.where(btc, units, 0.0),
        site_mw=floats("site_mw"),
        hall_mw=floats("hall_mw"),
        dscr_test_day=ints("dscr_test_day"),
        base_cash_flow_usd_day=floats("pledged_cash_flow_usd_yr") / DAYS,
        recourse=np.array([draft.recourse for draft in rows], np.bool_),
        vehicle=np.array([vehicles[draft.borrower, draft.perimeter] for draft in rows], np.int32),
        growth=ints("growth"),
        conversion_usd=floats("conversion_usd"),
        put_day=ints("put_day"),
        sheet=np.arange(n, dtype=np.int32),
        claims=empty(Claims, 2 * n),
        sheets=TermSheets(
            initial_ltv=np.minimum(floats("initial_ltv"), 1.0 - haircut_floor),
            margin_call_ltv=floats("margin_call_ltv"),
            liquidation_ltv=floats("liquidation_ltv"),
            min_dscr=floats("min_dscr"),
            cure_days=ints("cure_days"),
            rate_open=floats("rate_or_spread"),
            term_days=ints("term_days"),
        ),
    )
    count = len(perimeters)
    table = Perimeters(
        borrower=np.array([party[borrower] for borrower, _ in perimeters], np.int32),
        cash_flow_usd=np.zeros(count),
        service_usd=np.zeros(count),
        dscr=np.full(count, np.nan),
        surplus_usd=np.zeros(count),
        days=np.zeros(count, np.int32),
    )
    return loans, [draft.id for draft in rows], table


def pledge(loans: Loans, holdings: Holdings, row_of: dict[tuple[int, int], int]) -> None:
    """Mark pledged machines in their owner's holding, whose row is given by owner and class."""
    pledged = zip(loans.borrower.tolist(), loans.hardware.tolist(), strict=True)
    rows = np.array([row_of.get(machines, -1) for machines in pledged], np.int64)
    secured = (loans.collateral == Collateral.HARDWARE) & (rows >= 0)
    loans.holding[secured] = rows[secured]
    np.add.at(holdings.pledged, rows[secured], loans.collateral_units[secured])


def open_lenders(
    tables: Books,
    buffer: float = 0.0,
    locked_funding: bool = False,
    least_patience_days: float = 0.0,
) -> Lenders:
    """Lenders; funding is what their assets leave after capital.

    A policy ``buffer`` (a share of assets) replaces funding by capital, as far as there is any.
    With ``locked_funding`` nobody can call any of it before a lender's longest patience is over.
    """
    rows = tables.lenders
    capital = np.array([row.capital_usd_m for row in rows]) * MILLION
    book = np.array([row.book_usd_m for row in rows]) * MILLION
    cash = np.array([row.cash_usd_m for row in rows]) * MILLION
    other = np.array([row.other_loans_usd_m for row in rows]) * MILLION
    capital = np.minimum(capital + buffer * (cash + book + other), cash + book + other)
    kinds = [LenderKind[row.kind.upper()] for row in rows]
    margin_of = {row.kind: row for row in tables.margins}
    margins = [margin_of[row.kind] for row in rows]
    n = len(rows)
    return Lenders(
        kind=np.array(kinds, np.int8),
        capital_open_usd=capital.copy(),
        capital_usd=capital,
        book_usd=book,
        written_down_usd=np.zeros(len(rows)),
        other_loans_usd=other,
        funding_usd=cash + book + other - capital,
        loss_usd=np.zeros(len(rows)),
        runnable_share=np.array([0.0 if locked_funding else row.runnable_share for row in rows]),
        funding_maturity_days=np.array(
            [LOCKED_DAYS if locked_funding else float(row.funding_maturity_days) for row in rows]
        ),
        least_patience_days=np.full(n, least_patience_days),
        min_capital_ratio=np.array([row.min_capital_ratio for row in rows]),
        sleeve=np.array(
            [kind in SLEEVES and not row.can_fail for kind, row in zip(kinds, rows, strict=True)],
            np.bool_,
        ),
        redeemable=np.array([kind in FUNDS for kind in kinds], np.bool_),
        marked=np.array([kind in MARKED for kind in kinds], np.bool_),
        target_leverage=(cash + book + other) / capital,
        supply=np.ones(n),
        supply_event=np.full(n, -1, np.int64),
        news=np.zeros(n),
        run_event=np.full(n, -1, np.int64),
        run_usd=np.zeros(n),
        unpaid_run_usd=np.zeros(n),
        worst_usd=np.zeros(n),
        worst_event=np.full(n, -1, np.int64),
        interlender_loss_usd=np.zeros(n),
        market_loss_usd=np.zeros(n),
        sold_loans_usd=np.zeros(n),
        redeemed_usd=np.zeros(n),
        growth_room_usd=np.zeros(n),
        closed_event=np.full(n, -1, np.int64),
        impaired_event=np.full(n, -1, np.int64),
        funding_spread=np.array([row.funding_spread for row in margins]),
        cost_share=np.array([row.cost_share for row in margins]),
        payout_share=np.array([row.payout_share for row in margins]),
        other_margin=np.array([row.other_margin for row in margins]),
        funding_rate=np.zeros(n),
        owners_share=np.zeros(n),
        provision_usd=np.zeros(n),
        earned_usd=np.zeros(n),
        last_resort_usd=np.zeros(n),
        spread_duration_years=np.array([row.spread_duration_years for row in margins]),
        hedged_share=np.array([row.hedged_share for row in rows]),
        outflow_usd=np.zeros(n),
        line_advance=np.zeros(n),
        line_event=np.full(n, -1, np.int32),
        line_open_day=np.full(n, -1, np.int32),
        pool_usd=np.zeros(n),
        pool_ltv=np.full(n, np.nan),
        traps_cash=np.zeros(n, np.bool_),
        amortising_event=np.full(n, -1, np.int32),
    )
