"""Labels: what of a run is first-round, and what comes through which family of interactions.

A failure, or a dollar of loss, that is there in every companion is *first-round*. One that is
missing where a family is held still came *through* that family; through several of them if each
could not be missing, in equal shares. One that is missing only where all are still came through
*several together*: any of them would have sufficed. A first-round failure that comes more than
:data:`LATER_DAYS` later in a companion would have come *later without* its family.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .companions import NEVER, Companions
from .families import FAMILIES, TOGETHER

LATER_DAYS = 30
KEYS = (*(family.key for family in FAMILIES), TOGETHER)


class Label(NamedTuple):
    """How a failure came about."""

    through: tuple[str, ...]  # families without which it does not happen; empty: first-round
    later_without: tuple[str, ...] = ()  # without which a first-round one comes later
    days: int = 0  # so much later, the longest of them

    @property
    def first_round(self) -> bool:
        """Whether it happens without any interaction."""
        return not self.through


class Split(NamedTuple):
    """Failures, or dollars, of a run by how they came about; it all adds up to the total."""

    first: float
    through: dict[str, float]  # by family, and TOGETHER
    spared: float  # that happen only where interactions are held still; not in the total
    later: float = 0.0  # of the first-round ones, that come later without some family

    @property
    def further(self) -> float:
        """What interactions add."""
        return sum(self.through.values())

    @property
    def total(self) -> float:
        """All of it."""
        return self.first + self.further

    @property
    def multiplier(self) -> float:
        """The total over what is first-round; NaN of nothing."""
        if self.total <= 0.0:
            return float("nan")
        return self.total / self.first if self.first > 0.0 else float("inf")


def label(companions: Companions, party: int) -> Label | None:
    """How a party came to fail; None if it stands. Borrowers come first, then lenders."""
    day = int(companions.run.failed_day[party])
    if day == NEVER:
        return None
    other = {key: int(one.failed_day[party]) for key, one in companions.by_family.items()}
    missing = tuple(key for key, then in other.items() if then == NEVER)
    if missing:
        return Label(missing)
    still = int(companions.still.failed_day[party])
    if still == NEVER:
        return Label((TOGETHER,))
    later = tuple(key for key, then in other.items() if then - day > LATER_DAYS)
    if not later and still - day > LATER_DAYS:
        return Label((), (TOGETHER,), still - day)
    return Label((), later, max((other[key] - day for key in later), default=0))


def labels(companions: Companions) -> dict[int, Label]:
    """The label of everybody who fails, in order of their days."""
    day = companions.run.failed_day
    order = np.argsort(day, kind="stable").tolist()
    found = {party: label(companions, party) for party in order if day[party] < NEVER}
    return {party: one for party, one in found.items() if one is not None}


def split_failures(companions: Companions, lenders: bool = False) -> Split:
    """Failures of borrowers, or of lenders, by how they came about."""
    count = companions.run.borrowers
    mine = range(count, len(companions.run.failed_day)) if lenders else range(count)
    first, later, through = 0.0, 0.0, dict.fromkeys(KEYS, 0.0)
    for party in mine:
        one = label(companions, party)
        if one is None:
            continue
        first += one.first_round
        later += bool(one.later_without)
        for key in one.through:
            through[key] += 1.0 / len(one.through)
    spared = companions.still.failed & ~companions.run.failed
    return Split(first, through, float(spared[mine.start : mine.stop].sum()), later)


def split_losses(companions: Companions) -> Split:
    """Dollars lost on loans by how they came about.

    Of each claim what is lost in every companion is first-round. The rest is divided among the
    families in whose companions less is lost, as far as those explain it; what they do not is due
    to several together.
    """
    lost = companions.run.loss_usd
    others = np.array([one.loss_usd for one in companions.by_family.values()])
    least = np.minimum(companions.still.loss_usd, np.vstack([others, lost[None, :]]).min(axis=0))
    rest, saved = lost - least, np.maximum(lost - others, 0.0)
    explained = saved.sum(axis=0)
    share = np.divide(rest, explained, out=np.zeros_like(rest), where=explained > 0.0)
    parts = saved * np.minimum(share, 1.0)
    through = dict(zip(companions.by_family, parts.sum(axis=1).tolist(), strict=True))
    through[TOGETHER] = float((rest - parts.sum(axis=0)).sum())
    spared = np.maximum(companions.still.loss_usd - lost, 0.0)
    return Split(float(least.sum()), through, float(spared.sum()))


def missing(companions: Companions) -> NDArray[np.bool_]:
    """Who fails in the run and not where all is still, borrowers first."""
    return companions.run.failed & ~companions.still.failed
