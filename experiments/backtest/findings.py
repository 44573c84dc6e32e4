"""What an ensemble says: probabilities, dates, causes, bands by month, recoveries.

Dates are medians over the runs in which it happened; bands are over runs.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..look.intervals import Estimate, exact_interval
from .calendar import months
from .observe import ALL, LISTED, TROUBLES, Observation
from .scope import Scope
from .scores import said_of_runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOW, HIGH = 0.10, 0.90
PART = re.compile(r"^(.+)-\d{3}$")  # of a loan that is spread over private miners


@dataclass(frozen=True)
class Failure:
    """How often a party failed, when, and mostly why; days from the opening, NaN if never.

    Attributes:
        id: of the party.
        probability: share of runs, with its exact interval; of parties and runs for a row that
            stands for many.
        days: day of failure in each run (and party) in which it failed, ascending.
        cause: the most frequent one, "" if none.
        stands_for: so many parties; more than one for a row that was split.
    """

    id: str
    probability: Estimate
    days: tuple[int, ...]
    cause: str
    stands_for: int = 1
    trials: int = 0  # runs times parties

    @property
    def said(self) -> float:
        """The probability that is scored: never 0 or 1, since runs are few."""
        return said_of_runs(len(self.days), self.trials)

    def day(self, level: float = 0.5) -> float:
        """A quantile of the day of failure."""
        return float(np.quantile(self.days, level)) if self.days else float("nan")


@dataclass(frozen=True)
class Band:
    """10 %, median and 90 % over runs, by month; NaN where no run has a number."""

    low: list[float]
    median: list[float]
    high: list[float]


@dataclass(frozen=True)
class Findings:
    """The ensemble in numbers; lists by month follow ``months``.

    ``strained`` is the share of runs in which a borrower defaults or has a missed payment
    rescheduled at full value, which is no default here. ``troubles`` are first margin calls,
    breaches and reorganisations; ``monthly`` figures and ``spreads`` are those of an observation.
    """

    scope: Scope
    opening: dt.date
    days: int
    runs: int
    months: list[str]
    borrowers: dict[str, Failure]
    lenders: dict[str, Failure]
    sleeves: dict[str, Failure]
    strained: dict[str, float]
    price_usd: Band
    traded: list[float]
    sold_btc: dict[str, Band]
    mined_btc: dict[str, Band]
    sold_share: dict[str, Band]
    recoveries: dict[str, Estimate]
    loss_usd: Estimate
    lender_loss_usd: dict[str, Estimate]
    troubles: dict[str, dict[str, Failure]]
    monthly: dict[str, Band]
    spreads: dict[str, Band]
    price_by_run: list[list[float]]
    sold_share_by_run: dict[str, list[list[float]]]

    @property
    def small(self) -> set[str]:
        """Ids of the small parties that stand behind one row of the tables."""
        return {name for names in self.scope.members.values() for name in names}

    def date(self, day: float) -> dt.date | None:
        """The calendar date of a day, None for NaN."""
        return None if np.isnan(day) else self.opening + dt.timedelta(days=round(day))

    def iso(self, day: float) -> str | None:
        """The same as ``YYYY-MM-DD``."""
        date = self.date(day)
        return date.isoformat() if date else None


def findings(
    observations: Sequence[Observation],
    opening: dt.date,
    days: int,
    scope: Scope,
    loan_ids: Sequence[str],
) -> Findings:
    """Sum up an ensemble.

    Args:
        observations: one per run.
        opening: day 0.
        days: that were simulated.
        scope: whom to report on.
        loan_ids: all loans of the books, in order.
    """
    runs, count = len(observations), len(months(opening, days))
    first = [o.borrowers for o in observations]
    borrowers = {
        name: failure(name, first, scope.members.get(name, (name,))) for name in scope.borrowers
    }
    for members in scope.members.values():
        borrowers |= {name: failure(name, first, (name,)) for name in members}
    failed = [
        {name: (day, o.lender_causes.get(name, "")) for name, day in o.lenders.items()}
        for o in observations
    ]
    closed = [{name: (day, "") for name, day in o.sleeves.items()} for o in observations]
    parts = {name: (name,) for name in loan_ids} | wholes(loan_ids)
    values = {name: _recovery(members, observations) for name, members in parts.items()}
    share = {
        group: [
            [sold / mined if mined > 0 else np.nan for sold, mined in zip(*pair, strict=True)]
            for pair in ((o.sold_btc[group], o.mined_btc[group]) for o in observations)
        ]
        for group in (ALL, LISTED)
    }
    return Findings(
        scope=scope,
        opening=opening,
        days=days,
        runs=runs,
        months=months(opening, days),
        borrowers=borrowers,
        lenders={name: failure(name, failed, (name,)) for name in scope.lenders},
        sleeves={name: failure(name, closed, (name,)) for name in scope.lenders},
        strained={
            name: sum(name in o.borrowers or name in o.extended for o in observations) / runs
            for name in scope.borrowers
        },
        price_usd=band([o.price_usd for o in observations]),
        traded=np.mean([o.traded for o in observations], axis=0).tolist(),
        sold_btc={g: band([o.sold_btc[g] for o in observations]) for g in (ALL, LISTED)},
        mined_btc={g: band([o.mined_btc[g] for o in observations]) for g in (ALL, LISTED)},
        sold_share={group: band(rows) for group, rows in share.items()},
        recoveries=values,
        loss_usd=_spread(np.array([o.loss_usd for o in observations])),
        lender_loss_usd={
            name: _spread(np.array([o.lender_loss_usd.get(name, 0.0) for o in observations]))
            for name in scope.lenders
        },
        troubles={kind: _troubles(kind, observations, scope) for kind in TROUBLES},
        monthly=_bands([o.monthly for o in observations], count),
        spreads=_bands([o.spreads for o in observations], count),
        price_by_run=[o.price_usd for o in observations],
        sold_share_by_run=share,
    )


def _troubles(kind: str, observations: Sequence[Observation], scope: Scope) -> dict[str, Failure]:
    """How often, and when first, borrowers see a kind of event."""
    found = [
        {name: (day, "") for name, day in o.troubles.get(kind, {}).items()} for o in observations
    ]
    return {
        name: failure(name, found, scope.members.get(name, (name,))) for name in scope.borrowers
    }


def _bands(rows: Sequence[Mapping[str, list[float]]], months: int) -> dict[str, Band]:
    """Bands of all names that some run has."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    nothing = [float("nan")] * months
    return {name: band([row.get(name, nothing) for row in rows]) for name in names}


def failure(
    name: str, runs: Sequence[Mapping[str, tuple[int, str]]], members: Sequence[str]
) -> Failure:
    """Count how often a party, or one of those it stands for, failed over runs."""
    found = [run[member] for run in runs for member in members if member in run]
    trials = len(runs) * len(members)
    low, high = exact_interval(len(found), trials)
    causes = Counter(cause for _, cause in found if cause)
    most = max(sorted(causes), key=causes.__getitem__) if causes else ""
    share = Estimate(len(found) / trials, float(low), float(high), "exact")
    days = tuple(sorted(day for day, _ in found))
    return Failure(name, share, days, most, len(members), trials)


def band(rows: Sequence[Sequence[float]]) -> Band:
    """Quantiles over runs of what is known in each month."""
    table = np.array(rows, dtype=np.float64)
    columns = [column[np.isfinite(column)] for column in table.T]
    return Band(
        *(
            [float(np.quantile(c, level)) if len(c) else float("nan") for c in columns]
            for level in (LOW, 0.5, HIGH)
        )
    )


def wholes(loan_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Loans of the tables that are spread over many small borrowers, and their numbered parts."""
    found: dict[str, list[str]] = {}
    for name in loan_ids:
        if part := PART.match(name):
            found.setdefault(part[1], []).append(name)
    return {whole: tuple(names) for whole, names in found.items()}


def _recovery(loans: Sequence[str], observations: Sequence[Observation]) -> Estimate:
    """Recovery of a loan over runs; of a spread one weighted by the claims that were resolved."""
    values = []
    for o in observations:
        resolved = [o.recoveries[name] for name in loans if name in o.recoveries]
        claims = sum(claim for _, claim in resolved)
        if claims > 0.0:
            values.append(sum(share * claim for share, claim in resolved) / claims)
    return _spread(np.array(values))


def _spread(values: NDArray[np.float64]) -> Estimate:
    """Median with the 10 % and 90 % quantiles; the method says over how many runs."""
    if len(values) == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), "0 runs")
    low, middle, high = np.quantile(values, [LOW, 0.5, HIGH])
    return Estimate(float(middle), float(low), float(high), f"{len(values)} runs")


def borrower_rows(found: Findings) -> list[dict[str, Any]]:
    """Probability, median date and cause of every borrower, as published."""
    return [
        {
            "id": f.id,
            "default_probability": f.probability.value,
            "median_default_date": found.iso(f.day()),
            "cause": f.cause or None,
            **{
                f"{kind}_probability": failures[f.id].probability.value
                for kind, failures in found.troubles.items()
                if f.id in failures
            },
        }
        for f in found.borrowers.values()
    ]


def _band(of: Band, month: int) -> dict[str, float]:
    return {"p10": of.low[month], "median": of.median[month], "p90": of.high[month]}


def as_json(found: Findings, score: dict[str, Any]) -> dict[str, Any]:
    """The published form of the findings; dates are ISO, unknown numbers NaN until written."""
    prices, sold, mined = found.price_usd, found.sold_btc[LISTED], found.mined_btc[LISTED]
    places = list(enumerate(found.months))
    return {
        "borrowers": borrower_rows(found),
        "lenders": [
            {
                "id": f.id,
                "failure_probability": f.probability.value,
                "median_failure_date": found.iso(f.day()),
                "cause": f.cause or None,
                "closed_probability": found.sleeves[f.id].probability.value,
                "loss_usd": _range(found.lender_loss_usd[f.id]),
            }
            for f in found.lenders.values()
        ],
        "asic_price_usd_per_th": [
            {"month": month, **_band(prices, place)} for place, month in places
        ],
        "btc_sold": [
            {"month": month, "median": sold.median[place], "production": mined.median[place]}
            for place, month in places
        ],
        "loans": [
            {"id": name, "recovery_median": value.value} for name, value in found.recoveries.items()
        ],
        "score": score,
        "months": [
            {"month": month, **{name: _band(of, place) for name, of in found.monthly.items()}}
            for place, month in places
        ],
        "issuers": [
            {
                "id": name,
                "month": month,
                "spread_bp": 1e4 * of.median[place],
                "p10": 1e4 * of.low[place],
                "p90": 1e4 * of.high[place],
            }
            for name, of in found.spreads.items()
            for place, month in places
        ],
        "loss_usd": _range(found.loss_usd),
    }


def _range(of: Estimate) -> dict[str, float]:
    return {"p10": of.low, "median": of.value, "p90": of.high}
