"""The page that Solara serves: the bar of time, assumptions at the side, story and panels."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import solara
import solara.lab
from reacton.core import get_render_context

from ...market.opening.own_books import own_books
from ...market.scenario.errors import InputError
from ...market.scenario.scenario import Scenario
from ..look import words
from ..report.scenario_text import full_title
from ..results.day_in_words import stage, ticker
from ..results.facts import FACTS, text
from ..results.party_sheet import Sheet
from ..results.results import Results
from .bar import NOBODY, Bar
from .controls import Controls
from .link import Place, read
from .looks import CSS
from .messages import check_messages
from .pictures import PANELS, Panel, Picture, Spot, busiest_class, draw_all
from .turns import TURNS
from .watched import Choices, WatchedMarket

LOG = logging.getLogger(__name__)
SCENARIO = "FIRESALE_VIEW_SCENARIO"  # environment: a scenario's name or file
BOOKS = "FIRESALE_VIEW_BOOKS"  # a folder of tables or a loan tape, empty for the packaged books
SETTINGS = "FIRESALE_VIEW_SETTINGS"  # and what is changed of it, a JSON list of key=value
LOOK_S = 0.05  # how often the drawing thread looks whether the day has changed
REST = 1.0  # of the time a drawing took, before the next one: days come first
STILL_S = 0.25  # a market that has not moved for so long is not playing
ABOUT = (
    "{who} have borrowed from lenders against {what}. Press Play (▶). Once prices "
    "fall, watch who is called for margin, who fails, what is seized, and whether anybody is there "
    "to buy it."
)
BUSIEST = "the class most on offer"
check_messages()


@dataclass(frozen=True)
class Shown:
    """What is on the page: a day's results and the pictures drawn of them."""

    day: int = -1
    results: Results | None = None
    pictures: dict[str, Picture] = field(default_factory=dict)
    hardware: str = ""
    sheet: Sheet | None = None


def first_scenario() -> Scenario:
    """What a visitor's first market opens with."""
    scenario = Scenario.load(os.environ.get(SCENARIO, "crypto-crash"))
    return scenario.with_settings(json.loads(os.environ.get(SETTINGS, "[]")))


def first_choices() -> Choices:
    """The same with the books it opens with."""
    scenario, place = first_scenario(), os.environ.get(BOOKS, "")
    return Choices(scenario, own_books(place, scenario) if place else None)


def opened(query: str | None) -> tuple[Choices, Place, str]:
    """What a visitor's address opens, and what is wrong with that address."""
    choices = first_choices()
    try:
        place = read(query)
        if place.scenario:
            choices.load(place.scenario)
        choices.change_all(place.settings)
        choices.set_beside(place.beside)
    except InputError as refusal:
        return first_choices(), Place(), str(refusal)
    return choices, place, ""


@solara.component
def Page() -> None:
    """One visitor's page."""
    router = solara.use_router()
    choices, place, refusal = solara.use_memo(lambda: opened(router.search), [])
    start = solara.use_memo(first_scenario, [])
    seed = solara.use_reactive(place.seed)
    party = solara.use_reactive(place.party or NOBODY)
    market = solara.use_memo(lambda: solara.reactive(WatchedMarket(choices, seed)), [])
    model = market.value
    solara.Title(f"firesale · {model.simulation.scenario.name}")
    solara.Style(CSS)
    with solara.AppBar():
        solara.AppBarTitle("firesale: who owes whom, and who falls after whom")
        solara.lab.ThemeToggle()
    with solara.v.Html(tag="div", class_="fs-page"):
        with solara.v.Html(tag="aside", class_="fs-side", attributes={"id": "assumptions"}):
            Controls(choices, model, seed)
        with solara.v.Html(tag="main", class_="fs-main"):
            Bar(market, choices, start, seed, party, place.day)
            if refusal:
                solara.Error(refusal)
            if model.beside is None:
                Dashboard(model, party)
            else:
                with solara.v.Html(tag="div", class_="fs-pair"):
                    for one in (model, model.beside):
                        with solara.v.Html(tag="div").key(f"{id(one)}"):
                            solara.v.Html(tag="h2", children=[full_title(one.simulation.scenario)])
                            Dashboard(one, party)


@solara.component
def Dashboard(model: WatchedMarket, party: solara.Reactive[str]) -> None:
    """Everything in the middle of the page; a thread of its own keeps the pictures up to date."""
    model.page = get_render_context().thread_lock
    solara.use_effect(lambda: model.leave, [model])
    hardware = solara.use_reactive(BUSIEST)
    shown = solara.use_reactive(Shown())

    def follow(cancelled: threading.Event) -> None:
        drawn = -1
        while not cancelled.is_set():
            began = time.perf_counter()
            if model.day != drawn:
                try:
                    drawn = draw(cancelled)
                except Exception:  # the page must go on: say what it was, and draw again
                    LOG.exception("The page could not be drawn.")
                    cancelled.wait(1.0)
                rest(model, REST * (time.perf_counter() - began), cancelled)
            cancelled.wait(LOOK_S)

    def draw(cancelled: threading.Event) -> int:
        with TURNS.turn(shown.peek().results is None, cancelled) as mine:
            if not mine:
                return -1
            latest = look(model, hardware.value, party.value)
        if not cancelled.is_set():
            shown.value = latest
        return latest.day

    solara.use_thread(
        follow, dependencies=[model, hardware.value, party.value], intrusive_cancel=False
    )
    now = shown.value
    if now.results is None:
        solara.Text("Drawing the first day ...", classes=["fs-note"])
        return
    spots = now.pictures[PANELS[0].name].spots
    drawn = {"data-day": str(now.day)}
    chosen = " fs-chosen" * (now.sheet is not None)
    with solara.v.Html(tag="div", class_="fs-grid" + chosen, attributes=drawn).key("grid"):
        Story(now.results)
        with solara.v.Html(tag="div", class_="fs-card fs-wide fs-choose"):
            solara.Select(
                "Party to look at (or click on a circle)",
                values=[NOBODY, *(spot.label for spot in spots)],
                value=_label_of(party.value, spots),
                on_value=lambda label: party.set(_party_of(label, spots)),
            )
            solara.Select(
                "Hardware class of order book and marks",
                values=[BUSIEST, *now.results.classes],
                value=hardware,
            )
        for panel in PANELS[:1]:
            View(panel, now.pictures[panel.name], party.set)
        if now.sheet is not None:
            Party(now.sheet)
        News(now.results)
        for panel in PANELS[1:]:
            View(panel, now.pictures[panel.name], party.set)


def rest(model: WatchedMarket, seconds: float, cancelled: threading.Event) -> None:
    """Leave the machine to the days, as long as there are any."""
    day, since = model.day, time.perf_counter()
    until = since + seconds
    while time.perf_counter() < until and not cancelled.wait(LOOK_S):
        if model.day != day:
            day, since = model.day, time.perf_counter()
        elif time.perf_counter() - since > STILL_S:
            return


def look(model: WatchedMarket, hardware: str, party: str) -> Shown:
    """Read a market between two days and draw every panel of it."""
    results = model.results()
    known = hardware if hardware in results.classes else busiest_class(results)
    sheet = model.sheet(party) if party != NOBODY else None
    pictures = dict(draw_all(results, known))
    return Shown(results.last_day, results, pictures, known, sheet)


def _label_of(party: str, spots: tuple[Spot, ...]) -> str:
    return next((spot.label for spot in spots if spot.party == party), NOBODY)


def _party_of(label: str, spots: tuple[Spot, ...]) -> str:
    return next((spot.party for spot in spots if spot.label == label), NOBODY)


def numbers_of(results: Results) -> tuple[tuple[str, str], ...]:
    """The numbers below the story, each with its label."""
    unsold = [
        (f"{words.capital(family.unit)} on offer", words.count(results.final(family.waiting)))
        for family in results.families
    ]
    return (
        (FACTS["btc_change"].name, text(results, "btc_change")),
        *[(FACTS["rent_change"].name, text(results, "rent_change"))] * results.has_rents,
        (FACTS["pressed"].name, text(results, "pressed")),
        (
            f"Defaulted, of {text(results, 'borrowers')} borrowers",
            text(results, "borrowers_in_default"),
        ),
        (f"Failed or closed, of {text(results, 'lenders')} lenders", text(results, "lenders_gone")),
        ("Lenders have lost on loans", text(results, "lost_on_loans")),
        ("Of their claims unresolved", text(results, "unresolved")),
        *unsold,
    )


@solara.component
def Story(results: Results) -> None:
    """Where the market stands, in a sentence and a few numbers."""
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{_text(value)}</dd></div>"
        for name, value in numbers_of(results)
    )
    both = "neocloud" in results.borrower_kinds
    about = ABOUT.format(
        who="Miners (left) and neoclouds (right)" if both else "Miners (left)",
        what="bitcoin, rigs and GPUs" if results.has_gpus else "bitcoin and rigs",
    )
    about = f'<div class="fs-note">{escape(about)}</div>' if results.last_day == 0 else ""
    solara.HTML(
        tag="section",
        classes=["fs-card", "fs-wide", "fs-story"],
        unsafe_innerHTML=f"<p>{_text(stage(results))}</p>{about}<dl>{cells}</dl>",
    )


def _text(text: str) -> str:
    """Text as HTML; a number and its per-cent sign stay on one line."""
    return escape(text).replace(" %", "&nbsp;%")


@solara.component
def News(results: Results) -> None:
    """The latest events in plain words, today's marked."""
    lines = ticker(results)
    items = "".join(
        f'<li class="{"fs-grave" if line.grave else ""}'
        f'{" fs-now" if line.day == results.last_day else ""}">'
        f"<b>Day {line.day}</b> {_text(line.text)}</li>"
        for line in lines
    )
    text = items or "<li>Nothing to tell yet: press Play (▶).</li>"
    solara.HTML(
        tag="section",
        classes=["fs-card", "fs-news"],
        unsafe_innerHTML=f"<h2>What just happened</h2><ul>{text}</ul>",
    )


@solara.component_vue("panel.vue")
def PanelCard(
    name: str,
    finding: str,
    url: str,
    reading: str,
    room: str,
    spots: list[dict[str, Any]],
    event_choose: Callable[[str], None],
) -> None:
    """One panel: name, finding, picture, how to read it; on circles, buttons one cannot see.

    It is one widget: Solara walks through all there are whenever a day is over.
    """


def View(panel: Panel, picture: Picture, on_party: Callable[[str], None]) -> solara.Element:
    """A panel with its latest picture."""
    room = "fs-network" if picture.spots else "fs-wide" if panel.wide else ""
    return PanelCard(
        name=panel.name,
        finding=picture.title,
        url=picture.url,
        reading=panel.reading,
        room=room + " fs-long" * panel.long,
        spots=[asdict(spot) for spot in picture.spots],
        event_choose=on_party,
    ).key(panel.name)


@solara.component
def Party(sheet: Sheet) -> None:
    """One party's balance sheet, loans with covenants and headroom, and contracts."""
    tables = "".join(
        _table(rows) for rows in (sheet.balance, sheet.loans, sheet.contracts) if len(rows) > 1
    )
    solara.HTML(
        tag="section",
        classes=["fs-card", "fs-party"],
        unsafe_innerHTML=f"<h2>{escape(sheet.name)}</h2>"
        f'<p class="fs-note">{escape(sheet.standing)}</p>{tables}',
    )


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    """A table whose first row is its head."""
    head, *body = rows
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"
