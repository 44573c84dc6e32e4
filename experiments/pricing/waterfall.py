"""The waterfall of a securitisation: what a pool collects, quarter by quarter, and who gets it.

Names are those of structurers (as in AbsBox): collections of interest and principal, fees apart,
coupons by seniority, a principal deficiency ledger that excess spread fills first, principal from
the top, and a trigger that traps what would go to equity. Money is a share of the pool at its
opening; the reference rate, which pool and notes both pay, is left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .estimators import Reals

QUARTERS_PER_YEAR = 4.0


class Tranche(NamedTuple):
    """A note, or the equity below all notes."""

    name: str
    attach: float
    detach: float
    coupon: float  # above the reference rate, a year

    @property
    def size(self) -> float:
        """Share of the pool."""
        return self.detach - self.attach


class Collections(NamedTuple):
    """What a static pool brings, shape (draws, quarters), shares of its opening balance."""

    interest: Reals  # above the reference rate
    principal: Reals  # repaid by those that perform; the last quarter brings what still stands
    defaulted: Reals  # claims
    recovered: Reals

    @property
    def lost(self) -> Reals:
        """Share of the pool lost so far, shape (draws, quarters)."""
        return np.cumsum(self.defaulted - self.recovered, axis=1)


class Paid(NamedTuple):
    """What became of notes and equity, by draw."""

    unpaid: Reals  # [draw, tranche] share of each note's principal never paid; of equity: of it
    excess: Reals  # [draw] paid to equity as excess spread
    trapped: Reals  # [draw] whether the trigger was ever on
    years: Reals  # [draw, tranche] integral of what is outstanding over its size


def run_waterfall(pool: Collections, tranches: tuple[Tranche, ...], trigger: float) -> Paid:
    """Pay a pool's collections to its notes.

    Args:
        pool: what it collects.
        tranches: from the first loss (equity) to the most senior.
        trigger: share of the pool whose default traps excess spread.
    """
    draws, quarters = pool.interest.shape
    notes = tranches[1:]
    owed = np.tile([note.size for note in notes], (draws, 1))
    equity = np.zeros(draws)  # principal that has come to it
    excess, deficiency, defaulted = np.zeros(draws), np.zeros(draws), np.zeros(draws)
    ever = np.zeros(draws, bool)
    years = np.zeros((draws, len(tranches)))
    for quarter in range(quarters):
        years[:, 1:] += owed / QUARTERS_PER_YEAR
        defaulted += pool.defaulted[:, quarter]
        trapped = defaulted > trigger
        ever |= trapped
        interest = pool.interest[:, quarter].copy()
        for place in reversed(range(len(notes))):  # coupons, senior first
            due = owed[:, place] * notes[place].coupon / QUARTERS_PER_YEAR
            interest -= np.minimum(np.maximum(interest, 0.0), due)
        # Claims not yet recovered are a hole in the pool: excess spread fills it first.
        brought = pool.recovered[:, quarter]
        deficiency += pool.defaulted[:, quarter] - brought
        left = np.maximum(interest, 0.0)
        fill = np.minimum(left, np.maximum(deficiency, 0.0))
        deficiency -= fill
        left -= fill
        trap = np.where(trapped & (owed.sum(axis=1) > 0.0), left, 0.0)
        excess += left - trap
        cash = pool.principal[:, quarter] + brought + fill + trap
        for place in reversed(range(len(notes))):  # from the top
            paid = np.clip(cash, 0.0, owed[:, place])
            owed[:, place] -= paid
            cash -= paid
        equity += cash
    unpaid = np.empty((draws, len(tranches)))
    unpaid[:, 1:] = owed / np.array([note.size for note in notes])
    unpaid[:, 0] = np.clip(1.0 - equity / tranches[0].size, 0.0, 1.0)
    return Paid(unpaid, excess, ever.astype(float), years)
