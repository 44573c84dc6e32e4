"""Whose pictures come next: nobody waits for long, whatever others play."""

from __future__ import annotations

import threading
import time

import pytest
import solara
from test_view_components import button, panel_titles, wait_for

from firesale.experiments.view import page
from firesale.experiments.view.pictures import PANELS
from firesale.experiments.view.turns import Turns

VISITORS = 10


def test_one_draws_at_a_time_and_those_without_pictures_go_first() -> None:
    turns, order, stays = Turns(), [], threading.Event()

    def draw(name: str, first: bool) -> None:
        with turns.turn(first, stays) as mine:
            assert mine
            order.append(name)
            time.sleep(0.02)

    with turns.turn(False, stays):
        threads = []
        for name, first in (("again", False), ("again 2", False), ("new", True), ("new 2", True)):
            threads.append(threading.Thread(target=draw, args=(name, first)))
            threads[-1].start()
            time.sleep(0.05)
        assert turns.somebody_is_blank and order == []
    for thread in threads:
        thread.join(10)
    assert order == ["new", "new 2", "again", "again 2"]
    assert not turns.somebody_is_blank


def test_who_leaves_while_it_waits_holds_nobody_up() -> None:
    turns, left = Turns(), threading.Event()
    seen: list[bool] = []

    def wait() -> None:
        with turns.turn(True, left) as mine:
            seen.append(mine)

    with turns.turn(True, threading.Event()):
        gone = threading.Thread(target=wait)
        gone.start()
        left.set()
        gone.join(10)
        assert seen == [False]
    assert not turns.somebody_is_blank
    with turns.turn(False, threading.Event()) as mine:
        assert mine


def test_an_error_while_drawing_gives_the_turn_back() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.turn(True, threading.Event()):
        raise ZeroDivisionError
    assert not turns.somebody_is_blank
    with turns.turn(True, threading.Event()) as mine:
        assert mine


@pytest.mark.compiled
def test_visitors_who_press_play_before_the_first_picture_all_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(page.SCENARIO, "joint-crash")
    began = time.monotonic()
    came: dict[int, float] = {}
    opened = []
    try:
        for _ in range(VISITORS):
            layout = solara.AppLayout(children=[page.Page()])
            opened.append(solara.render(layout, handle_error=False))
            button(opened[-1][0], "▶").click()

        def all_drawn() -> bool:
            for number, (box, _) in enumerate(opened):
                if number not in came and len(panel_titles(box)) == len(PANELS):
                    came[number] = time.monotonic() - began
            return len(came) == VISITORS

        assert wait_for(all_drawn, 90.0), came
        print({number: round(seconds, 1) for number, seconds in came.items()})
        for box, _ in opened:
            button(box, "❚❚").click()
    finally:
        for _, rc in opened:
            rc.close()
