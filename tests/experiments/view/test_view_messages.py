"""What a browser sends to the page: values, which are checked, and nothing that runs code."""

from __future__ import annotations

import math
import sys
from functools import partial
from pathlib import Path
from typing import Any

import ipyvuetify
import pytest
import solara

from firesale.experiments.view import bar, page

CALLED: list[Any] = []


def called(**given: Any) -> object:
    """Somebody has had this called."""
    CALLED.append(given)
    return object()


def send(widget: Any, state: dict[str, Any]) -> None:
    """What a browser sends when somebody uses a widget."""
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget._handle_msg({"content": {"data": data}, "buffers": []})


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


Slider, Select = partial(ipyvuetify.Slider, min=1, max=9), partial(ipyvuetify.Select, items=["a"])
VALUES = (
    (Slider, 3, (3, 3.5), (0, 10**9, math.nan, math.inf, True, "3", None, [3])),
    (Select, "a", ("a",), ("b", None, ["a"], {"a": 1}, 1)),
    (ipyvuetify.Switch, False, (True,), (1, "true", None, [])),
    (ipyvuetify.ExpansionPanels, None, (0,), (1, False, "x", [0], math.nan)),
    (ipyvuetify.TextField, "x", ("y", "", None), ("9" * 5000, 7, {}, ["x"])),
    (ipyvuetify.NavigationDrawer, False, (True, None), ({}, "x" * 5000, math.nan, [["x"]])),
)


@pytest.mark.parametrize(("kind", "now", "good", "bad"), VALUES)
def test_a_widget_takes_what_it_can_show_and_nothing_else(
    kind: Any, now: Any, good: tuple[Any, ...], bad: tuple[Any, ...]
) -> None:
    for value in bad:
        widget = kind(v_model=now)
        send(widget, {"v_model": value})
        assert widget.v_model == now, value
    for value in good:
        widget = kind(v_model=now)
        send(widget, {"v_model": value})
        assert widget.v_model == value


def test_bounds_and_children_are_not_the_browser_s_to_set(panel: Any) -> None:
    slider = Slider(v_model=3)
    send(slider, {"max": 1e9, "v_model": 10, "children": ["x"], "disabled": True})
    assert (slider.max, slider.v_model, slider.children, slider.disabled) == (9, 3, [], None)
    before = panel.template
    send(panel, {"template": "<script>"})
    assert panel.template == before


@pytest.mark.parametrize("text", ["²", "٣", "9" * 5000, "-1", "1e3", "", "x"])
def test_a_day_that_is_none_changes_nothing(text: str) -> None:
    assert bar.day_of(text, 5, 100) == 5
    assert bar.day_of(" 7 ", 5, 100) == 7 and bar.day_of("999999999", 5, 100) == 100
