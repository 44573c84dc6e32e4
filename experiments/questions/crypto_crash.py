"""How far does a crash of bitcoin alone reach into GPU credit, and through whom?

firesale experiment crypto-crash --quick
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.finding import Finding, Number, Table
from ..answers.measure import (
    loss_by_loan_usd,
    on_gpu_credit,
    on_largest,
    settled,
    told,
)
from ..answers.question import Question

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation
    from ..answers.study import Study
    from ..sweeps.execute import Outcome

DAYS = 730
MATERIAL = 1.0  # % of GPU credit
MILLION, BILLION = 1e6, 1e9
NO_CRASH = {"crypto.crash_depth": 0.0, "crypto.hashrate_growth": 0.0}
NO_FALL = {"crypto.crash_depth": 0.0}  # the network grows as in the crash


def reach(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> Outcome:
    """A crash, the same draws without it, and the crash with interactions held still."""
    from ..causes.causes import causes_of
    from ..causes.companions import companions_of, outcome_of, run_again
    from ..causes.labels import split_losses

    simulation = settled(scenario, seed, scores, books)
    gpus, largest = on_gpu_credit(simulation), on_largest(simulation)
    whole = companions_of(
        simulation.scenario, outcome_of(simulation.market), run_again(seed, (), books)
    )
    causes = causes_of(whole, simulation.market)
    of_gpus = split_losses(
        whole._replace(
            run=_only(whole.run, gpus),
            by_family={name: _only(one, gpus) for name, one in whole.by_family.items()},
            still=_only(whole.still, gpus),
        )
    )
    found: dict[str, Any] = _losses(simulation, "crash")
    found |= {
        "gpu_owed": float(simulation.principal_open_usd[gpus].sum()),
        "gpu_owed_without": float(simulation.principal_open_usd[gpus & ~largest].sum()),
        "gpu_first": of_gpus.first,
        "gpu_further": of_gpus.further,
        "gpu_total": of_gpus.total,
        "gpu_through": of_gpus.through,
        "first": causes.losses.first,
        "total": causes.losses.total,
        "borrowers_first": causes.borrowers.first,
        "borrowers_total": causes.borrowers.total,
    }
    calm = settled(simulation.scenario.changed(NO_CRASH, "twin"), seed, {}, books)
    return told(simulation, found | _losses(calm, "calm"))


def without_fall(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> Outcome:
    """A draw whose network grows as in the crash while bitcoin does not fall."""
    simulation = settled(scenario, seed, scores, books)
    return told(simulation, _losses(simulation, "grown"))


def _only(outcome: Any, loans: Any) -> Any:
    """An outcome of some loans alone."""
    import numpy as np

    kept = np.concatenate([loans, np.zeros(len(outcome.loss_usd) - len(loans), bool)])
    return outcome._replace(loss_usd=np.where(kept, outcome.loss_usd, 0.0))


def _losses(simulation: Simulation, name: str) -> dict[str, float]:
    lost, largest = loss_by_loan_usd(simulation), on_largest(simulation)
    gpus = on_gpu_credit(simulation)
    defaults = simulation.summary()["defaults"]
    return {
        f"{name}_gpu": float(lost[gpus].sum()),
        f"{name}_gpu_without": float(lost[gpus & ~largest].sum()),
        f"{name}_other": float(lost[~gpus].sum()),
        f"{name}_neoclouds": float(defaults["neocloud"]),
        f"{name}_miners": float(defaults["miner"]),
    }


def study(study: Study) -> Finding:
    """The whole design."""
    from ..answers.estimates import change, mean, middle, ratio, values
    from ..causes.families import NAMES
    from ..causes.labels import KEYS

    draws = study.draws(10, 96)
    plan = {"scenario": "crypto-crash", "replicates": draws, "resolve": False}
    made = study.runs("reach", plan | {"settings": {"days": DAYS}}, reach)
    study.count(7 * len(made), 0, 0.0)  # companions, and the twin without the crash
    grown = study.runs("grown", plan | {"settings": {"days": DAYS} | NO_FALL}, without_fall)
    kept = ["replicate", *(c for c in map(str, grown.columns) if c.startswith("grown_"))]
    made = made.merge(grown[kept], on="replicate")

    def of(column: str) -> Any:
        return values(made, column, 0.0)

    owed, owed_without = of("gpu_owed"), of("gpu_owed_without")
    extra = of("crash_gpu") - of("grown_gpu")
    extra_without = of("crash_gpu_without") - of("grown_gpu_without")
    numbers = {
        "share": mean(100.0 * extra / owed, "%"),
        "share_without": mean(100.0 * extra_without / owed_without, "%"),
        "extra": mean(extra, "$m", MILLION),
        "owed": mean(owed, "$bn", BILLION),
        "other": change(of("grown_other"), of("crash_other"), "$m", MILLION),
        "other_both": change(of("calm_other"), of("crash_other"), "$m", MILLION),
        "both": mean(100.0 * (of("crash_gpu") - of("calm_gpu")) / owed, "%"),
        "neoclouds": change(of("grown_neoclouds"), of("crash_neoclouds")),
        "miners": change(of("grown_miners"), of("crash_miners")),
        "multiplier": ratio(of("total"), of("first")),
        "gpu_multiplier": ratio(of("gpu_total"), of("gpu_first")),
    }
    through = [
        (NAMES.get(key, "several together"), mean(of(f"gpu_through.{key}"), "$m", MILLION))
        for key in KEYS
    ]
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "losses": Table(
                "Lenders' losses in two years, $m",
                ("loans", "neither", "the network grows", "and bitcoin falls", "more by the fall",
                 "5 to 95 % of draws", "more by both"),
                ("", ",.0f", ",.0f", ",.0f", "+,.0f", "", "+,.0f"),
                tuple(
                    (title, *(mean(of(f"{world}_{name}"), "", MILLION)
                              for world in ("calm", "grown", "crash")),
                     change(of(f"grown_{name}"), of(f"crash_{name}"), "", MILLION),
                     middle(of(f"crash_{name}") - of(f"grown_{name}"), "+,.0f", MILLION),
                     change(of(f"calm_{name}"), of(f"crash_{name}"), "", MILLION))
                    for title, name in (
                        ("GPU credit", "gpu"),
                        ("GPU credit but for the largest borrower", "gpu_without"),
                        ("all other loans", "other"),
                    )
                ),
            ),
            "through": Table(
                "Losses on GPU credit in the crash by what they came through, $m, as carried on "
                "the last day",
                ("round", "lost, $m"),
                ("", ",.1f"),
                (("first round: without any interaction", mean(of("gpu_first"), "$m", MILLION)),
                 *((f"further rounds, through {name}", number) for name, number in through)),
            ),
        },
        draws,
    )  # fmt: skip


def verdict(found: Finding) -> str:
    """Of the share of GPU credit."""
    return verdicts.above(found.numbers["share"], MATERIAL)


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    return (
        f"A fall of bitcoin by 77 % alone costs lenders {n['share'].text('+.2f')} of GPU credit "
        f"more ({n['share_without'].text('+.2f')} without the largest borrower; "
        f"{n['extra'].text('+,.0f')} of {n['owed'].text('.1f')}), {n['other'].text('+,.0f')} on "
        f"all other loans ({n['other_both'].text('+,.0f')} with the network's growth), and "
        f"{n['neoclouds'].text('+.1f')} neoclouds beside {n['miners'].text('+.1f')} miners; what "
        "is lost on all loans in that crash is "
        f"{n['multiplier'].text('.2f')} times that of the first round."
    )


def draw(found: Finding) -> Figure:
    """What the crash adds, in GPU credit and elsewhere."""
    from ..answers.draw import Text, intervals

    rows = {row[0]: [Number(*row[4]), Number(*row[6])] for row in found.tables["losses"].rows}
    n = found.numbers
    title = (
        f"A crash of bitcoin alone takes {n['share'].value:.2f} % of GPU credit; miners' other "
        f"loans bear ${n['other'].value:,.0f}m"
    )
    return intervals(
        Text(title, "Lenders' losses in two years with bitcoin 77 % down less those without, same "
             "draws; 95 % of the mean", "$m more lost"),
        rows, ("bitcoin's fall", "with the network's growth"),
    )  # fmt: skip


QUESTION = Question(
    name="crypto-crash",
    claim="A crypto crash reaches GPU credit: the same firms, lenders and buyers stand behind "
    "both.",
    design="The crash of 2022 on the books of 2025 (bitcoin −77 % in a year, the network still "
    "growing; rents follow their law) against the same draws in which the network grows and "
    "bitcoin does not fall, those with neither, and with each family of interactions held still. "
    "GPU credit: loans of neoclouds, or secured by GPUs.",
    rule=f"Holds if the crash surely costs more than {MATERIAL:.0f} % of GPU credit, fails if "
    "surely less.",
    headline="share",
    boundary=MATERIAL,
    without="share_without",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "who lends to both sides: lenders' books of 2025; claims between lenders are assumed",
        "rents and bitcoin have no common driver in this scenario; see `correlation-convergence`",
    ),
    would_change=(
        "a lender of size to neoclouds that is funded by crypto money",
        "miners' halls that fail to be built for want of their owners' coins, and tenants that "
        "leave",
    ),
    objections=(
        "Two years are short: bonds and convertibles mature in the fifth.",
        "Rounds are split at the values that claims are carried at on the last day, totals are "
        "settled.",
        "The crash comes with a network that grows by 59 % in the year. That is held the same; "
        "what both cost together stands beside it. Rounds are those of the crash: what others add "
        "without it is in them.",
        "Multipliers of `experiments/CONTAGION.md` are of one book; here books are drawn.",
    ),
    minutes=5,
)
