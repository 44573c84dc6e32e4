"""Dividing totals among many parties at once: sizes, groups, and who gets a piece of what.

The pieces of a total are found by laying all parties' shares end to end on a line, and all rows of
the total on the same line: where a party's stretch meets a row's stretch there is a piece. Both
margins are met exactly, small parties get a piece of one row, large ones pieces of many, and the
number of pieces is at most that of parties and rows together (the north-west corner rule of
transport problems).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ROUNDING = 1e-15  # of a group's total: two ends that should meet


BISECTIONS = 30


class Pieces(NamedTuple):
    """Who has what share of which row of a total; the shares of a row add up to one."""

    party: Ints
    row: Ints
    share: Floats


def heavy_tailed_sizes(uniforms: Floats, normals: Floats, tail: float, deviation: float) -> Floats:
    """Sizes, largest first: of a Pareto law, or lognormal where ``tail`` is infinite.

    A draw is taken from each of n equally likely parts of the Pareto law, so that its tail is there
    in small populations too.
    """
    if np.isfinite(tail):
        upper = (np.arange(len(uniforms)) + uniforms) / len(uniforms)
        return np.asarray(upper ** (-1.0 / tail))
    return np.sort(np.exp(deviation * normals))[::-1]


def apportion(total: int, weights: Floats, least: int = 0) -> Ints:
    """Whole numbers that add up to ``total``, in proportion to weights (largest remainders)."""
    whole = np.full(len(weights), least, np.int64)
    quota = (total - whole.sum()) * weights / weights.sum()
    whole += quota.astype(np.int64)
    left = total - int(whole.sum())
    whole[np.argsort(-(quota % 1.0), kind="stable")[:left]] += 1
    return whole


def assign_groups(sizes: Floats, weights: Floats, order: Ints, greedy: int) -> Ints:
    """Group of each party, so that groups' sums of sizes are in proportion to ``weights``.

    The first ``greedy`` parties, the largest, each go where most room is left; the rest are dealt
    out in ``order``, a permutation of themselves.
    """
    room = weights * (sizes.sum() / weights.sum())
    result = np.empty(len(sizes), np.int64)
    greedy = min(greedy, len(sizes))
    for party in range(greedy):
        group = int(np.argmax(room))
        result[party] = group
        room[group] -= sizes[party]
    rest = len(sizes) - greedy
    if rest:
        counts = apportion(rest, np.maximum(room, 1e-12 * weights))
        result[greedy:][order] = np.repeat(np.arange(len(weights)), counts)
    return result


def couple(weights: Floats, amounts: Floats) -> Pieces:
    """Pieces of rows of ``amounts`` for parties of ``weights``, in the order both are given.

    Raises:
        ValueError: no party has any weight.
    """
    rows = np.flatnonzero(amounts > 0.0)
    parties = np.flatnonzero(weights > 0.0)
    if len(parties) == 0:
        raise ValueError("nobody to divide the total among")
    if len(rows) == 0:
        return join([])
    party_ends = np.cumsum(weights[parties]) / weights[parties].sum()
    row_ends = np.cumsum(amounts[rows]) / amounts[rows].sum()
    party_ends[-1:] = row_ends[-1:] = 1.0
    ends = np.sort(np.concatenate([party_ends, row_ends]), kind="stable")
    width = np.diff(ends, prepend=0.0)
    ends, width = ends[width > ROUNDING], width[width > ROUNDING]
    row = np.minimum(np.searchsorted(row_ends, ends), len(rows) - 1)
    party = np.minimum(np.searchsorted(party_ends, ends), len(parties) - 1)
    total = np.bincount(row, width, len(rows))
    return Pieces(parties[party], rows[row], width / total[row])


def couple_in_groups(
    weights: Floats, party_group: Ints, amounts: Floats, row_group: Ints, order: Ints | None = None
) -> Pieces:
    """:func:`couple` within each group of parties and rows; parties are laid out in ``order``."""
    order = np.arange(len(weights)) if order is None else order
    members = order[np.argsort(party_group[order], kind="stable")]
    rows = np.argsort(row_group, kind="stable")
    groups = np.unique(row_group)
    sorted_parties, sorted_rows = party_group[members], row_group[rows]
    parts = []
    for group in groups:
        mine = members[slice(*np.searchsorted(sorted_parties, [group, group + 1]))]
        lines = rows[slice(*np.searchsorted(sorted_rows, [group, group + 1]))]
        if amounts[lines].sum() > 0.0:
            piece = couple(weights[mine], amounts[lines])
            parts.append(Pieces(mine[piece.party], lines[piece.row], piece.share))
    return join(parts)


def join(parts: list[Pieces]) -> Pieces:
    """One list of pieces after another."""
    if not parts:
        return Pieces(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    return Pieces(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def cut(pieces: Pieces, amounts: Floats, count: int) -> Pieces:
    """Cut the largest pieces into equal parts until there are about ``count`` in all.

    No part is larger than some size, which is found by bisection.
    """
    amount = pieces.share * amounts[pieces.row]
    low, high = amount.sum() / max(count, 1), amount.max(initial=0.0)
    for _ in range(BISECTIONS):
        middle = (low * high) ** 0.5
        if np.ceil(amount / middle).sum() > count:
            low = middle
        else:
            high = middle
    times = np.maximum(np.ceil(amount / max(high, 1e-300)), 1.0).astype(np.int64)
    share = np.repeat(pieces.share / times, times)
    return Pieces(np.repeat(pieces.party, times), np.repeat(pieces.row, times), share)


def expand[T: NamedTuple](table: T, rows: Ints, share: Floats, extensive: tuple[str, ...]) -> T:
    """A table whose rows are pieces of another's: amounts by share, everything else copied.

    What is no column of the table is not touched.
    """
    columns = {
        name: column[rows] * share if name in extensive else column[rows]
        for name, column in table._asdict().items()
        if isinstance(column, np.ndarray)
    }
    return table._replace(**columns)
