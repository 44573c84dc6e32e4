"""The runs of a question: made by the machinery of sweeps, so that they resume, and read back.

Each part of a study is a sweep in a folder named after what decides its rows, so that an
interrupted study goes on and a changed design does not meet old runs. Workers are opened once.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ...agents.compiling import process
from ...market.scenario.errors import InputError
from ..run.writing import write_text
from ..sweeps import clusters, execute, store
from ..sweeps.folders import accept_several
from ..sweeps.plan import Plan
from ..sweeps.runner import Driver
from ..sweeps.slurm import Slurm
from .adaptive import saved
from .finding import Finding, Number, Table

if TYPE_CHECKING:
    import pandas as pd

    from .adaptive import Rounds

CLOCK = "clock.json"
RUN_LIMIT_S = 3600.0
OURS = __package__.rpartition(".")[0]  # what changes with it changes what a run says


class Study:
    """The runs of one question in one folder.

    Args:
        folder: a new one, or one that holds this study.
        quick: few draws, for a first look.
        workers: processes; all cores by default. One runs here, without others.
        quiet: no progress on stderr.

    Example:
        ``with Study(Path("out/x"), quick=True) as study: frame = study.runs("arms", plan)``
    """

    def __init__(
        self, folder: Path, quick: bool, workers: int | None = None, quiet: bool = False
    ) -> None:
        self.folder, self.quick, self.quiet = folder, quick, quiet
        self.workers = workers or process.cores()
        self.made = 0  # runs in all parts, also those of before
        self.failed = 0
        self.saved = 0
        self._stack = contextlib.ExitStack()
        self._opened: clusters.Cluster | None = None

    def __enter__(self) -> Self:
        accept_several(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *about: object) -> None:
        self._stack.close()

    def draws(self, quick: int, full: int) -> int:
        """So many draws, or so many."""
        return quick if self.quick else full

    def say(self, text: str) -> None:
        """Tell what is going on."""
        if not self.quiet:
            print(text, file=sys.stderr)

    def runs(
        self, part: str, plan: dict[str, Any], simulate: execute.Simulate = execute.simulate
    ) -> pd.DataFrame:
        """Make what is missing of one part; its rows, whole draws only, in the order of runs.

        ``plan`` is that of a sweep; books and beliefs are drawn and losses settled unless it says
        otherwise. ``simulate`` is what a run is, if not the market's own.

        Raises:
            InputError: a plan that is wrong, or no run of it that ended.
        """
        from ...market.compile_ahead import compile_ahead

        data = {"name": part, "resolve": True, "shared_seeds": True, "run_limit_s": RUN_LIMIT_S}
        chosen = Plan.from_dict(data | plan, f"question: {part}", Path())
        place = self.folder / f"{part}-{_key(chosen, simulate)}"
        driver = Driver(chosen, place, simulate=simulate, quiet=self.quiet)
        if self.workers > 1 and self._opened is None and not _is_done(place):
            compile_ahead()  # once here, so that workers find it
            opened = clusters.open_cluster("local", self.workers, Slurm(), self.folder)
            self._opened = self._stack.enter_context(opened)
        where = "local" if self.workers > 1 else "serial"
        count = self.workers if self.workers > 1 else None
        result = driver.run(where, count, self._opened)
        self.made += result.runs
        self.failed += result.failed
        self._clock(result.busy_s)
        return _whole(place, chosen)

    def adaptive(
        self,
        part: str,
        plan: dict[str, Any],
        cells: dict[str, dict[str, Any]],
        rounds: Rounds,
        undecided: Callable[[pd.DataFrame], list[str]],
        simulate: execute.Simulate = execute.simulate,
    ) -> pd.DataFrame:
        """Rows of all cells: those left undecided get another round, and are decided by all of it.

        A column ``cell`` names them, ``draw`` counts; ``shown`` are the draws of the first round,
        which all cells have and no decision chose.

        Args:
            part: name of the part.
            plan: of the sweep, without factors and replicates.
            cells: values of factors, by the name of a cell; the same factors in all.
            rounds: how many draws.
            undecided: names of cells that need more, from all rows so far.
            simulate: what a run is.
        """
        import pandas as pd

        frames: list[pd.DataFrame] = []
        open_, arms = list(cells), max(1, len(plan.get("arms", ())))
        made: dict[str, int] = {}
        for number, size in enumerate(rounds.sizes()):
            keys = next(iter(cells.values()))
            factors = {key: {"values": [cells[name][key] for name in open_]} for key in keys}
            data = {
                "replicates": size,
                "seed": number + 1,
                "design": {"method": "list"},
                "factors": factors,
            }
            frame = self.runs(f"{part}-{number + 1}", plan | data, simulate)
            frame["cell"] = [open_[row // arms] for row in frame["design_id"]]
            frame["draw"] = frame["replicate"] + 1000 * number
            frame["shown"] = number == 0
            frames.append(frame)
            whole = pd.concat(frames, ignore_index=True)
            counts = whole.groupby("cell")["draw"].nunique()
            made = {name: int(counts.get(name, 0)) for name in cells}
            asked = [name for name in undecided(whole) if name in open_]
            draws = f"{max(made.values())} draws"
            self.say(f"{part}: {len(asked)} of {len(cells)} cells undecided after {draws}.")
            open_ = asked
            if not open_:
                break
        self.saved += saved(made, rounds) * arms
        return whole

    def count(self, runs: int, failed: int, busy_s: float) -> None:
        """Add runs that others have made for this study."""
        self.made += runs
        self.failed += failed
        self._clock(busy_s)

    def finding(
        self,
        question: str,
        numbers: dict[str, Number],
        tables: dict[str, Table],
        draws: int,
        facts: dict[str, str] | None = None,
    ) -> Finding:
        """What was found, with what it took."""
        told = dict(facts or {})
        if self.failed:
            told["failed"] = str(self.failed)
        return Finding(
            question=question,
            quick=self.quick,
            numbers=numbers,
            tables=tables,
            runs=self.made,
            core_minutes=self._clock(0.0) / 60.0,
            draws=draws,
            saved_runs=self.saved,
            source=store.source_hash()[:12],
            facts=told,
        )

    def _clock(self, more_s: float) -> float:
        """Seconds that cores worked in this folder, over all calls."""
        path = self.folder / CLOCK
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else 0.0
        if more_s:
            write_text(path, json.dumps(before + more_s))
        return float(before + more_s)


def _key(plan: Plan, simulate: execute.Simulate) -> str:
    """What decides the rows of a part: its plan, the engine, and what measures a run."""
    about = [plan.identity(), store.source_hash()]
    function: Any = simulate
    while isinstance(function, partial):
        about.append(repr((function.args, sorted(function.keywords.items()))))
        function = function.func
    if function is not execute.simulate:
        about += _sources(function, {})
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:10]


def _sources(function: Any, known: dict[str, str]) -> list[str]:
    """Source of a function of ours, of those of ours that it names, and constants of theirs."""
    name = f"{function.__module__}.{function.__qualname__}"
    if name in known:
        return []
    known[name] = inspect.getsource(function)
    found = [known[name]]
    for one in _names(getattr(function, "__code__", None)):
        value = function.__globals__.get(one)
        if getattr(value, "__module__", "").startswith(OURS) and hasattr(value, "__qualname__"):
            found += _sources(value, known)
        elif isinstance(value, bool | int | float | str | tuple | dict):
            found.append(f"{one} = {value!r}")
    return found


def _names(code: Any) -> list[str]:
    """Names that a function's code uses, those in generators and the like too."""
    if code is None:
        return []
    inner = [_names(one) for one in code.co_consts if hasattr(one, "co_names")]
    return [*code.co_names, *(name for names in inner for name in names)]


def _is_done(place: Path) -> bool:
    """Whether all runs of a part are there."""
    if not store.has_parts(place):
        return False
    return len(store.stored_ids(place)) == store.read_manifest(place)["runs"]


def _whole(place: Path, plan: Plan) -> pd.DataFrame:
    """Rows of a part, without draws that failed in some cell: worlds are compared draw by draw."""
    with store.connect(place) as connection:
        frame = connection.execute("SELECT * FROM runs WHERE status = 'ok' ORDER BY run_id").df()
    cells = store.read_manifest(place)["runs"] // plan.replicates
    whole = frame.groupby("replicate")["run_id"].transform("size") == cells
    kept = frame[whole].reset_index(drop=True)
    if kept.empty:
        raise InputError(f"{place}: no draw has ended well in all cells; see its failures.jsonl.")
    return kept
