"""What a browser may send to the widgets of a page: their events, and values that they can show.

The templates of ipyvue take more: ``create_widget`` imports any module and calls anything in it,
``update_ref`` calls any method; and any property of any widget can be given any value. The page
needs none of it, and whoever reaches it could run code, or keep it busy for ever.
"""

from __future__ import annotations

import logging
import math
from typing import Any

import ipyvuetify as v
from ipyvue.VueTemplateWidget import Events, VueTemplate
from ipyvuetify.Themes import Theme
from ipywidgets import Widget

LOG = logging.getLogger(__name__)
CODE_RUNNING = ("create_widget", "update_ref", "destroy_widget")
OF_THE_PAGE = frozenset(  # properties of templates that only this side sets
    ("template", "css", "components", "methods", "data", "events", "children", "layout", "scoped")
)
LONGEST = 1_000  # characters of a text
_handle_event, _set_state = Events._handle_event, Widget.set_state


def check_messages() -> None:
    """Have every widget of this process drop what no browser of ours would send."""
    Events._handle_event = _take_event
    Widget.set_state = _take_values


def _take_event(widget: Events, sender: Any, content: Any, buffers: Any) -> None:
    known = isinstance(content, dict) and content.get("event") in widget.events
    if not known or any(name in content for name in CODE_RUNNING):
        LOG.warning("A browser sent what the page does not take; it was dropped.")
        return
    _handle_event(widget, sender, content, buffers)


def _take_values(widget: Widget, sent: dict[str, Any]) -> None:
    kept = {name: value for name, value in sent.items() if may_be(widget, name, value)}
    if len(kept) < len(sent):
        LOG.warning("A browser sent a value that the page does not take; it was dropped.")
    if kept:
        _set_state(widget, kept)


def may_be(widget: Any, name: str, value: Any) -> bool:
    """Whether a widget of the page can have got this value from whoever uses it."""
    if isinstance(widget, VueTemplate):
        return name not in OF_THE_PAGE and not name.startswith("_") and _is_plain(value)
    if isinstance(widget, Theme):  # the page's switch for dark
        return name in ("dark", "dark_effective") and (value is None or isinstance(value, bool))
    if name != "v_model":
        return False
    match widget:
        case v.Slider():
            return _is_number(value) and widget.min <= value <= widget.max
        case v.Select():
            return any(value == item and type(value) is type(item) for item in widget.items)
        case v.Switch() | v.Checkbox():
            return isinstance(value, bool)
        case v.ExpansionPanels():  # one panel, open or closed
            return value is None or (value == 0 and not isinstance(value, bool))
        case v.TextField():
            return value is None or (isinstance(value, str) and len(value) <= LONGEST)
    return _is_plain(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_plain(value: Any) -> bool:
    """A switch, a short text, a number of usual size, or a few of these."""
    if isinstance(value, list | tuple):
        return len(value) <= 100 and all(_is_plain(one) and not isinstance(one, list)
                                         for one in value)  # fmt: skip
    if isinstance(value, str):
        return len(value) <= LONGEST
    return value is None or isinstance(value, bool) or (_is_number(value) and abs(value) < 1e9)
