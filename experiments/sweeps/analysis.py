"""``firesale analyse``: what the runs of a sweep say together, with how sure each number is.

Tables go to ``analysis/*.csv``, figures and one page of HTML beside them, and all runs in one file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from ...market.scenario.errors import InputError
from ..look import intervals, words
from ..run.writing import hidden_folder, locked, remove_leftovers
from . import store
from .findings import Findings, sentences
from .plan import INDICES, Analysis, parse_event
from .policies import compare, levers
from .queries import Runs, condition, groups_of, unresolved
from .sensitivity import sensitivity

if TYPE_CHECKING:
    import pandas as pd

FOLDER, LOCK, HIDDEN = "analysis", ".analysis-lock", ".analysis-"
MOST_CURVES = 6


def analyse_folder(
    folder: Path, event: str | None = None, loss: str | None = None, salvage: bool = False
) -> list[str]:
    """Analyse a sweep's folder, write ``analysis/`` there, and return the findings in sentences.

    With ``salvage`` damaged parts are left out, and what is missing is said.

    Raises:
        InputError: no sweep, no runs, no such metric, damaged parts, not writable, or another
            analysis at work there.
    """
    store.read_manifest(folder)  # a folder of something else is refused before anything is written
    with locked(folder, "another analysis", LOCK):
        remove_leftovers(folder, HIDDEN)
        findings = find(Runs.open(folder, salvage), event, loss)
        try:
            _write(findings, folder)
        except OSError as error:
            raise store.unwritable(folder, error) from None
    return [*sentences(findings), f"Files: {folder / FOLDER} (report.html has all of it)"]


def _write(findings: Findings, folder: Path) -> None:
    """All files in a hidden folder, which takes the place of what was there."""
    from .report import write_report

    place = folder / FOLDER
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise InputError(f"{place}: is a file or a link, not an analysis; move it away.")
    with hidden_folder(folder, HIDDEN) as hidden:
        new = hidden / FOLDER
        (new / "figures").mkdir(parents=True)
        _write_tables(findings, new)
        write_report(findings, new)
        if place.exists():
            place.rename(hidden / "before")
        new.rename(place)


def find(runs: Runs, event: str | None = None, loss: str | None = None) -> Findings:
    """Answer what the plan asks, or another event or loss."""
    asks = asked(runs, event, loss)
    metric, comparison, number = parse_event(asks.event)
    sql = condition(runs.check(metric), comparison, number)
    runs.check(asks.loss)
    import pandas as pd

    losses, events = runs.frame(asks.loss, sql), runs.frame(metric, sql)
    for name, frame in ((asks.loss, losses), (metric, events)):
        if frame.empty:
            raise InputError(f"{runs.folder}: no finished run knows {name}.")
    arms = [
        arm for arm in runs.arms if (losses["arm"] == arm).any() and (events["arm"] == arm).any()
    ]
    phases = {}
    for x, y in asks.phase or _default_pair(runs):
        for arm in arms:
            cells = runs.cells((x, y), sql, asks.loss, arm, asks.bins)
            phases[x, y, arm] = with_interval(cells, asks.confidence)
    curves = {
        name: with_interval(
            runs.cells((name,), sql, asks.loss, arms[0], asks.bins), asks.confidence
        )
        for name in runs.factors[:MOST_CURVES]
    }
    kept = runs.manifest["plan"].get("trajectories")
    findings = Findings(
        runs=runs,
        asks=asks,
        event=asks.event,
        summary=pd.DataFrame(
            [
                _summary(runs, asks, losses[losses["arm"] == arm], events[events["arm"] == arm])
                for arm in arms
            ]
        ),
        policies=pd.DataFrame(
            [compare(runs, asks, losses, events, (arms[0], arm)) for arm in arms[1:]]
        ),
        levers=levers(runs, arms),
        sensitivities=[
            sensitivity(
                runs.method,
                runs.points(value, arms[0])
                if runs.method in INDICES
                else runs.by_run(value, arms[0]),
                runs.factors,
                name,
                asks.confidence,
                runs.shared_seeds,
            )
            for name, value in ((asks.loss, f'"{asks.loss}"'), (asks.event, f"({sql})::INT"))
            if runs.factors
        ],
        phases=phases,
        curves=curves,
        paths=runs.paths(kept["columns"], arms[0]) if kept and runs.has_paths else None,
    )
    findings.remarks = _remarks(findings)
    return findings


def asked(runs: Runs, event: str | None, loss: str | None) -> Analysis:
    """The plan's questions, with another event or loss if given.

    Raises:
        InputError: not an event.
    """
    data: dict[str, Any] = dict(runs.manifest.get("analysis", {}))
    data["phase"] = tuple(map(tuple, data.get("phase", ())))
    data |= {key: value for key, value in (("event", event), ("loss", loss)) if value is not None}
    try:
        return Analysis(**data)
    except ValueError as error:
        problem = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise InputError(f"--event: {problem.removeprefix('Value error, ')}.") from None


def with_interval(cells: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Cells with ``share`` and its exact interval ``low, high``."""
    low, high = intervals.exact_interval(cells["hits"], cells["runs"], confidence)
    return cells.assign(share=cells["hits"] / cells["runs"], low=low, high=high)


WITHOUT_LARGEST = {
    "loss_usd.total": "largest_borrower.loss_without_usd",
    "loss_usd.resolved_total": "largest_borrower.resolved_loss_without_usd",
}
"""Losses, and what they are without loans to the largest borrower."""
FAILS = "largest_borrower.fails"


def _summary(
    runs: Runs, asks: Analysis, losses: pd.DataFrame, events: pd.DataFrame
) -> dict[str, Any]:
    """One row of the summary: an arm's probability of the event and the tail of its losses.

    Each is over the runs that know it. Losses are given twice, with and without those on loans to
    the largest borrower.
    """
    arm = str(events["arm"].iloc[0])
    return {
        "arm": arm,
        "runs": len(events),
        "hits": int(events["hit"].sum()),
        **_share(runs, asks, events).columns("probability"),
        **_tail(runs, asks, losses),
        **unresolved(runs, asks.loss, arm),
        **_without_largest(runs, asks, arm),
    }


def _share(runs: Runs, asks: Analysis, events: pd.DataFrame) -> intervals.Estimate:
    """How often an event happens."""
    return intervals.share(
        events["hit"].to_numpy(bool),
        asks.confidence,
        groups_of(runs, events),
        events["log_weight"].to_numpy(float),
    )


def _tail(runs: Runs, asks: Analysis, losses: pd.DataFrame, name: str = "") -> dict[str, Any]:
    """Mean, value at risk and expected shortfall, in columns that start with ``name``."""
    groups, value = groups_of(runs, losses), losses["value"].to_numpy(float)
    weight = losses["log_weight"].to_numpy(float)
    mean = intervals.mean_of(value, weight, asks.confidence, groups)
    if np.ptp(weight) > 0.0:
        at_risk, shortfall = intervals.weighted_tail(
            value, weight, asks.tail, asks.confidence, groups
        )
    else:
        if groups is None:
            at_risk = intervals.quantile(value, asks.tail, asks.confidence)
        else:
            at_risk = intervals.bootstrap(
                value, lambda v: intervals.quantile_of(v, asks.tail), asks.confidence, groups
            )
        shortfall = intervals.bootstrap(
            value,
            lambda v: intervals.expected_shortfall(v, asks.tail),
            asks.confidence,
            groups,
        )
    return {
        **mean.columns(f"{name}mean"),
        **at_risk.columns(f"{name}value_at_risk"),
        **shortfall.columns(f"{name}expected_shortfall"),
    }


def _without_largest(runs: Runs, asks: Analysis, arm: str) -> dict[str, Any]:
    """The same losses without those on loans to the largest borrower, and how often it fails."""
    metric = WITHOUT_LARGEST.get(asks.loss)
    if metric not in runs.metrics or FAILS not in runs.metrics:
        return {}
    losses = runs.frame(metric, arm=arm)
    fails = runs.frame(FAILS, condition(FAILS, "=", 1.0), arm)
    return {
        **_tail(runs, asks, losses, "without_largest_"),
        **_share(runs, asks, fails).columns("largest_fails"),
    }


def _default_pair(runs: Runs) -> tuple[tuple[str, str], ...]:
    return ((runs.factors[0], runs.factors[1]),) if len(runs.factors) > 1 else ()


def _remarks(findings: Findings) -> list[str]:
    """What a reader must know before believing the numbers."""
    runs, remarks = findings.runs, []
    counts = runs.counts()
    stored = counts["ok"] + counts["error"] + counts["killed"]
    if stored < counts["planned"]:
        which = f" ({runs.missing()})" if runs.salvaged else ""
        remarks.append(
            f"{counts['planned'] - stored:,} of {words.times(counts['planned'], 'run')} are still "
            f"missing{which}: the same sweep command goes on."
        )
    if failed := counts["error"] + counts["killed"]:
        remarks.append(
            f"{words.times(failed, 'run')} failed: left out of every number, see failures.jsonl."
        )
    for name in dict.fromkeys((findings.asks.loss, parse_event(findings.event)[0])):
        if unknown := counts["ok"] - len(runs.frame(name)):
            remarks.append(
                f"{words.times(unknown, 'run')} cannot tell {name}: left out of what is said of it."
            )
    if runs.weighted:
        remarks.append(
            "Runs were sampled by importance: probabilities, losses and policies over all runs are "
            "weighted back; phase diagrams, curves, indices and paths show runs as they were "
            "sampled."
        )
    if arm := findings.first_arm:
        remarks.append(f"Curves, indices and paths are those of runs under {arm}.")
    if runs.shared_seeds and findings.curves:
        remarks.append(
            "Every point saw the same draws: intervals of curves, which pool points, are too "
            "narrow."
        )
    if runs.method in ("grid", "list", "morris") and runs.factors:
        remarks.append(
            "Probabilities over all runs are shares over this plan's points; they are chances only "
            "if its points are equally likely."
        )
    remarks += [
        f"Indices for {s.output}: {s.warning}." for s in findings.sensitivities if s.warning
    ]
    return remarks


def _write_tables(findings: Findings, folder: Path) -> None:
    import pandas as pd

    findings.summary.to_csv(folder / "summary.csv", index=False)
    if len(findings.policies):
        findings.policies.to_csv(folder / "policies.csv", index=False)
    if len(findings.levers):
        findings.levers.to_csv(folder / "levers.csv", index=False)
    rows = [
        {"output": s.output, "noise_share": s.noise_share, "warning": s.warning, **vars(index)}
        for s in findings.sensitivities
        for index in (*s.indices, *s.alone)
    ]
    if rows:
        pd.DataFrame(rows).to_csv(folder / "sensitivity.csv", index=False)
    for number, ((_, _, arm), cells) in enumerate(findings.phases.items(), start=1):
        cells.assign(arm=arm).to_csv(folder / f"phase-{number}.csv", index=False)
    for name, cells in findings.curves.items():
        cells.to_csv(folder / f"by-{name}.csv", index=False)
    if findings.paths is not None:
        findings.paths.to_csv(folder / "paths.csv", index=False)
    findings.runs.export(folder / "runs.parquet")
