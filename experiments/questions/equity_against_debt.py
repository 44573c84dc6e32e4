"""The same fleet and shock financed by equity, infrastructure debt or venture debt.

firesale experiment equity-against-debt --quick
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..answers import verdicts
from ..answers.finding import Finding, Number, Table
from ..answers.measure import begun, finish, told
from ..answers.question import Question

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ..answers.study import Study
    from ..sweeps.execute import Outcome

YEARS = 5
BILLION = 1e9
LEVERAGE, TERM, RATE = (
    "books.leverage", "books.times.loans.term", "books.times.loans.rate_or_spread"
)  # fmt: skip
DEBT = "infrastructure debt"
FINANCED = {
    "equity": (0.1, 1.0, 1.0),
    "half of the debt": (0.5, 1.0, 1.0),
    DEBT: (1.0, 1.0, 1.0),
    "venture debt": (1.0, 0.4, 1.5),
    "a quarter more debt": (1.25, 1.0, 1.0),
}
"""Debt, time left until it is due, and its price: each a multiple of what the books say."""
QUICK = ("equity", DEBT, "venture debt")
SHOCKS = {"baseline": "ordinary times", "joint-crash": "joint crash"}


def financed(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> Outcome:
    """A run, with what it costs all, whoever paid for the machines.

    ``machines_usd`` is the fall in value, at lenders' marks, of the machines that firms own at the
    opening; ``failures_usd`` what is spent on courts, transport and storage; ``gpu_years`` how many
    GPUs were online at their owners, orders that followed included.
    """
    from ...agents.party import Outside

    simulation = begun(scenario, seed, scores, books)
    market = simulation.market
    owned = slice(0, int(market.holdings.first[market.borrower_count]))
    units, classes = market.holdings.units[owned].copy(), market.holdings.hardware[owned].copy()
    opening = market.marks_usd.copy()
    finish(simulation)
    return told(
        simulation,
        {
            "kept": simulation.summary()["lenders"]["earned_usd"],
            "machines_usd": float(units @ (opening - market.marks_usd)[classes]),
            "failures_usd": float(market.parties.cash_usd[market.first_outside + Outside.COURTS]),
            "gpu_years": float(market.kept.series.gpus_online[: market.day + 1].sum()) / 365.0,
        },
    )


def study(study: Study) -> Finding:
    """The whole design."""
    from ..answers.estimates import change, mean, middle, values

    draws = study.draws(8, 64)
    names = QUICK if study.quick else tuple(FINANCED)
    factors = {
        key: {"values": [FINANCED[name][place] for name in names]}
        for place, key in enumerate((LEVERAGE, TERM, RATE))
    }
    rows, costs, numbers = [], [], {}
    for scenario, title in SHOCKS.items():
        made = study.runs(
            scenario,
            {
                "scenario": scenario,
                "settings": {"days": 365 * YEARS},
                "replicates": draws,
                "design": {"method": "list"},
                "factors": factors,
            },
            financed,
        )
        of = {name: made[made["design_id"] == k] for k, name in enumerate(names)}
        failed = {
            name: values(frame, "miners") + values(frame, "neoclouds") for name, frame in of.items()
        }
        for name, frame in of.items():
            rows.append(
                (title, name, mean(failed[name]), change(failed[DEBT], failed[name]),
                 mean(values(frame, "loss"), "$bn", BILLION),
                 middle(values(frame, "loss"), ".1f", BILLION),
                 mean(values(frame, "loss_without"), "$bn", BILLION),
                 mean(values(frame, "kept"), "$bn", BILLION))
            )  # fmt: skip
            costs.append(
                (title, name, mean(values(frame, "machines_usd"), "$bn", BILLION),
                 mean(values(frame, "failures_usd"), "$bn", BILLION),
                 mean(values(frame, "gpu_years"), "m", 1e6))
            )  # fmt: skip
        numbers[f"more_{scenario}"] = change(failed["equity"], failed[DEBT])
        less = {name: values(frame, "others") for name, frame in of.items()}
        numbers[f"more_without_{scenario}"] = change(less["equity"], less[DEBT])
        numbers[f"share_{scenario}"] = mean(
            100.0 * (failed[DEBT] - failed["equity"]) / failed[DEBT].clip(1.0), "%"
        )
        for name in ("equity", DEBT, "venture debt"):
            slug = name.split()[0]
            numbers[f"loss_{slug}_{scenario}"] = mean(values(of[name], "loss"), "$bn", BILLION)
        cost = {name: values(frame, "failures_usd") for name, frame in of.items()}
        numbers[f"cost_{scenario}"] = change(cost["equity"], cost[DEBT], "$bn", BILLION)
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "financing": Table(
                "Five years, by how the same machines are financed",
                ("shock", "financed by", "firms fail", "more than with the books' debt",
                 "lenders lose, $bn", "5 to 95 % of draws, $bn", "without the largest borrower",
                 "lenders' net margin on all loans, those to others too, $bn"),
                ("", "", ".0f", "+.1f", ".2f", "", ".2f", ".2f"),
                tuple(rows),
            ),
            "economy": Table(
                "What it costs all: machines fall in value whoever paid for them",
                ("shock", "financed by", "fall in value of the opening's machines, $bn",
                 "courts, transport, storage, $bn", "GPU-years at their owners, m"),
                ("", "", ".1f", ".2f", ".2f"),
                tuple(costs),
            ),
        },
        draws,
    )  # fmt: skip


def verdict(found: Finding) -> str:
    """Over ordinary times and a joint crash."""
    return verdicts.over(verdicts.above(found.numbers[f"more_{name}"]) for name in SHOCKS)


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    return (
        f"In a joint crash {n['more_joint-crash'].text('.0f')} firms fail because they are "
        f"financed by debt, {n['share_joint-crash'].text('.0f')} of those that do (a tenth of the "
        f"debt on the same machines; {n['more_without_joint-crash'].text('.0f')} without the "
        f"largest borrower), and {n['more_baseline'].text('.0f')} in ordinary times; venture debt "
        f"loses {n['loss_venture_joint-crash'].text('.1f')} where infrastructure debt loses "
        f"{n['loss_infrastructure_joint-crash'].text('.1f')} and a tenth of the debt "
        f"{n['loss_equity_joint-crash'].text('.1f')} (without the largest borrower "
        f"{_without(found, 'venture debt')}, {_without(found, DEBT)} and "
        f"{_without(found, 'equity')}); failures cost "
        f"{n['cost_joint-crash'].text('.1f')} more than with a tenth."
    )


def _without(found: Finding, financed_by: str) -> str:
    """Losses in a joint crash without loans to the largest borrower."""
    rows = found.tables["financing"].rows
    cell = next(row[6] for row in rows if row[:2] == (SHOCKS["joint-crash"], financed_by))
    return Number(*cell).text(".1f")


def draw(found: Finding) -> Figure:
    """Failures by financing, in both shocks."""
    from ..answers.draw import Text, intervals

    table = found.tables["financing"].rows
    names = dict.fromkeys(row[1] for row in table)
    rows = {
        name: [next(Number(*r[2]) for r in table if r[:2] == (title, name))
               for title in SHOCKS.values()]
        for name in names
    }  # fmt: skip
    n = found.numbers
    title = (
        f"{n['share_joint-crash'].value:.0f} % of the failures of a joint crash would not be with "
        "a tenth of the debt"
    )
    return intervals(
        Text(title, "Firms that fail within five years, by how machines are financed; 95 % "
             "of the mean", "firms"),
        rows, tuple(SHOCKS.values()),
    )  # fmt: skip


QUESTION = Question(
    name="equity-against-debt",
    claim="Debt in an infrastructure wrapping replaced equity, so that failure is now default.",
    design="The books of 2025 with a tenth of the debt (the least they open with), half, all, a "
    "quarter more; and as venture debt: 0.4 of the time left, half as dear again. Ordinary times "
    "and a joint crash, five years, same draws.",
    rule="Holds if surely more firms fail with the books' debt than with a tenth of it, fails if "
    "surely fewer; over ordinary times and a joint crash.",
    headline="more_joint-crash",
    boundary=0.0,
    without="more_without_joint-crash",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "owners that would have paid for the same machines: with less debt they may not have",
        "failure as the contract has it: missed payment after cure, bankruptcy, exchange with a "
        "loss",
    ),
    would_change=("equity that asks for its money back: it cannot here",),
    objections=(
        "The fall in value of machines is nearly the same whoever paid: what debt adds is who "
        "fails, what failures cost, and orders that are not made.",
        "A firm that owes nothing cannot miss a payment: that more debt means more failures is "
        "near to what failure means. More telling is how many fail with a tenth of it.",
        "Most of lenders' net margin comes from loans to others that these lenders have, which no "
        "financing here changes: only what it differs by between rows is of these books.",
        "Venture debt is the books' debt at 0.4 of its time and half as dear again: of a "
        "convertible note at 1 % that makes 1.5 %, which no venture lender would take.",
    ),
    minutes=8,
)
