"""The day reads as one screen, the engine loads light, and all of it is packed."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from house import MODULES, PROJECT, functions, imported, package_of, tree_of

import firesale

HEAVY = {"mesa", "matplotlib", "pandas", "networkx", "pyarrow", "rich", "typer"}
# The shell and the frames asked for at the end of a run are the only homes of heavy packages.
SHELL = {"market.model", "market.mesa_agents", "market.record.frames"}
DAY = (
    "open_journal",
    "shock",
    "open_day",
    "set_prices",
    "operate",
    "service",
    "pay",
    "test",
    "decide",
    "reorganise",
    "default",
    "lenders",
    "liquidate",
    "roll_over",
    "give_credit",
    "grow",
    "record",
)
DAY_LINES = 60

# ------------------------------------------------------------------ the day


def day_calls() -> list[ast.Call]:
    ((_, day),) = functions(tree_of("market.day"))
    assert day.name == "run_day" and ast.get_docstring(day)
    date, *rest = day.body[1:]
    assert isinstance(date, ast.AugAssign)
    calls = [node.value for node in rest if isinstance(node, ast.Expr)]
    assert len(calls) == len(rest), "no branches, no loops"
    assert all(isinstance(call, ast.Call) for call in calls)
    return [call for call in calls if isinstance(call, ast.Call)]


def test_the_day_fits_on_one_screen() -> None:
    assert len(MODULES["market.day"].read_text(encoding="utf-8").splitlines()) < DAY_LINES


def test_the_day_runs_its_phases_in_order() -> None:
    assert tuple(ast.unparse(call.func) for call in day_calls()) == DAY


def test_each_phase_takes_the_market_and_little_else() -> None:
    for call in day_calls():
        arguments = [ast.unparse(argument) for argument in call.args]
        assert arguments[0] == "market"
        assert arguments[1:] in ([], ["close_journal(market)"])
        assert not call.keywords


def test_each_phase_says_what_it_does() -> None:
    homes = {
        one.name.rpartition(".")[2]: one.name.rpartition(".")[0]
        for one in imported(tree_of("market.day"), package_of("market.day"))
    }
    known = {
        f"{home}.{name}": ast.get_docstring(node)
        for home in {*homes.values()} & MODULES.keys()
        for name, node in functions(tree_of(home))
    }
    for name in (*DAY, "close_journal"):
        assert known[f"{homes[name]}.{name}"], name


# ------------------------------------------------------------------ what is loaded


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith("experiments")])
def test_kernel_modules_stay_light(name: str) -> None:
    loaded = {
        one.name.split(".")[0]
        for one in imported(tree_of(name), package_of(name))
        if one.when_loaded and not one.ours
    }
    assert bool(loaded & HEAVY) == (name in SHELL)


def loaded_by(statement: str) -> set[str]:
    """All modules in a new process after a statement."""
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_engine_loads_no_shell() -> None:
    loaded = loaded_by("import firesale.market.simulation")
    assert {"numba", "numpy", "firesale.market.day", "firesale.agents.lender"} <= loaded
    assert not loaded & (HEAVY | {"firesale.experiments"})


@pytest.mark.parametrize("name", ["firesale", "firesale.agents", "firesale.market"])
def test_the_front_door_is_cheap(name: str) -> None:
    loaded = loaded_by(f"import {name}")
    assert name in loaded
    assert not loaded & (HEAVY | {"numba", "numpy", "firesale.experiments"})


def test_what_the_front_door_promises_is_there() -> None:
    for name in firesale.__all__:
        assert getattr(firesale, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        firesale.nothing  # noqa: B018


def test_the_package_is_the_one_beside_these_tests() -> None:
    """Another one may be installed; ours must win."""
    assert Path(str(firesale.__file__)).resolve().parent == PROJECT


# ------------------------------------------------------------------ what is packed


def folders_with_a_door() -> dict[str, Path]:
    return {name: path.parent for name, path in MODULES.items() if path.name == "__init__.py"}


def test_each_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in MODULES.values()}
    assert folders == set(folders_with_a_door().values())


def test_all_packages_are_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """setup.py is run with a setuptools that finds as the real one does, and packs nothing."""
    packed: dict[str, Any] = {}

    def find_packages(include: list[str]) -> list[str]:
        return [
            name
            for name in folders_with_a_door()
            if any(fnmatchcase(name, pattern) for pattern in include)
        ]

    def setup(**given: Any) -> None:
        packed.update(given)

    stand_in = SimpleNamespace(find_packages=find_packages, setup=setup)
    monkeypatch.setitem(sys.modules, "setuptools", stand_in)
    monkeypatch.setitem(sys.modules, "setuptools.command", SimpleNamespace())
    build = SimpleNamespace(build_py=object)
    monkeypatch.setitem(sys.modules, "setuptools.command.build_py", build)
    runpy.run_path(str(PROJECT / "setup.py"))
    assert set(packed["packages"]) == {
        "firesale",
        *(f"firesale.{name}" for name in folders_with_a_door()),
    }
    assert packed["package_dir"] == {"firesale": "."}


def test_all_files_that_are_not_python_are_packed() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    packed = set()
    for package, patterns in project["tool"]["setuptools"]["package-data"].items():
        folder = folders_with_a_door()[package.removeprefix("firesale.")]
        for pattern in patterns:
            found = {path for path in folder.glob(pattern) if path.is_file()}
            assert found, f"{package}: nothing is called {pattern}"
            packed |= found
    there = {
        path
        for top in ("agents", "market", "experiments")
        for path in (PROJECT / top).rglob("*")
        if path.is_file()
        and path.suffix not in (".py", ".pyc", ".md")
        and path.parent != PROJECT / "experiments" / "pictures"
        and PROJECT / "experiments" / "findings" not in path.parents  # results, as those are
    }
    assert there <= packed
