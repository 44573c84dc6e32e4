"""The waterfall by hand: coupons, excess spread, a trigger, and losses from the bottom up."""

from __future__ import annotations

import numpy as np
import pytest

from firesale.experiments.pricing.waterfall import Collections, Tranche, run_waterfall

CUTS = (Tranche("equity", 0.0, 0.2, 0.0), Tranche("senior", 0.2, 1.0, 0.05))


def pool(**columns: list[float]) -> Collections:
    length = len(next(iter(columns.values())))
    zero = [0.0] * length
    tables = {name: np.array([columns.get(name, zero)]) for name in Collections._fields}
    return Collections(**tables)


def test_a_pool_that_pays_pays_all() -> None:
    paid = run_waterfall(pool(interest=[0.02, 0.02], principal=[0.5, 0.5]), CUTS, 0.1)
    assert paid.unpaid[0] == pytest.approx([0.0, 0.0])
    # coupons: a quarter of 5 % on 0.8, then on 0.3
    assert paid.excess[0] == pytest.approx(0.04 - 0.0125 * (0.8 + 0.3))
    assert paid.years[0, 1] == pytest.approx((0.8 + 0.3) / 4)


def test_losses_take_equity_first() -> None:
    made = pool(principal=[0.0, 0.85], defaulted=[0.25, 0.0], recovered=[0.0, 0.0])
    paid = run_waterfall(made, CUTS, 1.0)
    assert paid.unpaid[0] == pytest.approx([0.75, 0.0])  # 0.05 of 0.20 comes to equity
    made = pool(principal=[0.0, 0.6], defaulted=[0.5, 0.0], recovered=[0.0, 0.1])
    assert run_waterfall(made, CUTS, 1.0).unpaid[0] == pytest.approx([1.0, 0.1 / 0.8])


def test_excess_spread_pays_for_losses_first() -> None:
    made = pool(interest=[0.05, 0.05], principal=[0.0, 0.75], defaulted=[0.25, 0.0])
    paid = run_waterfall(made, CUTS, 1.0)
    # each quarter 0.05 less the coupon on what is owed goes into the hole, and to the notes
    first = 0.05 - 0.0125 * 0.8
    second = 0.05 - 0.0125 * (0.8 - first)
    assert paid.unpaid[0, 1] == pytest.approx(0.0)
    assert paid.unpaid[0, 0] == pytest.approx(1.0 - (0.75 + first + second - 0.8) / 0.2)
    assert paid.excess[0] == pytest.approx(0.0)


def test_a_trigger_keeps_from_equity_what_notes_need_later() -> None:
    made = pool(
        interest=[0.0, 0.05, 0.0], principal=[0.0, 0.0, 0.55], defaulted=[0.2, 0.0, 0.25],
        recovered=[0.2, 0.0, 0.0],
    )  # fmt: skip
    free, trapped = run_waterfall(made, CUTS, 1.0), run_waterfall(made, CUTS, 0.1)
    assert free.trapped[0] == 0.0 and trapped.trapped[0] == 1.0
    assert trapped.excess[0] < free.excess[0]
    assert trapped.unpaid[0, 1] < free.unpaid[0, 1]


def test_what_a_pool_brings_goes_somewhere() -> None:
    rng = np.random.default_rng(0)
    made = Collections(*(rng.random((50, 8)) * 0.05 for _ in range(4)))
    paid = run_waterfall(made, CUTS, 0.1)
    owed = paid.unpaid[:, 1] * 0.8
    most = made.interest.sum(1) + made.principal.sum(1) + made.recovered.sum(1)
    assert np.all(0.8 - owed <= most + 1e-9)
