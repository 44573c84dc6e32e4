"""The comparison with stored results sees a bit, and knows machines that round differently."""

from __future__ import annotations

import copy
from typing import Any

import baseline
import numpy as np
import pytest
from baseline import differences
from runs import REFERENCE_RUNS, fresh

SHORT = ("joint-crash", ("days=25", "crypto.crash_start_day=1", "crypto.crash_days=10"))


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    return baseline.record(fresh(*SHORT).run())


def test_a_run_is_what_it_was(kept: dict[str, Any]) -> None:
    assert differences(kept, baseline.record(fresh(*SHORT).run())) == []


def test_one_bit_is_seen_and_from_which_day_on(kept: dict[str, Any]) -> None:
    sim = fresh(*SHORT)
    while not sim.finished:
        sim.step()
        if sim.day == 14:
            cash = sim.market.parties.cash_usd
            cash[:10] = np.nextafter(cash[:10], np.inf)
    changed = differences(kept, baseline.record(sim))
    assert any("other bits in series" in line for line in changed)
    assert "from day 10 .. 19 on" in changed


def test_a_figure_is_named_with_both_values(kept: dict[str, Any]) -> None:
    new = copy.deepcopy(kept)
    new["figures"]["defaults.miner"] += 1
    assert differences(kept, new) == [
        f"defaults.miner: {kept['figures']['defaults.miner']} -> {new['figures']['defaults.miner']}"
    ]


def test_a_machine_that_rounds_differently_is_compared_by_figures(kept: dict[str, Any]) -> None:
    new = copy.deepcopy(kept) | {"arithmetic": "another", "days": "", "tables": {}}
    new["figures"]["loss_usd.total"] *= 1.0 + 1e-9
    new["figures"]["btc_usd"] *= 1.0 - 1e-9
    assert differences(kept, new) == []
    new["figures"]["btc_usd"] *= 1.001
    assert len(differences(kept, new)) == 1


def test_every_reference_run_is_kept_and_no_other() -> None:
    files = {path.name for path in baseline.FOLDER.glob("*.json")}
    assert files == {baseline.path_of(name).name for name in REFERENCE_RUNS}
