"""Hostile input of every kind: a number makes a case, and a case comes to an end that is told.

Tests run some of each kind; ``attacks.py`` runs thousands, watched by another process, and writes
the table. A case returns ``ran`` or ``refused``, or one of the ends that must not be: ``does not
conserve``, ``half-written``. What it raises is a find; what was done stands in a note of the error.
"""

from __future__ import annotations

import csv
import io
import math
import random
import re
import shutil
import string
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from by_tape import EXAMPLES

from firesale.experiments.pricing.grid import PACKAGED as PACKAGED_GRID
from firesale.experiments.pricing.grid import load as load_grid
from firesale.experiments.sweeps.design import count_runs, design_table
from firesale.experiments.sweeps.plan import PLAN_FOLDER, Plan, plan_names
from firesale.market.opening.books_2021.read import DATA_FOLDER as BOOKS_2021
from firesale.market.opening.books_2021.read import load_books_2021
from firesale.market.opening.books_2025.read import DATA_FOLDER as BOOKS_2025
from firesale.market.opening.books_2025.read import load_books_2025
from firesale.market.opening.tape.columns import COLUMNS
from firesale.market.opening.tape.join import ADD_TO, open_tape
from firesale.market.opening.tape.mistakes import TapeError
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import (
    SCENARIO_FOLDER,
    Scenario,
    scenario_names,
    setting_keys,
)
from firesale.market.scenario.sections import STARTS
from firesale.market.simulation import Simulation

RAN, REFUSED, NOT_CONSERVING, HALF = "ran", "refused", "does not conserve", "half-written"
DAYS = 9  # an auction, and what follows it
type Case = Callable[[random.Random, Path], str]


def draw_of(kind: str, seed: int, number: int) -> random.Random:
    """The draws of a case; the same whatever was done before it."""
    return random.Random(f"{kind} {seed} {number}")


def many(kind: str, seed: int, count: int, folder: Path) -> Counter[str]:
    """So many cases of a kind, and how often each end was met."""
    case = KINDS[kind]
    return Counter(case(draw_of(kind, seed, number), folder) for number in range(count))


def run(act: Callable[[], Simulation], said: str) -> str:
    """Run a market; a refusal must be sentences."""
    try:
        error = act().run().summary()["conservation_error"]
    except TapeError as refusal:
        assert refusal.mistakes and all(str(one).rstrip()[-1] in ".?" for one in refusal.mistakes)
        return REFUSED
    except InputError as refusal:
        return refused(refusal)
    except Exception as error_:
        error_.add_note(said)
        raise
    return RAN if error <= 1e-9 and math.isfinite(error) else NOT_CONSERVING


def refused(refusal: InputError) -> str:
    """A refusal is one sentence that says something."""
    sentence = str(refusal)
    assert len(sentence) > 10 and sentence.rstrip()[-1] in ".)'\"", sentence
    assert not re.search("Traceback|pydantic|Arrow|duckdb|IO Error", sentence), sentence
    return REFUSED


# ------------------------------------------------------------------ settings

LEFT_OUT = ("name", "title", "description", "days", "crypto.history", "knock_out.party")


def field_of(key: str) -> Any:
    """The schema's entry of a setting."""
    model: Any = Scenario
    *sections, leaf = key.split(".")
    for section in sections:
        model = model.model_fields[section].annotation
    return model.model_fields[leaf]


def any_value(field: Any, draw: random.Random) -> Any:
    """A value that the schema allows: an end, or anything between, evenly or by magnitude."""
    if field.annotation is bool:
        return draw.random() < 0.5
    if choices := get_args(field.annotation):
        return draw.choice(choices)
    if field.annotation not in (int, float):
        return field.default
    ends = {}
    for rule in field.metadata:
        for name in ("ge", "gt", "le", "lt"):
            if getattr(rule, name, None) is not None:
                ends[name] = float(getattr(rule, name))
    width = max(ends.values()) - min(ends.values())
    low = ends["ge"] if "ge" in ends else ends["gt"] + 1e-6 * width
    high = ends["le"] if "le" in ends else ends["lt"] - 1e-6 * width
    usual = float(field.default) if isinstance(field.default, int | float) else low
    value = draw.choice((
        low, high, usual, draw.uniform(low, high), draw.uniform(low, high),
        low + (high - low) * 10 ** draw.uniform(-9, 0), low + (high - low) * 1e-9,
    ))  # fmt: skip
    return round(value) if field.annotation is int else value


def any_scenario(draw: random.Random) -> dict[str, Any]:
    """Settings at random: a few, many, or nearly all."""
    keys = [key for key in setting_keys() if key not in LEFT_OUT]
    share = draw.choice((0.02, 0.1, 0.4, 0.9))
    values = {key: any_value(field_of(key), draw) for key in keys if draw.random() < share}
    values["opening.start"] = draw.choice(STARTS)
    values["synthetic.parties"] = draw.choice((36, 40, 60, 150, 1000))
    values["opening.scale"] = draw.choice((1.0, 1.0, 0.1, 0.5, 2.0))
    if values.get("crypto.path") == "history":
        values["crypto.history"] = "packaged"
    else:
        values.pop("crypto.network", None)
    if values["opening.start"] == "2021":
        del values["opening.scale"]
    return values | {"days": DAYS}


def settings(draw: random.Random, folder: Path) -> str:
    """The whole schema at random, on all starts."""
    values, seed = any_scenario(draw), draw.randrange(1000)
    said = f"seed {seed}, settings {values}"
    return run(lambda: Simulation(Scenario().changed(values, "fuzz"), seed), said)


# ------------------------------------------------------------------ words and files

VALUES = (
    "0", "-1", "1e309", "-1e309", "nan", "inf", "-inf", "true", "false", "''", '"text"', "[]", "{}",
    "[1, 2]", "{a = 1}", "1979-05-27", "0x1F", "1_000", "9" * 400, "-" + "9" * 400, "1e-320", ".5",
    "5.", "0.5", "2025", '"2025"', "'''", '"""', "\\u0000", "\x00", "é", "🔥", "a" * 5000, " ", "",
    "=", "#", "null", "None", "0.1.2", "1e5", "[" * 300, "[" * 9000, "9" * 5000, "'2025' # x",
    "3 4", "{" * 80, "-0.0", "77%", "-5bn", "1" * 400 + "m", "1e5%", "%", "٣%",
)  # fmt: skip
NOISE = string.printable + "éß€\u2028\u0000🔥"


def keys() -> list[str]:
    """All keys of a scenario, section.key."""
    plain = Scenario().model_dump()
    nested = [f"{s}.{k}" for s, value in plain.items() if isinstance(value, dict) for k in value]
    return nested + [name for name, value in plain.items() if not isinstance(value, dict)]


def spoiled(text: str, draw: random.Random) -> str:
    """A text with a few characters, words or lines changed, doubled, swapped or lost."""
    for _ in range(draw.randint(1, 4)):
        at = draw.randint(0, max(0, len(text) - 1))
        kind = draw.randrange(7)
        if kind == 0:
            text = text[:at] + draw.choice(NOISE) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + draw.randint(1, 12) :]
        elif kind == 2:
            text = text[:at] + draw.choice(VALUES) + text[at + draw.randint(0, 6) :]
        elif kind == 3:
            lines = text.split("\n")
            lines.insert(draw.randrange(len(lines)), draw.choice(lines))
            text = "\n".join(lines)
        elif kind == 4:
            lines = text.split("\n")
            draw.shuffle(lines)
            text = "\n".join(lines)
        elif kind == 5:
            text = text[:at]
        else:
            text = f"{text}\n{draw.choice(keys()).replace('.', ' = ', 1)} = {draw.choice(VALUES)}"
    return text


def taken(act: Callable[[], object], said: str) -> str:
    """Whether an input was taken."""
    try:
        act()
    except InputError as refusal:
        return refused(refusal)
    except Exception as error:
        error.add_note(said[:2000])
        raise
    return RAN


def words(draw: random.Random, folder: Path) -> str:
    """``--set`` strings: known keys with strange values, strange keys, plain noise."""
    key = draw.choice(keys())
    if draw.random() < 0.2:
        key = "".join(draw.choice(NOISE) for _ in range(draw.randint(0, 9)))
    text = f"{key}={draw.choice(VALUES)}"
    if draw.random() < 0.1:
        text = "".join(draw.choice(NOISE) for _ in range(draw.randint(0, 30)))
    return taken(lambda: Scenario.load("calm").with_settings([text]), text)


def scenarios(draw: random.Random, folder: Path) -> str:
    """Scenario files with changes a tired person, or a broken disk, could make."""
    path = folder / "spoiled.toml"
    text = (SCENARIO_FOLDER / f"{draw.choice(scenario_names())}.toml").read_text(encoding="utf-8")
    text = spoiled(text, draw)
    path.write_text(text, encoding="utf-8", errors="replace")
    if draw.random() < 0.02:
        path.write_bytes(draw.randbytes(draw.randint(0, 200)))
    return taken(lambda: Scenario.load(path), text)


def histories(draw: random.Random, folder: Path) -> str:
    """History files of weekly prices, replayed if they are taken."""
    lines = (BOOKS_2025.parent / "history" / "market_weekly.csv").read_text().split("\n")[:30]
    path, text = folder / "history.csv", spoiled("\n".join(lines), draw)
    path.write_text(text, encoding="utf-8", errors="replace")
    values = {"crypto.history": str(path), "days": DAYS}
    values["crypto.history_rescale"] = draw.random() < 0.5
    values["crypto.network"] = draw.choice(("modelled", "history"))
    return run(lambda: Simulation(Scenario().changed(values, "fuzz"), 1), text[:2000])


PLAN_WORDS = (
    "replicates = 0", "replicates = 1_000_000", "seed = -1", "seed = 9223372036854775807",
    "resolve = 1", "companions = true", "run_limit_s = 1e-300", "run_limit_s = nan",
    'books = ""', 'books = "/dev/null"', 'outputs = ["["]', "outputs = []", "shared_seeds = true",
    '[design]\nmethod = "sobol"\npoints = 7', '[design]\nmethod = "morris"\npoints = 4',
    '[design]\nmethod = "sobol-indices"\npoints = 4', '[design]\nmethod = "list"',
    '[design]\nmethod = "random"\npoints = 1_000_000_000',
    '[design]\nmethod = "latin-hypercube"\npoints = 16',
    '[trajectories]\ncolumns = ["btc_usd"]', '[trajectories]\ncolumns = ["no_such"]',
    '[analysis]\nevent = "loss_usd.total >= 1e999"', "[analysis]\nconfidence = 1.0",
    '[arms]\n"A b" = {}', '[arms.none]\n[arms.more]\n"credit.max_ltv" = 9e9',
)  # fmt: skip


def plans(draw: random.Random, folder: Path) -> str:
    """Plans of sweeps with the like, laid out if they are taken and not too large to be."""
    path = folder / "spoiled-plan.toml"
    text = (PLAN_FOLDER / f"{draw.choice(plan_names())}.toml").read_text(encoding="utf-8")
    if draw.random() < 0.5:
        lines = text.split("\n")
        lines.insert(draw.randrange(len(lines)), draw.choice(PLAN_WORDS))
        text = "\n".join(lines)
    if draw.random() < 0.3:
        factor = f'\n[factors."{draw.choice(keys())}"]\n'
        text += factor + draw.choice((
            f"low = {draw.choice(VALUES[:30])}\nhigh = {draw.choice(VALUES[:30])}",
            f"values = [{draw.choice(VALUES[:30])}, {draw.choice(VALUES[:30])}]",
            "low = 0.1\nhigh = 0.9\nsteps = 3",
        ))  # fmt: skip
    if draw.random() < 0.6:
        text = spoiled(text, draw)
    path.write_text(text, encoding="utf-8", errors="replace")

    def lay_out() -> None:
        plan = Plan.load(path)
        plan.identity()
        if count_runs(plan) <= 100_000:
            assert len(design_table(plan)) <= count_runs(plan)

    return taken(lay_out, text)


GRID_WORDS = (
    "cells = 3", 'cells = ["a"]', "[cells]", "joint = 3", "joint = [[1]]", 'calm = "calm"',
    "settings = 3", "[bitcoin]\nordinary = 3", "[stress]", "name = 7", "title = []",
    "scenario = 3", 'scenario = "no-such"', "[cells.more]\nweight = nan", "other = 1",
    "[cells.more]\nweight = true\nreason = 5", "[cells.more]\nbitcoin = [1]\nweight = 0.0",
    '[settings]\n"no.such" = 1', '[stress.odd]\n"macro.shock" = "x"', "block = 1",
)  # fmt: skip


def grids(draw: random.Random, folder: Path) -> str:
    """Grids of scenarios to price with the like; a block is planned of those that are taken."""
    path = folder / "spoiled-grid.toml"
    text = PACKAGED_GRID.read_text(encoding="utf-8")
    if draw.random() < 0.6:
        lines = text.split("\n")
        lines.insert(draw.randrange(len(lines)), draw.choice(GRID_WORDS))
        text = "\n".join(lines)
    if draw.random() < 0.7:
        text = spoiled(text, draw)
    path.write_text(text, encoding="utf-8", errors="replace")
    return taken(lambda: load_grid(str(path)).plan(), text)


# ------------------------------------------------------------------ books

STRANGE = (
    "0", "-1", "1e308", "1e-300", "1e15", "nan", "inf", "-inf", "", "1e9", "1e6", "10000000",
    "20000", "36500", "0.5", "1", "2", "1e-6", "0.999999", "x", "2025-09-30", "9999-12-31",
    "0001-01-01", "true", "\x1b[31m",
)  # fmt: skip


def spoil(folder: Path, draw: random.Random) -> str:
    """Give one to three cells of one to three tables another value; says which."""
    said = []
    for _ in range(draw.randint(1, 3)):
        path = draw.choice(sorted(folder.glob("*.csv")))
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        for _ in range(draw.randint(1, 3)):
            row = draw.choice(rows[1:])
            at = draw.randrange(len(row))
            try:
                number = float(row[at])
                factor = 10 ** draw.uniform(-9, 9)
                value = draw.choice(
                    (*STRANGE, str(number * factor), str(-number), str(int(number)))
                )
            except (ValueError, OverflowError):
                if draw.random() < 0.7:
                    continue
                value = draw.choice(STRANGE)
            said.append(f"{path.name}: {rows[0][at]} {row[at]!r} -> {value!r}")
            row[at] = value
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
    return "; ".join(said)


def books(draw: random.Random, folder: Path) -> str:
    """Opening books with a few cells, or the text of a table, spoiled."""
    start, source, load = draw.choice((
        ("2025", BOOKS_2025, load_books_2025), ("2021", BOOKS_2021, load_books_2021),
    ))  # fmt: skip
    at = folder / "books"
    shutil.rmtree(at, ignore_errors=True)
    shutil.copytree(source, at)
    if draw.random() < 0.1:
        victim = at / draw.choice(sorted(path.name for path in at.glob("*.csv")))
        text = spoiled(victim.read_text(encoding="utf-8"), draw)
        victim.write_text(text, encoding="utf-8", errors="replace")
        said = f"{victim.name} spoiled"
    else:
        said = spoil(at, draw)
    scenario = Scenario().changed({"opening.start": start, "days": DAYS}, "fuzz")
    return run(lambda: Simulation(scenario, 1, load(at)), f"{start}: {said}")


# ------------------------------------------------------------------ tapes

CELLS = (
    "", "0", "-1", "1", "2", "0.5", "1e308", "1e-300", "1e999", "nan", "inf", "-inf", "$10bn",
    "999999999bn", "9" * 4000, "0.000001", "100 %", "0 %", "1e6 %", "SOFR", "SOFR+99999",
    "SOFR+-450", "9999-12-31", "0001-01-01", "2025-09-30", "2025-10-01", "31.02.2027", "bullet",
    "H100", "BTC", "S21", "site", "general lien", "none", "1 EH/s", "1e9 EH/s", "yes", "Microsoft",
    "CoreWeave", "=1+1", "\x1b[31m", "a\x00b", "DSCR 0", "DSCR 1e9", "DSCR nan; cure 0 days",
    "margin call 1 %; liquidation 2 %", "cure 99999999 days", "convertible", "revolver", "🔥" * 50,
    "36500", "1000000000000000", "10000000", "-0", "0.9999999", "gulf", "neocloud", "miner",
    "'; --",
)  # fmt: skip


def rows_of(name: str) -> list[list[str]]:
    """A packaged tape as rows of cells, its headings first."""
    text = (EXAMPLES / name).read_text(encoding="utf-8-sig")
    return list(csv.reader(io.StringIO(text), delimiter=";" if name == "rig-bank.csv" else ","))


def spoilt(path: Path, draw: random.Random) -> str:
    """Write a tape with a few cells, a heading or a row that are others; says which."""
    rows = rows_of(draw.choice(("gpu-fund.csv", "rig-bank.csv")))
    said = []
    if draw.random() < 0.3:  # a column that the tape does not have
        extra = draw.choice(COLUMNS).heading
        if extra not in rows[0]:
            rows = [[*row, ""] for row in rows]
            rows[0][-1] = extra
            said.append(f"+{extra}")
    for _ in range(draw.choice((1, 1, 1, 2, 5))):
        at, row = draw.randrange(len(rows[0])), draw.randrange(1, len(rows))
        was = rows[row][at]
        like = draw.choice(rows[1:])[at]  # another row's cell, or the same a little or much larger
        value = draw.choice((draw.choice(CELLS), like, f"{10 ** draw.uniform(-9, 15)}", like))
        if draw.random() < 0.5 and (number := re.search(r"\d+", was)):
            times = float(number[0]) * 10 ** draw.choice((0.1, -0.3, 1, -2, 4, 9))
            value = was[: number.start()] + f"{times:.0f}" + was[number.end() :]
        rows[row][at] = value
        said.append(f"{rows[0][at]} {was!r} -> {value[:40]!r}")
    if draw.random() < 0.1:
        rows.append(list(draw.choice(rows)))
        said.append("a row twice")
    if draw.random() < 0.1:
        rows[0][draw.randrange(len(rows[0]))] = draw.choice(CELLS)
        said.append("a heading")
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return "; ".join(said)


def tapes(draw: random.Random, folder: Path) -> str:
    """Loan tapes with a few cells spoiled, beside the market's loans or instead of them."""
    path = folder / "tape.csv"
    said = spoilt(path, draw)
    seed, add_to, merge = draw.randrange(1000), draw.choice(ADD_TO), draw.random() < 0.3
    scenario = Scenario.load("joint-crash").with_settings([f"days={DAYS}"])
    return run(
        lambda: Simulation(scenario, seed, open_tape(path, add_to, merge).books),
        f"seed {seed}, {add_to}, merge {merge}: {said}",
    )


# ------------------------------------------------------------------ folders of sweeps


def sweep_folders(draw: random.Random, folder: Path) -> str:
    """A sweep with one file damaged: refused by name, or its runs are missing; then salvaged.

    Only a part that is gone leaves something whole to read.
    """
    import hostile_sweeps as sweeps
    import pandas as pd

    from firesale.experiments.sweeps import analysis

    plain, at = folder / "plain", folder / "spoiled"
    if not plain.exists():
        sweeps.swept(plain)
    shutil.rmtree(at, ignore_errors=True)
    shutil.copytree(plain, at)
    files = [path for path in sorted(at.rglob("*")) if path.suffix in (".json", ".parquet")]
    victim, act = draw.choice(files), draw.choice(sweeps.DAMAGES)
    act(victim, draw)
    if act is sweeps.gone and victim.parent.name == "parts":
        assert any("still missing" in line for line in analysis.analyse_folder(at))
        told = RAN
    else:
        for command in (analysis.analyse_folder, sweeps.again):
            try:
                command(at)
            except InputError as refusal:
                assert victim.name in str(refusal), (act, refusal)
                told = refused(refusal)
            else:
                raise AssertionError(f"{act.__name__} of {victim.name} went unnoticed")
    sweeps.again(at, salvage=True)
    same = pd.testing.assert_frame_equal
    same(sweeps.rows(at), sweeps.rows(plain), check_exact=True)
    left = [path for path in at.rglob("*") if path.name.endswith(".tmp")]
    return HALF if left else told


# ------------------------------------------------------------------ the view


def visitors(draw: random.Random, folder: Path) -> str:
    """A visitor whose browser sends twenty hostile values, then steps two days."""
    from hostile_page import visit

    return visit(draw)


KINDS: dict[str, Case] = {
    "settings": settings,
    "options": words,
    "scenarios": scenarios,
    "histories": histories,
    "plans": plans,
    "books": books,
    "tapes": tapes,
    "grids": grids,
    "sweep folders": sweep_folders,
    "visitors of the page": visitors,
}
