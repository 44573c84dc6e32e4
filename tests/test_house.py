"""The house: which room may reach which, and that no module or function grows too large."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from house import (
    MODULES,
    PACKAGES,
    PROJECT,
    Arrow,
    arrows,
    circles,
    functions,
    imported,
    package_of,
    reached,
    tree_of,
)

# Rooms of market/ and what each may reach beside agents; its top modules reach all of them.
MARKET = {
    "scenario": "",
    "clearing": "scenario",
    "state": "scenario",
    "prices": "scenario state data",
    "debt": "state",
    "operators": "state debt",
    "liquidation": "state debt",
    "lenders": "state prices debt liquidation clearing",
    "dated": "state debt operators",
    "opening": "scenario state liquidation data",
    "record": "state prices liquidation",
}
TOP = (
    "day",
    "first_day",
    "resolution",
    "simulation",
    "model",
    "mesa_agents",
    "compile_ahead",
)
# Rooms of experiments/ and what each may reach there; the command line reaches all of them.
EXPERIMENTS = {
    "look": "",
    "causes": "",
    "results": "look causes",
    "figures": "look results",
    "report": "look results causes",
    "run": "look results causes figures report",
    "view": "look results figures report",
    "answers": "look run sweeps findings",
    "questions": "look results causes figures run sweeps answers pricing findings FINDINGS",
    "sweeps": "look causes report run plans",
    "pricing": "look run sweeps",
    "backtest": "look report run sweeps",
    "validation": "run backtest pricing",
    "book": "look run sweeps pricing",  # one PD, LGD, break-even and grid of scenarios
    "bench": "look run sweeps twin",
    "twin": "",
}
SEEN = "scenario state opening record clearing"  # of market, by experiments, beside its top
WITHOUT_AGENTS = "market.scenario"

TWIN = "the twin follows the engine's rules day by day, with constants written once, in the engine"
KERNELS = "published results go through the kernels that the simulation runs, not through copies"
# What the tables forbid and is meant all the same: from where, to where, and why.
EXCEPTIONS = {
    ("agents.compiling.cache", ""): "compiled code is kept under a hash of all the sources",
    ("experiments.validation", "market.prices"): KERNELS,
    ("experiments.validation", "market.debt"): KERNELS,
    ("experiments.validation", "market.lenders"): KERNELS,
    ("experiments.twin", "market.prices"): TWIN,
    ("experiments.twin", "market.debt"): TWIN,
    ("experiments.twin", "market.operators"): TWIN,
    ("experiments.twin", "market.liquidation"): TWIN,
    ("experiments.twin", "market.lenders"): TWIN,
    ("experiments.twin", "market.dated"): TWIN,
}
# What the tables forbid and should be mended; the reason is what has to be done.
OPEN: dict[tuple[str, str], str] = {}  # known, and to be mended

MOST_LINES = 400
LONGER: dict[str, int] = {}
MOST_PARAMETERS = 6  # a method's own object apart
MORE_PARAMETERS = {  # options of commands, properties of a widget, fields of an entry
    "experiments.backtest.command.backtest": 9,
    "experiments.backtest.commands.backtest": 9,
    "experiments.book.commands.run": 10,
    "experiments.cli.price": 10,
    "experiments.cli.run": 15,
    "experiments.cli.sweep": 9,
    "experiments.cli.view": 8,
    "experiments.sweeps.commands.sweep": 7,
    "experiments.sweeps.runner.Driver.__init__": 7,
    "experiments.twin.model.TwinMarket.note": 8,
    "experiments.view.page.PanelCard": 7,
}
# Doors that may hold more than a docstring.
WITH_CONTENT = {"market.clearing", "experiments.twin"}


def may_reach() -> dict[str, set[str]]:
    """Both tables in full names, what lies below and at the side included."""
    market = {f"market.{room}" for room in MARKET}
    seen = {"market", "agents"} | {f"market.{room}" for room in SEEN.split()}
    result = {"agents": set(), "market": market | {"agents"}}
    for room, others in MARKET.items():
        result[f"market.{room}"] = {f"market.{other}" for other in others.split()} | {"agents"}
    result[WITHOUT_AGENTS] -= {"agents"}
    for room, others in EXPERIMENTS.items():
        here = {f"experiments.{other}" for other in others.split()}
        result[f"experiments.{room}"] = here | seen
    rooms = {f"experiments.{room}" for room in EXPERIMENTS}
    return result | {"experiments.cli": rooms | seen, "experiments": set()}


MAY_REACH = may_reach()
ARROWS = arrows()


def room_of(name: str) -> str:
    """The room of a module or folder; the root's is empty."""
    top, _, rest = name.partition(".")
    room = rest.split(".")[0]
    if not room or top == "agents" or (top == "market" and room in TOP):
        return top
    return f"{top}.{room}"


def is_in(name: str, place: str) -> bool:
    return name == place or (place != "" and name.startswith(f"{place}."))


def forbidden() -> list[Arrow]:
    """Arrows that the tables do not allow."""
    return [
        arrow
        for arrow in ARROWS
        if (mine := room_of(arrow.start)) != (other := room_of(arrow.end))
        and other not in MAY_REACH[mine]
    ]


def test_each_room_is_in_the_tables() -> None:
    assert {room_of(name) for name in MODULES} == set(MAY_REACH)
    assert {name for name in MODULES if room_of(name) == "market"} == {
        "market",
        *(f"market.{name}" for name in TOP),
    }


def test_rooms_reach_only_what_the_tables_allow() -> None:
    excused = [*EXCEPTIONS, *OPEN]
    new = [
        f"{start} reaches {end or 'the root'}"
        for start, end in forbidden()
        if not any(is_in(start, here) and is_in(end, there) for here, there in excused)
    ]
    assert not new


@pytest.mark.parametrize(("start", "end"), [*EXCEPTIONS, *OPEN])
def test_each_exception_is_still_needed(start: str, end: str) -> None:
    assert any(is_in(arrow.start, start) and is_in(arrow.end, end) for arrow in forbidden())


def test_no_circle_of_imports_outside_the_twin() -> None:
    edges: dict[str, set[str]] = {}
    for start, end in ARROWS:
        inside = is_in(start, "experiments.twin") and is_in(end, "experiments.twin")
        if end in MODULES and not inside:
            edges.setdefault(start, set()).add(end)
    assert circles(edges) == []


# ------------------------------------------------------------------ what the reader sees


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("from ..state.loans import Loans", "market.state.loans"),
        ("from ..state import loans", "market.state.loans"),
        ("from ... import market", "market"),
        ("import firesale.market.day", "market.day"),
        ("def f():\n    if f:\n        from ..prices import rents", "market.prices.rents"),
        ("if TYPE_CHECKING:\n    from ..model import CreditMarket", "market.model"),
        ("CODE = 'from firesale.market.day import run_day'", "market.day"),
        ("import_module('firesale.market.day')", "market.day"),
        ("import_module('..lenders.funding', __package__)", "market.lenders.funding"),
        ("P = Path(__file__).resolve().parent.parent / 'data' / 'x.csv'", "market.data.x.csv"),
        ("P = Path(__file__).parents[1] / 'data'\np = P / f(2)\nopen(p.parent)", "market.data"),
        ("P = Path(__file__).parents[1]\nopen(P / 'data')", "market.data"),
        ("from ..opening.books_2021.read import DATA_FOLDER\nDATA_FOLDER.parent", "market.data"),
        ("ROOT = Path(__file__).absolute().parents[2]", ""),
    ],
)
def test_an_arrow_is_seen(text: str, end: str) -> None:
    assert end in reached("market.debt.default", ast.parse(text))


@pytest.mark.parametrize("text", ['"""See firesale.market.day."""', "import numpy", "x = 'market'"])
def test_a_remark_is_no_arrow(text: str) -> None:
    assert reached("market.debt.default", ast.parse(text)) == set()


def test_a_circle_is_seen() -> None:
    edges = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": set()}
    assert circles(edges) == [{"a", "b", "c"}]


# ------------------------------------------------------------------ how imports are written


@pytest.mark.parametrize("name", MODULES)
def test_imports_inside_the_packages_are_relative(name: str) -> None:
    for one in imported(tree_of(name), package_of(name)):
        assert one.relative or not one.ours, f"firesale.{one.name}"
        assert one.relative or one.name.split(".")[0] not in PACKAGES, one.name


@pytest.mark.parametrize("path", sorted((PROJECT / "tests").rglob("*.py")), ids=lambda p: p.stem)
def test_imports_in_tests_are_absolute(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for one in imported(tree, ["tests"]):
        assert not one.relative, one.name
        assert one.ours or one.name.split(".")[0] not in PACKAGES, one.name


# ------------------------------------------------------------------ size


@pytest.mark.parametrize("name", MODULES)
def test_each_module_says_what_it_is(name: str) -> None:
    assert ast.get_docstring(tree_of(name))


def test_no_module_is_too_long() -> None:
    lines = {name: len(path.read_text("utf-8").splitlines()) for name, path in MODULES.items()}
    assert not {name for name in lines if lines[name] > LONGER.get(name, MOST_LINES)}
    assert not {name for name in LONGER if lines.get(name, 0) <= MOST_LINES}, "off the list"


def test_no_function_takes_too_much() -> None:
    found = {}
    for module in MODULES:
        for name, node in functions(tree_of(module)):
            taken = node.args
            names = [one.arg for one in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
            names += [one.arg for one in (taken.vararg, taken.kwarg) if one]
            count = len(names) - (names[:1] in (["self"], ["cls"]))
            if count > MOST_PARAMETERS:
                found[f"{module}.{name}"] = count
    assert found == MORE_PARAMETERS


def test_a_door_says_in_a_sentence_what_its_room_is_for() -> None:
    said = {
        name: " ".join((ast.get_docstring(tree_of(name)) or "").split())
        for name, path in MODULES.items()
        if path.name == "__init__.py"
    }
    assert all(text.endswith(".") for text in said.values())
    assert not {name for name, text in said.items() if ". " in text}
    full = {name for name in said if len(tree_of(name).body) > 1}
    assert full <= WITH_CONTENT
