"""A book under weighted scenarios, and without its covenants: sums by hand, and nothing without."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from by_tape import EXAMPLES, tape_of
from scipy.stats import t
from test_memo import outcome

from firesale.experiments import cli
from firesale.experiments.book import covenants as cov
from firesale.experiments.book import switched as sw
from firesale.experiments.book import weighted as wt
from firesale.experiments.book.memo import Asked, Made, compose
from firesale.experiments.book.page import page
from firesale.experiments.book.runs import Outcome
from firesale.experiments.pricing import estimators as pure
from firesale.market.opening.tape.headroom import LTVS
from firesale.market.opening.tape.join import open_tape

DAYS = 900


def run(loss: list[float], years: float = 100.0) -> Outcome:
    """A run with given losses by loan; who loses defaulted."""
    one = outcome(len(loss), 1)
    lost = np.array(loss)
    seen = one.seen._replace(
        loss_usd=lost,
        balance_years_usd=np.full(len(loss), years),
        default_day=np.where(lost > 0, 10, -1),
    )
    return one._replace(seen=seen)


def small() -> wt.Weighted:
    """Two cells with weights 3/4 and 1/4, two runs of each, two loans."""
    grid = wt.grid_of(DAYS)
    one, two = grid.cells[0]._replace(weight=0.75), grid.cells[1]._replace(weight=0.25)
    grid = grid._replace(cells=(one, two), joint=(two.name,))
    runs = (run([0, 0]), run([4, 0]), run([8, 20], 60.0), run([8, 4], 60.0))
    return wt.Weighted(grid, runs, (one, one, two, two))


def test_means_over_the_grid_by_hand() -> None:
    # Losses 0, 4 and 28, 12: 3/4 · 2 + 1/4 · 20 = 6.5; balance-years 150 + 30 = 180.
    total = wt.total_of(small(), 0.05)
    assert total.loss.value == pytest.approx(6.5)
    # Means of two: variances 8 / 2 and 128 / 2, weighted 9/16 · 4 + 1/16 · 64 = 6.25, of which
    # 2.25 and 4 have a degree of freedom each.
    degrees = 6.25**2 / (2.25**2 + 4.0**2)
    half = t.ppf(0.975, degrees) * 2.5
    assert (total.loss.low, total.loss.high) == pytest.approx((0.0, 6.5 + half))
    assert total.spread.value == pytest.approx(6.5 / 180.0)
    assert total.spread.high == pytest.approx((6.5 + half) / 180.0)
    assert total.shortfall == pytest.approx(28.0)  # the worst run weighs an eighth
    # At 5 %: without the crash 2 lost on 200 years, 8 to spare; with it 20 on 120, 14 short.
    assert total.fair is not None and total.fair.value == pytest.approx(8.0 / 22.0)
    first, second = wt.by_loan(small())
    assert first.loss.value == pytest.approx(0.75 * 2 + 0.25 * 8)
    assert first.pd == pytest.approx(0.75 * 0.5 + 0.25)
    assert second.spread.value == pytest.approx(3.0 / 90.0)


def test_one_scenario_of_weight_one_is_that_scenario() -> None:
    runs = tuple(outcome(3, seed) for seed in range(9))
    grid = wt.grid_of(DAYS)
    cell = grid.cells[0]._replace(weight=1.0)
    only = grid._replace(cells=(cell,), joint=())
    total = wt.total_of(wt.Weighted(only, runs, (cell,) * 9), 0.05)
    loss = np.array([one.seen.loss_usd.sum() for one in runs])
    years = np.array([one.seen.balance_years_usd.sum() for one in runs])
    assert total.fair is None
    assert total.loss.value == pytest.approx(loss.mean())
    found = pure.ratio_interval(loss, years)
    assert (total.spread.low, total.spread.high) == pytest.approx((found.low, found.high))


def test_every_run_has_its_own_seed_and_what_cells_set_is_not_drawn() -> None:
    grid = wt.grid_of(DAYS)
    jobs, cells = wt.jobs_of(grid, 60), wt.cells_of(grid, 60)
    assert len({job.seed for job in jobs}) == len(jobs) == len(cells)
    assert {job.held for job in jobs} == {grid.set_by_cells}
    assert all(cell.weight > 0.0 for cell in cells)
    assert all(job.scenario.days == DAYS and job.scenario.opening.beliefs for job in jobs)
    for cell, job in zip(cells, jobs, strict=True):
        assert all(job.scenario.value_of(key) == value for key, value in cell.settings.items())


def test_the_memo_says_what_the_grid_gives(tmp_path: Path) -> None:
    path = EXAMPLES / "rig-bank.csv"
    joined = open_tape(path)
    loans = len(joined.loans)
    runs = [outcome(loans, seed) for seed in range(6)]
    grid = wt.grid_of(DAYS)
    many = len(wt.cells_of(grid, 12))
    over = wt.weighted(grid, [outcome(loans, seed) for seed in range(many)], 12)
    memo = compose(Asked(path, grid=True), joined, DAYS, Made(runs, [], [], over))
    by_key = {table.key: table for table in memo.tables}
    assert [row[0] for row in by_key["grid"].rows] == [
        *(cell.name for cell in grid.cells if cell.weight > 0.0),
        "by weight",
    ]
    assert by_key["grid"].rows[-1][3] == pytest.approx(memo.as_json["grid"]["expected_loss_usd"])
    by_loan = memo.as_json["grid"]["loans"]
    assert sum(one["expected_loss_usd"] for one in by_loan) == pytest.approx(
        memo.as_json["grid"]["expected_loss_usd"]
    )
    assert "Under weighted scenarios" in page(memo) and "weighted scenarios" in memo.told
    plain = compose(Asked(path), joined, DAYS, Made(runs, [], []))
    assert "grid" not in plain.as_json and "weighted scenarios" not in plain.told


@pytest.mark.parametrize(
    ("contract", "says"),
    [
        (0.001, "Even without a joint crash the contract does not pay for the losses"),
        (0.05, "The contract pays for the losses if a joint crash is no likelier than 36 %"),
        (9.0, "Even in a joint crash the contract pays for the losses"),
    ],
)
def test_what_a_contract_pays_for_is_said_in_words(contract: float, says: str) -> None:
    found = small()
    text = wt.cells_table(found, [], wt.total_of(found, contract)).text
    assert says in text and "the grid gives it 25 %" in text


def test_covenants_are_taken_out_of_the_book_alone_and_no_other_cell_moves() -> None:
    joined = open_tape(EXAMPLES / "rig-bank.csv")
    kinds = cov.kinds_of(joined.books, joined.loans)
    assert cov.COINS in kinds
    for kind in kinds:
        bare = cov.without(kind, joined.books, joined.loans)
        own = set(joined.loans)
        for before, after in zip(joined.books.loans, bare.loans, strict=True):
            if before.loan_id not in own or not cov.has(before, kind):
                assert after is before
                continue
            assert not cov.has(after, kind)
            gone = set(LTVS[1:]) if kind != cov.COVERAGE else {"min_dscr", "dscr_test_start"}
            assert all(
                getattr(after, name) == getattr(before, name)
                for name in type(before).model_fields
                if name not in gone
            )
        assert kind not in cov.kinds_of(bare, joined.loans)
    assert cov.without("", joined.books, joined.loans) is joined.books


def test_what_a_covenant_does_is_the_mean_of_pairs() -> None:
    pairs = sw.Switched(cov.COINS, (run([0, 1]), run([0, 2])), (run([3, 2]), run([0, 8])))
    loss, fails = sw.effects(pairs)
    assert loss.value == pytest.approx(((1 - 5) + (2 - 8)) / 2)  # with it less is lost
    assert fails.value == pytest.approx(((1 - 2) + (1 - 1)) / 2)
    table = sw.switched_table([pairs], {cov.COINS: 2}, quick=False)
    assert table.rows[0][:4] == (cov.COINS, 2, pytest.approx(6.5), pytest.approx(-5.0))
    same = sw.Switched(cov.COINS, (run([1]), run([1])), (run([1]), run([1])))
    assert sw.switched_table([same], {cov.COINS: 1}, quick=False).rows[0][-1] == "does nothing"


@pytest.mark.parametrize(("quick", "says"), [(True, "--quick"), (False, "No loan of the book")])
def test_a_memo_without_such_runs_says_why(quick: bool, says: str) -> None:
    table = sw.switched_table([], {}, quick=quick)
    assert says in table.text and not table.rows


def test_a_grid_with_a_scenario_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["book", "run", str(tape_of(tmp_path, {})), "--grid", "--scenario", "calm"])
    assert left.value.code == 2
    assert "--grid: has scenarios of its own; leave --scenario out." in capsys.readouterr().err


@pytest.mark.compiled
def test_a_grid_from_a_tape_to_its_files(tmp_path: Path) -> None:
    path = tape_of(tmp_path, {"maturity": "2026-09-30"})
    with pytest.raises(SystemExit) as left:
        cli.main(
            ["book", "run", str(path), "--runs", "2", "--quick", "--grid", "--json",
             "--out", str(tmp_path / "out")]
        )  # fmt: skip
    assert not left.value.code
    told = json.loads((tmp_path / "out" / "memo.json").read_text(encoding="utf-8"))
    assert told["grid"]["loans"][0]["id"] == "A"
