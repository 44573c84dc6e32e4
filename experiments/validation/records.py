"""What was checked before and written down: back-tests, seals, mutants, coverage."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from ...market.scenario.errors import InputError
from ..backtest.crises import CRISES
from ..backtest.seal import changed_since, is_whole, read_seal, sealed_file
from .checks import Check

BACKTESTS, SEALS, MUTANTS, COVERAGE = "back-tests", "seals", "mutants", "coverage"
LEAST_BRANCHES = 95.0  # per cent, of ``agents`` and ``market``
NOBODY = "**nobody**"  # noticed a mistake
NOT_HERE = "not in this installation; it is in the source tree"


def project() -> Path:
    """The folder that holds ``agents``, ``market`` and, in a source tree, the tests."""
    from ... import agents

    return Path(str(agents.__file__)).parent.parent


def last_change(path: Path, text: str = "") -> str:
    """Date on which a file, or a ``text`` in it, was last committed.

    Where nothing is known of commits: on which the file was written.
    """
    asked = ["git", "-C", str(path.parent), "log", "-1", "--format=%cs"]
    asked += [f"-S{text}"] * bool(text) + ["--", path.name]
    try:
        found = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False)
        if found.returncode == 0 and found.stdout.strip():
            return found.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        pass
    return dt.date.fromtimestamp(path.stat().st_mtime).isoformat()


def table_rows(path: Path) -> list[list[str]]:
    """Cells of a Markdown table, its head left out."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return rows[2:]


def mutants(listed: Path, tried: Path) -> Check:
    """Deliberate mistakes that a test noticed, when they were last tried."""
    if not (listed.is_file() and tried.is_file()):
        return Check(MUTANTS, "deliberate mistakes", NOT_HERE, "", None)
    names = [row["name"] for row in tomllib.loads(listed.read_text(encoding="utf-8"))["mistake"]]
    noticed = {row[0].replace("\\|", "|"): row[-1] != NOBODY for row in table_rows(tried)}
    alive = [name for name, by_a_test in noticed.items() if not by_a_test]
    outcome = f"{len(noticed) - len(alive)} of {len(noticed)} tried are noticed by a test"
    if new := [name for name in names if name not in noticed]:
        outcome += f"; {len(new)} listed since then are not tried yet"
    if alive:
        outcome += f"; nobody notices: {', '.join(alive)}"
    return Check(MUTANTS, "deliberate mistakes", outcome, last_change(tried), not alive)


def coverage(path: Path) -> list[Check]:
    """Branches of rules and kernels that tests take on uncompiled kernels."""
    if not path.is_file():
        return [Check(COVERAGE, "branches", NOT_HERE, "", None)]
    lines = []
    for what, result, *rest in table_rows(path):
        if "branches of" in what:
            row = " | ".join((what, result, *rest))  # as it stands there: made when it came in
            share = float(result.split("%")[0])
            outcome = f"{share:g} %, at least {LEAST_BRANCHES:g} %"
            name = what.removeprefix("second pass: ").replace("`", "")
            passed = share >= LEAST_BRANCHES
            lines.append(Check(COVERAGE, name, outcome, last_change(path, row), passed))
    return lines or [Check(COVERAGE, "branches", f"no row in {path.name}", "", False)]


def _score(data: dict[str, Any]) -> str:
    """The score of a back-test in a line."""
    score = data["score"]["borrowers"]["with_borderline"]
    model, rival = score["model"], score["debt_to_liquid_assets"]

    def said(of: dict[str, float]) -> str:
        return f"{of['value']:.2f} ({of['low']:.2f} to {of['high']:.2f})"

    return (
        f"AUC {said(model['auc'])} on {len(score['names'])} borrowers, "
        f"{score['defaults']} defaults; debt over liquid assets {said(rival['auc'])}; Brier "
        f"{said(model['brier'])}"
    )


def sealed(year: str) -> list[Check]:
    """A back-test under seal: whether it is whole, and what it said if outcomes are known."""
    path, name = sealed_file(year), f"{CRISES[year].scenario}"
    if not path.is_file():
        return [Check(SEALS, name, f"no {path.name}: not sealed yet", "", None)]
    try:
        found = read_seal(path)
    except InputError as error:
        return [Check(SEALS, name, str(error), "", False)]
    whole, runs = is_whole(found), found["seeds"][1]
    moved = changed_since(found)
    outcome = f"{runs} runs, SHA-256 {found['forecast_sha256'][:12]}"
    outcome += ", whole" if whole else ": IT IS NOT WHAT WAS SEALED"
    if moved:
        outcome += f"; since then changed: {', '.join(moved[:3])}"
        outcome += f" and {len(moved) - 3} more" if len(moved) > 3 else ""
    lines = [Check(SEALS, name, outcome, found["sealed"], whole)]
    if CRISES[year].scored:
        lines.insert(0, Check(BACKTESTS, name, _score(found["forecast"]), found["sealed"], whole))
    return lines


def records() -> list[Check]:
    """All that is on record."""
    tests = project() / "tests"
    lines = [line for year in CRISES for line in sealed(year)]
    lines.sort(key=lambda line: (BACKTESTS, SEALS).index(line.kind))
    return [
        *lines,
        mutants(tests / "mutants.toml", tests / "mutants.md"),
        *coverage(tests / "full.md"),
    ]
