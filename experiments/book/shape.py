"""The memo's tables on the shape of a book: concentration, maturities, vintages, collateral."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..look import words
from .table import Col, Table, shown

if TYPE_CHECKING:
    from .estimates import Draws
    from .loans import LoanView
    from .runs import Outcome, Values

PLAINLY = 1.1  # a share that needs no decimal to be seen above one
ABOVE_PAPER = (
    "{name}: what a sale {when} would bring is {share} of the second-hand price. That price is "
    "what a single machine, taken out and shipped, fetches in ordinary trade. Here whole clusters "
    "are sold where they stand, to buyers who would run them at once: they bid the income of their "
    "lives and save relocation, and a lot of this size does not use up their money and racks. "
    "Selling much more of the class, or everybody selling, ends that (last columns)."
)


def collateral_table(views: Sequence[LoanView], outcomes: Sequence[Outcome]) -> Table:
    """Four values of collateral by class: alone and if everybody sells."""
    by_class: dict[str, list[LoanView]] = {}
    for v in views:
        by_class.setdefault(v.collateral, []).append(v)
    rows, notes = [], []
    for name, mine in by_class.items():
        title = words.class_title(name)
        alone = [o.opening.alone[name] for o in outcomes if name in o.opening.alone]
        every = [o.opening.everybody[name] for o in outcomes if name in o.opening.everybody]
        balance = sum(v.balance_usd for v in mine)
        said = [v for v in mine if not math.isnan(v.ltv_said) and v.ltv_said > 0]
        value_said = sum(v.balance_usd / v.ltv_said for v in said)
        ltv_said = sum(v.balance_usd for v in said) / value_said if value_said else math.nan
        if not alone:
            rows.append((title, balance, ltv_said, *[math.nan] * 4, "–", *[math.nan] * 2))
            continue
        rows.append(
            (title, balance, ltv_said, _ltv(alone, "reported"), _ltv(alone, "second_hand"),
             _ltv(alone, "realisable"), _ltv(alone, "realisable_90_days"),
             _range(alone, "realisable"), _ltv(every, "realisable"),
             _ltv(every, "realisable_90_days"))
        )  # fmt: skip
        second = sum(one.second_hand for one in alone)
        for when, column in (("at once", "realisable"), ("within 90 days", "realisable_90_days")):
            share = sum(getattr(one, column) for one in alone) / second if second else 0.0
            if share > 1.0:
                told = words.percent(share, 0 if share > PLAINLY else 1)
                notes.append(ABOVE_PAPER.format(name=title, when=when, share=told))
                break
    columns = (
        Col("class"), Col("balance", "money"), Col("you report", "share"),
        Col("lenders report", "share", "system cost of GPUs, marks of rigs"),
        Col("second-hand", "share"), Col("sold at once", "share"), Col("within 90 days", "share"),
        Col("sold at once, 90 % of draws"), Col("all lenders at once", "share"),
        Col("all within 90 days", "share"),
    )  # fmt: skip
    text = (
        "Loan to value on the first day by four values of the same collateral. Sold at once and "
        "within 90 days: what today's buyers would pay for everything that is pledged to your "
        "lender, each buyer's money and racks spent once, your lender selling alone; the last two "
        "columns if every lender of the market sells what it has in pledge. Second-hand prices are "
        "drawn within what is believed of them, and ratios are of means over draws; loan by loan, "
        "by vintage and in memo.json they are at the central prices. Sites and unsecured loans "
        "have no machine price."
    )
    return Table("collateral", "Collateral: four values", text, columns, tuple(rows),
                 tuple(notes), "collateral")  # fmt: skip


def _ltv(values: Sequence[Values], name: str) -> float:
    """Balance over value, means over draws."""
    value = sum(float(getattr(one, name)) for one in values)
    if not values:
        return math.nan
    return sum(one.balance for one in values) / value if value > 0.0 else math.inf


def _range(values: Sequence[Values], name: str) -> str:
    worth = [float(getattr(one, name)) for one in values]
    ltv = [one.balance / v if v > 0 else math.inf for one, v in zip(values, worth, strict=True)]
    if not all(map(math.isfinite, ltv)):
        return "no bids in some"
    low, high = np.quantile(ltv, [0.05, 0.95])
    return f"{shown(float(low), 'share')} to {shown(float(high), 'share')}"


def selling_table(views: Sequence[LoanView], draws: Draws) -> Table:
    """How long it takes until a defaulted loan has brought what it brings."""
    by_class: dict[str, list[int]] = {}
    for n, v in enumerate(views):
        by_class.setdefault(v.collateral, []).append(n)
    rows = []
    for name, members in by_class.items():
        days, title = draws.settle_days[:, members], words.class_title(name)
        found = days[np.isfinite(days)]
        defaults = int((draws.default_day[:, members] >= 0).sum())
        if len(found):
            low, mid, high = np.quantile(found, [0.1, 0.5, 0.9])
            rows.append((title, defaults, float(low), float(mid), float(high)))
        else:
            rows.append((title, defaults, math.nan, math.nan, math.nan))
    columns = (
        Col("class"), Col("defaults in all runs", "number"), Col("one in ten within", "days"),
        Col("half within", "days"), Col("nine in ten within", "days"),
    )  # fmt: skip
    text = (
        "Days from a default to the last money: court, removal, auctions, the estate. A loan that "
        "goes on after an exchange counts until the exchange is settled."
    )
    return Table("selling", "Time to sell", text, columns, tuple(rows))


def concentration_table(views: Sequence[LoanView]) -> Table:
    """Largest shares by borrower, class, tenant, region and lender."""
    sides: tuple[tuple[str, Callable[[LoanView], str]], ...] = (
        ("borrower", lambda v: v.borrower),
        ("collateral", lambda v: words.class_title(v.collateral)),
        ("tenant", lambda v: v.tenant or "no contract"),
        ("region", lambda v: v.region),
        ("lender", lambda v: v.lender),
    )
    total = sum(v.balance_usd for v in views) or 1.0
    loss = sum(v.loss.value for v in views) or 1.0
    rows = []
    for side, of in sides:
        sums: dict[str, list[float]] = {}
        for v in views:
            entry = sums.setdefault(of(v), [0.0, 0.0])
            entry[0] += v.balance_usd
            entry[1] += v.loss.value
        index = sum((b / total) ** 2 for b, _ in sums.values())
        order = sorted(sums.items(), key=lambda item: -item[1][0])
        for rank, (name, (balance, lost)) in enumerate(order[:5]):
            rows.append(
                (side, name, balance, balance / total, lost / loss,
                 1.0 / index if rank == 0 else None)
            )  # fmt: skip
    columns = (
        Col("by"), Col("name"), Col("balance", "money"), Col("share of balance", "share"),
        Col("share of loss", "share"), Col("effective number", "number"),
    )  # fmt: skip
    text = (
        "The five largest on each side. The effective number is one over the sum of squared shares "
        "(Herfindahl): 25 loans of very different size may spread risk no better than 8 equal ones."
    )
    return Table("concentration", "Concentration", text, columns, tuple(rows))


def maturity_table(views: Sequence[LoanView]) -> Table:
    """What falls due at maturity and what is paid down before, by half-year."""
    wall: dict[str, list[float]] = {}
    for v in views:
        half = f"{v.maturity.year} H{1 if v.maturity.month <= 6 else 2}"
        entry = wall.setdefault(half, [0, 0.0, 0.0, 0.0])
        entry[0] += 1
        entry[1] += v.balance_usd
        entry[2] += v.balance_usd if v.row.amortisation == "bullet" else 0.0
        entry[3] += v.loss.value
    total = sum(v.balance_usd for v in views) or 1.0
    rows = [(half, *entry[:3], entry[1] / total, entry[3]) for half, entry in sorted(wall.items())]
    columns = (
        Col("matures"), Col("loans", "number"), Col("balance today", "money"),
        Col("of it bullets", "money"), Col("share", "share"), Col("expected loss", "money"),
    )  # fmt: skip
    text = "By final maturity. Bullets must be refinanced on the day; the rest is paid down before."
    return Table("maturities", "Maturity wall", text, columns, tuple(rows), figure="maturities")


def vintage_table(views: Sequence[LoanView]) -> Table:
    """By year of origination."""
    years: dict[int, list[LoanView]] = {}
    for v in views:
        years.setdefault(v.row.origination.year, []).append(v)
    rows = []
    for year, mine in sorted(years.items()):
        balance = sum(v.balance_usd for v in mine)
        weight = balance or 1.0
        loss = sum(v.loss.value for v in mine)
        worth = sum(v.second_hand_usd for v in mine if not math.isnan(v.second_hand_usd))
        owed = sum(v.balance_usd for v in mine if not math.isnan(v.second_hand_usd))
        rows.append(
            (str(year), len(mine), balance, owed / worth if worth else math.nan,
             sum(v.pd.value * v.balance_usd for v in mine) / weight, loss, loss / weight,
             1e4 * sum(v.contract * v.balance_usd for v in mine) / weight)
        )  # fmt: skip
    columns = (
        Col("year"), Col("loans", "number"), Col("balance", "money"),
        Col("LTV second-hand", "share"), Col("PD life", "share"), Col("expected loss", "money"),
        Col("loss rate", "share"), Col("contract", "bp"),
    )  # fmt: skip
    text = "By year of origination; means are weighted by balance."
    return Table("vintages", "Vintages", text, columns, tuple(rows))
