"""Is there a buyer for what a lender seizes, and how deep must bids be for paper LTVs to be true?

firesale experiment missing-repo-market --quick
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.adaptive import FEWEST, Rounds, side, undecided
from ..answers.finding import Finding, Number, Table
from ..answers.measure import drawn_tables
from ..answers.question import Question
from .probe import Probe, fates, second_hand_usd, with_probes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ..answers.study import Study
    from ..sweeps.execute import Outcome

AVERAGE_RECOVERY = 77.0  # % that first-lien loans have brought on average
PROBE, SOLD_WITHIN_DAYS, WEEKS = "TEST", 730, 90.0 / 7.0
HYPERSCALER_ROW = "HYPERSCALER_INPLACE"
HYPERSCALERS = f"books.times.buyers.{HYPERSCALER_ROW}.budget_usd_m_yr"
RACKS, BUDGETS = "liquidation.slot_scale", "liquidation.budget_scale"
TODAY = "as believed"
MARKETS = {
    TODAY: (1.0, 1.0, 1.0),
    "a tenth of hyperscalers' money": (1.0, 1.0, 0.1),
    "a quarter of the racks": (0.25, 1.0, 1.0),
    "four times the racks": (4.0, 1.0, 1.0),
    "a quarter of buyers' money": (1.0, 0.25, 1.0),
    "four times buyers' money": (1.0, 4.0, 1.0),
}
"""Free racks, budgets of all buyers, that of the one row of hyperscalers; each a multiple."""
QUICK_MARKETS = (TODAY, "a tenth of hyperscalers' money", "a quarter of the racks")
H100, RACK = "H100", "GB200"
SEIZED = {H100: (1_000, 10_000, 100_000),
          RACK: (1_008, 10_080, 100_800)}  # fmt: skip
QUICK_SEIZED = {H100: (1_000, 10_000, 100_000), RACK: (10_080,)}
ASKED = 10_000  # of the claim
DEPTH = ("balance_usd", "reported_value_usd", "second_hand_value_usd",
         "realisable_value_usd", "realisable_90_days_value_usd")  # fmt: skip


def failing(gpus: int, hardware: str = H100) -> Probe:
    """A borrower without income whose debt, what its machines fetch one by one, is due tomorrow."""
    return Probe(PROBE, hardware, gpus, 1.0, 1, "bullet", min_dscr=None, works=False)


def sell(
    scenario: Scenario,
    seed: int,
    scores: dict[str, float],
    *,
    gpus: int,
    hardware: str,
    books: Books | None = None,
) -> Outcome:
    """A run in which one borrower fails at once and its lender sells what it had.

    Hyperscalers' money is cut once buyers' views are read off the quotes, as that of all buyers is:
    were it cut in the books, buyers with less money would be thought to value machines higher.
    """
    import numpy as np

    from ...market.simulation import Simulation
    from ..sweeps.execute import Outcome

    others = {cell: score for cell, score in scores.items() if cell != HYPERSCALERS}
    scenario, tables = drawn_tables(scenario, seed, others, books)
    probe = failing(gpus, hardware)
    simulation = Simulation(scenario, seed, with_probes(tables, (probe,)), keeps_book=False)
    market = simulation.market
    cut = market.buyers.segment == market.names.segments.index(HYPERSCALER_ROW)
    for money in (market.buyers.budget_usd, market.buyers.budget_usd_day):
        money[cut] *= scores.get(HYPERSCALERS, 1.0)
    simulation.run().resolve()
    summary, fate = simulation.summary(), fates(simulation, (probe,))[PROBE]
    lots = market.lots
    mine = np.flatnonzero(lots.borrower[: int(lots.count[0])] == market.names.parties.index(PROBE))
    sold = lots.seized_units[mine] - lots.units[mine] - lots.ended_units[mine]
    days = float(lots.unit_days[mine].sum() / max(sold.sum(), 1.0))
    found = {
        "recovery": 100.0 * (1.0 - fate.loss_share),
        "sold": 100.0 * float(sold.sum()) / gpus,
        "days_to_sale": days if sold.sum() > 0.5 else float("nan"),
        "largest_fails": float(summary["largest_borrower"]["fails"]),
        "price": second_hand_usd(tables, hardware),
    }
    return Outcome(found, simulation.series)


def depth(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> Outcome:
    """What is owed on GPUs at the opening, and four values of them, by class."""
    from ...market.simulation import Simulation
    from ..sweeps.execute import Outcome
    from ..sweeps.own import opened

    scenario, tables = opened(scenario, seed, scores, books)
    simulation = Simulation(scenario, seed, tables, keeps_book=False)
    market = simulation.market
    gpus = {
        name
        for name, watts in zip(market.names.hardware, market.hardware.family, strict=True)
        if watts == 0
    }
    frame = simulation.absorption()
    rows = frame[(frame["day"] == 0) & frame["hardware"].isin(gpus)].set_index("hardware")
    return Outcome(
        {name: {k: float(rows.loc[name, k]) for k in DEPTH} for name in rows.index},
        simulation.series,
    )


def study(study: Study) -> Finding:
    """The whole design."""
    import numpy as np

    from ..answers.estimates import mean, percent, values

    rounds = Rounds(8, 8, 8) if study.quick else Rounds(FEWEST, 16, 40)
    markets = QUICK_MARKETS if study.quick else tuple(MARKETS)
    cells = {
        name: dict(zip((RACKS, BUDGETS, HYPERSCALERS), MARKETS[name], strict=True))
        for name in markets
    }
    plan = {
        "scenario": "calm",
        "settings": {"days": SOLD_WITHIN_DAYS, "credit.hazard_per_year": 0.0},
    }

    def open_cells(frame: pd.DataFrame) -> list[str]:
        found = {str(name): values(rows, "recovery") for name, rows in frame.groupby("cell")}
        return undecided(found, AVERAGE_RECOVERY, rounds)

    rows: list[tuple[Any, ...]] = []
    numbers: dict[str, Number] = {}
    for hardware, quantities in (QUICK_SEIZED if study.quick else SEIZED).items():
        for gpus in quantities:
            made = study.adaptive(
                f"{hardware.lower()}-{gpus}", plan, cells, rounds, open_cells,
                partial(sell, gpus=gpus, hardware=hardware),
            )  # fmt: skip
            for name in markets:
                all_draws = made[made["cell"] == name]
                shown = all_draws[all_draws["shown"]]
                recovery = values(shown, "recovery")
                rows.append(
                    (hardware, gpus, name, percent(recovery), percent(values(shown, "sold")),
                     mean(values(shown, "days_to_sale"), "days"),
                     side(values(all_draws, "recovery"), AVERAGE_RECOVERY, rounds),
                     float(len(all_draws)))
                )  # fmt: skip
                if (hardware, gpus, name) == (H100, ASKED, TODAY):
                    stands = values(shown, "largest_fails") == 0.0
                    numbers["recovery"] = percent(recovery)
                    numbers["recovery_largest_stands"] = percent(recovery[stands])
    opened = study.runs(
        "depth",
        plan | {"replicates": study.draws(8, 64), "resolve": False},
        depth,
    )
    found = []
    for name in sorted(
        {c.partition(".")[0] for c in map(str, opened) if c.endswith(f".{DEPTH[0]}")}
    ):
        worth = {key: values(opened, f"{name}.{key}", 0.0) for key in DEPTH}
        if worth["balance_usd"].mean() > 0.0:
            found.append((name, worth))
    whole = {key: np.sum([worth[key] for _, worth in found], axis=0) for key in DEPTH}
    paper = mean(100.0 * whole[DEPTH[0]] / whole[DEPTH[1]], "%")
    numbers |= {
        "paper_ltv": paper,
        "paper_over_second_hand": mean(100.0 * whole[DEPTH[2]] / whole[DEPTH[1]], "%"),
        "needed": mean(whole[DEPTH[1]] / WEEKS, "$bn", 1e9),
        "needed_for_debt": mean(whole[DEPTH[0]] / WEEKS, "$bn", 1e9),
        "there_is": mean(whole[DEPTH[4]] / WEEKS, "$bn", 1e9),
    }
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "sales": Table(
                "What one lender recovers of a loan of the machines' second-hand value, by the "
                f"first {rounds.first} draws, the same in all rows; and on which side of "
                f"{AVERAGE_RECOVERY:.0f} % it is, by all draws of the row",
                ("class", "seized", "market", "recovered", "sold to buyers", "days to sale",
                 f"{AVERAGE_RECOVERY:.0f} %", "draws"),
                ("", ",.0f", "", ".0f", ".0f", ",.0f", "", ".0f"),
                tuple(rows),
            ),
            "depth": Table(
                "What buyers would have to pay for pledged GPUs, $bn a week for 90 days",
                ("class", "owed, $bn", "for the reported value", "for the debt",
                 "what they can pay for all at once"),
                ("", ".1f", ".3f", ".3f", ".3f"),
                tuple(
                    (name, float(w[DEPTH[0]].mean() / 1e9), float(w[DEPTH[1]].mean() / WEEKS / 1e9),
                     float(w[DEPTH[0]].mean() / WEEKS / 1e9),
                     float(w[DEPTH[4]].mean() / WEEKS / 1e9))
                    for name, w in [*found, ("all GPUs", whole)]
                ),
            ),
        },
        rounds.most,
    )  # fmt: skip


def verdict(found: Finding) -> str:
    """Over all markets and classes in which at least as many are seized as the claim says."""
    rows = found.tables["sales"].rows
    return verdicts.over(
        verdicts.opposite(verdicts.decided(row[6])) for row in rows if row[1] >= ASKED
    )


def _of(found: Finding, hardware: str, gpus: int, market: str) -> Number:
    return next(
        Number(*row[3]) for row in found.tables["sales"].rows if row[:3] == (hardware, gpus, market)
    )


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    few = _of(found, H100, ASKED, "a tenth of hyperscalers' money")
    many = _of(found, H100, 100_000, TODAY)
    return (
        f"10,000 seized H100s bring {n['recovery'].text('.0f')} of a loan of their second-hand "
        f"value; {few.text('.0f')} if the one estimated row of hyperscalers has a tenth of its "
        f"money, and 100,000 bring {many.text('.0f')}. Pledged GPUs stand at an LTV of "
        f"{n['paper_ltv'].text('.0f')} by their reported value; for that to be true buyers would "
        f"have to pay {n['needed'].text('.1f')} a week for 90 days, and "
        f"{n['needed_for_debt'].text('.1f')} for the debt alone; they can pay "
        f"{n['there_is'].text('.1f')}."
    )


def draw(found: Finding) -> Figure:
    """Recovery by quantity, one line for each market."""
    from ..answers.draw import Line, Text, lines

    rows = [row for row in found.tables["sales"].rows if row[0] == H100]
    series = {}
    for market in dict.fromkeys(row[2] for row in rows):
        mine = [row for row in rows if row[2] == market]
        series[market] = Line([row[1] for row in mine], [Number(*row[3]) for row in mine])
    n = found.numbers
    title = (
        f"10,000 H100s bring {n['recovery'].value:.0f} % of their second-hand value, 100,000 "
        f"{_of(found, H100, 100_000, TODAY).value:.0f} %"
    )
    return lines(
        Text(title, "One lender sells a failed borrower's machines in a calm market in two years; "
             "bands: 95 % of the mean over draws", "H100s seized", "recovered, %"),
        series, log_x=True,
    )  # fmt: skip


QUESTION = Question(
    name="missing-repo-market",
    claim="A lender that seizes 10,000 H100s finds no buyer: LTVs that look safe on paper are not.",
    design="A test borrower fails on the first day of a calm market, with no other accident; its "
    "lender sells 1,000 to 100,000 H100s or GB200s (72 a rack) to buyers with drawn money, racks "
    "and required returns. The loan is what the machines fetch one by one.",
    rule="Holds in a market if the interval of the mean recovery lies below "
    f"{AVERAGE_RECOVERY:.0f} %, what first-lien loans have brought on average; fails above it; "
    "over all markets in which 10,000 or more are seized.",
    headline="recovery",
    boundary=AVERAGE_RECOVERY,
    without="recovery_largest_stands",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "buyers' money and racks: our sizing of ten segments from public accounts of the trade; "
        "the hyperscalers' row alone decides large sales in place",
        "second-hand prices of September 2025, drawn within their belief",
    ),
    would_change=(
        "a record of what hyperscalers bid for running clusters of others",
        "an auction of some thousand GPUs by a receiver",
    ),
    objections=(
        "A recovery of the second-hand value is not one of the loan: lenders report GPUs at system "
        "cost. The table of depth says what that value needs.",
        "One seller in a calm market is the kindest case: in a crash several sell, see "
        "`crypto-crash`.",
        "At 10,000 H100s and as believed the claim fails. It holds for as many GB200s where buyers "
        "have a quarter of their money or racks, or hyperscalers a tenth of theirs, and for ten "
        "times as many as believed; of 100,000 H100s as believed it cannot be told.",
        "77 % is what first-lien loans of all kinds bring; this loan is the machines' whole "
        "second-hand value. Hyperscalers buy 4,000 or more at once: below that they do not bid.",
        "10,000 H100s bring no less each than 1,000, which are too few for hyperscalers. Clusters "
        "are sold in lots of up to 8,000, so of 10,000 only the last 2,000 are.",
        "Draw by draw less money or racks bring less, but for some of 10,000 H100s with a quarter "
        "of the racks: a cluster that no hall takes whole is not sold in weeks at a reserve, which "
        "may be half of what single machines fetch, but taken apart and sold later, for more.",
        "What GB200s find no buyer for goes to the lender in kind, at what it thinks them worth: "
        "that counts as recovered.",
        "Money and racks are cut after buyers' views are read off the quotes. Were the row of "
        "hyperscalers smaller and quotes the same, others would have to value machines higher, and "
        "sales that hyperscalers do not bid for would bring more, not the same.",
    ),
    minutes=6,
)
