"""Whose pictures are drawn next: one page at a time, first those that have none yet.

Pages that draw at once all end late; days that go on meanwhile leave the drawing no time.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LOOK_S = 0.05  # how often somebody who waits looks whether its page is still there


class Turns:
    """A queue of pages that want to draw."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._numbers = itertools.count()
        self._waiting: list[tuple[bool, int]] = []
        self._busy = False
        self._blank = 0

    @property
    def somebody_is_blank(self) -> bool:
        """Whether a page waits for its first pictures, or they are being drawn."""
        return self._blank > 0

    @contextmanager
    def turn(self, first: bool, cancelled: threading.Event) -> Iterator[bool]:
        """Wait until it is this page's turn, and hold it; false if the page has gone meanwhile.

        ``first``: it has no pictures yet, and goes before all that have some.
        """
        me = (not first, next(self._numbers))
        with self._change:
            self._blank += first
            self._waiting.append(me)
            while not cancelled.is_set() and (self._busy or me != min(self._waiting)):
                self._change.wait(LOOK_S)
            self._waiting.remove(me)
            mine = not cancelled.is_set()
            self._busy |= mine
            self._change.notify_all()
        try:
            yield mine
        finally:
            with self._change:
                self._blank -= first
                self._busy &= not mine
                self._change.notify_all()


TURNS = Turns()
"""Of all pages of this server."""
