"""Sweeps on a user's own books: the same runs as alone, known by content, found by workers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from by_tape import EXAMPLES, tape_of
from sweep_runs import plan

from firesale.experiments import cli
from firesale.experiments.pricing import grid as grids
from firesale.experiments.sweeps import own, store
from firesale.experiments.sweeps.execute import Outcome, Work, run_batch, simulate
from firesale.experiments.sweeps.plan import Plan
from firesale.experiments.sweeps.runner import Driver
from firesale.market.opening.books import Books
from firesale.market.opening.books_2025.read import DATA_FOLDER
from firesale.market.opening.own_books import own_books
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario

TAPE = EXAMPLES / "rig-bank.csv"


def counted(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> Outcome:
    """What a run was given, without a market."""
    _, tables = own.opened(scenario, seed, scores, books)
    loans = tables.loans if tables is not None else ()
    return Outcome({"loans": len(loans), "drawn": sum(loan.drawn_usd_m for loan in loans)}, dict)


def rows(folder: Path) -> Any:
    with store.connect(folder) as connection:
        return connection.execute("SELECT * FROM runs ORDER BY run_id").df()


def driver(p: Plan, folder: Path) -> Driver:
    return Driver(p, folder, simulate=counted, quiet=True)


def test_each_run_gets_the_books_and_workers_read_them_in_the_folder(tmp_path: Path) -> None:
    tape = tmp_path / TAPE.name
    shutil.copy(TAPE, tape)
    p = plan(books=str(tape), replicates=2)
    driver(p, tmp_path / "out").run("serial")
    expected = own_books(TAPE, Scenario())
    found = rows(tmp_path / "out")
    assert set(found["loans"]) == {len(expected.loans)}
    at = own.for_workers(p.books, tmp_path / "out")
    assert at is not None and Path(at.place).is_relative_to(tmp_path / "out")
    assert Path(at.place).read_bytes() == TAPE.read_bytes()
    manifest = store.read_manifest(tmp_path / "out")
    assert manifest["plan"]["books"] == f"sha256:{own.digest(TAPE)}"
    assert str(tmp_path) not in str(manifest["plan"])


def test_a_folder_of_tables_may_be_the_books(tmp_path: Path) -> None:
    shutil.copytree(DATA_FOLDER, tmp_path / "mine")
    p = plan(books=str(tmp_path / "mine"))
    driver(p, tmp_path / "out").run("serial")
    assert set(rows(tmp_path / "out")["loans"]) == {len(own_books(DATA_FOLDER, Scenario()).loans)}


def test_factors_of_the_books_move_a_users_own(tmp_path: Path) -> None:
    p = plan(books=str(TAPE), factors={"books": {"leverage": {"values": [1.0, 2.0]}}})
    driver(p, tmp_path / "out").run("serial")
    one, two = rows(tmp_path / "out")["drawn"]
    assert two == pytest.approx(2.0 * one)


def test_other_books_are_refused_when_a_sweep_goes_on(tmp_path: Path) -> None:
    driver(plan(books=str(tape_of(tmp_path, {}))), tmp_path / "out").run("serial")
    tape = tape_of(tmp_path, {"principal": "$13m"})
    with pytest.raises(InputError) as refusal:
        driver(plan(books=str(tape)), tmp_path / "out").run("serial")
    sentence = str(refusal.value)
    assert "begun with another plan (changed: books)" in sentence and "\n" not in sentence
    with pytest.raises(InputError, match=r"changed: books\)"):
        driver(plan(), tmp_path / "out").run("serial")


def test_the_same_books_elsewhere_are_the_same_sweep(tmp_path: Path) -> None:
    moved = tmp_path / "moved.csv"
    shutil.copy(TAPE, moved)
    assert plan(books=str(moved)).identity() == plan(books=str(TAPE)).identity()
    assert plan(books=str(TAPE)).identity() != plan().identity()


def test_books_that_were_changed_under_a_worker_stop_the_sweep(tmp_path: Path) -> None:
    p = plan(books=str(TAPE))
    out = tmp_path / "out"
    driver(p, out).run("serial")
    work = Work.of(p, out, store.source_hash())
    assert work.books is not None
    Path(work.books.place).write_text("borrower\n", encoding="utf-8")
    with pytest.raises(InputError, match="was changed since the sweep began"):
        run_batch(work, [], counted)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"books": "gone.csv"}, "test.toml: books: gone.csv is not there; it must be a folder of "),
        ({"books": ""}, "test.toml: books = '' is not allowed"),
        ({"books": str(TAPE), "settings": {"opening": {"start": "synthetic"}}},
         "--books rig-bank.csv: a scenario with opening.start = 'synthetic'"),
        ({"books": str(TAPE), "factors": {"opening": {"start": {"values": ["2025", "2021"]}}}},
         "test.toml: books: opening.start = '2021' opens books of its own; leave it at 2025."),
        ({"books": str(TAPE), "arms": {"a": {"opening": {"start": "synthetic"}}}},
         "test.toml: books: opening.start = 'synthetic' opens books of its own"),
        ({"books": str(TAPE), "factors": {"books": {"miners": {"NOBODY": {"cash_usd_m": {}}}}}},
         "there is no row 'NOBODY'"),
    ],
)  # fmt: skip
def test_books_that_cannot_be_are_refused_in_one_sentence(data: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as refusal:
        plan(**data)
    assert str(refusal.value).startswith(says) or says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_plan_file_names_books_beside_it_and_the_command_other_ones(tmp_path: Path) -> None:
    tape = tape_of(tmp_path, {})
    (tmp_path / "p.toml").write_text('scenario = "baseline"\nbooks = "tape.csv"\n')
    assert Plan.load(tmp_path / "p.toml").books == str(tape.resolve())
    assert Plan.load(tmp_path / "p.toml", books=TAPE).books == str(TAPE.resolve())


def test_a_grid_is_priced_on_own_books() -> None:
    grid = grids.load("grid")._replace(books=str(TAPE))
    assert grid.plan().books == str(TAPE.resolve())
    assert grids.load("grid").plan().books is None


def test_a_run_of_a_sweep_is_the_run_of_those_books() -> None:
    from firesale.market.simulation import Simulation

    scenario = Scenario.load("baseline").changed({"days": 3}, "test")
    books = own_books(TAPE, scenario)
    alone = Simulation(scenario, 4, books).run().summary()
    assert simulate(scenario, 4, {}, books=books).summary == alone


@pytest.mark.parametrize(
    ("command", "where"), [(("sweep", "quick"), "quick.toml"), (("price", "grid"), "grid")]
)
def test_commands_refuse_books_that_are_not_there(
    command: tuple[str, ...],
    where: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gone = tmp_path / "gone.csv"
    with pytest.raises(SystemExit) as left:
        cli.main([*command, "--books", str(gone), "--out", str(tmp_path / "out")])
    assert left.value.code == 2
    assert f"{where}: books: {gone} is not there" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_every_mistake_of_a_tape_is_told_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = tape_of(tmp_path, {"principal": "a lot"})
    with pytest.raises(SystemExit) as left:
        cli.main(["sweep", "quick", "--books", str(tape), "--out", str(tmp_path / "out")])
    assert left.value.code == 2
    assert "principal" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
