"""The house: imports run one way, a day reads as one screen, no module grows too long."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from firesale import agents, experiments, market
from firesale.market import phases

PROJECT = Path(__file__).resolve().parent.parent
LEVEL = {"agents": 0, "market": 1, "experiments": 2}
MODULES = sorted(path for package in LEVEL for path in (PROJECT / package).rglob("*.py"))
HEAVY = {"mesa", "matplotlib", "pandas", "networkx", "pyarrow", "rich", "typer"}
# The shell, the frames asked for at the end of a run and the twin, which is made of Mesa agents,
# are the only homes of heavy packages.
SHELL = {
    "market/model.py",
    "market/mesa_agents.py",
    "market/frames.py",
    "market/twin/model.py",
    "market/twin/party.py",
}
DESIGN_ORDER = (
    "shocks",
    "prices",
    "operate",
    "service",
    "liquidity",
    "test",
    "decide",
    "default",
    "lenders",
    "liquidate",
    "credit",
    "record",
)


def imported(tree: ast.AST, everywhere: bool) -> set[str]:
    """Top-level packages imported by a module; not those for type checkers only."""
    found: set[str] = set()

    def visit(node: ast.AST, inside: bool) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                visit(child, inside)
            return
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found.add((node.module or "").split(".")[0])
        inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if inner and not everywhere:
            return
        for child in ast.iter_child_nodes(node):
            visit(child, inside or inner)

    visit(tree, False)
    return found


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    package = name_of(path).split("/")[0]
    for other in imported(ast.parse(path.read_text(encoding="utf-8")), everywhere=True):
        if other in LEVEL:
            assert LEVEL[other] <= LEVEL[package], f"{name_of(path)} imports {other}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_is_too_long_and_each_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "a module starts with what it is for"
    assert len(text.splitlines()) <= 500


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if name_of(path).split("/")[0] != "experiments"],
    ids=name_of,
)
def test_kernel_modules_stay_light(path: Path) -> None:
    if name_of(path) in SHELL:
        return
    text = path.read_text(encoding="utf-8")
    assert not imported(ast.parse(text), everywhere=False) & HEAVY


@pytest.mark.parametrize("name", ["agents", "market", "experiments"])
def test_packages_are_those_of_this_project(name: str) -> None:
    """Another package named agents may be installed; ours must win."""
    module = {"agents": agents, "market": market, "experiments": experiments}[name]
    assert module.__file__ is not None
    assert Path(module.__file__).resolve().parent == PROJECT / name


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted({{n.split('.')[0] for n in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_engine_loads_no_shell() -> None:
    loaded = loaded_by("import firesale.market.simulation")
    assert {"numba", "numpy", "market", "agents"} <= loaded
    assert not loaded & (HEAVY | {"experiments"})


def test_importing_market_is_cheap() -> None:
    assert not loaded_by("import market") & (HEAVY | {"numba", "numpy", "experiments"})
    assert "CreditMarket" in dir_of("market")


def dir_of(name: str) -> set[str]:
    return set(getattr(sys.modules[name], "__all__", ()))


# ------------------------------------------------------------------ the day


def day_calls() -> list[str]:
    tree = ast.parse((PROJECT / "market" / "day.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [function.name for function in functions] == ["run_day"]
    calls = []
    for node in functions[0].body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            assert isinstance(called, ast.Attribute)
            calls.append(called.attr)
        else:  # nothing but the date, a docstring and the phases: no branches, no loops
            assert isinstance(node, ast.AugAssign | ast.Expr)
    return calls


def test_the_day_fits_on_one_screen() -> None:
    lines = (PROJECT / "market" / "day.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 45


def test_the_day_runs_the_phases_of_the_design_in_order() -> None:
    assert day_calls() == list(DESIGN_ORDER)


def test_each_phase_says_what_it_does() -> None:
    for name in day_calls():
        assert getattr(phases, name).__doc__
