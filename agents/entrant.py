"""Entrants: firms that do not exist yet, when they come, and what they start with.

Whoever may found a miner or a neocloud does so while a new machine is worth more than it costs and
somebody lends: free entry (Hopenhayn 1992, Econometrica 60; on miners Prat and Walter 2021, Journal
of Political Economy 129). Entry is linear in Tobin's q beyond one, as investment of those who stand
(Hayashi 1982, Econometrica 50). How strongly industries answer to q differs and has fallen since
the 1990s (Gutierrez and Philippon 2019, NBER 26001), so that number is a setting with a range.
"""

from __future__ import annotations

import math

from .compiling.kernels import compiled

DAYS_PER_YEAR = 365.0


@compiled
def entries_per_year(q: float, credit: float, firms: float, sensitivity: float) -> float:
    """New firms a year that are to be expected.

    So many for each of ``firms`` small ones of the books and unit of q beyond one, times the share
    of usual credit that lenders give; none at q of one or below, and none without credit.
    """
    return sensitivity * firms * max(0.0, q - 1.0) * min(1.0, max(0.0, credit))


@compiled
def chance_of_entry(entries_a_year: float, waiting: int, days: float) -> float:
    """Probability that one of ``waiting`` prospects enters within so many days."""
    if waiting <= 0:
        return 0.0
    return 1.0 - math.exp(-entries_a_year / waiting * days / DAYS_PER_YEAR)


@compiled
def opening_equity_usd(cost_usd: float, borrowed_usd: float, cushion_usd: float) -> float:
    """What owners put in [USD]: the part of machines that is not lent, and a cushion of cash."""
    return cost_usd - borrowed_usd + cushion_usd


@compiled
def vintage_rate(
    rate_open: float, spread_change: float, rate_change: float, floating: bool
) -> float:
    """Rate (or spread, if floating) of a loan signed today, from that of the same at the opening.

    Spreads have moved; a fixed rate has moved with the reference rate too.
    """
    moved = spread_change if floating else spread_change + rate_change
    return max(0.0, rate_open + moved)
