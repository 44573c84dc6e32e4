"""Rules of verdicts, and numbers of findings, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from firesale.experiments.answers import verdicts
from firesale.experiments.answers.adaptive import ABOVE, BELOW, OPEN
from firesale.experiments.answers.estimates import mean, percent, ratio
from firesale.experiments.answers.finding import Finding, Number, Table, read, save
from firesale.market.scenario.errors import InputError


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 0.9, verdicts.HOLDS),
        (-0.9, -0.1, verdicts.FAILS),
        (-0.1, 0.9, verdicts.UNKNOWN),
        (0.0, 0.9, verdicts.UNKNOWN),
        (math.nan, math.nan, verdicts.UNKNOWN),
        (-math.inf, math.inf, verdicts.UNKNOWN),
    ],
)
def test_a_number_is_held_against_its_boundary_by_its_whole_interval(
    low: float, high: float, expected: str
) -> None:
    number = Number(0.5 * (low + high), low, high)
    assert verdicts.above(number) == expected
    assert verdicts.below(number) == verdicts.opposite(expected)
    moved = Number(number.value + 7.0, low + 7.0, high + 7.0)
    assert verdicts.above(moved, 7.0) == expected


def test_over_a_region_one_cell_that_holds_does_not_make_all_hold() -> None:
    holds, fails, unknown = verdicts.HOLDS, verdicts.FAILS, verdicts.UNKNOWN
    assert verdicts.over([holds, holds]) == holds
    assert verdicts.over([holds, fails]) == verdicts.WHERE
    assert verdicts.over([holds, unknown]) == verdicts.WHERE
    assert verdicts.over([fails, fails]) == fails
    assert verdicts.over([fails, unknown]) == unknown
    assert verdicts.over([]) == unknown


def test_a_decided_cell_has_the_verdict_of_its_side() -> None:
    assert verdicts.decided(ABOVE) == verdicts.HOLDS
    assert verdicts.decided(BELOW) == verdicts.FAILS
    assert verdicts.decided(OPEN) == verdicts.UNKNOWN


def test_confidence_is_distance_over_width() -> None:
    assert verdicts.confidence(Number(3.0, 2.0, 4.0), 0.0) == verdicts.FIRM  # 2 away, 2 wide
    assert verdicts.confidence(Number(3.0, 1.0, 5.0), 0.0) == verdicts.FAIR  # 1 away, 4 wide
    assert verdicts.confidence(Number(3.0, -1.0, 5.0), 0.0) == verdicts.OPEN
    assert verdicts.confidence(Number(-3.0, -4.0, -2.0), 0.0) == verdicts.FIRM
    assert verdicts.confidence(Number.known(3.0), 0.0) == verdicts.OPEN


def test_means_stay_where_they_can_be() -> None:
    losses = np.array([0.0, 0.0, 9.0])
    assert mean(losses).low == 0.0
    assert mean(-losses).low < -9.0
    assert percent(np.array([100.0, 100.0, 40.0])).high == 100.0
    assert mean(np.array([1.0, math.nan, 3.0])).value == 2.0


def test_a_ratio_to_what_may_be_nothing_is_unknown() -> None:
    assert ratio(np.array([2.0, 4.0]), np.array([1.0, 2.0])).value == 2.0
    assert math.isnan(ratio(np.ones(9), np.array([1.0, -1.0, 0.0] * 3)).value)


@pytest.mark.parametrize(
    ("number", "form", "text"),
    [
        (Number(1.23, 0.8, 1.6, "$bn"), ".1f", "$1.2bn (0.8 to 1.6)"),
        (Number(-16.0, -42.0, 9.0, "$m"), "+,.0f", "-$16m (-42 to +9)"),
        (Number(999.0, 466.0, 1532.0, "$m"), "+,.0f", "+$999m (+466 to +1,532)"),
        (Number(-0.004, -0.01, 0.01, "$bn"), ".1f", "$0.0bn (0.0 to 0.0)"),
        (Number(5.0, 4.0, 6.0, "%"), ".0f", "5\N{NO-BREAK SPACE}% (4 to 6)"),
        (Number(5.0, 5.0, 5.0, "%"), ".0f", "5\N{NO-BREAK SPACE}%"),  # the same in all draws
        (Number.known(2.0, "years"), ".1f", "2.0\N{NO-BREAK SPACE}years"),
        (Number(1.0, -math.inf, math.inf), ".0f", "1 (open to open)"),
        (Number.known(math.nan), ".0f", "unknown"),
    ],
)
def test_numbers_are_written_with_unit_and_interval(number: Number, form: str, text: str) -> None:
    assert number.text(form) == text


def test_a_finding_is_read_as_it_was_stored(tmp_path) -> None:  # type: ignore[no-untyped-def]
    table = Table(
        "t", ("a", "b"), ("", ".1f"), (("x", Number(1.0, 0.5, math.inf, "%")), ("y", None))
    )
    found = Finding(
        "q",
        True,
        {"n": Number(1.5, 1.0, 2.0, "$bn")},
        {"t": table},
        7,
        1.5,
        4,
        3,
        "abc",
        {"k": "v"},
    )
    save(found, tmp_path / "finding.json")
    assert read(tmp_path / "finding.json") == found
    (tmp_path / "finding.json").write_text('{"numbers": 3}')
    with pytest.raises(InputError, match="is not a finding of this version"):
        read(tmp_path / "finding.json")
    with pytest.raises(InputError, match="there is no finding"):
        read(tmp_path / "none.json")
