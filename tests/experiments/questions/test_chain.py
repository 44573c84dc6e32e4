"""The arithmetic of scripts on the chain of lending: correlations, followers, what matures."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from by_hand import Bench

from firesale.experiments.look import pages
from firesale.experiments.questions.channels import WHY, channels
from firesale.experiments.questions.convergence import (
    LINKS,
    correlation,
    default_correlation,
    mean_on_fishers_scale,
)
from firesale.experiments.questions.knock_outs import Outcome, compare, counted, largest
from firesale.experiments.questions.refinancing import maturing, with_capital
from firesale.market.opening.books_2025.read import load_books_2025
from firesale.market.state.loans import Amortisation

BOTH, NONE = (1, 1), (0, 0)
EVERYBODY = np.array([True, True])


def lives(*pairs: tuple[tuple[int, int], tuple[int, int]]) -> np.ndarray:
    """Paths, each lived through twice by two borrowers."""
    return np.array(pairs)


def test_who_fails_together_has_correlation_one_and_on_one_path_none() -> None:
    failed = lives((BOTH, BOTH), (NONE, NONE), (BOTH, BOTH), (NONE, NONE))
    assert default_correlation(failed, EVERYBODY) == pytest.approx((1.0, 0.0))


def test_what_is_left_on_one_path_by_hand() -> None:
    # Two of four paths differ between their lives. Half the product of differences: 1, 1, 0, 0 for
    # both orders of the pair, mean 1/2; variance of a fair coin in eight draws 2/7, twice 4/7.
    failed = lives((BOTH, BOTH), (NONE, NONE), (BOTH, NONE), (NONE, BOTH))
    assert default_correlation(failed, EVERYBODY) == pytest.approx((1.0, 0.5 / (4.0 / 7.0)))


def test_independent_failures_have_none_and_opposite_ones_minus_one() -> None:
    factorial = lives(*(((a, b), (a, b)) for a in (0, 1) for b in (0, 1)))
    assert default_correlation(factorial, EVERYBODY)[0] == pytest.approx(0.0)
    opposite = lives(((1, 0), (0, 1)), ((0, 1), (1, 0)))
    assert default_correlation(opposite, EVERYBODY)[0] == pytest.approx(-1.0)


def test_across_two_groups_and_where_nobody_fails() -> None:
    failed = lives((BOTH, BOTH), (NONE, NONE))
    one, other = np.array([True, False]), np.array([False, True])
    assert default_correlation(failed, one, other) == pytest.approx((1.0, 0.0))
    assert all(map(math.isnan, default_correlation(lives((NONE, NONE)), EVERYBODY)))


def test_different_frequencies_do_not_look_like_correlation() -> None:
    """One fails always, one never: nothing is common to them, though a pooled estimate says so."""
    draws = np.random.default_rng(1).random((400, 2, 2)) < np.array([0.9, 0.1])
    whole, on_path = default_correlation(draws, EVERYBODY)
    assert abs(whole) < 0.1 and abs(on_path) < 0.15


def test_incomes_that_move_together() -> None:
    steps = np.exp(np.cumsum(np.random.default_rng(2).standard_normal(60)))
    assert correlation(steps, steps**2) == pytest.approx(1.0)
    assert correlation(steps, 1.0 / steps) == pytest.approx(-1.0)
    assert math.isnan(correlation(steps, np.ones(60)))
    assert mean_on_fishers_scale([0.5, 0.5, math.nan]) == pytest.approx(0.5)


def test_links_are_channels() -> None:
    assert set(LINKS) | set(WHY) <= set(channels())


def ran(failed: dict[str, str], gone: set[str] = frozenset(), loss: float = 0.0) -> Outcome:  # type: ignore[assignment]
    return Outcome(failed, frozenset(gone), frozenset({"B"}), loss, 0.9)


def test_followers_and_the_spared() -> None:
    without = [ran({"A": "dscr"}), ran({"A": "dscr"})]
    with_ = [ran({"B": "interest", "C": "dscr"}, {"L"}, 5e6), ran({"A": "dscr"}, loss=1e6)]
    said = compare(without, with_)
    assert said["followers"][0] == 1.0 and said["spared"][0] == 0.5 and said["touched"][0] == 0.5
    assert said["lenders"] == Counter("L") and said["loss"][0] == 3.0 and said["supply"][0] == 0.0
    assert said["causes"] == Counter(["interest", "dscr"])
    assert counted(Counter({"x": 2, "a": 2, "b": 3}), 2) == "b 3, a 2" and counted(Counter()) == (
        "nobody"
    )


def test_the_largest_are_one_of_each_kind_and_no_pool() -> None:
    books = load_books_2025()
    kinds = {row.id: row.kind for row in books.lenders}
    named = largest(books)
    assert named.pop("the largest neocloud") in {row.id for row in books.neoclouds}
    assert [kinds[party] for party in named.values()] == [
        "bank", "private_credit_locked", "crypto_lender", "crypto_lender"
    ]  # fmt: skip
    assert not any("pooled" in row.name for row in books.lenders if row.id in named.values())


def test_what_matures_by_hand() -> None:
    """600 in one sum on day 700; 400 in four yearly parts."""
    parts = dict(
        principal_usd=400.0,
        amortisation=Amortisation.LINEAR,
        interval_days=365,
        next_payment_day=365,
        maturity_day=1460,
    )
    bench = Bench([dict(principal_usd=600.0, maturity_day=700), parts])
    assert maturing(bench.market, 1.0) == pytest.approx((0.0, 0.1))
    assert maturing(bench.market, 2.0) == pytest.approx((0.6, 0.2))
    assert maturing(bench.market, 5.0) == pytest.approx((0.6, 0.4))


def test_less_capital_is_more_funding() -> None:
    books = load_books_2025()
    assert with_capital(books, 1.0) is books
    for row, poor in zip(books.lenders, with_capital(books, 0.1).lenders, strict=True):
        assert poor.capital_usd_m == pytest.approx(0.1 * row.capital_usd_m)
        assert poor.funding_usd_m + poor.capital_usd_m == pytest.approx(
            row.cash_usd_m + row.book_usd_m + row.other_loans_usd_m, rel=1e-6
        )


def test_intervals_and_cells() -> None:
    mean, low, high = pages.mean_interval([1.0, 2.0, 3.0, 4.0])
    assert mean == 2.5 and 1.0 <= low < mean < high <= 4.0
    assert pages.mean_interval([2.0, 2.0]) == (2.0, 2.0, 2.0)
    assert pages.shown(0.0, 0.0, 0.0) == "0"
    assert pages.shown(1.0, 0.5, 1.5, ".1f") == "1.0 (0.5 to 1.5)"
    assert pages.table(("a", "b"), [("1", "2")]) == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]


def test_a_page_is_written_anew_and_what_was_said_stays(tmp_path: Path) -> None:
    path = tmp_path / "PAGE.md"
    pages.write_page(path, ["# One"])
    assert path.read_text() == "# One\n\n## What it says\n\n"
    path.write_text(path.read_text() + "Nothing.\n")
    pages.write_page(path, ["# Two", ""])
    assert path.read_text() == "# Two\n\n## What it says\n\nNothing.\n"
