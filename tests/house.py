"""The house as it stands: which module reaches which, by import, by name in a string, by path."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("agents", "market", "experiments")
UNKNOWN = "?"  # a step of a path that the text does not tell


class Arrow(NamedTuple):
    """A module reaches a module, a folder or, where the name is empty, the root."""

    start: str
    end: str


class Imported(NamedTuple):
    """What a module imports: ours below ``firesale``, others by their full name."""

    name: str
    ours: bool
    relative: bool
    when_loaded: bool  # neither inside a function nor for type checkers only


def name_of(path: Path) -> str:
    """A module's or folder's name below ``firesale``, as ``market.state``."""
    name = ".".join(path.relative_to(PROJECT).parts).removesuffix(".py")
    return name.removesuffix(".__init__")


MODULES = {
    name_of(path): path for top in PACKAGES for path in sorted((PROJECT / top).rglob("*.py"))
}


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def package_of(name: str) -> list[str]:
    """Where a module's relative imports begin, step by step."""
    steps = name.split(".")
    return steps if MODULES[name].name == "__init__.py" else steps[:-1]


def module_in(name: str) -> str:
    """The longest part of a dotted name that is a module of ours; empty if none is."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def functions(tree: ast.AST, before: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """All functions, those in classes and functions too, by their full names."""
    for node in ast.iter_child_nodes(tree):
        name = before
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = f"{before}.{node.name}".strip(".")
        if isinstance(node, ast.FunctionDef):
            yield name, node
        yield from functions(node, name)


def imported(tree: ast.AST, package: list[str]) -> Iterator[Imported]:
    """Every import, wherever it stands."""

    def found(name: str, level: int, when_loaded: bool) -> Imported:
        if level:
            base = package[: len(package) - level + 1]
            return Imported(".".join([*base, *name.split(".")]), True, True, when_loaded)
        ours = name == "firesale" or name.startswith("firesale.")
        short = name.removeprefix("firesale").removeprefix(".") if ours else name
        return Imported(short, ours, False, when_loaded)

    def visit(node: ast.AST, when_loaded: bool) -> Iterator[Imported]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield found(alias.name, 0, when_loaded)
        elif isinstance(node, ast.ImportFrom):
            base = f"{node.module}." if node.module else ""
            for alias in node.names:
                yield found(base + alias.name, node.level, when_loaded)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            when_loaded = False
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                yield from visit(child, False)
            for child in node.orelse:
                yield from visit(child, when_loaded)
            return
        for child in ast.iter_child_nodes(node):
            yield from visit(child, when_loaded)

    yield from visit(tree, True)


def said(tree: ast.AST, package: list[str]) -> Iterator[str]:
    """Modules named in strings: in code for another process, or for ``import_module``."""
    nodes = list(ast.walk(tree))
    remarks = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        match node:
            case ast.Constant(value=str(text)) if node not in remarks:
                yield from re.findall(r"\bfiresale\.([\w.]+)", text)
            case ast.Call(func=function, args=[ast.Constant(value=str(text)), *_]):
                if text.startswith(".") and ast.unparse(function).endswith("import_module"):
                    name = text.lstrip(".")
                    up = len(text) - len(name) - 1
                    yield ".".join([*package[: len(package) - up], name])


def leads_to(node: ast.AST, file: Path, known: dict[str, Path]) -> Path | None:
    """Where an expression that starts at ``__file__`` leads, as far as its text tells."""
    match node:
        case ast.Name(id="__file__"):
            return file
        case ast.Name(id=name):
            return known.get(name)
        case (
            ast.Call(func=ast.Name(id="Path" | "str"), args=[inner])
            | ast.Call(func=ast.Attribute(value=inner, attr="resolve" | "absolute"))
        ):
            return leads_to(inner, file, known)
        case ast.Attribute(value=inner, attr="parent"):
            start = leads_to(inner, file, known)
            return start and start.parent
        case ast.Subscript(
            value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(value=int(up))
        ):
            start = leads_to(inner, file, known)
            return start and start.parents[up]
        case ast.BinOp(left=inner, op=ast.Div(), right=right):
            start = leads_to(inner, file, known)
            named = isinstance(right, ast.Constant) and isinstance(right.value, str)
            return start and start / (right.value if named else UNKNOWN)
    return None


def assigned(nodes: Iterable[ast.AST], file: Path, known: dict[str, Path]) -> None:
    """Add the names that are given a path beside the module's own file."""
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if found := leads_to(node.value, file, known):
                known.update((t.id, found) for t in targets if isinstance(t, ast.Name))


@cache
def constants() -> dict[str, dict[str, Path]]:
    """By module, its constants that are paths; some are made from those of others."""
    known: dict[str, dict[str, Path]] = {name: {} for name in MODULES}
    before = -1
    while before != (before := sum(map(len, known.values()))):
        for name, path in MODULES.items():
            if "Path" in path.read_text(encoding="utf-8"):
                known[name] |= taken_over(tree_of(name), package_of(name), known)
                assigned(tree_of(name).body, path, known[name])
    return known


def taken_over(
    tree: ast.Module, package: list[str], known: dict[str, dict[str, Path]]
) -> dict[str, Path]:
    """Constants of other modules that a module imports."""
    asked = [one.name.rpartition(".") for one in imported(tree, package) if one.ours]
    return {name: known[home][name] for home, _, name in asked if name in known.get(home, ())}


def opened(tree: ast.Module, file: Path, package: list[str]) -> Iterator[Path]:
    """Files and folders that a module finds from its own place."""
    known = taken_over(tree, package, constants())
    assigned(ast.walk(tree), file, known)

    def visit(node: ast.AST) -> Iterator[Path]:
        if found := leads_to(node, file, known):
            yield found
            return
        for child in ast.iter_child_nodes(node):
            yield from visit(child)

    for path in visit(tree):
        if path != file and path.is_relative_to(PROJECT):
            yield path.parent if path.name == UNKNOWN else path


def reached(name: str, tree: ast.Module | None = None) -> set[str]:
    """All that a module reaches in our house, itself apart; names of modules or folders."""
    tree, package = tree or tree_of(name), package_of(name)
    names = {one.name for one in imported(tree, package) if one.ours} | {*said(tree, package)}
    modules = {module_in(other) for other in names} - {""}
    folders = {name_of(path) for path in opened(tree, MODULES[name], package)}
    return (modules | folders) - {name}


def arrows() -> list[Arrow]:
    """All arrows of the three packages."""
    return [Arrow(name, end) for name in MODULES for end in sorted(reached(name))]


def circles(edges: dict[str, set[str]]) -> list[set[str]]:
    """Groups that reach each other: strongly connected, more than one member (Tarjan 1972)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        stack.append(name)
        for other in sorted(edges.get(name, ())):
            if other not in number:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], number[other])
        if low[name] == number[name]:
            group = set(stack[stack.index(name) :])
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(group)

    for name in sorted(edges):
        if name not in number:
            visit(name)
    return found
