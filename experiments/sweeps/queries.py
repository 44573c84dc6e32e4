"""A sweep's runs as DuckDB sees them: views over its parts, and the questions asked of them.

``runs`` has every run once, with its ``point_id``; ``good`` those that finished. Numbers that
summaries leave out where they are zero are zero here.
"""

from __future__ import annotations

import difflib
import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...market.scenario.errors import InputError
from . import store
from .execute import ZERO_IF_ABSENT
from .plan import INDICES, SAMPLED

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

OWN = (
    "run_id",
    "design_id",
    "point_id",
    "replicate",
    "arm",
    "seed",
    "log_weight",
    "status",
    "error",
)
FEW_VALUES = 24  # of a factor: then each is a cell of its own


@dataclass
class Runs:
    """The runs of a sweep's folder, open for questions.

    Example:
        ``Runs.open(Path("out/sweep-quick")).frame("loss_usd.total")``
    """

    folder: Path
    manifest: dict[str, Any]
    connection: Any
    factors: list[str]
    metrics: list[str]
    salvaged: bool = False

    @classmethod
    def open(cls, folder: Path, salvage: bool = False) -> Runs:
        """Open a folder; with ``salvage`` parts that are damaged are left out.

        Raises:
            InputError: no sweep there, or no run yet, or files that cannot be read.
        """
        import duckdb

        manifest = store.read_manifest(folder)
        if not store.has_parts(folder):
            raise InputError(f"{folder}: no run of this sweep is stored yet.")
        factors = list(manifest["plan"]["factors"])
        try:
            connection = store.connect(folder, salvage)
            design = store.read_design(folder, manifest)
            connection.register("design", design)
            if not _has_view(connection, "runs"):
                raise InputError(
                    f"{folder}: no part of it is whole; give the sweep's command again."
                )
            names = [row[0] for row in connection.execute("DESCRIBE runs").fetchall()]
            zero = [n for n in names if n.startswith(ZERO_IF_ABSENT)]
            replaced = ", ".join(f"coalesce({quoted(n)}, 0) AS {quoted(n)}" for n in zero)
            arms = max(len(manifest["plan"]["arms"]), 1)
            connection.execute(
                f"CREATE TABLE good AS SELECT *, design_id // {arms} AS point_id FROM "
                f"(SELECT * {f'REPLACE ({replaced})' if zero else ''} FROM runs "
                "WHERE status = 'ok') ORDER BY run_id"
            )
        except (duckdb.Error, OSError) as error:
            reason = str(error).splitlines()[0][:150]
            raise InputError(f"{folder}: its parts cannot be read ({reason}).") from None
        own = {*OWN, *factors}
        return cls(
            folder, manifest, connection, factors, [n for n in names if n not in own], salvage
        )

    @property
    def arms(self) -> list[str]:
        """Names of the policy arms, in the plan's order; one without a name if it has none."""
        return list(self.manifest["plan"]["arms"]) or [""]

    @property
    def has_paths(self) -> bool:
        """Whether series of runs are stored."""
        return _has_view(self.connection, "paths")

    def missing(self) -> str:
        """Numbers of runs that are not stored, the first few stretches."""
        found = self.connection.execute("SELECT DISTINCT run_id FROM runs").fetchnumpy()
        planned = np.arange(int(self.manifest["runs"]))
        gone = np.setdiff1d(planned, np.asarray(found["run_id"], np.int64))
        stretches = np.split(gone, np.flatnonzero(np.diff(gone) > 1) + 1)
        told = [f"{s[0]} to {s[-1]}" if len(s) > 1 else f"{s[0]}" for s in stretches if len(s)]
        return ", ".join(told[:8]) + (", …" if len(told) > 8 else "")

    @property
    def replicates(self) -> int:
        """Runs at each point."""
        return int(self.manifest["plan"]["replicates"])

    @property
    def method(self) -> str:
        """Of the design."""
        return str(self.manifest["plan"]["design"]["method"])

    @property
    def shared_seeds(self) -> bool:
        """Whether every point saw the same draws."""
        return bool(self.manifest["plan"]["shared_seeds"])

    @property
    def weighted(self) -> bool:
        """Whether runs have weights, as importance sampling gives them."""
        found = self.connection.execute("SELECT min(log_weight) < max(log_weight) FROM good")
        return bool(found.fetchone()[0])

    def counts(self) -> dict[str, int]:
        """Runs planned, finished (``ok``), and failed (``error``, ``killed``)."""
        found = self.connection.execute("SELECT status, count(*) FROM runs GROUP BY 1").fetchall()
        return {"planned": int(self.manifest["runs"]), "ok": 0, "error": 0, "killed": 0} | dict(
            found
        )

    def check(self, metric: str) -> str:
        """The metric's name.

        Raises:
            InputError: the sweep has no such number.
        """
        if metric in self.metrics:
            return metric
        if not self.counts()["ok"]:
            raise InputError(f"{self.folder}: no run has finished; see {store.FAILURES} there.")
        near = difflib.get_close_matches(metric, self.metrics, 3, 0.4) or self.metrics[:3]
        near = near or ["nothing, the plan's 'outputs' match no number"]
        raise InputError(
            f"{self.folder}: no run has a metric '{metric}'; near to it: {', '.join(near)}."
        )

    def frame(self, metric: str, event: str = "false", arm: str | None = None) -> pd.DataFrame:
        """``run_id, point_id, replicate, arm, log_weight, value, hit`` of finished runs.

        Runs whose metric is unknown are left out; ``event`` is a condition in SQL. For an event's
        own metric these are the runs that can tell whether it happened.
        """
        where = "" if arm is None else f"AND arm = {text(arm)}"
        frame: pd.DataFrame = self.connection.execute(
            f"SELECT run_id, point_id, replicate, arm, log_weight, {quoted(metric)} AS value, "
            f"coalesce({event}, false) AS hit FROM good WHERE {quoted(metric)} IS NOT NULL {where} "
            "ORDER BY run_id"
        ).df()
        return frame

    def points(self, value: str, arm: str) -> pd.DataFrame:
        """Every point of the design under an arm: factors, ``mean, variance, runs`` of a value.

        ``value`` is a term in SQL. Points without a finished run have NaN.
        """
        frame: pd.DataFrame = self.connection.execute(
            f"SELECT d.*, s.mean, coalesce(s.variance, 0.0) AS variance, "
            f"coalesce(s.runs, 0) AS runs FROM design d LEFT JOIN "
            f"(SELECT design_id, avg(({value})::DOUBLE) AS mean, "
            f"var_samp(({value})::DOUBLE) AS variance, count({value}) AS runs FROM good "
            f"GROUP BY 1) s USING (design_id) WHERE d.arm = {text(arm)} ORDER BY d.design_id"
        ).df()
        return frame

    def by_run(self, value: str, arm: str) -> pd.DataFrame:
        """Every finished run under an arm: factors, ``point_id`` and its value as ``mean``."""
        factors = ", ".join(map(quoted, self.factors))
        frame: pd.DataFrame = self.connection.execute(
            f"SELECT point_id, {factors}, ({value})::DOUBLE AS mean FROM good "
            f"WHERE arm = {text(arm)} AND ({value}) IS NOT NULL ORDER BY run_id"
        ).df()
        return frame

    def cells(
        self, factors: tuple[str, ...], event: str, metric: str, arm: str, bins: int
    ) -> pd.DataFrame:
        """Runs, hits and mean of a metric by the values, or bins, of one or two factors.

        Columns are the factors (centres of bins), ``runs, hits, mean``.
        """
        terms = [self._cell(factor, bins) for factor in factors]
        names = ", ".join(f"{t} AS {quoted(f)}" for t, f in zip(terms, factors, strict=True))
        places = ", ".join(str(k + 1) for k in range(len(factors)))
        frame: pd.DataFrame = self.connection.execute(
            f"SELECT {names}, count(*) AS runs, sum(({event})::INT) AS hits, "
            f"avg({quoted(metric)}) AS mean FROM good WHERE arm = {text(arm)} AND "
            f"({event}) IS NOT NULL GROUP BY {places} ORDER BY {places}"
        ).df()
        return frame

    def paths(self, columns: list[str], arm: str) -> pd.DataFrame:
        """Quantiles 5, 50 and 95 % by day of series kept: ``column, day, low, mid, high``."""
        import pandas as pd

        frames = []
        for column in columns:
            c = quoted(column)
            frames.append(
                self.connection.execute(
                    f'SELECT {text(column)} AS "column", day, quantile_cont(p.{c}, 0.05) AS low, '
                    f"quantile_cont(p.{c}, 0.5) AS mid, quantile_cont(p.{c}, 0.95) AS high "
                    f"FROM paths p SEMI JOIN (SELECT run_id FROM good WHERE arm = {text(arm)}) g "
                    "USING (run_id) GROUP BY day ORDER BY day"
                ).df()
            )
        return pd.concat(frames, ignore_index=True)

    def export(self, path: Path) -> None:
        """All runs, each once, as one Parquet file.

        Raises:
            OSError: it cannot be written; DuckDB does not say why: most likely there is no room.
        """
        import duckdb

        try:
            self.connection.execute(
                f"COPY (SELECT * FROM runs ORDER BY run_id) TO {quoted_path(path)} "
                "(FORMAT parquet, COMPRESSION zstd)"
            )
        except duckdb.IOException:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path.name) from None

    def _cell(self, factor: str, bins: int) -> str:
        """The term that gives the cell of a factor."""
        f = quoted(factor)
        many, low, high = self.connection.execute(
            f"SELECT count(DISTINCT {f}), min({f}), max({f}) FROM good"
        ).fetchone()
        if many <= FEW_VALUES or isinstance(low, bool | str):
            return f
        width = (high - low) / bins
        return f"{low} + {width} * (0.5 + least(floor(({f} - {low}) / {width}), {bins - 1}))"


def _has_view(connection: Any, name: str) -> bool:
    query = f"SELECT count(*) FROM duckdb_views() WHERE view_name = {text(name)}"
    return bool(connection.execute(query).fetchone()[0])


def groups_of(runs: Runs, frame: pd.DataFrame) -> NDArray[np.int64] | None:
    """What is independent: runs, points drawn at random, blocks, or replicates that share draws.

    Points of a grid are given: there runs are independent. A block of a design for indices moves
    its factors about the same few numbers.
    """
    if runs.shared_seeds and runs.replicates > 1:
        return np.asarray(frame["replicate"])
    if runs.method in INDICES:
        extra = 2 if runs.method == "sobol-indices" else 1
        return np.asarray(frame["point_id"]) // (len(runs.factors) + extra)
    if runs.method in SAMPLED and runs.replicates > 1:
        return np.asarray(frame["point_id"])
    return None


UNRESOLVED = "loss_usd.unresolved_share"
"""The metric that says how much of a loss at the horizon is still an estimate."""


def unresolved(runs: Runs, loss: str, arm: str) -> dict[str, float]:
    """Mean share of claims still open where losses at the horizon are asked for; empty else."""
    at_horizon = loss.startswith("loss_usd.") and "resolved" not in loss
    if not at_horizon or UNRESOLVED not in runs.metrics:
        return {}
    shares = runs.frame(UNRESOLVED, arm=arm)
    if shares.empty:
        return {}
    weight = np.exp(shares["log_weight"].to_numpy(float))
    return {"unresolved_share": float(np.average(shares["value"].to_numpy(float), weights=weight))}


def condition(metric: str, comparison: str, number: float) -> str:
    """An event in SQL."""
    return f"{quoted(metric)} {comparison} {number!r}"


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def quoted_path(path: Path) -> str:
    """A file's name in SQL."""
    return text(str(path))
