"""What compiling the model into an empty cache costs, and the kernels that take most of it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .cases import STARTUP

DEAREST = 10


@dataclass(frozen=True)
class Compiling:
    """Seconds from an empty cache to the end of a first simulated day."""

    wall_s: float
    cpu_s: float  # of all cores together
    kernels: int
    dearest: list[tuple[str, float]]  # kernel, seconds of a core

    def as_json(self) -> dict[str, Any]:
        """Names and numbers."""
        return asdict(self)


def time_compiling() -> Compiling:
    """Compile in a process of its own, into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        before, start = _children_cpu_s(), time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", STARTUP],
            check=True,
            env={**os.environ, "NUMBA_CACHE_DIR": folder},
            stderr=subprocess.DEVNULL,
        )
        wall = time.perf_counter() - start
        took = json.loads((Path(folder) / "firesale-seconds.json").read_text())
    dear = sorted(took.items(), key=lambda one: -one[1])[:DEAREST]
    return Compiling(
        wall, _children_cpu_s() - before, len(took), [(_in_words(job), s) for job, s in dear]
    )


def say(found: Compiling) -> list[str]:
    """What was found, in lines."""
    return [
        f"From an empty cache to the end of a first day: {found.wall_s:.1f} s, "
        f"{found.cpu_s:.1f} s of all cores, {found.kernels} kernels. The dearest:",
        *(f"  {seconds:5.1f} s  {name}" for name, seconds in found.dearest),
    ]


def _in_words(job: str) -> str:
    module, function, kind = job.split()
    linked = ", with all it calls linked in" if kind == "entrance" else ""
    return f"{function} ({module.partition('.')[2]}){linked}"


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
