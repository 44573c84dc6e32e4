"""Shares of causes by hand: units times weight of evidence, refusals, lost claims."""

from __future__ import annotations

import numpy as np
import pytest
import runs

from firesale.experiments.causes.causes import by_whom, find_causes, reproduction_number
from firesale.experiments.causes.families import TOGETHER
from firesale.experiments.causes.labels import Label
from firesale.experiments.causes.shares import NOBODY, Sales, scaled, sellers, shares_of

A, B, C = 0, 1, 2
GPU, RIG = 0, 1


def sales(*rows: tuple[int, int, int, float]) -> Sales:
    """Rows of day, seller, class, units."""
    day, seller, hardware, units = (np.array(column) for column in zip(*rows, strict=True))
    return Sales(day, seller, hardware, units.astype(float))


def test_units_of_one_day_share_in_proportion() -> None:
    sold = sales((5, A, RIG, 300.0), (5, B, RIG, 100.0))
    assert sellers(sold, {RIG: 1.0}, 5, 90.0, but=C) == pytest.approx({A: 0.75, B: 0.25})


def test_evidence_ages_by_its_half_life_and_later_sales_are_no_cause() -> None:
    sold = sales((10, A, RIG, 400.0), (100, B, RIG, 100.0), (101, A, RIG, 1e9))
    assert sellers(sold, {RIG: 1.0}, 100, 90.0, but=C) == pytest.approx({A: 2 / 3, B: 1 / 3})


def test_classes_weigh_by_what_the_failed_had_of_them_and_own_sales_do_not_count() -> None:
    sold = sales((5, A, RIG, 10.0), (5, B, GPU, 1.0), (5, C, RIG, 1e6))
    wanted = {RIG: 30.0, GPU: 10.0, 7: 1e9}  # of class 7 nobody sold anything
    assert sellers(sold, wanted, 5, 90.0, but=C) == pytest.approx({A: 0.75, B: 0.25})


def test_two_sellers_either_of_whom_would_have_sufficed_share_alike() -> None:
    """Overdetermined: each alone would have pressed the price enough; neither is let off."""
    sold = sales((5, A, RIG, 1000.0), (5, B, RIG, 1000.0))
    found = shares_of(Label(("hardware",)), {"hardware": sellers(sold, {RIG: 1.0}, 6, 90.0, C)})
    assert found == pytest.approx({A: 0.5, B: 0.5})


def test_families_that_were_both_needed_have_half_each() -> None:
    found = shares_of(Label(("hardware", "lenders")), {"hardware": {A: 1.0}, "lenders": {B: 1.0}})
    assert found == {A: 0.5, B: 0.5}


def test_several_together_are_divided_among_families_that_name_somebody() -> None:
    by_family = {"hardware": {A: 1.0}, "coins": {A: 0.5, B: 0.5}, "lenders": {}}
    assert shares_of(Label((TOGETHER,)), by_family) == pytest.approx({A: 0.75, B: 0.25})


@pytest.mark.parametrize("through", [("lenders",), (TOGETHER,)])
def test_what_nobody_can_be_named_for_is_nobodys(through: tuple[str, ...]) -> None:
    assert shares_of(Label(through), {"lenders": {}}) == {NOBODY: 1.0}


def test_negative_amounts_have_no_share() -> None:
    assert scaled({A: -5.0, B: 3.0, C: 1.0}) == {B: 0.75, C: 0.25}


@pytest.mark.parametrize(
    ("name", "seed"), [("joint-crash", 1), ("joint-crash", 2), ("tightening", 3)]
)
def test_what_is_handed_on_is_what_came_through_others(name: str, seed: int) -> None:
    causes = find_causes(runs.finished(name, (), seed))
    further = [party for party, one in causes.by_party.items() if not one.first_round]
    assert further and list(causes.shares) == further
    for of in causes.shares.values():
        assert sum(of.values()) == pytest.approx(1.0)
        assert min(of.values()) > 0.0
    assert sum(by_whom(causes).values()) == pytest.approx(len(further))
    split = causes.borrowers.further + causes.lenders.further
    assert split == pytest.approx(len(further))
    assert 0.0 <= reproduction_number(causes) <= len(further) / len(causes.by_party)
