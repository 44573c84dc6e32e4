"""Names of very many rows without a string for each: they are made when asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import overload


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
