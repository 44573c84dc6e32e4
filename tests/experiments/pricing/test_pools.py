"""Pools by hand: what a static pool collects, and who pays the rent behind a loan."""

from __future__ import annotations

from types import SimpleNamespace as Row
from typing import Any

import numpy as np
import pandas as pd
import pytest

from firesale.experiments.pricing.attributes import _origin, rated_shares, tenants_of
from firesale.experiments.pricing.panel import Panel
from firesale.experiments.pricing.pools import collections, cut_pool, load_terms, rating
from firesale.market.scenario.errors import InputError


def panel(**quarters: list[list[list[float]]]) -> Panel:
    """Tables are [run][loan][quarter]."""
    shape = np.array(quarters["balance_musd"]).shape
    wide: dict[str, Any] = {
        name: np.array(quarters.get(name, np.zeros(shape)), np.float32)
        for name in ("balance_musd", "claims_musd", "recovered_musd", "spread_musd")
    }
    runs, loans = shape[:2]
    fails = (wide["claims_musd"] > 0).any(axis=2)
    lost = 1e6 * (wide["claims_musd"] - wide["recovered_musd"]).sum(axis=2)
    scalars = {"default_day": np.where(fails, 100.0, -1.0), "loss_usd": lost.astype(float)}
    book = pd.DataFrame(
        {
            "firm": [f"f{i}" for i in range(loans)],
            "balance_usd": 1e6 * wide["balance_musd"][0, :, 0].astype(float),
            "instrument": "gpu_loan",
        }
    )
    names = np.array(["only"] * runs, object)
    return Panel(names, np.full(runs, 1 / runs), book, scalars, wide)


def test_a_pool_keeps_its_share_of_a_loan_that_grows() -> None:
    # 100 at the opening; 100 more is drawn; then 50 repaid; the rest fails and brings half.
    made = panel(
        balance_musd=[[[100.0, 200.0, 150.0, 0.0]]],
        claims_musd=[[[0.0, 0.0, 150.0, 0.0]]],
        recovered_musd=[[[0.0, 0.0, 0.0, 75.0]]],
        spread_musd=[[[2.0, 4.0, 0.0, 0.0]]],
    )
    pool = collections(made, np.array([0]))
    assert pool.interest[0].tolist() == pytest.approx([0.02, 0.02, 0.0, 0.0])
    assert pool.principal[0].tolist() == pytest.approx([0.0, 0.25, 0.0, 0.0])
    assert pool.defaulted[0].tolist() == pytest.approx([0.0, 0.0, 0.75, 0.0])
    assert pool.recovered[0].tolist() == pytest.approx([0.0, 0.0, 0.0, 0.375])
    assert pool.lost[0, -1] == pytest.approx(0.375)


def test_what_stands_at_the_horizon_is_repaid() -> None:
    pool = collections(panel(balance_musd=[[[100.0, 100.0, 100.0]]]), np.array([0]))
    assert pool.principal[0].tolist() == pytest.approx([0.0, 0.0, 1.0])


def test_new_debt_for_old_stays_in_the_pool() -> None:
    # A claim of 100 becomes a note of 60 that is repaid.
    made = panel(
        balance_musd=[[[100.0, 60.0, 0.0]]],
        claims_musd=[[[100.0, 0.0, 0.0]]],
        recovered_musd=[[[60.0, 0.0, 0.0]]],
    )
    pool = collections(made, np.array([0]))
    assert pool.principal[0].sum() == pytest.approx(0.6)
    assert pool.lost[0, -1] == pytest.approx(0.4)


def test_tranches_add_up_to_the_pool_and_the_promise_has_the_same_mean() -> None:
    # Two like firms in four runs: both, one, none, none fail, and lose half of what they owe.
    balance = [[[50.0, 50.0, 0.0]] * 2] * 4
    both, one, none = [[50.0, 0.0, 0.0]] * 2, [[50.0, 0.0, 0.0], [0.0] * 3], [[0.0] * 3] * 2
    claims = [both, one, none, none]
    half = (0.5 * np.array(claims)).tolist()
    made = panel(balance_musd=balance, claims_musd=claims, recovered_musd=half)
    terms = load_terms("f0", {"mine": "instrument == 'gpu_loan'"})
    pool = cut_pool(made, "mine", terms, {"calm": ("only",)})
    assert pool is not None and pool.firms == 2
    mean = (0.5 + 0.25) / 4
    assert pool.loss.value == pytest.approx(mean)
    sizes = [cut.detach - cut.attach for cut in pool.cuts]
    losses = [cut.loss.value for cut in pool.cuts]
    promised = [cut.promised_loss for cut in pool.cuts]
    assert np.dot(sizes, losses) == pytest.approx(mean)
    assert np.dot(sizes, promised) == pytest.approx(mean, rel=1e-3)
    assert pool.cuts[-1].loss.value == pytest.approx((0.5 - 0.3) / 0.7 / 4)


def test_a_query_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError, match="no query over loans"):
        panel(balance_musd=[[[1.0, 1.0]]]).chosen("colour == 'red'")


def test_classes_by_chance() -> None:
    assert [rating(p) for p in (0.001, 0.01, 0.18, 0.9)] == ["AAA", "BBB", "B", "below CCC"]


def test_who_pays_the_rent() -> None:
    def lease(tenant: str, hardware: str, rent: float, cap: float = 0.0) -> Row:
        return Row(landlord_id="L", tenant_rating=tenant, gpu_class=hardware, usd_m_yr=rent,
                   guarantee_cap_usd_m=cap)  # fmt: skip

    leases = (
        lease("IG", "H100", 90.0),
        lease("unrated", "H100", 10.0),
        lease("unrated", "A100", 50.0),
        lease("unrated", "B200", 50.0, 40.0),
    )
    shares = rated_shares(Row(leases=leases))  # type: ignore[arg-type]
    assert tenants_of("L", "H100", shares) == "rated"
    assert tenants_of("L", "A100", shares) == "unrated"
    assert tenants_of("L", "B200", shares) == "rated"  # guaranteed
    assert tenants_of("L", "", shares) == "rated"  # 140 of 200
    assert tenants_of("M", "H100", shares) == "none"


def test_a_piece_of_a_loan_comes_from_its_row() -> None:
    rows = {"REST-GPU-01-BX": 1, "REST-GPU-01": 2}
    assert _origin("REST-GPU-01-BX-GB200-59", rows) == 1
    assert _origin("REST-GPU-01-07", rows) == 2
    assert _origin("LS026-FACILITY", rows) is None
