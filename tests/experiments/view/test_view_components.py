"""The browser view without a browser: controls, panels, ticker, party sheets, and the page."""

from __future__ import annotations

import gc
import io
import socket
import time
import tomllib
import weakref
import zipfile
from collections.abc import Callable, Iterator
from functools import cache, wraps
from typing import Any

import ipyvuetify
import ipywidgets
import numpy as np
import pytest
import solara
from mesa.visualization import utils

from firesale.agents.party import Kind
from firesale.experiments.cli import main
from firesale.experiments.figures.network import network as draw
from firesale.experiments.figures.network import places
from firesale.experiments.look import plots
from firesale.experiments.results.day_in_words import SENTENCES, stage, ticker
from firesale.experiments.results.network import MOST_SINGLE, Network, Standing, network_of
from firesale.experiments.results.party_sheet import party_sheet
from firesale.experiments.results.results import Results
from firesale.experiments.view import link, page
from firesale.experiments.view.controls import CONTROLS, Pick, Slide, Tick, waiting
from firesale.experiments.view.pictures import PANELS, busiest_class, draw_all
from firesale.experiments.view.save import name_of, packed
from firesale.experiments.view.watched import PAUSES, Choices, WatchedMarket
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario, scenario_names
from firesale.market.scenario.sections import Channels
from firesale.market.simulation import Simulation
from firesale.market.state.loans import LoanStatus

FAST_CRASH = [
    *("days=120", "crypto.crash_start_day=2", "crypto.crash_days=40"),
    *("crypto.crash_depth=0.9", "credit.refinancing_appetite=0.0"),
]


@cache
def crash(days: int = 100, scale: float = 1.0) -> tuple[Simulation, Results]:
    """A fast crash, and what the figures draw from."""
    settings = [*FAST_CRASH, f"opening.scale={scale}"]
    simulation = Simulation(Scenario.load("joint-crash").with_settings(settings), seed=1)
    for _ in range(days):
        simulation.step()
    return simulation, Results.of(simulation, simulation.scenario, 1, loans=False)


def fast() -> Choices:
    return Choices(Scenario.load("joint-crash").with_settings(FAST_CRASH))


# ------------------------------------------------------------------ the network


def test_the_network_holds_every_party_and_all_debt() -> None:
    simulation, results = crash()
    network, s = results.network, simulation.market
    assert network is not None
    assert network.of_kind(Kind.MINER, Kind.NEOCLOUD).sum() == s.borrower_count
    assert network.of_kind(Kind.LENDER).sum() == len(s.lenders.kind)
    assert network.owed_usd.sum() == pytest.approx(s.loans.principal_usd.sum())
    failed = int((s.parties.default_day[: s.borrower_count] >= 0).sum())
    assert failed > 0
    assert network.of_kind(Kind.MINER, Kind.NEOCLOUD)[Standing.DEFAULTED] == failed
    assert (network.lender != network.borrower).all()


def test_an_open_breach_shows_as_called_or_in_cure() -> None:
    simulation, results = crash()
    s, network = simulation.market, results.network
    assert network is not None
    live = (s.loans.breach > 0) & (s.loans.status == LoanStatus.PERFORMING)
    standing = np.isin(s.parties.default_day[s.loans.borrower], [-1])
    pressed = len(np.unique(s.loans.borrower[live & standing]))
    counted = network.of_kind(Kind.MINER, Kind.NEOCLOUD)
    assert counted[Standing.CALLED] + counted[Standing.CURE] == pressed


def test_nodes_keep_their_places_while_the_market_falls() -> None:
    before, after = network_of(crash(0)[0]), crash()[1].network
    assert after is not None
    assert before.ids == after.ids
    assert np.allclose(places(before), places(after))


def test_named_nodes_do_not_overlap() -> None:
    network = network_of(crash(0)[0])
    at = places(network)
    distance = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
    assert distance[~np.eye(len(at), dtype=bool)].min() > 0.02
    assert np.abs(at).max() < 1.0


def test_a_large_market_is_drawn_in_as_few_nodes_as_a_small_one() -> None:
    simulation, results = crash(30, 20.0)
    network = results.network
    assert network is not None
    assert simulation.market.borrower_count > 10 * MOST_SINGLE
    assert len(network.labels) < 2 * MOST_SINGLE
    lenders = len(simulation.market.lenders.kind)
    assert network.sizes.sum() == simulation.market.borrower_count + lenders
    groups = [label for label, party in zip(network.labels, network.ids, strict=True) if not party]
    assert any("miners owing" in label for label in groups)
    title = plots.title_of(draw(results))
    assert f"{simulation.market.borrower_count:,}" in title or title.startswith("Nobody is called")


def test_a_group_counts_as_failed_once_half_of_it_has() -> None:
    counts = np.array([[4, 1, 0, 3, 0], [4, 0, 0, 4, 0], [1, 0, 0, 0, 0]])
    none = np.zeros(0)
    network = Network(
        ["a", "b", "c"], ["", "", "c"], np.zeros(3, np.int64), counts, np.ones(3), np.ones(3),
        none.astype(np.int64), none.astype(np.int64), none, none, np.zeros((0, 5)),
    )  # fmt: skip
    assert [network.standing(node) for node in range(3)] == [
        Standing.CALLED,
        Standing.DEFAULTED,
        Standing.CALM,
    ]


# ------------------------------------------------------------------ panels and words


@pytest.mark.parametrize("days", [0, 100])
def test_every_panel_has_a_picture_and_a_finding(days: int) -> None:
    results = crash(days)[1]
    pictures = dict(draw_all(results, busiest_class(results)))
    assert list(pictures) == [panel.name for panel in PANELS]
    for picture in pictures.values():
        assert picture.title
        assert picture.png.startswith(b"\x89PNG")
        assert len(picture.png) > 3_000


def test_each_party_on_the_network_can_be_clicked_where_it_stands() -> None:
    results = crash()[1]
    spots = dict(draw_all(results, "H100"))["Lending network"].spots
    assert results.network is not None
    assert [spot.party for spot in spots] == [party for party in results.network.ids if party]
    assert all(0 < spot.left < 100 and 0 < spot.top < 100 for spot in spots)


def test_the_ticker_tells_todays_events_in_words() -> None:
    results = crash()[1]
    lines = ticker(results)
    assert [line.day for line in lines] == sorted((line.day for line in lines), reverse=True)
    assert all(line.text and "{" not in line.text and "_" not in line.text for line in lines)
    assert any(line.grave for line in lines)
    assert not ticker(crash(0)[1])


def test_every_sentence_can_be_filled_in() -> None:
    for kind, sentence in SENTENCES.items():
        assert sentence.format(who="A", other="B", usd="$1", why="c"), kind


def test_the_stage_goes_from_calm_to_trouble() -> None:
    assert stage(crash(0)[1]).startswith("Calm")
    assert stage(crash()[1]).split(":")[0] in ("Defaults", "Fire sale", "Contagion")


# ------------------------------------------------------------------ one party


def test_a_sheet_balances_and_shows_headroom() -> None:
    simulation = crash(0)[0]
    s = simulation.market
    sheet = party_sheet(simulation, "CRWV")
    assert sheet is not None
    assert sheet.name == "CoreWeave"
    items = dict(sheet.balance)
    assert {"Assets", "Debt", "Assets less debt"} <= set(items)
    b = s.names.parties.index("CRWV")
    owed = s.loans.principal_usd[s.loans.first[b] : s.loans.first[b + 1]]
    assert len(sheet.loans) == 1 + min(12, int((owed > 0).sum()))
    assert any("at least" in row[5] for row in sheet.loans[1:])
    assert len(sheet.contracts) > 1


def test_a_btc_loan_says_how_far_bitcoin_may_fall() -> None:
    simulation = crash(0)[0]
    sheet = party_sheet(simulation, "CANG")
    assert sheet is not None
    (row,) = (
        row
        for row in sheet.loans
        if row[0] == "bitcoin-backed loans, performing" and "Antalpha" in row[1]
    )
    assert "value may fall" in row[4]


def test_lenders_have_sheets_and_others_have_none() -> None:
    simulation = crash()[0]
    sheet = party_sheet(simulation, "ANTALPHA")
    assert sheet is not None
    assert "at least" in dict(sheet.balance)["Capital ratio"]
    assert party_sheet(simulation, "nobody") is None
    assert party_sheet(simulation, "EXCHANGE") is None


# ------------------------------------------------------------------ controls


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.key)
def test_every_value_a_control_can_take_is_allowed(control: Slide | Pick | Tick) -> None:
    values: list[Any]
    if isinstance(control, Slide):
        assert control.unit
        values = [control.stored(shown) for shown in (control.low, control.high)]
    elif isinstance(control, Pick):
        values = list(control.values)
    else:
        values = [True, False]
    for value in values:
        choices = Choices(Scenario())
        changed = choices.scenario.value.changed({control.key: value}, "test")
        if not changed.missing(control.key):
            choices.change(control.key, value)
            assert choices.scenario.value == changed
        assert changed.value_of(control.key) == value


def test_a_change_without_effect_is_refused_until_its_switch_is_set() -> None:
    choices = Choices(Scenario.load("baseline"))
    with pytest.raises(InputError) as refused:
        choices.change("crypto.crash_depth", 0.5)
    assert str(refused.value) == (
        "Here: crypto.crash_depth has no effect while crypto.path is 'random'; "
        "set crypto.path='crash' too."
    )
    choices.change("crypto.path", "crash")
    choices.change("crypto.crash_depth", "50%")
    assert choices.scenario.value.crypto.crash_depth == 0.5


@pytest.mark.parametrize("name", scenario_names())
def test_what_is_in_force_can_be_chosen(name: str) -> None:
    scenario = Scenario.load(name)
    for control in CONTROLS:
        if isinstance(control, Pick):
            assert scenario.value_of(control.key) in control.items(scenario)


def test_every_channel_has_a_switch() -> None:
    ticks = {control.key for control in CONTROLS if isinstance(control, Tick)}
    assert ticks == {f"channels.{name}" for name in Channels.model_fields}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("crypto.crash_depth", 2.0),
        ("crypto.crash_depth", float("nan")),
        ("crypto.crash_days", 0),
        ("crypto.path", "up"),
        ("no.such", 1),
        ("days.more", 1),
        ("crypto.history", "/etc/passwd"),
        ("opening.start", "1999"),
    ],
)
def test_a_bad_value_is_refused_and_changes_nothing(key: str, value: object) -> None:
    choices = Choices(Scenario.load("crypto-crash"))
    before = choices.scenario.value
    with pytest.raises(InputError):
        choices.change(key, value)
    assert choices.scenario.value == before


def test_what_waits_for_reset_is_named_with_both_values() -> None:
    choices = Choices(Scenario.load("crypto-crash"))
    before = choices.scenario.value
    assert waiting(choices.scenario.value, before) == []
    choices.change("crypto.crash_depth", 0.5)
    assert waiting(choices.scenario.value, before) == ["fall of bitcoin 77 % → 50 %"]
    choices.change("tenants.relet_days", 90)
    choices.change("crypto.crash_depth", 0.77)
    assert waiting(choices.scenario.value, before) == ["other assumptions"]


def test_a_market_takes_what_was_chosen_and_keeps_it() -> None:
    choices = fast()
    model = WatchedMarket(choices, 3)
    choices.change("crypto.crash_depth", 0.1)
    assert model.simulation.scenario.crypto.crash_depth == 0.9
    assert WatchedMarket(choices, 3).simulation.scenario.crypto.crash_depth == 0.1
    again = model.again()
    assert (again.simulation.scenario, again.simulation.seed) == (model.simulation.scenario, 3)


def test_a_market_that_nobody_watches_stands_still() -> None:
    model = WatchedMarket(fast())
    model.leave()
    model.step()
    assert (model.day, model.running) == (0, False)


@pytest.mark.parametrize("name", PAUSES)
def test_a_market_pauses_where_it_is_told_to_and_goes_on(name: str) -> None:
    fails = ["knock_out.party=ANTALPHA", "knock_out.day=5"] * ("lender" in name)
    model = WatchedMarket(Choices(fast().scenario.value.with_settings(fails)))
    model.pause_at = name
    for _ in range(120):
        model.step()
    stood = model.day
    assert (model.paused, model.running) == (f"Paused {name}", False)
    log = model.log()
    kinds = {str(kind.name).lower() for kind in PAUSES[name].kinds}
    assert set(log[log["kind"].isin(kinds)]["day"]) == {stood}
    model.step()
    assert model.day == stood
    model.resume()
    model.step()
    assert model.day == stood + 1


def test_a_market_beside_another_has_its_seed_and_its_day() -> None:
    choices = fast()
    choices.set_beside("calm")
    model = WatchedMarket(choices, 3)
    for _ in range(5):
        model.step()
    assert model.beside is not None
    assert (model.beside.day, model.beside.simulation.seed) == (5, 3)
    assert model.beside.simulation.scenario == Scenario.load("calm")
    again = model.again()
    assert again.beside is not None and again.beside.day == 0
    with pytest.raises(InputError, match="There is no scenario 'x' to watch beside"):
        choices.set_beside("x")


def test_a_link_leads_back_to_where_it_was_made() -> None:
    start = Scenario.load("crypto-crash")
    changed = Scenario.load("joint-crash").with_settings(["days=200", "entry.on=true"])
    place = link.place_of(changed, start)._replace(seed=7, day=12, party="CRWV", beside="calm")
    assert place.scenario == "joint-crash"
    found = link.read(link.query_of(place))
    assert found == place
    choices = Choices(start)
    choices.load(found.scenario)
    choices.change_all(found.settings)
    assert choices.scenario.value == changed
    assert link.query_of(link.place_of(start, start)) == "?"
    assert link.read("token=x&other=1") == link.Place()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("scenario=no", "There is no scenario 'no'; the one of the start is shown."),
        ("seed=-1", "seed '-1' is no whole number from 0 to 100."),
        ("day=1e9", "day '1e9' is no whole number from 0 to 36,500."),
        ("beside=no", "There is no scenario 'no' to watch beside this one."),
        ("set=days", "This address: 'days' is not of the form key=value."),
        ("set=days=0", "This address: days = 0 is not allowed"),
        ("set=crypto.history=/etc/passwd", "crypto.history names a file"),
        ("set=" + "x" * 5000, "The address is too long; the market of the start is shown."),
    ],
)
def test_a_bad_address_gets_a_sentence_and_the_market_of_the_start(
    query: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(page.SCENARIO, "crypto-crash")
    choices, place, said = page.opened(query)
    assert said.startswith(sentence)
    assert (choices.scenario.value, place) == (Scenario.load("crypto-crash"), link.Place())


def test_what_is_saved_holds_pictures_series_log_and_scenario() -> None:
    model = WatchedMarket(fast(), 2)
    model.step()
    with zipfile.ZipFile(io.BytesIO(packed(model))) as pack:
        names = set(pack.namelist())
        assert len([name for name in names if name.endswith(".png")]) == len(PANELS)
        assert {"series.csv", "events.csv", "scenario.toml"} <= names
        assert pack.read("series.csv").count(b"\n") == 3  # a head and two days
        assert tomllib.loads(pack.read("scenario.toml").decode())["days"] == 120
    assert name_of(model) == "firesale-joint-crash-seed-2-day-1.zip"


# ------------------------------------------------------------------ the command


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing-here"], "There is no scenario 'nothing-here'"),
        (["calm", "--port", "0"], "--port"),
        (["calm", "--port", "PORT"], "cannot be used"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = ["view", "--no-open", *(word.replace("PORT", port) for word in arguments)]
        with pytest.raises(SystemExit) as ended:
            main(command)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert sentence in said
    assert said.count("\n") == 1


# ------------------------------------------------------------------ the page


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[ipywidgets.Widget]:
    monkeypatch.setenv(page.SCENARIO, "joint-crash")
    box, rc = solara.render(solara.AppLayout(children=[page.Page()]), handle_error=False)
    yield box
    rc.close()


def widgets(root: Any) -> Iterator[Any]:
    """A widget and all below it."""
    yield root
    for child in getattr(root, "children", ()):
        if isinstance(child, ipywidgets.Widget):
            yield from widgets(child)


def texts(root: Any) -> str:
    found = [child for w in widgets(root) for child in getattr(w, "children", ())]
    return " ".join(child for child in found if isinstance(child, str))


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> bool:
    latest = time.monotonic() + seconds
    while time.monotonic() < latest:
        if condition():
            return True
        time.sleep(0.05)
    return False


def button(root: Any, label: str) -> Any:
    return next(w for w in widgets(root) if isinstance(w, ipyvuetify.Btn) and label in w.children)


def panel_titles(root: Any) -> list[str]:
    return [w.finding for w in widgets(root) if hasattr(w, "finding")]


def test_the_page_opens_on_day_0_with_every_panel(opened: Any) -> None:
    assert wait_for(lambda: len(panel_titles(opened)) == len(PANELS))
    assert "Day 0" in texts(opened)


def test_step_is_a_day_and_reset_goes_back(opened: Any) -> None:
    assert wait_for(lambda: len(panel_titles(opened)) == len(PANELS))
    for _ in range(3):
        button(opened, "Step").click()
    assert wait_for(lambda: "Day 3" in texts(opened))
    button(opened, "Reset").click()
    assert wait_for(lambda: "Day 0" in texts(opened))


def test_an_open_page_keeps_one_market_however_often_it_is_reset(opened: Any) -> None:
    assert wait_for(lambda: len(panel_titles(opened)) == len(PANELS))
    made: list[weakref.ref[WatchedMarket]] = []
    init = WatchedMarket.__init__

    @wraps(init)
    def counted(self: WatchedMarket, *args: Any, **kwargs: Any) -> None:
        made.append(weakref.ref(self))
        init(self, *args, **kwargs)

    WatchedMarket.__init__ = counted  # type: ignore[method-assign]
    try:
        for _ in range(6):
            button(opened, "Step").click()
            button(opened, "Reset").click()
        utils.force_update()
        assert len(made) == 6

        def alive() -> int:
            gc.collect()
            return sum(ref() is not None for ref in made)

        assert wait_for(lambda: alive() <= 2)
    finally:
        WatchedMarket.__init__ = init  # type: ignore[method-assign]
