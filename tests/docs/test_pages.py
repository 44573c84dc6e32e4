"""What README and documentation show runs, prints what they say, and points to what is there."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
from pages import blocks, has_slow, own_folder, pages, run_page
from paths import PROJECT

PAGES = pages()
SLOW = [page for page in PAGES if has_slow(page)]
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)\s]+?)(?:#[^)]*)?\)")
ROLE = re.compile(r"\{py:(?:func|class|mod|meth|attr|obj)\}`~?([\w.]+)`")
SPELLED = re.compile(r"`([a-z_]+/[\w./-]+\.(?:py|md|csv|toml))`")
OTHERS = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
MOST_WORDS = 900


def name_of(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def check(path: Path, slow: bool) -> None:
    text = path.read_text(encoding="utf-8")
    with own_folder():
        for block, output in run_page(text, lambda _: slow, path.name):
            line = text[: block.start].count("\n")
            assert block.text == output, f"{name_of(path)}:{line}; uv run python tests/pages.py"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_runs(path: Path) -> None:
    check(path, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("path", SLOW, ids=name_of)
def test_a_page_runs_with_what_takes_long(path: Path) -> None:
    check(path, slow=True)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_mark_is_one_of_ours(path: Path) -> None:
    for block in blocks(path.read_text(encoding="utf-8")):
        assert block.mark in ("", "output", "file", "slow", "not run"), block.mark
        assert block.mark != "not run" or block.about, "say why it is not run"
        if block.language == "python":
            ast.parse(block.text)


@pytest.mark.parametrize("name", [*map(name_of, PAGES), *OTHERS])
def test_links_lead_to_files(name: str) -> None:
    path = PROJECT / name
    text = path.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        found = (path.parent / target).exists() or "generated/" in target
        assert found, f"{name}: {target}"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_files_and_functions_that_are_named_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for file in SPELLED.findall(text):
        made = file.startswith("out/")
        assert made or (PROJECT / file).exists(), f"{name_of(path)}: {file}"
    for dotted in ROLE.findall(text):
        assert found(dotted), f"{name_of(path)}: {dotted}"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_change_that_is_shown_fits_the_source(path: Path) -> None:
    for block in blocks(path.read_text(encoding="utf-8")):
        if block.language == "diff":
            lines = block.text.splitlines()
            source = (PROJECT / lines[0].removeprefix("--- a/")).read_text(encoding="utf-8")
            body = [line for line in lines[2:] if line[:1] in (" ", "-")]
            assert "\n".join(line[1:] for line in body) in source


def found(dotted: str) -> bool:
    """Whether a dotted name is that of a module, or of something in one."""
    parts = dotted.split(".")
    for split in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:split]))
        except ModuleNotFoundError:
            continue
        for part in parts[split:]:
            if not hasattr(thing, part):
                return False
            thing = getattr(thing, part)
        return True
    return False


def test_the_readme_is_short() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) < MOST_WORDS


def test_the_readme_says_how_to_run_and_test() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    for command in ("make run", "make test"):
        assert re.search(rf"^{command}\b", text, re.MULTILINE), command
