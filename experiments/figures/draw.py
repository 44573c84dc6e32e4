"""All figures of a run, drawn by two processes where there are two cores.

The second one, the helper, is started when the run begins and loads matplotlib while the first one
simulates. It is told the results and then one name after the other, and answers with pictures; it
writes no file. Whatever it does not deliver is drawn here, so that it may be missing, or die.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ...agents.compiling import process

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..results.results import Results

LONGEST_FIRST = (
    "11-network",
    "3-cascade",
    "5-marks",
    "2-defaults",
    "7-collateral-illusion",
    "8-lender-losses",
    "10-lenders",
    "4-liquidation",
    "6-order-book",
    "1-shock",
    "9-lender-failure",
)
"""All figures, so ordered that two who take one after the other are done at about the same time."""
MOST_BYTES = 300_000_000  # of results; to hand over more takes longer than to draw them
LOOK_S = 0.5
READY = b"."
# Finds what this process has found, and nothing in the folder it happens to be in.
CHILD = """
import sys
sys.path[:] = {path!r}
from firesale.experiments.figures.draw import serve
serve()
"""

Drawn = tuple[str, bytes]  # title and PNG


class Drawing:
    """The figures of a run, each drawn by whoever is free first.

    Example:
        ``with drawing(True) as figures:`` simulate, ``figures.begin(results)``, do something else,
        ``figures.write(results, folder)``.
    """

    def __init__(self, child: subprocess.Popen[bytes] | None) -> None:
        """With a helper, or without one."""
        self._child = child
        self._waiting = deque(LONGEST_FIRST)
        self._drawn: dict[str, Drawn] = {}
        self._is_busy = False
        self._thread: threading.Thread | None = None

    def begin(self, results: Results) -> None:
        """Have the helper draw, as soon as it is ready."""
        if self._child and not self._thread and _bytes(results) <= MOST_BYTES:
            # Packed before anything else is asked of them: results remember what was asked.
            packed = pickle.dumps(results, pickle.HIGHEST_PROTOCOL)
            self._thread = threading.Thread(target=self._drive, args=(self._child, packed))
            self._thread.start()

    def write(self, results: Results, folder: Path) -> dict[str, str]:
        """Write all figures into a new ``folder`` and return the title of each by its name."""
        self.begin(results)
        from .all import FIGURES

        for name in self._take():
            self._drawn[name] = png(FIGURES[name](results))
        while self._is_busy:  # with its last one; a wait without end can miss an interrupt
            assert self._thread is not None
            self._thread.join(LOOK_S)
        folder.mkdir()
        for name in FIGURES:
            if name not in self._drawn:  # the helper took it and died
                self._drawn[name] = png(FIGURES[name](results))
            (folder / f"{name}.png").write_bytes(self._drawn[name][1])
        return {name: self._drawn[name][0] for name in FIGURES}

    def end(self) -> None:
        """Leave no process and no thread behind."""
        self._waiting.clear()
        if self._child is None:
            return
        self._child.terminate()
        if self._thread:
            while self._thread.is_alive():
                self._thread.join(LOOK_S)
        for pipe in (self._child.stdin, self._child.stdout):
            with contextlib.suppress(OSError):  # what it was not told is of no use now
                assert pipe is not None
                pipe.close()
        self._child.wait()

    def _take(self) -> Iterator[str]:
        """Figures that nobody has begun, until none is left."""
        with contextlib.suppress(IndexError):
            while True:
                yield self._waiting.popleft()

    def _drive(self, child: subprocess.Popen[bytes], packed: bytes) -> None:
        """Let the helper draw what nobody has begun."""
        assert child.stdin is not None and child.stdout is not None
        try:
            if child.stdout.read(len(READY)) != READY:
                return
            if not self._waiting:  # all is drawn already
                return
            child.stdin.write(packed)
            self._is_busy = True
            for name in self._take():
                _say(child.stdin, name)
                answer = pickle.load(child.stdout)
                if answer is not None:
                    self._drawn[name] = answer
        except (OSError, ValueError, EOFError, pickle.PickleError):
            pass  # it has ended: what it did not draw is drawn here
        finally:
            self._is_busy = False


@contextmanager
def drawing(with_helper: bool) -> Iterator[Drawing]:
    """Figures to draw, with a helper if that is wanted and there is a core for it."""
    figures = Drawing(_start() if with_helper and process.cores() > 1 else None)
    try:
        yield figures
    finally:
        figures.end()


def png(figure: Figure) -> Drawn:
    """A figure as it goes into its file."""
    from ..look import plots

    picture = io.BytesIO()
    plots.save(figure, picture)
    return plots.title_of(figure), picture.getvalue()


def serve() -> None:
    """What the helper does: read results and names on stdin, and write pictures to stdout."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it is interrupted too, and ends it
    # Until fonts are read an end is an exit, which takes matplotlib's lock off the list of them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    process.collect_rarely()
    sys.stdout = sys.stderr  # a word printed among the answers would spoil them
    from ..look import plots
    from .all import FIGURES

    png(plots.empty_figure("Ready", "Fonts are read with the first text."))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(OSError, EOFError):  # nobody asks any more
        answers.write(READY)
        answers.flush()
        results = pickle.load(asked)
        while True:
            name = pickle.load(asked)
            try:
                answer = png(FIGURES[name](results))
            except Exception:  # it will come up again where it can be seen
                answer = None
            _say(answers, answer)


def _say(pipe: IO[bytes], what: object) -> None:
    pickle.dump(what, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def _start() -> subprocess.Popen[bytes] | None:
    """The helper, or ``None`` if the system has no room for it."""
    code = CHILD.format(path=[*map(str, sys.path)])
    try:
        return subprocess.Popen(
            [sys.executable, "-I" if sys.flags.isolated else "-P", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what fails there is done again here, and seen
        )
    except OSError:
        return None


def _bytes(results: Results) -> int:
    """About how large results are."""
    frames = (results.series, results.events, results.book, results.loans, results.illusion)
    return int(sum(frame.memory_usage().sum() for frame in frames))
