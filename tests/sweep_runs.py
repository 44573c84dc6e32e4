"""Stand-ins for a run of the market in tests of sweeps: cheap, and able to fail in every way.

Workers import this module, so its functions stand at the top level.
"""

from __future__ import annotations

import math
import os
import signal
import time
from pathlib import Path
from typing import Any

from firesale.experiments.sweeps.execute import Outcome
from firesale.experiments.sweeps.plan import Plan
from firesale.market.scenario.scenario import Scenario

POISON = 0.137
RAISES = 0.5
MARK = "FIRESALE_TEST_MARK"


def plan(**data: Any) -> Plan:
    """A plan over nested data as TOML would give it."""
    return Plan.from_dict({"scenario": "crypto-crash", **data}, "test.toml", Path())


def cheap(scenario: Scenario, seed: int, scores: dict[str, float]) -> Outcome:
    """Numbers that depend on every part of a run, without a market."""
    x = math.sin(seed % 100_003) + scenario.crypto.drift + sum(scores.values())
    return Outcome(
        {
            "linked": {"largest": int(abs(x) * 3)},
            "loss_usd": {
                "total": 1e6 * x,
                "by_instrument": {"gpu_loan": x} if x > 0 else {},
                "unresolved_share": 0.25 + 0.5 * (x > 0),
            },
            "largest_borrower": {
                "id": "BIG",
                "fails": x > 0.5,
                "loss_without_usd": 1e6 * min(x, 0.5),
            },
            "recovery": {"gpu": x if x > 0 else None},
            "margin_called": ["A"] * (seed % 3),
            "seed": seed,
        },
        dict,
    )


def raising(scenario: Scenario, seed: int, scores: dict[str, float]) -> Outcome:
    """Raises where the drift is above a half."""
    if scenario.crypto.drift > RAISES:
        raise ZeroDivisionError("a bug in the market")
    return cheap(scenario, seed, scores)


def poisoned(scenario: Scenario, seed: int, scores: dict[str, float]) -> Outcome:
    """Kills its own process at one point of the design, always."""
    if scenario.crypto.drift == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    return cheap(scenario, seed, scores)


def dies_once(scenario: Scenario, seed: int, scores: dict[str, float]) -> Outcome:
    """Kills its own process at one point, the first time only."""
    mark = Path(os.environ[MARK])
    if scenario.crypto.drift == POISON and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return cheap(scenario, seed, scores)


def slow(scenario: Scenario, seed: int, scores: dict[str, float]) -> Outcome:
    """Takes a while."""
    time.sleep(0.05)
    return cheap(scenario, seed, scores)


def hanging(scenario: Scenario, seed: int, scores: dict[str, float]) -> Outcome:
    """Does not come to an end at one point of the design."""
    while scenario.crypto.drift == POISON:
        time.sleep(0.05)
    return cheap(scenario, seed, scores)


def threads(scenario: Scenario, seed: int, scores: dict[str, float]) -> Outcome:
    """Tells how many threads numba may use in this process."""
    import numba

    return Outcome({"numba_threads": numba.config.NUMBA_NUM_THREADS}, dict)
