"""What carries contagion: Shapley shares of the families of interactions, by crash.

firesale experiment attribution --quick
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.finding import Finding, Number, Table
from ..answers.measure import settled
from ..answers.question import Question
from ..look.words import party
from .systemic import LARGEST_BORROWERS, avoided_in, ranked, transmits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ..answers.study import Study
    from ..sweeps.execute import Outcome

MILLION, BILLION = 1e6, 1e9
HALF = 50.0
HARDWARE = "hardware"
CRASHES = {
    "joint-crash": "2025: bitcoin and rents",
    "crypto-crash": "2025: bitcoin alone",
    "credit-crunch": "2025: lenders' funders",
    "backtest-2022": "2021: as it was in 2022",
}
QUICK_CRASHES = ("joint-crash",)
ASKED = "joint-crash"  # of which parties are told
SHOWN = 8  # of them
WHAT = ("loss", "loss_without", "failures")


def shapley(worth: Mapping[frozenset[str], float], players: tuple[str, ...]) -> dict[str, float]:
    """Shapley (1953): each player's mean addition over all orders in which players may come.

    Args:
        worth: of every coalition, the empty one included.
        players: all of them; their values add up to the worth of all less that of none.
    """
    count = len(players)
    found = {}
    for player in players:
        others = [one for one in players if one != player]
        total = 0.0
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - size - 1)
            for group in itertools.combinations(others, size):
                before = frozenset(group)
                total += weight * (worth[before | {player}] - worth[before])
        found[player] = total / math.factorial(count)
    return found


def coalitions(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> Outcome:
    """A draw in every world in which some families move and all others are held still."""
    from ...market.opening.beliefs import believe
    from ..causes.families import FAMILIES, still
    from ..sweeps.execute import Outcome

    drawn = believe(scenario, seed)
    players = tuple(family.key for family in FAMILIES)
    worth: dict[str, dict[frozenset[str], float]] = {name: {} for name in WHAT}
    known: list[tuple[Scenario, tuple[float, ...]]] = []
    for size in range(len(FAMILIES) + 1):
        for moving in itertools.combinations(FAMILIES, size):
            quiet = tuple(family for family in FAMILIES if family not in moving)
            world = still(drawn, quiet) if quiet else drawn
            found = next((told for one, told in known if one == world), None)
            if found is None:
                found = _told(world, seed, books)
                known.append((world, found))
            group = frozenset(family.key for family in moving)
            for name, value in zip(WHAT, found, strict=True):
                worth[name][group] = value
    told: dict[str, Any] = {}
    for name, values in worth.items():
        told[name] = values[frozenset(players)]
        told[f"{name}_first"] = values[frozenset()]
        told |= {f"{name}_{key}": value for key, value in shapley(values, players).items()}
    return Outcome(told, dict)


def _told(world: Scenario, seed: int, books: Books | None) -> tuple[float, ...]:
    summary = settled(world, seed, {}, books).summary()
    defaults = summary["defaults"]
    return (
        summary["loss_usd"]["resolved_total"],
        summary["largest_borrower"]["resolved_loss_without_usd"],
        float(defaults["miner"] + defaults["neocloud"] + defaults["lender"]),
    )


def study(study: Study) -> Finding:
    """The whole design."""
    from ..answers.estimates import mean, ratio, values
    from ..causes.families import FAMILIES, NAMES

    draws = study.draws(3, 32)
    keys = tuple(family.key for family in FAMILIES)
    rows, numbers = [], {}
    for scenario in QUICK_CRASHES if study.quick else tuple(CRASHES):
        made = study.runs(
            scenario, {"scenario": scenario, "replicates": draws, "resolve": False}, coalitions
        )
        study.count(len(made) * (2 ** len(keys) - 1), 0, 0.0)

        def of(column: str, made: Any = made) -> Any:
            return values(made, column)

        added = of("loss") - of("loss_first")
        numbers[f"share_{scenario}"] = ratio(100.0 * of(f"loss_{HARDWARE}"), added, "%")
        less = of("loss_without") - of("loss_without_first")
        numbers[f"share_without_{scenario}"] = ratio(
            100.0 * of(f"loss_without_{HARDWARE}"), less, "%"
        )
        numbers[f"added_{scenario}"] = mean(added, "$bn", BILLION)
        numbers[f"total_{scenario}"] = mean(of("loss"), "$bn", BILLION)
        title = CRASHES[scenario]
        rows.append(
            (
                title,
                "first round",
                mean(of("loss_first"), "$m", MILLION),
                mean(of("loss_without_first"), "$m", MILLION),
                mean(of("failures_first")),
            )
        )
        rows += [
            (title, NAMES[key], mean(of(f"loss_{key}"), "$m", MILLION),
             mean(of(f"loss_without_{key}"), "$m", MILLION), mean(of(f"failures_{key}")))
            for key in keys
        ]  # fmt: skip
    parties = _parties(study, numbers)
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "shares": Table(
                "Shapley values: what each family of interactions adds",
                ("crash", "family", "losses, $m", "without the largest borrower", "failures"),
                ("", "", "+,.0f", "+,.0f", "+.2f"),
                tuple(rows),
            ),
            "parties": parties,
        },
        draws,
    )


def _parties(study: Study, numbers: dict[str, Number]) -> Table:
    """Who transmits most, as ``firesale experiment systemic`` has it, in drawn books."""
    draws = study.draws(2, 20)
    made = study.runs(
        "parties", {"scenario": ASKED, "replicates": draws, "resolve": False}, transmits
    )
    found = ranked(avoided_in(made))
    study.count(sum(row.fails for row in found), 0, 0.0)  # a run more for each that fails
    numbers["parties"] = Number.known(float(len(found)))
    numbers["parties_surely"] = Number.known(float(sum(row.loss_usd.low > 0.0 for row in found)))
    names = _names()
    rows = [
        (party(names[row.party]), f"{row.fails} of {row.seeds}",
         Number.of(row.loss_usd, "", MILLION), Number.of(row.borrowers), Number.of(row.lenders))
        for row in found[:SHOWN]
    ]  # fmt: skip
    return Table(
        f"Who transmits most in a joint crash: what others are spared where one of all lenders "
        f"and the {LARGEST_BORROWERS} largest borrowers does not fail, mean a draw in which it is "
        "one of them, losses as carried on the last day",
        ("party", "fails in draws", "others' loss avoided, $m", "borrowers' failures",
         "lenders' failures"),
        ("", "", "+,.1f", "+.2f", "+.2f"),
        tuple(rows),
    )  # fmt: skip


def _names() -> Mapping[str, str]:
    """What the parties of the books are called, by id."""
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

    return Simulation(Scenario.load(ASKED), 1, keeps_book=False).names()


def verdict(found: Finding) -> str:
    """Over all crashes."""
    names = [name for name in found.numbers if name.startswith("share_")]
    asked = [name for name in names if not name.startswith("share_without")]
    return verdicts.over(verdicts.above(found.numbers[name], HALF) for name in asked)


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    text = (
        f"In a joint crash interactions add {n['added_joint-crash'].text('.2f')} to lenders' "
        f"losses of {n['total_joint-crash'].text('.1f')}; forced sales of machines are "
        f"{n['share_joint-crash'].text('.0f')} of that "
        f"({n['share_without_joint-crash'].text('.0f')} without the largest borrower)"
    )
    others = [name for name in CRASHES if name != "joint-crash" and f"share_{name}" in n]
    for name in others:
        share, where = n[f"share_{name}"], CRASHES[name].replace(":", ",")
        text += (
            f"; in {where}, interactions add nothing for sure"
            if math.isnan(share.value)
            else f"; {share.text('.0f')} in {where}"
        )
    if not found.tables["parties"].rows:
        return f"{text}. No party fails in a joint crash."
    costly = [row for row in found.tables["parties"].rows if row[2][1] > 0.0]
    named = " and ".join(f"{row[0]} ({Number(*row[2]).text('.0f')})" for row in costly)
    return (
        f"{text}. Of {n['parties'].value:.0f} parties that fail in a joint crash "
        f"{n['parties_surely'].value:.0f} surely cost others anything"
        + (f", $m a draw: {named}." if named else ".")
    )


def draw(found: Finding) -> Figure:
    """Shapley values of each family, one colour for each crash."""
    from ..answers.draw import Text, intervals

    rows = found.tables["shares"].rows
    crashes = tuple(dict.fromkeys(row[0] for row in rows))
    families = dict.fromkeys(row[1] for row in rows if row[1] != "first round")
    shown = {
        family: [next(Number(*r[2]) for r in rows if r[:2] == (crash, family)) for crash in crashes]
        for family in families
    }
    n = found.numbers
    title = (
        f"Forced sales of machines carry {n['share_joint-crash'].value:.0f} % of what interactions "
        "add to losses in a joint crash"
    )
    return intervals(
        Text(title, "Shapley values of families of interactions in losses; 95 % of the mean",
             "$m added"),
        shown, crashes,
    )  # fmt: skip


QUESTION = Question(
    name="attribution",
    claim="Contagion runs through forced sales of collateral.",
    design="Every draw in all 32 worlds in which some of five families of interactions move and "
    "the others are held still without a subsidy (`experiments/CONTAGION.md`); Shapley values of "
    "each draw, exactly. Beside it, parties kept from failing one at a time.",
    rule=f"Holds in a crash if forced sales of machines are surely more than {HALF:.0f} % of what "
    "all interactions add to lenders' losses, fails if surely less; over crashes.",
    headline="share_joint-crash",
    boundary=HALF,
    without="share_without_joint-crash",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "what *held still* means: who keeps seized machines has them run at a host's discount",
    ),
    would_change=(
        "relations between firms that the books do not have: tenancies, parents, guarantees",
    ),
    objections=(
        "A Shapley value divides what is joint evenly: it is a convention, and the families are "
        "ours.",
        "First round is most of the loss: that number stands in the table.",
        "In the one crisis that happened, 2022, forced sales of machines are less than half.",
        "Who transmits most is decided by single draws: in one a pool of project banks closes "
        "early, and the largest borrower is not refinanced two years later. A mean over twenty "
        "draws says that such a draw exists, and not how likely it is.",
    ),
    minutes=30,
)
