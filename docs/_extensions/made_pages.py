"""Pages that are made of the program: parameters, scenarios, commands, functions, results.

They are written into ``docs/generated`` before a build and never by hand.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
MADE = DOCS / "generated"
UNITS = (
    (r"_usd_per_kw$", "USD/kW"),
    (r"_usd_per_gpu$", "USD/GPU"),
    (r"_usd_per_gpu_day$", "USD/GPU/day"),
    (r"_usd_per_th$", "USD per TH/s"),
    (r"_usd_kwh$", "USD/kWh"),
    (r"_usd_mwh$", "USD/MWh"),
    (r"_usd$", "USD"),
    (r"_days$", "days"),
    (r"(^|_)day$", "day"),
    (r"_years$", "years"),
    (r"volatility$", "1/√year"),
    (r"_per_quarter$", "1/quarter"),
    (r"_gpus$", "GPUs"),
    (r"^parties$", "parties"),
    (r"per_year$|drift$|_growth$|_return$|_spread$|decline$|reference_rate$", "1/year"),
    (r"_share$", "share"),
)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
FRONT = ("CreditMarket", "Scenario", "Simulation", "InputError")
EMBEDDED = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "market/data/README.md": "data-tables.md",
    **{
        f"experiments/{page.name}": f"results/{page.name}"
        for page in sorted((ROOT / "experiments").glob("*.md"))
    },
}
"""Pages that stand elsewhere, shown as they are."""
ROOMS = ("prices", "debt", "operators", "liquidation", "lenders", "clearing", "record")


def cell(text: object) -> str:
    """Text that does not end its cell of a table."""
    return str(text).replace("|", "\\|").replace("\n", " ").replace("*", "\\*")


def row(*cells: object) -> str:
    """A row of a table of Markdown."""
    return "| " + " | ".join(map(cell, cells)) + " |"


def header(*names: str) -> list[str]:
    """The first two lines of a table."""
    return [row(*names), "|" + "---|" * len(names)]


def unit_of(name: str, value: object) -> str:
    """The unit that a setting carries in its name."""
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, str) or value is None:
        return "word"
    return next((unit for pattern, unit in UNITS if re.search(pattern, name)), "1")


def parameters() -> str:
    """Every setting with unit, default, bounds, what it needs, and what is believed of it."""
    from firesale.experiments.report.beliefs_text import in_digits
    from firesale.experiments.report.scenario_text import bounds, literal
    from firesale.market.opening.beliefs import beliefs_of
    from firesale.market.scenario.needs import in_words
    from firesale.market.scenario.scenario import Scenario

    beliefs: dict[str, list[str]] = {}
    for start in ("2025", "2021"):
        for one in beliefs_of(start):
            numbers = f"{in_digits(one.low)} to {in_digits(one.high)}"
            said = (
                f"{start}: {numbers}, central {in_digits(one.central)}, {one.distribution} "
                f"({one.kind}: {one.reason})"
            )
            beliefs.setdefault(one.parameter, []).append(said)

    def sections(model: Any, before: str = "") -> Iterator[str]:
        plain = {
            name: field
            for name, field in model.model_fields.items()
            if not hasattr(field.annotation, "model_fields")
        }
        if before and plain:
            yield f"\n## `{before[:-1]}`\n\n{(model.__doc__ or '').strip().splitlines()[0]}\n"
            yield from header("setting", "unit", "default", "allowed", "meaning", "belief")
            for name, field in plain.items():
                key = before + name
                needs = in_words(key)
                meaning = field.description or name.replace("_", " ")
                yield row(
                    f"`{key}`",
                    unit_of(name, field.default),
                    literal(field.default) if field.default is not None else "none",
                    bounds(field).removeprefix("allowed: ") or "–",
                    meaning + (f"; only with {needs}" if needs else ""),
                    "; ".join(beliefs.get(key, [])) or "–",
                )
        for name, field in model.model_fields.items():
            if hasattr(field.annotation, "model_fields"):
                yield from sections(field.annotation, f"{before}{name}.")

    intro = (
        "# Parameters\n\nEvery setting of a scenario, as `--set SECTION.NAME=VALUE` and "
        "`with_settings` take it. *Belief* is what a run draws from with `opening.beliefs=true`: "
        "low to high, the central value, and what the range rests on; it is drawn where a "
        "scenario has the central value. Made of the schema and of `beliefs.csv`.\n"
    )
    return intro + "\n".join(sections(Scenario)) + "\n"


def scenarios() -> str:
    """Every packaged scenario: what it says, and what it sets otherwise than the defaults."""
    from firesale.market.scenario.scenario import Scenario, scenario_names

    usual = Scenario()
    lines = ["# Packaged scenarios\n"]
    for name in scenario_names():
        one = Scenario.load(name)
        lines.append(f"\n## `{name}`\n\n{one.title}. {one.days:,} days. {one.description.strip()}")
        lines.append("")
        changed = [key for key in one.differences(usual) if "." in key]
        if changed:
            lines += header("setting", "here", "default")
            lines += [row(f"`{k}`", one.value_of(k), usual.value_of(k)) for k in changed]
    return "\n".join(lines) + "\n"


def command_line() -> str:
    """Every command with its arguments and options."""
    import typer

    from firesale.experiments.cli import app

    def told(command: Any, name: str) -> Iterator[str]:
        if hasattr(command, "commands"):
            for child, below in command.commands.items():
                yield from told(below, f"{name} {child}")
            return
        yield f"\n## `{name}`\n\n{(command.help or '').strip()}\n"
        if command.epilog:
            yield f"{command.epilog}\n"
        yield from header("argument or option", "default", "meaning")
        for one in command.params:
            if one.param_type_name == "argument":
                shown, meaning = one.metavar or one.name.upper(), getattr(one, "help", "") or ""
            else:
                shown = " / ".join([*one.opts, *one.secondary_opts])
                shown += f" {one.metavar}" if one.metavar else ""
                meaning = one.help or ""
            default = one.default if isinstance(one.default, (str, int, float, bool)) else "–"
            yield row(f"`{shown}`", default, meaning)

    lines = [
        "# Command line\n\n`firesale COMMAND --help` prints the same. Bad input gets one sentence "
        "and exit code 2; a sweep with failed runs exits with 1; an interrupt with 130."
    ]
    return "\n".join([*lines, *told(typer.main.get_command(app), "firesale")]) + "\n"


def api(title: str, modules: list[str], text: str) -> str:
    """Functions and classes of some modules, from their docstrings."""
    parts = [f"# {title}\n\n{text}\n"]
    for module in modules:
        parts.append(
            f"\n## `{module}`\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```\n"
        )
    return "\n".join(parts)


def modules_in(folder: str) -> list[str]:
    """Modules of a folder of the checkout, in order."""
    found = sorted((ROOT / folder).glob("*.py"))
    names = [path.stem for path in found if path.stem != "__init__"]
    return [f"firesale.{folder.replace('/', '.')}.{name}" for name in names]


def front_door() -> str:
    """What ``import firesale`` gives."""
    parts = ["# The front door\n\nWhat `import firesale` gives; everything else is inside.\n"]
    for name in FRONT:
        parts.append(
            f"\n## `{name}`\n\n```{{eval-rst}}\n.. autoclass:: firesale.{name}\n   :members:\n"
            "   :exclude-members: model_config, model_fields, model_computed_fields\n```\n"
        )
    parts.append("\n## `synthetic`\n\n```{eval-rst}\n.. autofunction:: firesale.synthetic\n```\n")
    return "\n".join(parts)


def relinked(text: str, source: Path, place: Path) -> str:
    """The text of ``source``, to be shown at ``place``: links lead to pages of the documentation.

    What is no page of it, such as a file of code, is named and not linked.
    """
    pages = {(ROOT / path).resolve(): MADE / name for path, name in EMBEDDED.items()}

    def moved(found: re.Match[str]) -> str:
        image, said, target = found.groups()
        if "://" in target or target.startswith("#"):
            return found[0]
        file, _, anchor = target.partition("#")
        path = (source.parent / file).resolve()
        if image or path in pages or path.is_relative_to(DOCS):
            other = os.path.relpath(pages.get(path, path), place.parent)
            return f"{image}[{said}]({other}{'#' + anchor if anchor else ''})"
        return said

    return LINK.sub(moved, text)


def read(app: Any, name: str, content: list[str]) -> None:
    """Links of a page that somebody has written, to pages that stand elsewhere (in place)."""
    page = Path(app.env.doc2path(name))
    if MADE not in page.parents:
        content[0] = relinked(content[0], page, page)


def notebook(page: Path) -> str:
    """A tutorial as a notebook: its text, its Python, and the outputs that the tests compare."""
    text = page.read_text(encoding="utf-8")
    cells: list[dict[str, Any]] = []
    for part in re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL):
        fence = re.match(r"```(\w*)\n(.*)```\Z", part, re.DOTALL)
        if fence and fence[1] == "python":
            cells.append(code_cell(fence[2]))
        elif fence and fence[1] == "text" and cells and cells[-1]["cell_type"] == "code":
            cells[-1]["outputs"] = [{"name": "stdout", "output_type": "stream", "text": fence[2]}]
        elif prose := re.sub(r"<!--.*?-->\n?", "", part).strip():
            cells.append({"cell_type": "markdown", "metadata": {}, "source": prose})
    for number, one in enumerate(cells):
        one["id"] = f"cell-{number}"
    return json.dumps(
        {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1
    )


def code_cell(source: str) -> dict[str, Any]:
    """A cell of Python without outputs yet."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source.rstrip("\n"),
    }


def make(_: Any = None) -> None:
    """Write all of them."""
    shutil.rmtree(MADE, ignore_errors=True)
    (MADE / "results").mkdir(parents=True)
    texts = {
        "parameters.md": parameters(),
        "scenarios.md": scenarios(),
        "command-line.md": command_line(),
        "front-door.md": front_door(),
        "agents.md": api(
            "Rules of agents",
            modules_in("agents"),
            "Every decision is a small pure function of numbers; equations stand here.",
        ),
        "market.md": api(
            "Kernels of the market",
            [name for room in ROOMS for name in modules_in(f"market/{room}")],
            "Each loops over tables of the market and calls rules of agents.",
        ),
        "researcher.ipynb": notebook(DOCS / "tutorials" / "researcher.md"),
    }
    for path, name in EMBEDDED.items():
        source = ROOT / path
        texts[name] = relinked(source.read_text(encoding="utf-8"), source, MADE / name)
    for name, text in texts.items():
        (MADE / name).write_text(text, encoding="utf-8")


def as_written(
    _app: Any, what: str, _name: str, _thing: Any, _options: Any, lines: list[str]
) -> None:
    """What stands indented in the docstring of a module is shown as it stands (in place)."""
    if what != "module":
        return
    shown: list[str] = []
    for line in lines:
        last = next((one for one in reversed(shown) if one.strip()), "")
        if line.startswith("    ") and not last.startswith(" ") and not last.endswith("::"):
            shown += ["::", ""]
        shown.append(line)
    lines[:] = shown


def setup(app: Any) -> dict[str, Any]:
    """Make the pages before Sphinx looks for any."""
    make()
    app.connect("source-read", read)
    app.connect("autodoc-process-docstring", as_written)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
