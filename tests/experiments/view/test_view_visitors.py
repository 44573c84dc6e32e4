"""Visitors who have left: nothing of theirs stays, neither market nor pictures nor widgets."""

from __future__ import annotations

import gc
import os
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hostile_page import wait_for, widgets

from firesale.experiments.view import page, serve
from firesale.experiments.view.pictures import PANELS

OURS = ("WatchedMarket", "firesale.market.state.market.Market", "Results", "Picture", "Figure")
VISITORS, ROUNDS = 2, 3
FEW = 500  # objects that a server makes for itself as it goes on


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Solara's server without a socket, with the page as its application."""
    for name, value in {**serve.SETTINGS, page.SCENARIO: "calm"}.items():
        monkeypatch.setitem(os.environ, name, value)
    from solara.server import app, kernel_context, websocket

    class Browser(websocket.WebsocketWrapper):
        """Listens to everything, answers nothing."""

        def close(self) -> None: ...
        def send_text(self, data: str) -> None: ...
        def send_bytes(self, data: bytes) -> None: ...
        def receive(self) -> None: ...  # type: ignore[override]

    script = app.apps.get("__default__") or app.AppScript(serve.SETTINGS["SOLARA_APP"])
    script.init()

    def visit(_: int) -> None:
        import ipyvuetify

        ids = str(uuid.uuid4()), str(uuid.uuid4())
        context = kernel_context.initialize_virtual_kernel(*ids, Browser())
        with context:
            context.container = ipyvuetify.Html(tag="div")
            app.load_app_widget(None, script, "/")
            box = context.container
            assert wait_for(
                lambda: sum(hasattr(one, "finding") for one in widgets(box)) >= len(PANELS), 300.0
            )
        context.close()

    yield visit
    script.close()


def objects() -> Counter[str]:
    """All objects that the collector knows, by class."""
    time.sleep(0.5)  # threads of pages that were closed come to their end
    gc.collect()
    return Counter(str(type(one)) for one in gc.get_objects())


@pytest.mark.slow
@pytest.mark.compiled
def test_nothing_of_visitors_who_have_left_stays(server: Any) -> None:
    counts = []
    for _ in range(ROUNDS):
        with ThreadPoolExecutor(VISITORS) as pool:
            list(pool.map(server, range(VISITORS)))
        counts.append(objects())
    kept = {kind for kind, count in counts[-1].items() if count > counts[0][kind]}
    assert not [kind for kind in kept if any(name in kind for name in OURS)], kept
    assert sum((counts[-1] - counts[1]).values()) < FEW, (counts[-1] - counts[1]).most_common(5)
