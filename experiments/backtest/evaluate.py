"""The findings against what happened, beside the rivals: everything under ``score``."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..look.intervals import Estimate, exact_interval
from . import labels, scores
from .calendar import month_of
from .crises import CRISES
from .findings import HIGH, LOW, Failure, Findings
from .labels import Outcome
from .observe import ALL, LISTED
from .rivals import Balance, forecasts

WAVE_MONTHS = (6, 14)  # after it
MODEL = "model"
LIKELY = 0.5


@dataclass(frozen=True)
class Known:
    """What happened, as far as it is public: outcomes, rig prices, sales over production."""

    outcomes: Mapping[str, Outcome]
    rig_prices: Mapping[str, float]
    sales_over_production: Mapping[str, float]

    @classmethod
    def nothing(cls) -> Known:
        """Before anything has happened."""
        return cls({}, {}, {})

    @classmethod
    def read(cls) -> Known:
        """From the tables of labels."""
        return cls(labels.outcomes(), labels.rig_prices(), labels.sales_over_production())


def score(found: Findings, balance: Mapping[str, Balance], known: Known) -> dict[str, Any]:
    """All scores as nested data for JSON; an interval is ``{value, low, high}``."""
    borrowers = {n: o for n, o in known.outcomes.items() if n in found.borrowers}
    lenders = {n: o for n, o in known.outcomes.items() if n in found.lenders}
    return {
        "runs": found.runs,
        "opening": found.opening.isoformat(),
        "days": found.days,
        "borrowers": score_borrowers(found, balance, known),
        "lenders": {
            "with_borderline": _compare(found.lenders, lenders, balance),
            "order": _order(found, found.lenders, lenders),
        },
        "timing": _timing(found, borrowers, lenders),
        "order_of_events": _order(found, found.borrowers | found.lenders, known.outcomes),
        "sequence": _sequence(found),
        "wave": _wave(found, CRISES["2022"].peak),
        "asic_price": _rig_price(found, known.rig_prices),
        "btc_sold": _sales(found, known.sales_over_production),
        "bands": _bands(found, known),
    }


def unscored(found: Findings, peak: dt.date) -> dict[str, Any]:
    """What can be said of a forecast before anything is known: no outcome is asked for."""
    return {
        "runs": found.runs,
        "opening": found.opening.isoformat(),
        "days": found.days,
        "sequence": _sequence(found),
        "wave": _wave(found, peak),
    }


def score_borrowers(
    found: Findings, balance: Mapping[str, Balance], known: Known
) -> dict[str, Any]:
    """Scores of the borrowers whose outcome is public, with and without cases on the border."""
    outcomes = {n: o for n, o in known.outcomes.items() if n in found.borrowers}
    runs = found.runs
    strained = [scores.said_of_runs(found.strained[name] * runs, runs) for name in outcomes]
    happened = [outcome.defaulted for outcome in outcomes.values()]
    return {
        "with_borderline": _compare(found.borrowers, outcomes, balance),
        "without_borderline": _compare(found.borrowers, _clear(outcomes), balance),
        "rescheduled_counts": score_arms({MODEL: strained}, happened)[MODEL],
    }


def score_arms(
    forecasts: Mapping[str, Sequence[float]], happened: Sequence[bool]
) -> dict[str, Any]:
    """AUC and Brier score of the model under each arm, on the same names."""
    return {
        arm: {
            "auc": interval(scores.discrimination(said, happened).score_interval),
            "brier": interval(scores.brier(said, happened)),
        }
        for arm, said in forecasts.items()
    }


def _clear(outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    return {name: outcome for name, outcome in outcomes.items() if not outcome.borderline}


def _compare(
    failures: Mapping[str, Failure],
    outcomes: Mapping[str, Outcome],
    balance: Mapping[str, Balance],
) -> dict[str, Any]:
    """AUC and Brier score of the model and its rivals on the same names."""
    names = list(outcomes)
    happened = [outcomes[name].defaulted for name in names]
    said = {MODEL: [failures[name].said for name in names]}
    said |= forecasts(names, dict(balance), happened)
    trials = min((failures[name].trials for name in names), default=0)
    room = 0.5 / (trials + 1)
    result: dict[str, Any] = {"names": names, "defaults": sum(happened)}
    for forecaster, values in said.items():
        ranks = scores.discrimination(values, happened)
        result[forecaster] = {
            "auc": interval(ranks.score_interval),
            "auc_bootstrap": interval(ranks.bootstrap),
            "auc_p_value": ranks.p_value,
            "brier": interval(scores.brier(values, happened)),
            "log": interval(scores.log_score(values, happened, room)),
        }
        if forecaster != MODEL:
            result[forecaster] |= {
                "model_auc_less_this": interval(
                    scores.auc_difference(said[MODEL], values, happened)
                ),
                "model_brier_less_this": interval(
                    scores.brier_difference(said[MODEL], values, happened)
                ),
            }
    return result


def _timing(
    found: Findings, borrowers: Mapping[str, Outcome], lenders: Mapping[str, Outcome]
) -> dict[str, Any]:
    """Errors of median dates, of the defaults that happened and that the model knows at all."""
    lines: list[dict[str, Any]] = []
    errors: list[float] = []
    for failures, outcomes in ((found.borrowers, borrowers), (found.lenders, lenders)):
        for name, outcome in outcomes.items():
            if not outcome.defaulted or outcome.date is None:
                continue
            expected = failures[name]
            actual = (outcome.date - found.opening).days
            error = expected.day() - actual
            lines.append(
                {
                    "id": name,
                    "actual": outcome.date.isoformat(),
                    "median": found.iso(expected.day()),
                    "p10": found.iso(expected.day(0.1)),
                    "p90": found.iso(expected.day(0.9)),
                    "probability": expected.probability.value,
                    "error_days": error,
                }
            )
            if failures is found.borrowers and math.isfinite(error):
                errors.append(error)
    mean, size = scores.timing(errors)
    return {
        "borrowers_dated": len(errors),
        "mean_error_days": interval(mean),
        "mean_absolute_error_days": interval(size),
        "names": lines,
    }


def _order(
    found: Findings, failures: Mapping[str, Failure], outcomes: Mapping[str, Outcome]
) -> dict[str, Any]:
    """Whether failures that happened come in the order in which they happened."""
    happened = [
        (outcome.date, name)
        for name, outcome in outcomes.items()
        if outcome.defaulted and outcome.date is not None and name in failures
    ]
    happened.sort()
    names = [name for _, name in happened]
    expected = [failures[name].day() for name in names]
    right, pairs = scores.concordance(expected, [float(date.toordinal()) for date, _ in happened])
    dated = sorted((day, name) for day, name in zip(expected, names, strict=True) if day == day)
    return {
        "actual": names,
        "model": [name for _, name in dated],
        "pairs_in_order": right,
        "pairs": pairs,
    }


def _sequence(found: Findings) -> list[dict[str, Any]]:
    """What happens in most runs, in the order of median dates: who fails, and on what."""
    likely = [
        failure
        for failure in (found.borrowers | found.lenders).values()
        if failure.stands_for == 1 and failure.probability.value >= LIKELY
    ]
    return [
        {
            "date": found.iso(failure.day()),
            "id": failure.id,
            "kind": "lender" if failure.id in found.lenders else "borrower",
            "probability": failure.probability.value,
            "cause": failure.cause or None,
        }
        for failure in sorted(likely, key=lambda failure: (failure.day(), failure.id))
    ]


def _wave(found: Findings, high: dt.date) -> dict[str, Any]:
    """When the defaults of all borrowers come, over all runs: a row for each month."""
    single = {name: f for name, f in found.borrowers.items() if f.stands_for == 1}
    days = [day for f in single.values() for day in f.days]
    named = [day for name, f in single.items() if name not in found.small for day in f.days]
    if not days:
        return {"share_in_window": None, "by_month": []}
    peak = (high - found.opening).days
    first, last = (peak + 365.25 / 12.0 * months for months in WAVE_MONTHS)
    quartiles = np.quantile(days, [0.25, 0.5, 0.75])
    counts = Counter(month_of(day, found.opening) for day in days)
    of_named = Counter(month_of(day, found.opening) for day in named)
    return {
        "window": [found.iso(first), found.iso(last)],
        "share_in_window": _share_between(days, first, last),
        "share_in_window_of_named": _share_between(named, first, last),
        "largest_month_share": max(counts.values()) / len(days),
        "quartiles": [found.iso(float(day)) for day in quartiles],
        "by_month": [
            {
                "month": month,
                "defaults_per_run": counts[month] / found.runs,
                "of_named_borrowers": of_named[month] / found.runs,
            }
            for month in found.months
        ],
    }


def _share_between(days: Sequence[int], first: float, last: float) -> float:
    """Share of days from first to last; NaN of none."""
    return sum(first <= day <= last for day in days) / len(days) if days else math.nan


def _rig_price(found: Findings, known: Mapping[str, float]) -> dict[str, Any]:
    """The price path against the months in which the level is known."""
    path = found.price_usd
    lines: list[dict[str, Any]] = []
    for month, level in known.items():
        place = found.months.index(month) if month in found.months else -1
        if place < 0 or not math.isfinite(path.median[place]):
            continue
        (error,) = scores.log_errors([path.median[place]], [level])
        low, high = scores.log_errors([path.low[place], path.high[place]], [level, level])
        lines.append(
            {
                "month": month,
                "known": level,
                "median": path.median[place],
                "log_error": float(error),
                "log_error_p10": float(low),
                "log_error_p90": float(high),
                "factor": math.exp(abs(float(error))),
                "within_factor_1_5": math.exp(abs(float(error))) <= 1.5,
            }
        )
    return {
        "months": lines,
        "rms_log_error": scores.root_mean_square([line["log_error"] for line in lines]),
        "share_of_days_after_first_trade": dict(zip(found.months, found.traded, strict=True)),
    }


def _bands(found: Findings, known: Known) -> dict[str, Any]:
    """Bands by month against what is known after the opening month: how near, and inside how often.

    CRPS has the unit of the figure: USD per TH, and coins sold over coins mined. Beside it stands
    that of one number, the opening price or one for one: what a band must beat.
    """
    opening = month_of(0, found.opening)
    rows: list[dict[str, Any]] = []
    for figure, by_run, levels, still in (
        ("asic_price", found.price_by_run, known.rig_prices, found.price_usd.median[0]),
        ("btc_sold", found.sold_share_by_run[LISTED], known.sales_over_production, 1.0),
    ):
        for month, level in levels.items():
            if month == opening or month not in found.months:
                continue
            sample = [run[found.months.index(month)] for run in by_run]
            low, high = np.nanquantile(sample, [LOW, HIGH])
            rows.append(
                {
                    "figure": figure,
                    "month": month,
                    "known": level,
                    "p10": float(low),
                    "p90": float(high),
                    "inside": bool(low <= level <= high),
                    "crps": scores.crps(sample, level),
                    "crps_of_no_change": abs(still - level),
                }
            )
    inside = sum(row["inside"] for row in rows)
    low, high = exact_interval(inside, len(rows)) if rows else (math.nan, math.nan)
    return {
        "months": rows,
        "promised": HIGH - LOW,
        "coverage": {
            "value": inside / len(rows) if rows else math.nan,
            "low": float(low),
            "high": float(high),
        },
    }


def _sales(found: Findings, known: Mapping[str, float]) -> dict[str, Any]:
    """Sales over production by month, of public miners and of all, beside what is known."""

    def clean(values: Sequence[float]) -> list[float]:
        return [float(value) for value in values]

    listed, everyone = found.sold_share[LISTED], found.sold_share[ALL]
    return {
        "months": [
            {
                "month": month,
                "known_public": known.get(month),
                "public": one,
                "public_p10": low,
                "public_p90": high,
                "all": other,
                "all_sold": sold,
                "all_production": mined,
            }
            for month, one, low, high, other, sold, mined in zip(
                found.months,
                clean(listed.median),
                clean(listed.low),
                clean(listed.high),
                clean(everyone.median),
                found.sold_btc[ALL].median,
                found.mined_btc[ALL].median,
                strict=True,
            )
        ]
    }


def interval(estimate: Estimate) -> dict[str, float]:
    """An estimate as JSON; open ends become null when written."""
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
