"""The back-test in sentences and tables, for the terminal and for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..look import words
from ..look.intervals import Estimate
from .counterfactuals import AS_IT_WAS, OUTCOMES
from .evaluate import MODEL, WAVE_MONTHS
from .findings import Failure
from .picture import Picture, shown
from .rivals import RIVALS

UNKNOWN = "–"


@dataclass(frozen=True)
class Table:
    """A heading, a sentence on how to read it, columns and rows of text."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def __post_init__(self) -> None:
        assert all(len(row) == len(self.columns) for row in self.rows), self.title


def number(value: float | None, form: str = ".2f") -> str:
    """A number, or a dash where there is none."""
    return UNKNOWN if value is None or not math.isfinite(value) else format(value, form)


def seeds(runs: int) -> str:
    """How many runs, and with which seeds."""
    return f"{words.times(runs, 'run')}, {f'seeds 1 to {runs:,}' if runs > 1 else 'seed 1'}"


def ranged(interval: Mapping[str, float], form: str = ".2f") -> str:
    """A value with its interval."""
    low, high = (number(interval[key], form) for key in ("low", "high"))
    return f"{number(interval['value'], form)} ({low} to {high})"


def headline(picture: Picture) -> str:
    """The result in two sentences."""
    score = picture.score["borrowers"]["with_borderline"]
    auc, rival = score[MODEL]["auc"], score["debt_to_liquid_assets"]["auc"]
    return (
        f"On {len(score['names'])} scored borrowers, {score['defaults']} of whom defaulted, the "
        f"model's AUC is {ranged(auc)}; debt over liquid assets has {ranged(rival)}. With so few "
        "names the intervals are wide, and nothing is claimed beyond them."
    )


def facts(picture: Picture) -> list[str]:
    """What the back-test shows beside the scores, one sentence each."""
    score = picture.score
    lines = []
    wave = score["wave"]
    if wave["share_in_window"] is not None:
        low, high = WAVE_MONTHS
        lines.append(
            f"Wave: {wave['share_in_window']:.0%} of all defaults, and "
            f"{number(wave['share_in_window_of_named'], '.0%')} of those of named borrowers, come "
            f"{low} to {high} months after bitcoin's peak ({wave['window'][0]} to "
            f"{wave['window'][1]}); quartiles {', '.join(wave['quartiles'])}; the fullest month "
            f"holds {wave['largest_month_share']:.0%}."
        )
    timing = score["timing"]
    if timing["borrowers_dated"]:
        lines.append(
            f"Dates: on {timing['borrowers_dated']} defaults the mean error is "
            f"{ranged(timing['mean_error_days'], '+.0f')} days (late is positive), its mean size "
            f"{ranged(timing['mean_absolute_error_days'], '.0f')} days."
        )
    lines += [
        f"Rigs, {line['month']}: ${line['median']:.1f} per TH, known ${line['known']:.1f}; log "
        f"error {line['log_error']:+.2f}, a factor {line['factor']:.2f}."
        for line in score["asic_price"]["months"]
    ]
    above = [
        f"{row['month']} {row['public']:.2f}"
        for row in score["btc_sold"]["months"]
        if row["public"] is not None and math.isfinite(row["public"]) and row["public"] > 1.0
    ]
    lines.append(
        "Public miners sell more BTC than they mine in: "
        + (", ".join(above) or "no month")
        + " (sold over mined, median)."
    )
    order = score["lenders"]["order"]
    lines.append(
        f"Lenders that failed, as it was: {', '.join(order['actual']) or 'none'}; in the model: "
        f"{', '.join(order['model']) or 'none'}."
    )
    bands, inside = score["bands"], score["bands"]["coverage"]
    near = sum(row["crps"] < row["crps_of_no_change"] for row in bands["months"])
    lines.append(
        f"Bands of 10 to 90 % hold {ranged(inside, '.0%')} of {len(bands['months'])} known monthly "
        f"figures, where they promise {bands['promised']:.0%}; by CRPS they are nearer than no "
        f"change in {near}."
    )
    events = score["order_of_events"]
    lines.append(
        f"Order of all public failures: {events['pairs_in_order']} of {events['pairs']} pairs as "
        "they came."
    )
    return lines


def scores_table(picture: Picture) -> Table:
    """AUC and Brier score of the model and its rivals, with and without cases on the border."""
    rows: list[tuple[str, ...]] = []
    for who, key, title in (
        ("borrowers", "with_borderline", "borrowers"),
        ("borrowers", "without_borderline", "borrowers, clear cases"),
        ("with_later_draws", "with_borderline", "borrowers, later draws known"),
        ("with_later_draws", "without_borderline", "the same, clear cases"),
        ("lenders", "with_borderline", "lenders"),
    ):
        part = picture.score[who][key]
        count = f"{title} ({part['defaults']} of {len(part['names'])})"
        for forecaster, name in ((MODEL, "Model"), *RIVALS.items()):
            row = part[forecaster]
            rows.append(
                (
                    count,
                    name,
                    ranged(row["auc"]),
                    number(row["auc_p_value"], ".3f"),
                    ranged(row["brier"]),
                    ranged(row["log"]),
                )
            )
            count = ""
    return Table(
        "Scores",
        "95 % intervals: Newcombe's for AUC, a bootstrap over names for Brier; p: share of all "
        "labellings that the forecast ranks at least as well. Brier and log score: low is good; in "
        "the latter nobody may be surer than half a run; the model says (k + 1/2) / (n + 1) for "
        "k of n runs. The constant is the share that did default, known only afterwards.",
        ("names", "forecast", "AUC", "p", "Brier", "log"),
        rows,
    )


def failure_row(picture: Picture, failure: Failure) -> tuple[str, ...]:
    """Probability, dates, cause and what happened of one name."""
    found, outcome = picture.found, picture.known.outcomes.get(failure.id)
    actual = ""
    if outcome is not None:
        actual = str(outcome.date) if outcome.defaulted and outcome.date else "no"
        actual += " (border)" if outcome.borderline else ""
    elif failure.id in found.scope.imposed:
        actual = "imposed"
    share, later = failure.probability, picture.later.borrowers.get(failure.id)
    return (
        failure.id,
        f"{share.value:.0%}",
        f"{later.probability.value:.0%}" if later else "",
        f"{share.low:.0%}–{share.high:.0%}",
        str(found.date(failure.day()) or UNKNOWN),
        f"{found.date(failure.day(0.1))} … {found.date(failure.day(0.9))}"
        if failure.days
        else UNKNOWN,
        words.CAUSES.get(failure.cause, failure.cause) or UNKNOWN,
        actual,
    )


FAILURE_COLUMNS = (
    "id",
    "P",
    "P later",
    "95 %",
    "median date",
    "10 to 90 %",
    "mostly because",
    "what happened",
)


def scored_table(picture: Picture) -> Table:
    """The scored names, and others that fail often."""
    return Table(
        "Who fails, when, and why",
        f"Over {words.times(picture.found.runs, 'run')}; 'P later': if money agreed after the "
        "opening is known. "
        "Rows without an outcome are not scored.",
        FAILURE_COLUMNS,
        [failure_row(picture, failure) for group in shown(picture) for failure in group],
    )


def sequence_table(picture: Picture) -> Table:
    """The order of events that most runs have."""
    rows: list[tuple[str, ...]] = [
        (
            line["date"],
            line["id"],
            line["kind"],
            f"{line['probability']:.0%}",
            words.CAUSES.get(line["cause"] or "", line["cause"] or UNKNOWN),
        )
        for line in picture.score["sequence"]
    ]
    return Table(
        "Order of events",
        "Failures that happen in at least half of the runs, by median date.",
        ("median date", "id", "kind", "P", "mostly because"),
        rows,
    )


def everybody_tables(picture: Picture) -> list[Table]:
    """All borrowers and all lenders."""
    found = picture.found
    return [
        Table(
            title,
            "Every row of the opening tables.",
            FAILURE_COLUMNS,
            [failure_row(picture, failure) for failure in failures.values()],
        )
        for title, failures in (
            ("All borrowers", found.borrowers),
            ("All lenders", found.lenders),
        )
    ]


def months_table(picture: Picture) -> Table:
    """Rig price and coins sold by month."""
    found, known = picture.found, picture.known
    rows: list[tuple[str, ...]] = []
    for place, (month, sales) in enumerate(
        zip(found.months, picture.score["btc_sold"]["months"], strict=True)
    ):
        path = found.price_usd
        rows.append(
            (
                month,
                number(path.median[place], ".1f"),
                f"{number(path.low[place], '.1f')}–{number(path.high[place], '.1f')}",
                number(known.rig_prices.get(month), ".1f"),
                number(sales["public"]),
                number(known.sales_over_production.get(month)),
                number(sales["all"]),
            )
        )
    return Table(
        "Month by month",
        "Rigs of 25 to 38 J/TH, USD per TH/s, mean of the month; sold over mined BTC.",
        ("month", "rigs", "10–90 %", "known", "public miners", "known", "all miners"),
        rows,
    )


def recoveries_table(picture: Picture) -> Table:
    """Recoveries of claims that were resolved in some run."""
    rows: list[tuple[str, ...]] = [
        (name, number(value.value), f"{number(value.low)}–{number(value.high)}", value.method)
        for name, value in picture.found.recoveries.items()
        if math.isfinite(value.value)
    ]
    return Table(
        "Recoveries",
        "Present value of net proceeds over claim at default, of loans resolved within the run.",
        ("loan", "median", "10–90 %", "resolved in"),
        rows,
    )


def counterfactual_table(compared: Mapping[str, Mapping[str, Estimate]]) -> Table:
    """Means of the base, and paired differences of the arms."""

    def cell(estimate: Estimate, sign: str) -> str:
        size = max(abs(estimate.value), 1e-9)
        digits = 0 if size >= 100 else 1 if size >= 10 else 2
        low, high = (number(x, f"{sign}.{digits}f") for x in (estimate.low, estimate.high))
        return f"{number(estimate.value, f'{sign}.{digits}f')} ({low} to {high})"

    rows = [
        (arm, *(cell(row[key], "" if arm == AS_IT_WAS else "+") for key in OUTCOMES))
        for arm, row in compared.items()
    ]
    return Table(
        "What would have mattered",
        "First row: means a run; below: changes against it under the same shocks, with 95 % "
        "intervals over seeds.",
        ("arm", *OUTCOMES.values()),
        rows,
    )


def arms_table(picture: Picture) -> Table:
    """Scores of the model under each arm."""
    rows: list[tuple[str, ...]] = [
        (arm, ranged(row["auc"]), ranged(row["brier"]))
        for arm, row in picture.score["arms"].items()
    ]
    return Table(
        "Scores of the scored borrowers under each change",
        "Same names and intervals as above.",
        ("arm", "AUC", "Brier"),
        rows,
    )


def as_data(compared: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Any]:
    """Counterfactuals as nested data for JSON."""
    return {
        arm: {
            key: {"value": value.value, "low": value.low, "high": value.high}
            for key, value in row.items()
        }
        for arm, row in compared.items()
    }
