"""The same rules on plain Mesa agents: what they cost, and where their time goes."""

from __future__ import annotations

import cProfile
import io
import pstats
import time
from dataclasses import dataclass

WEEK_DAYS = 7
PROFILE_ROWS = 10
A_MINUTE_S = 60.0


@dataclass(frozen=True)
class TwinTime:
    """Days of the twin: so many parties, seconds for a week and its opening, and for a day."""

    parties: int
    seconds_per_day: float
    opening_s: float

    @property
    def us_per_party_day(self) -> float:
        """Microseconds that a party costs a day."""
        return self.seconds_per_day / self.parties * 1e6

    @property
    def total_s(self) -> float:
        """Seconds for the opening and a week."""
        return self.opening_s + (1 + WEEK_DAYS) * self.seconds_per_day


def time_twin(parties: int, weeks: int = 1) -> TwinTime:
    """Open a calm synthetic market on agents and step it for some weeks, after a first day."""
    from ...market.opening.synthetic.open import synthetic
    from ..twin.model import TwinMarket

    start = time.perf_counter()
    twin = TwinMarket(synthetic(parties, "calm"), rng=1)
    opened = time.perf_counter()
    twin.step()
    first = time.perf_counter()
    for _ in range(weeks * WEEK_DAYS):
        twin.step()
    days = time.perf_counter() - first
    return TwinTime(parties, days / (weeks * WEEK_DAYS), opened - start)


def largest_in_a_minute(known: TwinTime, most: int) -> TwinTime:
    """A week of the largest twin that, by what is ``known``, opens and runs in a minute."""
    return time_twin(
        min(most, max(known.parties, round(known.parties * A_MINUTE_S / known.total_s)))
    )


def profile_twin(parties: int) -> list[tuple[str, float]]:
    """Functions of the twin that take most of a week, with their own share of its time."""
    from ...market.opening.synthetic.open import synthetic
    from ..twin.model import TwinMarket

    twin = TwinMarket(synthetic(parties, "calm"), rng=1)
    twin.step()
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(WEEK_DAYS):
        twin.step()
    profiler.disable()
    stats = pstats.Stats(profiler, stream=io.StringIO())
    entries = [
        (f"{file.rpartition('/')[2].removesuffix('.py')}.{name}", own)
        for (file, _, name), (_, _, own, _, _) in stats.stats.items()  # type: ignore[attr-defined]
    ]
    total = sum(own for _, own in entries)
    largest = sorted(entries, key=lambda entry: -entry[1])[:PROFILE_ROWS]
    return [(name, own / total) for name, own in largest]
