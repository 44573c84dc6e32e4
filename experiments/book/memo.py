"""The memo: runs of a tape, what they say, and the two files that people forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...market.opening.tape.join import JoinedBook
from ...market.scenario.scenario import Scenario
from ..look import words
from ..run.files import plain
from . import estimates as est
from . import weighted as grid
from .assumptions import draws_table, swings_table
from .covenants import KINDS, has
from .loans import Labels, LoanView, loan_views
from .pictures import pictures
from .runs import Outcome
from .sections import covenants_table, loans_table, price_table, provisions_table, worst_table
from .shape import (
    collateral_table,
    concentration_table,
    maturity_table,
    selling_table,
    vintage_table,
)
from .switched import Switched, switched_table
from .table import Col, Table, range_of

if TYPE_CHECKING:
    from .estimates import Draws
    from .swings import Swing

RUNS, QUICK_RUNS = 200, 12
LONGEST_DAYS, QUICK_DAYS = 1825, 1095
CAVEAT = "A model of a market under stated assumptions; not a forecast about any company."


@dataclass(frozen=True)
class Asked:
    """What a memo is asked for."""

    tape: Path
    scenarios: tuple[str, ...] = ("baseline", "joint-crash")
    runs: int | None = None
    quick: bool = False
    add_to: str = "2025"
    merge: bool = False
    anonymous: bool = False
    grid: bool = False  # also under the grid of weighted scenarios

    @property
    def count(self) -> int:
        """Runs of the first scenario."""
        return self.runs or (QUICK_RUNS if self.quick else RUNS)

    @property
    def most_days(self) -> int:
        """Longest life of a loan that is looked at."""
        return QUICK_DAYS if self.quick else LONGEST_DAYS


@dataclass(frozen=True)
class Memo:
    """Everything the files say."""

    title: str
    meta: str
    caveat: str
    lead: str
    numbers: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    pictures: dict[str, tuple[bytes, str]]
    as_json: dict[str, Any]

    @property
    def told(self) -> str:
        """What is printed on a terminal."""
        wide = max(len(name) for name, _ in self.numbers)
        lines = [self.title, self.lead, ""]
        lines += [f"{name:<{wide}}  {value}" for name, value in self.numbers]
        return "\n".join([*lines, "", self.caveat])


type Swings = list[tuple[Swing, list[Outcome], list[Outcome]]]


class Made(NamedTuple):
    """All runs of a memo."""

    outcomes: list[Outcome]
    stress: list[Outcome]
    swings: Swings
    weighted: grid.Weighted | None = None
    switched: tuple[Switched, ...] = ()


def compose(asked: Asked, joined: JoinedBook, days: int, made: Made) -> Memo:
    """All that a memo says."""
    outcomes, stress, swings = made.outcomes, made.stress, made.swings
    labels = Labels(asked.anonymous)
    views = loan_views(joined, outcomes, days, labels)
    draws = est.draws_of(outcomes)
    bad = est.draws_of(stress) if stress else None
    loss = est.expected(draws.total_loss)
    worst = est.shortfall(draws.total_loss)
    moved = swings_table(swings, loss.value) if swings else draws_table(outcomes)
    price = price_table(views, draws, bad)
    tables = [
        loans_table(views, days),
        Table("losses", "How losses are spread", _spread_text(draws, bad, asked), figure="losses"),
        worst_table(views),
        price,
        collateral_table(views, outcomes),
        selling_table(views, draws),
        covenants_table(views, days),
        switched_table(made.switched, _covenants(views), quick=asked.quick),
        concentration_table(views),
        maturity_table(views),
        vintage_table(views),
        provisions_table(views),
        moved,
        _filled_table(joined, labels),
        _basis_table(asked, joined, days, outcomes, stress),
    ]
    by_key = {table.key: table for table in tables}
    balance = sum(v.balance_usd for v in views)
    whole = price.rows[-1]
    told = _json(views, balance, loss, worst.value)
    title = f"{_name(asked, joined)}: {words.money(balance)} in {words.times(len(views), 'loan')}"
    stage2 = sum(v.staged.stage == 2 for v in views)
    lead = (
        f"Under {asked.scenarios[0]} the book loses {words.money(loss.value)} over its life "
        f"({range_of(max(0.0, loss.low), loss.high, 'money')}), "
        f"{words.percent(loss.value / balance if balance else None, 1)} of the balance. It charges "
        f"{whole[2]:,.0f} bp over the reference rate and needs {whole[3]:,.0f} bp for losses alone."
    )
    numbers = [
        ("Balance", words.money(balance)),
        ("Expected loss, life", _with_range(loss)),
        ("Expected loss, 12 months", _with_range(est.expected(draws.loss_year.sum(axis=1)))),
        ("Expected shortfall, 99 %", _with_range(worst)),
        ("Loans that default, mean of runs", f"{(draws.default_day >= 0).sum(axis=1).mean():.1f}"),
        ("Contract · break-even, bp", f"{whole[2]:,.0f} · {whole[3]:,.0f} ({whole[4]})"),
        ("Loans in stage 2", f"{stage2} of {len(views)}"),
        ("Worst name", str(by_key["worst"].rows[0][0])),
        ("Runs", f"{len(outcomes)} of {asked.scenarios[0]}"
         + (f", {len(stress)} of {asked.scenarios[1]}" if stress else "")),
        ("Cells filled in for you", f"{len(joined.filled)}"),
    ]  # fmt: skip
    if bad is not None:
        under = est.expected(bad.total_loss)
        numbers.insert(4, (f"Expected loss under {asked.scenarios[1]}", _with_range(under)))
    if made.weighted is not None:
        over = grid.total_of(made.weighted, float(whole[2]) / est.BP)
        tables.insert(0, grid.cells_table(made.weighted, views, over))
        tables.insert(2, grid.loans_table(made.weighted, views))
        told["grid"] = plain(grid.as_json(made.weighted, views, over))
        spread = range_of(est.BP * over.spread.low, est.BP * over.spread.high, "bp")
        numbers.insert(1, ("Expected loss, weighted scenarios", _with_range(over.loss)))
        numbers.insert(
            2, ("Break-even, weighted, bp", f"{est.BP * over.spread.value:,.0f} ({spread})")
        )
        count = len({cell.name for cell in made.weighted.cells})
        lead = (
            f"Over {count} weighted scenarios the book loses {words.money(over.loss.value)} "
            f"({range_of(max(0.0, over.loss.low), over.loss.high, 'money')}) and needs "
            f"{est.BP * over.spread.value:,.0f} bp. " + lead
        )
    return Memo(
        title,
        f"{words.date(joined.books.opening_date)} · {days:,} days · {len(outcomes)} runs, each "
        "with its own draw of books, judgements and luck"
        + (" · names replaced by codes" if asked.anonymous else ""),
        f"{CAVEAT} {_confidence(joined, views, len(outcomes), days)}",
        lead,
        tuple(numbers),
        tuple(tables),
        pictures(views, draws, bad, by_key, asked.scenarios),
        told,
    )


def _covenants(views: Sequence[LoanView]) -> dict[str, int]:
    """How many loans have each kind of covenant."""
    return {kind: sum(has(view.row, kind) for view in views) for kind in KINDS}


def _name(asked: Asked, joined: JoinedBook) -> str:
    lenders = {row.id: row.name for row in joined.books.lenders}
    names = list(dict.fromkeys(lenders[party] for party in joined.lender_of.values()))
    if asked.anonymous:
        return "A loan book"
    return words.listed(names, 2)


def _with_range(found: Any) -> str:
    return f"{words.money(found.value)} ({range_of(found.low, found.high, 'money')})"


def _confidence(joined: JoinedBook, views: Sequence[LoanView], runs: int, days: int) -> str:
    """How sure the memo is, in a few sentences."""
    opening = joined.books.opening_date
    longer = sum((view.maturity - opening).days > days for view in views)
    cut = (
        f" {words.times(longer, 'loan')} of {len(views)} {'lives' if longer == 1 else 'live'} "
        f"longer than the {days:,} days that "
        "were run: losses after that are not counted."
        if longer
        else ""
    )
    estimated = sum(cell.confidence in ("estimated", "memory") for cell in joined.filled)
    tail = max(1, round(0.01 * runs))
    return (
        f"Of what the tape leaves out {len(joined.filled)} cells were filled, {estimated} of them "
        "from our estimates (all are listed in the memo: replace what you know). Intervals are of "
        f"95 % over {runs} draws; they do not cover what the model leaves out. The 99 % shortfall "
        f"rests on {words.times(tail, 'run')} of {runs}. A break-even under one scenario holds "
        "under it." + cut
    )


def _spread_text(draws: Draws, stress: Draws | None, asked: Asked) -> str:
    total = draws.total_loss
    none = float((total < 1.0).mean())
    text = (
        f"{f'In {words.percent(none)} of runs nothing is lost; half' if none else 'Half of runs'} "
        "lose less than "
        f"{words.money(float(sorted(total)[len(total) // 2]))}, and the worst "
        f"{words.money(float(total.max()))}."
    )
    if stress is not None:
        text += (
            f" Under {asked.scenarios[1]} the mean is "
            f"{words.money(float(stress.total_loss.mean()))}."
        )
    return text


def _filled_table(joined: JoinedBook, labels: Labels) -> Table:
    loans = set(joined.loans)
    known = {lender.name for lender in joined.books.lenders}

    def who(of: str) -> str:
        kind = "loan" if of in loans else "lender" if of in known else "borrower"
        return labels(kind, of)

    rows = tuple((who(c.of), c.cell, c.value, c.confidence, c.source) for c in joined.filled)
    columns = (Col("of"), Col("cell"), Col("value"), Col("confidence"), Col("source"))
    text = (
        "Every cell that the tape leaves empty and the market needs, with the value taken and why. "
        "In each run cash, cost, income and rents among them are drawn within their confidence."
    )
    return Table("filled", "Cells filled in for you", text, columns, rows)


def _basis_table(
    asked: Asked,
    joined: JoinedBook,
    days: int,
    outcomes: Sequence[Outcome],
    stress: Sequence[Outcome],
) -> Table:
    from ..run.files import source_hash, version

    rows: list[tuple[str, str]] = [
        ("market", "beside the books of 2025" if asked.add_to == "2025" else "no other credit"),
        ("days", f"{days:,} (to the last maturity, at most {asked.most_days:,})"),
        ("seeds", f"1 to {len(outcomes)}" + (f"; stress 1 to {len(stress)}" if stress else "")),
        ("beliefs", "settings and books drawn in each run (firesale scenarios show)"),
        ("after the horizon", "claims that are open are settled, without new credit"),
        ("firesale", version("firesale")),
        ("source", source_hash()[:16]),
    ]
    if not asked.anonymous:
        rows += [
            (known.name, f"known as {known.id}: {'merged' if known.merged else 'kept apart'}")
            for known in joined.recognised
        ]
    rows += [
        (
            words.class_title(name),
            f"the tape adds {units:,.0f} {words.unit(name)} to {there:,.0f}",
        )
        for name, (units, there) in joined.added.items()
    ]
    for name in asked.scenarios:
        rows.append((f"scenario {name}", " ".join(Scenario.load(name).description.split())))
    return Table(
        "basis", "What it rests on", "Assumptions of the runs.", (Col("what"), Col("value")),
        tuple(rows),
    )  # fmt: skip


def _json(views: Sequence[LoanView], balance: float, loss: Any, shortfall: float) -> dict[str, Any]:
    loans = [
        {
            "id": v.id,
            "borrower": v.borrower,
            "balance_usd": v.balance_usd,
            "pd": v.pd.value,
            "pd_12_months": v.pd_year.value,
            "lgd": v.lgd,
            "expected_loss_usd": v.loss.value,
            "break_even_bp": est.BP * v.spread.value,
            "contract_bp": est.BP * v.contract,
            "ltv_reported": v.ltv_reported,
            "ltv_second_hand": v.ltv_second_hand,
            "ltv_realisable": v.ltv_realisable,
            "stage": v.staged.stage,
        }
        for v in views
    ]
    total = {
        "balance_usd": balance,
        "expected_loss_usd": loss.value,
        "low_usd": loss.low,
        "high_usd": loss.high,
        "es99_usd": shortfall,
    }
    found: dict[str, Any] = plain({"loans": loans, "total": total})
    return found
