"""The pages of the documentation as programs: their blocks run in order, a folder each.

    uv run python tests/pages.py                 # write all outputs anew
    uv run python tests/pages.py README.md       # those of one page

A fenced block of ``python`` is executed, one name space a page; one of ``sh`` is run line by line;
any other block below ``<!-- file: NAME -->`` becomes that file. Below ``<!-- output -->`` stands
what the block before has printed, below ``<!-- output: 9 lines -->`` its first lines. Two more
marks may stand above a block: ``<!-- slow -->``, and ``<!-- not run: WHY -->``, of which only the
options are looked at.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from paths import PROJECT

DOCS = PROJECT / "docs"
FENCE = re.compile(r"^(```+)(\S*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- ([a-z ]+?)(?:: (.*?))? -->\n\Z")
ELSEWHERE = ("git", "cd", "source", "pip", "uv sync", "uvx", "uv build", "uv publish")
"""Commands about a machine rather than about a market."""
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, text, the mark above it, and where its text stands."""

    language: str
    text: str
    mark: str
    about: str
    start: int
    end: int


def pages() -> list[Path]:
    """The pages that somebody has written; those of ``docs/generated`` are made."""
    written = [page for page in DOCS.rglob("*.md") if "generated" not in page.parts]
    return [PROJECT / "README.md", *sorted(page for page in written if "_build" not in page.parts)]


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page."""
    for found in FENCE.finditer(text):
        mark = MARK.search(text[: found.start()])
        name, about = (mark[1], mark[2] or "") if mark else ("", "")
        yield Block(found[2], found[3], name, about, found.start(3), found.end(3))


def has_slow(page: Path) -> bool:
    """Whether some block of a page takes long."""
    return any(block.mark == "slow" for block in blocks(page.read_text(encoding="utf-8")))


def shown(printed: str, about: str) -> str:
    """What a page shows of an output: all, or its first lines; no spaces at ends of lines."""
    lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
    if about:
        count = int(about.split()[0])
        lines = [*lines[:count], "…"] if len(lines) > count else lines
    return "\n".join(lines) + "\n"


def run_page(
    text: str, slow: Callable[[Block], bool], name: str = "page"
) -> Iterator[tuple[Block, str]]:
    """Run a page in this folder; its blocks of output, each with what should stand there.

    ``slow`` says which blocks are run of those that take long; the others are only read.
    """
    space: dict[str, object] = {"__name__": "__page__"}
    printed: str | None = None
    for block in blocks(text):
        if block.mark == "output":
            if printed is not None:
                yield block, shown(printed, block.about)
        elif block.mark == "file":
            Path(block.about).write_text(block.text, encoding="utf-8")
        elif block.mark == "not run" or (block.mark == "slow" and not slow(block)):
            printed = None
            for command in commands(block):
                parse(command)
        elif block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block.text, name, "exec"), space)
            printed = out.getvalue()
        elif block.language == "sh":
            printed = "".join(map(run, commands(block)))


def commands(block: Block) -> list[list[str]]:
    """The commands of a block, without remarks."""
    if block.language != "sh":
        return []
    lines = block.text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def arguments(command: list[str]) -> list[str] | None:
    """What follows ``firesale``; ``None`` of other commands, which must be ones that there are."""
    words = command[2:] if command[:2] == ["uv", "run"] else command
    if words[:1] == ["firesale"]:
        return words[1:]
    line = " ".join(command)
    if words[:1] == ["make"]:
        targets = TARGET.findall((PROJECT / "Makefile").read_text("utf-8"))
        assert set(words[1:2]) <= set(targets), f"{line}: the Makefile has no such target"
    elif words[:2] == ["python", "-m"]:
        assert find_spec(words[2]), f"{line}: there is no such module"
    elif words[:1] == ["python"] and words[1].startswith("tests/"):
        assert (PROJECT / words[1]).is_file(), f"{line}: there is no such file"
    elif words[:1] not in (["pytest"], ["mypy"], ["ruff"]):
        assert line.startswith(ELSEWHERE), f"{line}: is not known"
    return None


def run(command: list[str]) -> str:
    """Run a command of firesale in this process; what it prints."""
    from firesale.experiments.cli import main

    words = arguments(command)
    if words is None:
        return ""
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as told,
    ):
        try:
            main(words)
        except SystemExit as end:
            code = end.code
    said = out.getvalue()
    assert code == 0, f"firesale {' '.join(words)}: exit code {code}: {told.getvalue()}"
    return said


def parse(command: list[str]) -> None:
    """Look whether a command's options are those of the program, without running it."""
    import typer

    from firesale.experiments.cli import app

    words = arguments(command)
    if words is None:
        return
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words[0]]
        words = words[1:]
    command.make_context("firesale", words)  # reads them; calls nothing


@contextlib.contextmanager
def own_folder() -> Iterator[None]:
    """A folder of its own as the working directory, with the tapes that pages speak of."""
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        examples = Path("experiments/book/examples")
        examples.parent.mkdir(parents=True)
        examples.symlink_to(PROJECT / examples)
        Path("market").symlink_to(PROJECT / "market")
        yield


def write(page: Path) -> None:
    """Write the outputs of a page anew."""
    text = page.read_text(encoding="utf-8")
    every = list(blocks(text))
    shown = {block.start for block, below in pairwise(every) if below.mark == "output"}
    with own_folder():
        found = list(run_page(text, lambda block: block.start in shown, page.name))
    assert page.read_text(encoding="utf-8") == text, f"{page}: somebody has changed it meanwhile"
    for block, output in reversed(found):
        text = text[: block.start] + output + text[block.end :]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "100")
    chosen = [Path(name).absolute() for name in sys.argv[1:]]
    for one in chosen or pages():
        if any(block.mark == "output" for block in blocks(one.read_text(encoding="utf-8"))):
            write(one)
            print(f"{one.relative_to(PROJECT)}: written")
