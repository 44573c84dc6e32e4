"""When does refinancing decide? What matures, who is refused, and what five years show.

uv run python -m firesale.experiments.questions.refinancing --page PATH

First, what of each book's debt matures within two and five years. Then five years of the baseline,
of the tightening and of the credit crunch, at the opening and in the year in which most notes
mature: how much is asked for and refused, and on what; and the same crunch where lenders' appetite
stays, where nobody stops a committed line, and where all lenders have a tenth of their capital.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..look.pages import PAGE, give, mean_interval, shown, table

if TYPE_CHECKING:
    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ...market.state.market import Market

BILLION, MILLION = 1e9, 1e6
FIVE_YEARS = "days=1825"
WALL_DAY = "macro.start_day=1400"  # the height of the crunch lies in the books' fifth year
YEARS = (2, 5)
WORLDS: dict[str, tuple[str, tuple[str, ...], float]] = {
    "`baseline`": ("baseline", (), 1.0),
    "`tightening`": ("tightening", (), 1.0),
    "`credit-crunch`": ("credit-crunch", (), 1.0),
    "the crunch at the wall": ("credit-crunch", (WALL_DAY,), 1.0),
    "at the wall, appetite stays": (
        "credit-crunch",
        (WALL_DAY, "macro.appetite_loading=0.0"),
        1.0,
    ),
    "at the wall, funders stay": (
        "credit-crunch",
        (WALL_DAY, "macro.funding_loading=0.0", "macro.advance_loading=0.0"),
        1.0,
    ),
    "at the wall, no line is stopped": (
        "credit-crunch",
        (WALL_DAY, "channels.material_change=false"),
        1.0,
    ),
}
CAPITAL: dict[str, tuple[str, tuple[str, ...], float]] = {
    "`baseline`, five years, capital × 0.1": ("baseline", (), 0.1),
    "`credit-crunch`, capital × 0.1": ("credit-crunch", (), 0.1),
    "the same, losses cut no credit": (
        "credit-crunch",
        ("channels.lender_capital=false",),
        0.1,
    ),
    "the crunch at the wall, capital × 0.1": ("credit-crunch", (WALL_DAY,), 0.1),
}


# ---------------------------------------------------------------- the books


def maturing(market: Market, years: float) -> tuple[float, float]:
    """Share of the opening's debt that matures within so many years: in one sum, and in parts.

    In parts: instalments by contract. Lines that are not drawn are no debt.
    """
    from ...market.state.loans import Amortisation, annual_rate, payments_left
    from ...market.state.loans import scheduled_principal_usd as scheduled

    loans, end = market.loans, 365.0 * years
    whole = float(loans.principal_usd.sum())
    bullets = parts = 0.0
    for loan in range(len(loans.status)):
        left, day = float(loans.principal_usd[loan]), int(loans.next_payment_day[loan])
        if loans.amortisation[loan] == Amortisation.BULLET:
            bullets += left if loans.maturity_day[loan] <= end else 0.0
            continue
        interval = int(loans.interval_days[loan])
        rate = annual_rate(
            loans.rate_or_spread[loan], loans.floating[loan], market.prices.reference_rate
        )
        while left > 0.0 and day <= end:
            due = scheduled(
                left,
                int(loans.amortisation[loan]),
                float(loans.principal_per_payment_usd[loan]),
                float(rate),
                interval,
                payments_left(day, int(loans.maturity_day[loan]), interval),
            )
            left, parts, day = left - due, parts + due, day + interval
    return bullets / whole, parts / whole


def book_lines() -> list[str]:
    """What matures, by book."""
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

    rows = []
    for title, name in (("2025-09-30", "baseline"), ("2021-12-31", "backtest-2022")):
        market = Simulation(Scenario.load(name), 1, keeps_book=False).market
        cells = [f"{market.loans.principal_usd.sum() / BILLION:.1f}"]
        for years in YEARS:
            bullets, parts = maturing(market, years)
            cells.append(f"{bullets + parts:.0%}, in one sum {bullets:.0%}")
        cells.append(f"{market.loans.undrawn_usd.sum() / BILLION:.1f}")
        rows.append((title, *cells))
    return table(
        ("book", "debt, $bn", "matures within two years", "within five", "committed, undrawn, $bn"),
        rows,
    )


def with_capital(books: Books, times: float) -> Books:
    """The same books with lenders' capital multiplied; funding takes up what it gives."""
    from ...market.opening.sampling import balanced

    if times == 1.0:
        return books
    lenders = tuple(balanced(row, capital_usd_m=times * row.capital_usd_m) for row in books.lenders)
    return replace(books, lenders=lenders)


# ---------------------------------------------------------------- runs


def figures(scenario: Scenario, seed: int, capital: float = 1.0) -> dict[str, float]:
    """What one run says about credit that was asked for."""
    from ...market.opening.starting_points import starting_point
    from ...market.simulation import Simulation

    books = with_capital(starting_point(scenario).read(), capital)
    simulation = Simulation(scenario, seed, books, keeps_book=False).run()
    summary, log = simulation.summary(), simulation.events()
    asked = log[log["kind"].isin(("rolled_over", "not_refinanced"))]
    refused = asked[asked["kind"] == "not_refinanced"]
    causes = summary["defaults_by_cause"]
    lenders = summary["lenders"]

    def of(cause: str) -> float:
        return float(refused[refused["cause"] == cause]["amount_usd"].sum()) / BILLION

    return {
        "rolled, $bn": float((asked["kind"] == "rolled_over").mul(asked["amount_usd"]).sum())
        / BILLION,
        "refused, $bn": float(refused["amount_usd"].sum()) / BILLION,
        "of these for want of appetite": of("appetite"),
        "of the lender's own credit": of("credit_supply"),
        "underwriting": of("underwriting"),
        "lines stopped, $bn": float(log[log["kind"] == "line_stopped"]["amount_usd"].sum())
        / BILLION,
        "drawn, $bn": float(log[log["kind"] == "draw"]["amount_usd"].sum()) / BILLION,
        "failed": float(summary["defaults"]["miner"] + summary["defaults"]["neocloud"]),
        "of these at maturity": float(causes.get("maturity", 0)),
        "lenders gone": float(len(summary["defaulted"]["lender"]) + len(summary["sleeves_closed"])),
        "loss, $m": summary["loss_usd"]["total"] / MILLION,
        "supply, mean": float(simulation.series()["credit_supply"].mean()),
        "supply, lowest": lenders["credit_supply_worst"],
        "left lenders, $bn": lenders["withdrawn_usd"] / BILLION,
        "ordered on credit, $bn": summary["investment"]["on_credit_usd"] / BILLION,
        "largest borrower fails": float(summary["largest_borrower"]["fails"]),
    }


def worlds(named: dict[str, tuple[str, tuple[str, ...], float]], seeds: int) -> list[str]:
    """Means and intervals of several worlds side by side."""
    from ...market.scenario.scenario import Scenario

    found = {}
    for title, (name, settings, capital) in named.items():
        scenario = Scenario.load(name).with_settings([FIVE_YEARS, *settings])
        found[title] = [figures(scenario, seed, capital) for seed in range(1, seeds + 1)]
    rows = []
    for figure in next(iter(found.values()))[0]:
        cells = [_cell([run[figure] for run in runs]) for runs in found.values()]
        rows.append((figure, *cells))
    return table(("", *found), rows)


def _cell(values: Sequence[float]) -> str:
    form = ",.0f" if max(map(abs, values)) >= 100.0 else ".2f"
    return shown(*mean_interval(list(values)), form)


def main(
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds, from 1.")] = 20,
    page: PAGE = None,
) -> None:
    """Print what matures, and what five years of refinancing show."""
    parts: dict[str, Any] = {
        "What matures": book_lines(),
        "Five years": worlds(WORLDS, seeds),
        "A tenth of lenders' capital": worlds(CAPITAL, seeds),
    }
    lines = [f"{seeds} seeds of one book; means, and intervals of 95 % by resampling seeds."]
    for title, found in parts.items():
        lines += ["", f"## {title}", "", *found]
    give(lines, HEAD, page)


HEAD = [
    "# When does refinancing decide?",
    "",
    "`uv run python -m firesale.experiments.questions.refinancing --page PATH` makes this page.",
    "",
]


if __name__ == "__main__":
    from ..run.border import script

    script(main)
