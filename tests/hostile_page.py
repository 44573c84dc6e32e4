"""A visitor whose browser sends what no browser would; see ``hostile.py``."""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import os
import random
import time
import weakref
from collections.abc import Iterator
from functools import wraps
from typing import Any

import ipywidgets
import solara
import traitlets

from firesale.experiments.view import page
from firesale.experiments.view.pictures import PANELS
from firesale.experiments.view.watched import WatchedMarket

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 7, 10**30, -(10**30), 1e308, -1e308, 1e-308, math.nan, math.inf,
    -math.inf, "", "0", "x", "²", "9" * 5000, "1e999", "nan", "../../etc/passwd", "\x00",
    "🔥" * 999, "<script>alert(1)</script>", [], [[]], {}, {"a": 1}, ["x"] * 1000, "CRWV", "H100",
    "days=-1",
    "crypto.crash_depth=nan", "crypto.history=/etc/passwd", "opening.start=synthetic",
    "synthetic.parties=20000000", "opening.scale=1e9", "=", "days", b"\xff", 1.5,
)  # fmt: skip
MESSAGES = 20
PICTURES_S = 120.0


def widgets(root: Any) -> Iterator[Any]:
    """A widget and all below it."""
    yield root
    for child in getattr(root, "children", ()):
        if isinstance(child, ipywidgets.Widget):
            yield from widgets(child)


def wait_for(condition: Any, seconds: float) -> bool:
    """Whether it came true in time."""
    latest = time.monotonic() + seconds
    while time.monotonic() < latest:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Said(logging.Handler):
    """Keeps the errors that the page writes into its log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, with its traceback."""
        self.errors.append(self.format(record))


def message(widget: Any, draw: random.Random) -> str:
    """Send a widget a value for one of its properties, or an event with a value; says which."""
    value, events = draw.choice(VALUES), sorted(getattr(widget, "_event_handlers_map", {}))
    if events and draw.random() < 0.4:
        name = draw.choice(events)
        said = f"{type(widget).__name__}.{name}({value!r:.60})"
        widget._handle_event(None, {"event": name, "data": value}, [])
        return said
    names = [name for name in widget.keys if not name.startswith("_") and name != "layout"]
    name = draw.choice([*names, *["v_model"] * ("v_model" in names)])
    said = f"{type(widget).__name__}.{name} = {value!r:.60}"
    with contextlib.suppress(traitlets.TraitError):
        widget.set_state({name: value})
    return said


def visit(draw: random.Random) -> str:
    """Open the page, send values, step; what stands in the market must balance.

    Raises:
        Exception: whatever a value has brought about, with what was sent.
    """
    os.environ[page.SCENARIO] = draw.choice(("joint-crash", "calm", "tightening"))
    said, sent, made = Said(), [], list[weakref.ref[WatchedMarket]]()
    logging.getLogger("firesale").addHandler(said)
    init = WatchedMarket.__init__

    @wraps(init)  # Mesa looks at its parameters
    def counted(self: WatchedMarket, *args: Any, **kwargs: Any) -> None:
        made.append(weakref.ref(self))
        init(self, *args, **kwargs)

    WatchedMarket.__init__ = counted  # type: ignore[method-assign]
    box, context = solara.render(solara.AppLayout(children=[page.Page()]), handle_error=False)

    def drawn() -> bool:
        return sum(hasattr(one, "finding") for one in widgets(box)) >= len(PANELS)

    def press(label: str) -> None:
        for one in list(widgets(box)):
            if label in getattr(one, "children", ()) and hasattr(one, "click"):
                one.click()
                return

    try:
        assert wait_for(drawn, PICTURES_S), f"no pictures: {said.errors}"
        for _ in range(MESSAGES):
            every = [one for one in widgets(box) if one.keys]
            chosen = [one for one in every if hasattr(one, "v_model")]
            widget = draw.choice(chosen if draw.random() < 0.7 else every)
            sent.append("?")
            sent[-1] = message(widget, draw)
            if draw.random() < 0.1:
                press(draw.choice(("Reset", "Step", "Go", "Set")))
        press("Step")
        press("Step")
        assert not said.errors, said.errors[0]
        alive = [market for ref in made if (market := ref()) is not None]
        for market in alive:
            error = market.simulation.summary()["conservation_error"]
            if not error <= 1e-9:
                return "does not conserve"
        assert alive
    except Exception as error:
        error.add_note("; ".join(sent))
        raise
    finally:
        WatchedMarket.__init__ = init  # type: ignore[method-assign]
        logging.getLogger("firesale").removeHandler(said)
        with contextlib.suppress(Exception):
            context.close()
        gc.collect()
    return "ran"
