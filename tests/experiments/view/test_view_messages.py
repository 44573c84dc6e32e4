"""What a browser sends to the page: values, which are checked, and nothing that runs code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import solara

from firesale.experiments.view import page

CALLED: list[Any] = []


def called(**given: Any) -> object:
    """Somebody has had this called."""
    CALLED.append(given)
    return object()


@pytest.fixture
def panel() -> Any:
    """A template of the page, as a browser sees it."""
    CALLED.clear()
    card = page.PanelCard(
        name="a", finding="b", url="", reading="", room="", spots=[], event_choose=CALLED.append
    )
    return solara.render(card, handle_error=False)[0].children[0]


def test_an_event_of_the_page_is_taken(panel: Any) -> None:
    panel._handle_msg({"content": {"data": {"method": "custom", "content": {
        "event": "choose", "data": "CRWV"}}}, "buffers": []})  # fmt: skip
    assert CALLED == ["CRWV"]


@pytest.mark.parametrize("more", [{}, {"event": "choose", "data": "CRWV"}])
def test_no_message_imports_a_module_or_calls_what_is_in_it(
    panel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]
) -> None:
    (tmp_path / "module_of_a_stranger.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    for module, name in (("module_of_a_stranger", "x"), (__name__, "called")):
        order = {"create_widget": [module, name], "props": {"a": 1}, "id": "1", **more}
        panel._handle_msg({"content": {"data": {"method": "custom", "content": order}},
                           "buffers": []})  # fmt: skip
    assert CALLED == [] and "module_of_a_stranger" not in sys.modules


@pytest.mark.parametrize(
    "content",
    [
        {"update_ref": {"functionRef": "close"}, "id": "1", "prop": "a"},
        {"event": "no_such"}, {"event": ["choose"]}, {"event": "_close"}, {}, [], None, 3, "choose",
    ],
)  # fmt: skip
def test_what_is_no_event_is_dropped(panel: Any, content: Any) -> None:
    panel._handle_msg({"content": {"data": {"method": "custom", "content": content}},
                       "buffers": []})  # fmt: skip
    assert CALLED == [] and panel.comm is not None
