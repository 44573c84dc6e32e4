"""Names of very many rows without a string for each: they are made when asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray


class NumberedNames(Sequence[str]):
    """Names in blocks: a prefix and a number each, or names of their own.

    Args:
        blocks: in row order, ``(prefix, count)`` for ``count`` rows ``prefix1``, ``prefix2``, ...;
            or a list of names. Numbers have as many digits as the block's last one.
    """

    def __init__(self, blocks: Sequence[tuple[str, int] | list[str]]) -> None:
        self._blocks = list(blocks)
        sizes = [len(b) if isinstance(b, list) else b[1] for b in self._blocks]
        self._ends = list(accumulate(sizes))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        i = int(row)
        if i < 0:
            i += len(self)
        if not 0 <= i < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        at = bisect_right(self._ends, i)
        block = self._blocks[at]
        first = self._ends[at - 1] if at else 0
        if isinstance(block, list):
            return block[i - first]
        prefix, count = block
        return f"{prefix}{i - first + 1:0{len(str(count))}d}"

    def take(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.object_]:
        """The names of many rows, each made once."""
        once, place = np.unique(rows, return_inverse=True)
        made = np.empty(len(once), object)
        made[:] = [self[row] for row in once.tolist()]
        return made[place]

    def index(self, value: object, start: int = 0, stop: int | None = None) -> int:
        """Row of a name; the number is read off it.

        Raises:
            ValueError: no row from ``start`` to ``stop`` has that name.
        """
        stop = len(self) if stop is None else stop
        first = 0
        for block, end in zip(self._blocks, self._ends, strict=True):
            row = -1
            if isinstance(block, list):
                row = first + block.index(str(value)) if value in block else -1
            elif isinstance(value, str) and value.startswith(block[0]):
                digits = value.removeprefix(block[0])
                row = first + int(digits) - 1 if digits.isdecimal() else -1
            if start <= row < min(stop, end) and self[row] == value:
                return row
            first = end
        raise ValueError(f"there is no row named {value!r}")

    def __contains__(self, value: object) -> bool:
        try:
            self.index(value)
        except ValueError:
            return False
        return True


def names_of(names: Sequence[str], rows: NDArray[np.integer[Any]]) -> NDArray[np.object_]:
    """Names of many rows; -1 has none."""
    rows = np.asarray(rows, np.int64)
    some = rows >= 0
    result = np.full(len(rows), "", object)
    if isinstance(names, NumberedNames):
        result[some] = names.take(rows[some])
    else:
        result[some] = np.array(names, object)[rows[some]]
    return result


class TitleById(Mapping[str, str]):
    """Titles of parties by id, looked up when asked for."""

    def __init__(self, ids: NumberedNames, titles: Sequence[str]) -> None:
        self._ids, self._titles = ids, titles

    def __getitem__(self, party: str) -> str:
        try:
            return self._titles[self._ids.index(party)]
        except ValueError:
            raise KeyError(party) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)
