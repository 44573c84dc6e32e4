"""Labels of failures and dollars, by hand: what happens in which companion decides."""

from __future__ import annotations

import math

import numpy as np
import pytest

from firesale.experiments.causes.companions import NEVER, Companions, Outcome
from firesale.experiments.causes.families import FAMILIES, TOGETHER
from firesale.experiments.causes.labels import (
    LATER_DAYS,
    Label,
    labels,
    split_failures,
    split_losses,
)

KEYS = [family.key for family in FAMILIES]


def outcome(*days: int | None, lost: tuple[float, ...] = (), lenders: int = 0) -> Outcome:
    """Failure days by party (None: it stands), the last ``lenders`` of them lenders'."""
    day = [NEVER if one is None else one for one in days]
    of = [-1] * len(lost)
    return Outcome(np.array(day), np.array(lost), np.array(of), len(days) - lenders)


def companions(run: Outcome, still: Outcome, **other: Outcome) -> Companions:
    """Companions that differ from the run only where told."""
    return Companions(run, {key: other.get(key, run) for key in KEYS}, still)


def test_what_happens_everywhere_is_first_round() -> None:
    run = outcome(10, None, 20)
    made = companions(run, run)
    assert labels(made) == {0: Label(()), 2: Label(())}
    split = split_failures(made)
    assert (split.first, split.further, split.total, split.multiplier) == (2, 0, 2, 1.0)


def test_what_is_missing_in_one_companion_came_through_that_family() -> None:
    run = outcome(10, 40)
    made = companions(run, outcome(10, None), hardware=outcome(10, None))
    assert labels(made)[1] == Label(("hardware",))
    split = split_failures(made)
    assert split.first == 1 and split.through["hardware"] == 1 and split.multiplier == 2.0


def test_two_families_neither_of_which_could_be_missing_share_it() -> None:
    """Sales sink a lender, and without its credit a borrower falls: both were needed."""
    run = outcome(10, 40)
    stands = outcome(10, None)
    made = companions(run, stands, hardware=stands, lenders=stands)
    assert labels(made)[1].through == ("hardware", "lenders")
    through = split_failures(made).through
    assert through["hardware"] == through["lenders"] == 0.5 and sum(through.values()) == 1.0


def test_overdetermined_either_family_suffices() -> None:
    """Coins or machines would each have felled it: it is missing only where both are still."""
    run = outcome(10, 40)
    made = companions(run, outcome(10, None))
    assert labels(made)[1] == Label((TOGETHER,))
    assert split_failures(made).through == dict.fromkeys(KEYS, 0.0) | {TOGETHER: 1.0}


@pytest.mark.parametrize("days", [LATER_DAYS, LATER_DAYS + 1])
def test_a_month_later_counts_as_later_and_not_less(days: int) -> None:
    run = outcome(10)
    made = companions(run, run, coins=outcome(10 + days))
    late = days > LATER_DAYS
    assert labels(made)[0] == (Label((), ("coins",), days) if late else Label(()))
    split = split_failures(made)
    assert split.first == 1 and split.later == late and split.multiplier == 1.0


def test_who_fails_only_where_all_is_still_was_spared_and_is_no_part_of_the_total() -> None:
    made = companions(outcome(10, None), outcome(10, 30))
    split = split_failures(made)
    assert split.total == 1 and split.spared == 1 and split.multiplier == 1.0


def test_lenders_are_counted_apart() -> None:
    run = outcome(10, 20, lenders=1)
    made = companions(run, outcome(10, None, lenders=1), lenders=outcome(10, None, lenders=1))
    assert split_failures(made).total == 1
    split = split_failures(made, lenders=True)
    assert split.through["lenders"] == 1 and split.first == 0 and math.isinf(split.multiplier)


def test_a_run_in_which_nobody_fails_has_no_multiplier() -> None:
    made = companions(outcome(None), outcome(None))
    assert math.isnan(split_failures(made).multiplier)


def test_dollars_by_hand() -> None:
    """Of four claims: 100 lost everywhere; 100 of which sales explain 60; 100 of which sales would
    explain 80 and coins 40 where only 90 is not first-round; 100 that only all together explain.
    """
    run = outcome(1, lost=(100.0, 100.0, 100.0, 100.0))
    made = companions(
        run,
        outcome(1, lost=(100.0, 40.0, 10.0, 0.0)),
        hardware=outcome(1, lost=(100.0, 40.0, 20.0, 100.0)),
        coins=outcome(1, lost=(100.0, 100.0, 60.0, 100.0)),
    )
    split = split_losses(made)
    assert split.first == pytest.approx(100.0 + 40.0 + 10.0 + 0.0)
    assert split.through["hardware"] == pytest.approx(60.0 + 90.0 * 80.0 / 120.0)
    assert split.through["coins"] == pytest.approx(90.0 * 40.0 / 120.0)
    assert split.through[TOGETHER] == pytest.approx(100.0)
    assert split.total == pytest.approx(400.0)
    assert split.multiplier == pytest.approx(400.0 / 150.0)


def test_a_smaller_loss_in_the_run_is_spared_and_takes_nothing_off_others() -> None:
    made = companions(outcome(1, lost=(50.0, 30.0)), outcome(1, lost=(80.0, 10.0)))
    split = split_losses(made)
    assert split.first == 60.0 and split.spared == 30.0
    assert split.through[TOGETHER] == 20.0 and split.total == 80.0
