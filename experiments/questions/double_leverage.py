"""What do orders of machines that are paid by loans on coins add to a crash of bitcoin?

firesale experiment double-leverage --quick
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.finding import LOSS, LOSS_WITHOUT, Finding, Number, Table
from ..answers.question import Question

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ...market.opening.books import Books
    from ..answers.study import Study

BILLION, MILLION = 1e9, 1e6
DAYS = 1095
WITH, WITHOUT = "with", "without"
CRASHES = {"crypto-crash": "bitcoin −77 %", "joint-crash": "bitcoin −77 %, rents −50 %"}
CALM: dict[str, dict[str, Any]] = {
    "crypto-crash": {"crypto.crash_depth": 0.0},
    "joint-crash": {"crypto.crash_depth": 0.0, "compute.rent_change_per_year": 0.0},
}
"""The same without the fall: the network grows, and all else is, as in the crash."""
OPENINGS = {"2021": "backtest-2022", "2025": "baseline"}
CLAIMED_GROWTH = 500.0  # %, from $2.1bn to $12.7bn in a year


def study(study: Study) -> Finding:
    """The whole design."""
    from ..answers.estimates import by_arm, mean, middle

    draws, calm_draws = study.draws(8, 128), study.draws(8, 40)  # of those the first

    def worlds(part: str, scenario: str, settings: dict[str, Any], count: int) -> pd.DataFrame:
        return study.runs(
            part,
            {
                "scenario": scenario,
                "settings": {"days": DAYS} | settings,
                "replicates": count,
                "arms": {WITH: {}, WITHOUT: {"channels.treasury_funding": False}},
            },
        )

    rows = []
    numbers: dict[str, Number] = {}
    for scenario, title in CRASHES.items():
        made = worlds(scenario, scenario, {}, draws)
        calm = worlds(f"calm-{scenario}", scenario, CALM[scenario], calm_draws)
        numbers |= {
            f"level_{scenario}": mean(by_arm(made, LOSS)[WITH], "$bn", BILLION),
            f"extra_{scenario}": mean(added(made, LOSS).to_numpy(), "$m", MILLION),
            f"calm_{scenario}": mean(added(calm, LOSS).to_numpy(), "$m", MILLION),
            f"net_{scenario}": less_calm(added(made, LOSS), added(calm, LOSS)),
            f"net_without_{scenario}": less_calm(
                added(made, LOSS_WITHOUT), added(calm, LOSS_WITHOUT)
            ),
        }
        rows.append(
            (title, numbers[f"level_{scenario}"], numbers[f"extra_{scenario}"],
             middle(added(made, LOSS).to_numpy(), "+,.0f", MILLION),
             *(numbers[f"{name}_{scenario}"] for name in ("calm", "net", "net_without")),
             mean(added(made, "defaults.miner").to_numpy()),
             mean(added(made, "btc_forced_sale_usd").to_numpy(), "$m", MILLION))
        )  # fmt: skip
    books = debt_of_books()
    numbers |= {
        "growth": Number.known(books["growth"], "%"),
        "net_2025": Number.known(books["net_2025"], "$bn"),
        "net_2021": Number.known(books["net_2021"], "$bn"),
    }
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "worlds": Table(
                "What orders paid by loans on coins add, three years",
                ("crash", "lenders lose, $bn", "of that added, $m", "5 to 95 % of draws, $m",
                 "added in calm, $m", "crash less calm, $m", "without the largest borrower",
                 "miners fail more", "coins sold by force, $m more"),
                ("", ".2f", "+.0f", "", "+.0f", "+.0f", "+.0f", "+.2f", "+.0f"),
                tuple(rows),
            ),
            "books": Table(
                "Miners in the books, $bn",
                (
                    "opening",
                    "debt",
                    "signed in the last year",
                    "debt a year before",
                    "growth, %",
                    "coins, free and pledged",
                    "cash",
                    "debt less cash and coins",
                ),
                ("", ".1f", ".1f", ".1f", "+.0f", ".1f", ".1f", "+.1f"),
                tuple(books["rows"]),
            ),
        },
        draws,
    )  # fmt: skip


def added(made: pd.DataFrame, column: str) -> pd.Series:
    """What orders add to a column, by draw."""
    of = made.pivot(index="replicate", columns="arm", values=column).astype(float)
    return of[WITH] - of[WITHOUT]


def less_calm(crash: pd.Series, calm: pd.Series) -> Number:
    """Mean of what is added in a crash less that in calm [$m], by bootstrap over draws.

    Calm has the first of the draws only; where both are there they go together.
    """
    import numpy as np

    from ..look.intervals import bootstrap

    both = np.column_stack([crash, calm.reindex(crash.index)])
    found = bootstrap(both, lambda v: float(np.nanmean(v[:, 0]) - np.nanmean(v[:, 1])))
    return Number.of(found, "$m", MILLION)


def debt_of_books() -> dict[str, Any]:
    """Miners' debt at both openings, net of cash and coins; in 2025 its growth by signing."""
    from ...market.opening.books_2025.read import load_books_2025

    rows, found = [], {}
    new = signed_in_last_year_usd(load_books_2025()) / BILLION
    for year, scenario in OPENINGS.items():
        debt, coins, cash = (usd / BILLION for usd in of_miners_usd(scenario))
        found[f"net_{year}"] = debt - coins - cash
        known = year == "2025"
        growth = 100.0 * new / (debt - new)
        if known:
            found["growth"] = growth
        rows.append(
            (year, debt, new if known else None, debt - new if known else None,
             growth if known else None, coins, cash, debt - coins - cash)
        )  # fmt: skip
    return {"rows": rows, **found}


def signed_in_last_year_usd(books: Books) -> float:
    """What miners owe at the opening on loans that are less than a year old."""
    miners = {row.id for row in books.miners}
    year_ago = books.opening_date - timedelta(days=365)
    return MILLION * sum(
        loan.drawn_usd_m
        for loan in books.loans
        if loan.borrower_id in miners and loan.origination > year_ago
    )


def of_miners_usd(scenario: str) -> tuple[float, float, float]:
    """Debt, coins (free, lent and pledged) and cash of all miners at an opening."""
    from ...agents.party import Kind
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

    market = Simulation(Scenario.load(scenario), 1, keeps_book=False).market
    count = market.borrower_count
    miner = market.parties.kind[:count] == Kind.MINER
    mine = miner[market.loans.borrower]
    coins = float((market.parties.btc[:count] + market.parties.btc_lent[:count])[miner].sum())
    coins += float(market.loans.collateral_btc[mine].sum())
    return (
        float(market.loans.principal_usd[mine].sum()),
        coins * float(market.prices.btc_usd),
        float(market.parties.cash_usd[:count][miner].sum()),
    )


def verdict(found: Finding) -> str:
    """Over both crashes."""
    return verdicts.over(verdicts.above(found.numbers[f"net_{name}"]) for name in CRASHES)


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    return (
        "Orders of machines that loans on coins pay for add "
        f"{n['extra_crypto-crash'].text('+.0f')} to what lenders lose in a crash of bitcoin, of "
        f"{n['level_crypto-crash'].text('.1f')}; in calm they add "
        f"{n['calm_crypto-crash'].text('+.0f')}, so that the crash makes them cost "
        f"{n['net_crypto-crash'].text('+.0f')} more "
        f"({n['net_without_crypto-crash'].text('+.0f')} without the largest borrower), and a joint "
        f"one {n['net_joint-crash'].text('+.0f')}. In the books of 2025 miners' debt has grown by "
        f"{n['growth'].text('.0f')} in a year by dates of signing (the claim: "
        f"{CLAIMED_GROWTH:.0f} %), and is {n['net_2025'].text('+.1f')} net of cash and coins "
        f"({n['net_2021'].text('+.1f')} in 2021)."
    )


def draw(found: Finding) -> Figure:
    """What is added, in both crashes and without them, and the difference."""
    from ..answers.draw import Text, intervals

    n = found.numbers
    rows = {
        title: [n[f"{what}_{name}"] for what in ("extra", "calm", "net")]
        for name, title in CRASHES.items()
    }
    net, level = n["net_crypto-crash"], n["level_crypto-crash"]
    title = (
        f"A crash makes machines bought on coins cost ${net.value:,.0f}m more, of "
        f"${level.value:.1f}bn lost"
    )
    return intervals(
        Text(title, "Lenders' losses with orders paid by loans on coins less those without, same "
             "draws; 95 % of the mean", "$m more lost"),
        rows, ("in the crash", "in calm", "crash less calm"),
    )  # fmt: skip


QUESTION = Question(
    name="double-leverage",
    claim="Miners' coins support dollar debt that buys GPUs: a crash hits both sides of their "
    "books.",
    design="Twin worlds on the same draws in a crash of bitcoin, and in one of bitcoin and rents: "
    "machines and sites on order may be paid by loans on free coins, or may not. Less what such "
    "orders add on the same draws if neither falls. Three years. "
    "Beside it, miners' debt by dates of signing in the books of 2025 and 2021.",
    rule="Holds in a crash if such orders surely add more to what lenders lose than in calm, fails "
    "if surely less; over both crashes.",
    headline="net_crypto-crash",
    boundary=0.0,
    without="net_without_crypto-crash",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "lines on coins that miners of the books have or were said to have; orders signed by the "
        "opening",
        "debt that was repaid before the opening is not in the books: growth by dates of signing "
        "counts what replaced it as new",
    ),
    would_change=("filings that say which machines were paid out of which line",),
    objections=(
        "Without such lines orders are given up: what is not built does not default either. That "
        "is the comparison that the claim makes.",
        "In calm the network grows as in the crash, which is hard on miners too; what is taken off "
        "is what such orders cost then. Orders are of rigs and sites too.",
        "Miners hold more coins and cash than they owe at both openings: leverage of the sector is "
        "one of firms, not of the sum.",
    ),
    minutes=4,
)
