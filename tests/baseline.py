"""Reference runs, kept to the last bit.

    uv run python tests/baseline.py          what differs from the stored results
    uv run python tests/baseline.py --write  the same, and keep the new ones

A file per run in ``tests/baseline`` holds a few readable figures and a digest of every table. When
a change of results is meant, write them anew and say in the changelog, under Results, why.

Bits depend on the machine in one way: its mathematical libraries round ``exp``, ``log``, ``pow``
their own way. Each file names the arithmetic it was made with; on a machine with another one the
figures are compared, to a relative 1e-6.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import struct
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from runs import REFERENCE_RUNS, watched

from firesale.market.simulation import Simulation

FOLDER = Path(__file__).with_suffix("")
FRAMES = ("series", "events", "book", "loans", "lenders", "illusion", "absorption")
CLOSE = 1e-6  # relative, between machines that round differently
EVERY_DAYS = 10  # of the daily series, so that the first difference can be told


@cache
def arithmetic() -> str:
    """Fingerprint (hex) of the functions in which machines differ in the last bit."""
    x = np.linspace(1e-3, 30.0, 3_001)
    digest = hashlib.sha256()
    for values in (np.exp(-x), np.log(x), np.log1p(x), np.sqrt(x), x**0.37, np.cos(x)):
        digest.update(values.tobytes() + np.float64(values.sum()).tobytes())
    for one in map(float, x):
        scalars = (math.exp(-one), math.log(one), one**0.37, math.erfc(one), math.cos(one))
        digest.update(struct.pack("<5d", *scalars))
    return digest.hexdigest()[:12]


def digest_of(frame: pd.DataFrame) -> str:
    """Digest (hex) of every bit of a table, names of columns included."""
    digest = hashlib.sha256()
    for name, column in frame.items():
        digest.update(str(name).encode())
        if column.dtype.kind in "biuf":
            digest.update(np.ascontiguousarray(column.to_numpy()).tobytes())
        else:
            digest.update("\n".join(map(str, column)).encode())
    return digest.hexdigest()[:16]


def flat(value: Any, name: str = "") -> dict[str, float]:
    """All numbers of a nested summary, by dotted name; of lists their lengths."""
    if isinstance(value, dict):
        parts = [flat(item, f"{name}.{key}" if name else key) for key, item in value.items()]
        return {key: number for part in parts for key, number in part.items()}
    if isinstance(value, list):
        return {f"{name}.count": len(value)}
    return {name: value} if isinstance(value, int | float) else {}


def figures(sim: Simulation) -> dict[str, float]:
    """What a person would look at first."""
    wanted = ("defaults.", "sleeves_closed.", "loss_usd.total", "linked.", "recovery.", "ltv.")
    wanted += ("liquidation.seized_units", "liquidation.sold_units")
    last = sim.series().iloc[-1]
    prices = {
        name: float(last[name])
        for name in ("btc_usd", "hashprice_usd_ph_day", "mark_H100_usd", "mark_J25_38_usd")
        if name in last
    }
    found = {name: x for name, x in flat(sim.summary()).items() if name.startswith(wanted)}
    return found | prices


def record(sim: Simulation) -> dict[str, Any]:
    """What is kept of a run."""
    series = sim.series()
    parts = [series.iloc[day : day + EVERY_DAYS] for day in range(0, len(series), EVERY_DAYS)]
    return {
        "arithmetic": arithmetic(),
        "figures": figures(sim),
        "tables": {name: digest_of(getattr(sim, name)()) for name in FRAMES},
        "days": " ".join(digest_of(part)[:6] for part in parts),
    }


def path_of(name: str) -> Path:
    """The file of a run."""
    return FOLDER / f"{name.replace(' ', '-')}.json"


def stored(name: str) -> dict[str, Any]:
    """What was kept of a run; empty if nothing was."""
    path = path_of(name)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What differs, in words; nothing if the run is what it was."""
    if not old:
        return ["is new"]
    exact = old["arithmetic"] == new["arithmetic"]
    found = []
    for name in sorted(set(old["figures"]) | set(new["figures"])):
        a, b = (part["figures"].get(name) for part in (old, new))
        same = a == b if exact or None in (a, b) else math.isclose(a, b, rel_tol=CLOSE)
        if not same:
            found.append(f"{name}: {a} -> {b}")
    if exact:
        changed = [name for name in FRAMES if old["tables"].get(name) != new["tables"][name]]
        found += [f"other bits in {', '.join(changed)}"] if changed else []
        days = zip(old["days"].split(), new["days"].split(), strict=False)
        first = next((k for k, (a, b) in enumerate(days) if a != b), None)
        if first is not None:
            found.append(f"from day {first * EVERY_DAYS} .. {(first + 1) * EVERY_DAYS - 1} on")
    return found


def main() -> None:
    """Compare every reference run with what is stored, and keep the new results if asked to."""
    parser = argparse.ArgumentParser(description="compare reference runs with the stored ones")
    parser.add_argument("--write", action="store_true", help="keep the new results")
    options = parser.parse_args()
    changed = 0
    for name, run in REFERENCE_RUNS.items():
        new = record(watched(*run).sim)
        watched.cache_clear()
        found = differences(stored(name), new)
        changed += bool(found)
        print(f"{name}: {'; '.join(found) or 'the same to the last bit'}", flush=True)
        if options.write:
            FOLDER.mkdir(exist_ok=True)
            text = json.dumps(new, indent=1, allow_nan=False)
            path_of(name).write_text(text + "\n", encoding="utf-8")
    if options.write:
        known = {path_of(name) for name in REFERENCE_RUNS}
        for path in set(FOLDER.glob("*.json")) - known:
            print(f"{path.name}: no such run any more, removed")
            path.unlink()
        if changed:
            print("Say in CHANGELOG.md, under Results, what changed and why.")
    sys.exit(0 if options.write or not changed else 1)


if __name__ == "__main__":
    main()
