"""The bar that stays in sight: day, Mesa's buttons, speed, pause, link and file to take along."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import solara
from mesa.visualization.solara_viz import ModelController
from mesa.visualization.utils import force_update, update_counter

from ...market.scenario.scenario import Scenario
from ..look import words
from .link import place_of, query_of
from .save import name_of, packed
from .watched import NO_PAUSE, PAUSES, Choices, WatchedMarket

REFRESH_DAYS = 5  # of the day's number while jumping
DAYS_A_SECOND = {
    "1 day a second": 1,
    "5 days a second": 5,
    "20 days a second": 20,
    "at full speed": 0,
}
FULL_SPEED_MS = 20
NOBODY = "nobody"

Market = solara.Reactive[WatchedMarket]


@solara.component
def Bar(
    market: Market,
    choices: Choices,
    start: Scenario,
    seed: solara.Reactive[int],
    party: solara.Reactive[str],
    first_day: int,
) -> None:
    """Everything by which time is moved, and what goes out of the page."""
    visit = solara.use_reactive(0)  # a jump back or a pause starts Mesa's buttons afresh
    speed = solara.use_reactive("at full speed")
    pause = solara.use_reactive(NO_PAUSE)
    days_a_second = DAYS_A_SECOND[speed.value]
    interval = solara.use_reactive(FULL_SPEED_MS)
    interval.value = round(1000 / days_a_second) if days_a_second else FULL_SPEED_MS
    interval_days, threads = solara.use_reactive(1), solara.use_reactive(False)
    market.value.pause_at = pause.value
    with solara.v.Html(tag="section", class_="fs-bar", attributes={"aria-label": "Time"}):
        Today(market, visit)
        with solara.v.Html(tag="div", class_="fs-buttons"):
            ModelController(
                market,
                model_parameters={"choices": choices, "seed": seed},
                play_interval=interval,
                render_interval=interval_days,
                use_threads=threads,
            ).key(f"visit {visit.value}")
        Jump(market, visit, first_day)
        for label, values, chosen in (
            ("Speed", list(DAYS_A_SECOND), speed),
            ("Pause", [NO_PAUSE, *PAUSES], pause),
        ):
            solara.v.Select(
                label=label, items=values, v_model=chosen.value, on_v_model=chosen.set,
                dense=True, hide_details=True, class_="fs-pick",
            )  # fmt: skip
        Outward(market.value, start, party.value)


@solara.component
def Today(market: Market, visit: solara.Reactive[int]) -> None:
    """The day, large, from the moment it is over, and why it stands."""
    counted = update_counter.get()
    model = market.value
    why, set_why = solara.use_state("")

    def wake() -> None:
        if model.paused:  # Mesa's buttons have come to rest: new ones can go on
            set_why(model.paused)
            model.resume()
            visit.value += 1
        elif model.running and why and model.day != stood.current:
            set_why("")
        stood.current = model.day

    stood = solara.use_ref(-1)
    solara.use_effect(wake, [counted, model])
    last = model.simulation.scenario.days
    with solara.v.Html(tag="div", class_="fs-today", attributes={"aria-live": "off"}):
        solara.v.Html(tag="strong", children=[f"Day {model.day}"])
        solara.v.Html(tag="span", children=[f"{words.date(model.date)} · of {last:,} days"])
        if why:
            solara.v.Html(tag="span", class_="fs-waiting", children=[f"{why}."])


@solara.component
def Jump(market: Market, visit: solara.Reactive[int], first_day: int) -> None:
    """Simulate up to a day; an earlier one starts the same market again."""
    update_counter.get()
    last = market.value.simulation.scenario.days
    target = solara.use_reactive(min(first_day or 100, last))
    asked, set_asked = solara.use_state(int(first_day > 0))

    def run(cancelled: threading.Event) -> None:
        if not asked:
            return
        model = market.value
        while model.running and model.day < target.value and not cancelled.is_set():
            model.step()
            if model.day % REFRESH_DAYS == 0:
                force_update()
        force_update()

    job: solara.Result[None] = solara.use_thread(run, dependencies=[asked], intrusive_cancel=False)

    def go() -> None:
        if target.value < market.value.day:
            market.value = market.value.again()
            visit.value += 1
        set_asked(asked + 1)

    def slide(*arguments: Any) -> None:
        target.value = day_of(str(arguments[-1]), target.value, last)
        go()

    busy = job.state == solara.ResultState.RUNNING
    with solara.v.Html(tag="div", class_="fs-jump"):
        slider = solara.v.Slider(
            v_model=market.value.day, min=0, max=last, step=1, thumb_label=True, dense=True,
            hide_details=True, disabled=busy, class_="fs-days", attributes={"aria-label": "Day"},
        )  # fmt: skip
        solara.v.use_event(slider, "change", slide)
        solara.v.TextField(
            label=f"Day, 0 to {last:,}",
            type="number",
            v_model=str(target.value),
            on_v_model=lambda text: target.set(day_of(text, target.value, last)),
            dense=True,
            hide_details=True,
            class_="fs-number",
        )
        solara.Button("Go", color="primary", on_click=go, disabled=busy)


def day_of(text: str, before: int, last: int) -> int:
    """A day that exists; anything else leaves the day as it was."""
    text = str(text).strip()
    digits = text.isascii() and text.isdigit() and len(text) < 10
    return min(int(text), last) if digits else before


@solara.component
def Outward(model: WatchedMarket, start: Scenario, party: str) -> None:
    """A link that opens the page where it stands, and a file of pictures and data."""
    update_counter.get()
    simulation = model.simulation
    place = place_of(simulation.scenario, start)._replace(
        seed=simulation.seed,
        day=model.day,
        party="" if party == NOBODY else party,
        beside=model.beside.simulation.scenario.name if model.beside else "",
    )
    with solara.v.Html(tag="div", class_="fs-out"):
        solara.v.Html(
            tag="a",
            class_="fs-link",
            attributes={
                "href": query_of(place), "target": "_blank",
                "title": "Opens this market, seed, day and party again: copy the address",
            },
            children=["Link to this day"],
        )  # fmt: skip
        solara.FileDownload(
            partial(packed, model), name_of(model), label="Save", mime_type="application/zip"
        )
