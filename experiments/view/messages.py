"""What a browser may send to the widgets of a page: values of their properties, and their events.

The templates of ipyvue take more: ``create_widget`` imports any module and calls anything in it,
``update_ref`` calls any method. The page needs neither, and whoever reaches it could run code.
"""

from __future__ import annotations

import logging
from typing import Any

from ipyvue.VueTemplateWidget import Events

LOG = logging.getLogger(__name__)
CODE_RUNNING = ("create_widget", "update_ref", "destroy_widget")
_handle_event = Events._handle_event


def take_events_only() -> None:
    """Have templates, in this whole process, drop every message that is not one of their events."""
    Events._handle_event = _take_event


def _take_event(widget: Events, sender: Any, content: Any, buffers: Any) -> None:
    known = isinstance(content, dict) and content.get("event") in widget.events
    if not known or any(name in content for name in CODE_RUNNING):
        LOG.warning("A browser sent what the page does not take; it was dropped.")
        return
    _handle_event(widget, sender, content, buffers)
