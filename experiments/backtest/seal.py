"""A forecast under seal: written once, with its date and the hashes of all it rests on.

Who seals again must have written down before what changed, and why: a row in the table of changes
beside the sealed file. Earlier seals stay in it by date and hash.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

from ...market.scenario.errors import InputError
from ...market.scenario.scenario import Scenario
from ...market.scenario.text_files import read_text
from ..run.files import source_hash, table_hashes

TABLES = {
    "2021": ("data/2021/*.csv", "data/history/*.csv"),
    "2025": ("data/2025/*.csv", "data/2026/*.csv", "data/history/*.csv"),
}
"""Tables that a forecast rests on, by the books that it opens."""
CHANGE = ("date", "what", "why", "before", "after")


def sealed_file(year: str) -> Path:
    """Where the forecast of a year is kept under seal."""
    return Path(__file__).resolve().parent / f"sealed-{year}.json"


def changes_file(sealed: Path) -> Path:
    """The table of changes beside a sealed file."""
    return sealed.with_name(sealed.stem.replace("sealed", "changes", 1) + ".csv")


def changes(sealed: Path) -> list[dict[str, str]]:
    """Rows of that table; none if there is no table."""
    path = changes_file(sealed)
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def may_seal(sealed: Path) -> dict[str, Any] | None:
    """The seal that is there, None if there is none.

    Raises:
        InputError: it may not be replaced: nothing was written down since.
    """
    if not sealed.exists():
        return None
    before: dict[str, Any] = read_seal(sealed)
    if len(changes(sealed)) <= before["changes"]:
        raise InputError(
            f"--seal {sealed}: was sealed on {before['sealed']} and is not replaced; write first "
            f"what changed and why as a new row of {changes_file(sealed).name} "
            f"({', '.join(CHANGE)})."
        )
    return before


def read_seal(sealed: Path) -> dict[str, Any]:
    """A sealed file.

    Raises:
        InputError: it is none.
    """
    try:
        found: dict[str, Any] = json.loads(read_text(sealed, str(sealed)))
        assert {"sealed", "changes", "forecast_sha256", "sources_sha256"} <= found.keys()
    except (InputError, ValueError, RecursionError, AssertionError, AttributeError):
        raise InputError(f"--seal {sealed}: is no sealed forecast; give another file.") from None
    return found


def sources(scenario: str) -> dict[str, str]:
    """SHA-256 of the tables and the scenario that a forecast rests on, and of the engine."""
    tables = TABLES[Scenario.load(scenario).opening.start]
    found = table_hashes((*tables, f"scenario/packaged/{scenario}.toml"))
    return found | {"engine": source_hash()}


def forecast_hash(forecast: dict[str, Any]) -> str:
    """SHA-256 of a forecast, its keys in order."""
    return _hash(json.dumps(forecast, sort_keys=True, allow_nan=False).encode())


def sealed(
    scenario: str,
    forecast: dict[str, Any],
    runs: int,
    before: dict[str, Any] | None,
    changed: int,
) -> dict[str, Any]:
    """What is written: the forecast, when, from what, and what was sealed before."""
    earlier = []
    if before is not None:
        last = {key: before[key] for key in ("sealed", "forecast_sha256")}
        earlier = [*before.get("earlier", []), last]
    return {
        "sealed": dt.datetime.now(dt.UTC).date().isoformat(),
        "scenario": scenario,
        "seeds": [1, runs],
        "changes": changed,
        "earlier": earlier,
        "forecast_sha256": forecast_hash(forecast),
        "sources_sha256": sources(scenario),
        "forecast": forecast,
    }


def is_whole(found: dict[str, Any]) -> bool:
    """Whether the forecast in a sealed file is the one that was sealed."""
    return forecast_hash(found["forecast"]) == str(found["forecast_sha256"])


def changed_since(found: dict[str, Any]) -> list[str]:
    """What a sealed forecast rests on that is otherwise today; no breach: work goes on."""
    now = sources(found["scenario"])
    return [name for name, digest in found["sources_sha256"].items() if now.get(name) != digest]


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
