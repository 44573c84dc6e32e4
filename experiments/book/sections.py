"""The memo's tables on loans: what is lost, priced, covered by covenants, provided for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..look import words
from . import estimates as est
from .stages import RULE, provision
from .table import Col, Table, range_of, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .estimates import Draws
    from .loans import LoanView

MOST_NAMES = 8
AT_ONCE = 0.5  # a spread that no loan of usual life would need
BP = est.BP


def loans_table(views: Sequence[LoanView], horizon: int) -> Table:
    """Loss, probability and price by loan."""
    columns = (
        Col("loan"), Col("borrower"), Col("instrument"), Col("collateral"),
        Col("balance", "money"), Col("PD 12 months", "share"),
        Col("PD life", "share", f"within {horizon:,} days or its life"),
        Col("PD life, 95 %"), Col("LGD", "share", "loss over claim at final settlement"),
        Col("expected loss", "money"), Col("expected loss, 95 %"),
        Col("contract", "bp", "spread over the reference rate"), Col("break-even", "bp"),
        Col("break-even, 95 %"), Col("stage", "number"),
    )  # fmt: skip
    rows = tuple(
        (
            v.id, v.borrower, words.instrument(v.row.instrument),
            words.class_title(v.collateral), v.balance_usd,
            v.pd_year.value, v.pd.value, range_of(v.pd.low, v.pd.high, "share"), v.lgd,
            v.loss.value, range_of(max(0.0, v.loss.low), v.loss.high, "money"),
            BP * v.contract, BP * v.spread.value,
            range_of(BP * v.spread.low, BP * v.spread.high, "bp"), v.staged.stage,
        )
        for v in views
    )  # fmt: skip
    text = (
        "Each loan of the tape under its own id. PD: share of runs in which it defaults "
        "(bankruptcy, surrender, a missed payment that is not cured, or an exchange with a loss). "
        "Loss: claim with interest less what it brings, at final settlement, discounted to today. "
        "Break-even: the spread over the reference rate at which interest pays for the losses, "
        "before cost and capital."
    )
    if any(view.spread.value > AT_ONCE for view in views):
        text += (
            f" One above {BP * AT_ONCE:,.0f} bp is that of a loan which fails within months: no "
            "spread pays for it in so short a time."
        )
    return Table("loans", "Loan by loan", text, columns, rows, figure="loans")


def worst_table(views: Sequence[LoanView]) -> Table:
    """The borrowers that cost most, and why they default."""
    names: dict[str, list[LoanView]] = {}
    for view in views:
        names.setdefault(view.borrower, []).append(view)
    order = sorted(names, key=lambda name: -sum(v.loss.value for v in names[name]))[:MOST_NAMES]
    rows = []
    for name in order:
        mine = names[name]
        balance = sum(v.balance_usd for v in mine)
        loss = sum(v.loss.value for v in mine)
        rows.append(
            (name, balance, loss, loss / balance if balance else math.nan,
             max(v.pd.value for v in mine), _why(mine))
        )  # fmt: skip
    columns = (
        Col("borrower"), Col("balance", "money"), Col("expected loss", "money"),
        Col("loss rate", "share"), Col("PD life", "share"), Col("why"),
    )  # fmt: skip
    text = (
        "In order of expected loss. Why: on what obligation it defaults, in how many of its "
        "defaults, and what stands behind it."
    )
    return Table("worst", "Worst names, and why", text, columns, tuple(rows))


def _why(mine: Sequence[LoanView]) -> str:
    causes: dict[str, int] = {}
    for view in mine:
        for cause, count in view.causes:
            causes[cause] = causes.get(cause, 0) + count
    total = sum(causes.values())
    said = [
        f"{cause} ({words.percent(count / total)})"
        for cause, count in sorted(causes.items(), key=lambda item: -item[1])[:2]
    ]
    main = max(mine, key=lambda v: v.balance_usd)
    behind = []
    if main.ltv_second_hand > 1.0:
        behind.append(f"LTV {words.ltv(main.ltv_second_hand)} at second-hand prices")
    if main.row.collateral_kind == "gpu":
        behind.append("no contract behind the machines")
    if main.row.amortisation == "bullet":
        behind.append(f"all due on {words.date(main.maturity)}")
    if not main.row.recourse:
        behind.append("no recourse")
    if not said:
        return "No default in any run"
    return words.capital("; ".join([", ".join(said), *behind]))


def covenants_table(views: Sequence[LoanView], horizon: int) -> Table:
    """Each covenant: where it stands, how often it is broken, and what follows."""
    rows: list[tuple[object, ...]] = []
    for v in views:
        row, given = v.row, v.said
        call = row.margin_call_ltv
        if call is not None:
            coins = row.collateral_class == "BTC"
            told = given.covenants.margin_call_ltv if given is not None else None
            level = float(told) if told is not None else call
            today = v.ltv_second_hand * level / call
            share, day = v.breaches[0 if coins else 1]
            does = (
                f"coins or cash within {words.times(row.cure_days, 'day')}, else they are sold"
                if coins
                else f"pay down within {words.times(row.cure_days, 'day')}, else seizure"
            )
            rows.append(
                (v.id, "LTV", f"at most {shown(level, 'share')}", shown(today, "share"),
                 1.0 - today / level if math.isfinite(today) else math.nan, share, day, does)
            )  # fmt: skip
        if row.min_dscr is not None:
            today = _coverage(v)
            share, day = v.breaches[2]
            does = "cash is swept first; then the lender waives, extends or enforces"
            rows.append(
                (v.id, "DSCR", f"at least {row.min_dscr:g} ×", f"{today:.2f} ×",
                 today / row.min_dscr - 1.0, share, day, does)
            )  # fmt: skip
        if call is None and row.min_dscr is None and given is not None:
            rows.append((v.id, "none", "–", "–", *[math.nan] * 3, "payment only"))
    columns = (
        Col("loan"), Col("covenant"), Col("level"), Col("today"),
        Col("headroom", "share", "how far value or cash flow may fall"),
        Col("broken in runs", "share"), Col("median day", "days"), Col("what it does"),
    )  # fmt: skip
    text = (
        "Headroom is how far the collateral's value or the pledged cash flow may fall before the "
        "covenant is broken. Machines are tested at marks that open at second-hand prices, with "
        "the headroom that your own values leave. Broken: share of runs in which it is, within "
        f"{horizon:,} days."
    )
    return Table("covenants", "Covenants", text, columns, tuple(rows))


def _coverage(view: LoanView) -> float:
    """Pledged cash flow over scheduled service of a year, bullets excluded."""
    pledged = 1e6 * (view.row.pledged_cash_flow_usd_m_yr or 0.0)
    return pledged / view.service_usd_yr if view.service_usd_yr > 0.0 else math.inf


def provisions_table(views: Sequence[LoanView]) -> Table:
    """Stages and provisions by loan, and the totals under both rules."""
    rows: list[tuple[Any, ...]] = [
        (v.id, v.borrower, v.balance_usd, v.staged.stage, v.staged.why, v.loss_year.value,
         v.loss.value, provision(v.staged.stage, v.loss_year.value, v.loss.value))
        for v in views
    ]  # fmt: skip
    total = [sum(float(row[k]) for row in rows) for k in (2, 5, 6, 7)]
    rows.append(("Total, IFRS 9", "", total[0], None, "", total[1], total[2], total[3]))
    rows.append(("Total, CECL", "", total[0], None, "", total[1], total[2], total[2]))
    columns = (
        Col("loan"), Col("borrower"), Col("balance", "money"), Col("stage", "number"), Col("why"),
        Col("12-month loss", "money"), Col("lifetime loss", "money"), Col("provision", "money"),
    )  # fmt: skip
    return Table("provisions", "Stages and provisions", RULE, columns, tuple(rows))


def price_table(views: Sequence[LoanView], draws: Draws, stress: Draws | None) -> Table:
    """Break-even against contract, by instrument and for the whole book."""
    groups: dict[str, list[int]] = {}
    for n, v in enumerate(views):
        groups.setdefault(words.instrument(v.row.instrument), []).append(n)
    if len(groups) > 1:
        groups["whole book"] = list(range(len(views)))
    else:
        groups = {"whole book": list(range(len(views)))}
    rows = []
    for name, members in groups.items():
        balance = sum(views[n].balance_usd for n in members)
        weight = balance or 1.0
        contract = sum(views[n].contract * views[n].balance_usd for n in members) / weight
        found = est.break_even(draws.loss[:, members].sum(1), draws.years[:, members].sum(1))
        crash: float | None = None
        fair: float | None = None
        if stress is not None:
            bad = est.break_even(stress.loss[:, members].sum(1), stress.years[:, members].sum(1))
            crash = BP * bad.value
            fair = est.fair_probability(contract, _part(draws, members), _part(stress, members))
        rows.append(
            (name, balance, BP * contract, BP * found.value,
             range_of(BP * found.low, BP * found.high, "bp"),
             BP * (contract - found.value), crash, fair)
        )  # fmt: skip
    columns = (
        Col("instrument"), Col("balance", "money"), Col("contract", "bp"), Col("break-even", "bp"),
        Col("break-even, 95 %"), Col("left over", "bp"), Col("break-even in stress", "bp"),
        Col("fair odds of stress", "share"),
    )  # fmt: skip
    text = (
        "What the loans should have charged over the reference rate to pay for their losses "
        "alone: mean discounted losses over mean discounted balance-years. Left over is what the "
        "contract pays beyond that, for cost, capital and profit; below zero the loans lose money. "
        "Fair odds of stress: how likely the stress scenario must be for the contract to just pay."
    )
    return Table("price", "What they should have charged", text, columns, tuple(rows))


def _part(draws: Draws, members: list[int]) -> Draws:
    """Some loans of all runs."""
    return est.Draws(*(np.asarray(getattr(draws, name))[:, members] for name in _FIELDS))


_FIELDS = (
    "default_day", "claim", "loss", "loss_year", "plain_loss", "years", "settle_days", "cause",
    "breach_day",
)  # fmt: skip
