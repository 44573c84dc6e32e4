"""The Mesa shell: a model whose step is a day, with frames, a graph and Mesa's own collectors."""

from __future__ import annotations

import json

import mesa
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from runs import columns, finished, fresh

from firesale import CreditMarket, Scenario
from firesale.market.model import SHOWN
from firesale.market.model import CreditMarket as Home
from firesale.market.record.dictionary import FRAMES as DECLARED
from firesale.market.scenario.errors import InputError

FRAMES = ("series", *DECLARED)
SETTINGS = ("days=120", "crypto.crash_start_day=2", "crypto.crash_days=60")


def short(rng: int = 7) -> CreditMarket:
    return CreditMarket(Scenario.load("crypto-crash").with_settings(list(SETTINGS)), rng=rng)


@pytest.fixture(scope="module")
def done() -> CreditMarket:
    return short().run()


@pytest.mark.uncompiled
def test_it_is_a_mesa_model_and_public() -> None:
    assert CreditMarket is Home
    assert issubclass(CreditMarket, mesa.Model)


def test_a_step_is_a_day() -> None:
    model = short()
    start = model.date
    for day in range(1, 6):
        model.step()
        assert model.day == day
        assert (model.date - start).days == day
    assert model.running
    assert len(model.series) == 6


# ------------------------------------------------------------------ in an interpreter


def test_it_says_in_a_line_what_it_is(done: CreditMarket) -> None:
    lost = float(done.market.lenders.loss_usd.sum()) / 1e6
    assert (
        repr(done)
        == str(done)
        == (
            f"<CreditMarket crypto-crash, seed 7: day 120 of 120 ({done.date}), {done.defaults} "
            f"borrowers in default, ${lost:,.0f}m lost by lenders>"
        )
    )
    assert done._repr_html_().count("<tr>") == len(SHOWN)


@pytest.mark.parametrize("name", FRAMES)
def test_every_column_of_a_frame_has_a_unit_and_a_meaning(done: CreditMarket, name: str) -> None:
    frame = getattr(done, name)
    assert list(frame.attrs["units"]) and set(frame.attrs["units"]) == set(frame.columns)
    assert set(frame.attrs["meanings"]) == set(frame.columns)
    assert all(frame.attrs["units"].values()) and all(frame.attrs["meanings"].values())


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_every_declared_column_is_there(done: CreditMarket, name: str) -> None:
    assert set(DECLARED[name]) == set(getattr(done.simulation, name)().columns)


def test_frames_have_dates_and_names(done: CreditMarket) -> None:
    series, loans, events = done.series, done.loans, done.events
    assert series.index.name == "date" and series.index[-1] == pd.Timestamp(done.date)
    first = loans.iloc[0]
    assert done.simulation.names()[first["borrower"]] == first["borrower_name"]
    assert (events["date"] - pd.Timestamp(done.market.crypto.start)).dt.days.equals(
        events["day"].astype("int64")
    )
    assert loans.attrs["units"]["principal_usd"] == "USD"


def test_the_front_door_lists_what_is_behind_it() -> None:
    import firesale

    assert set(firesale.__all__) <= set(dir(firesale))
    assert {"loans", "lenders", "events", "book", "sales", "illusion"} <= set(dir(CreditMarket))


@pytest.mark.uncompiled
def test_run_goes_to_the_last_day_and_stops(done: CreditMarket) -> None:
    assert done.day == 120
    assert not done.running
    before = json.dumps(done.summary())
    done.step()
    assert done.day == 120
    assert json.dumps(done.summary()) == before


def test_rng_is_the_seed_and_the_shell_changes_nothing(done: CreditMarket) -> None:
    bare = finished("crypto-crash", SETTINGS, 7)
    assert json.dumps(done.summary()) == json.dumps(bare.summary())
    assert done.summary()["seed"] == 7
    for name in FRAMES:
        mine, plain = getattr(done, name), getattr(bare, name)()
        same = [column for column in plain if column in mine]
        pd.testing.assert_frame_equal(
            mine[same].reset_index(drop=True), plain[same], check_exact=True, check_flags=False
        )


def test_models_do_not_share_state(done: CreditMarket) -> None:
    one, two = short(), short(8)
    untouched = two.market.parties.cash_usd.copy()
    one.run()
    assert two.day == 0
    np.testing.assert_array_equal(two.market.parties.cash_usd, untouched)
    two.run()
    assert json.dumps(one.summary()) == json.dumps(done.summary())
    assert json.dumps(two.summary()) != json.dumps(done.summary())
    for table in ("parties", "loans", "lenders", "holdings"):
        others = columns(two.market, table)
        for name, column in columns(one.market, table).items():
            assert not np.shares_memory(column, others[name]), name


@pytest.mark.uncompiled
def test_scenario_may_be_given_by_name() -> None:
    assert CreditMarket("calm").scenario == Scenario.load("calm")
    with pytest.raises(InputError, match="nowhere"):
        CreditMarket("nowhere")


@pytest.mark.parametrize("bad", [True, 1.5, "7", None])
def test_a_seed_that_is_no_whole_number_is_refused(bad: object) -> None:
    with pytest.raises(TypeError, match="rng must be a whole number"):
        CreditMarket("calm", rng=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [-1, 2**63])
def test_a_seed_out_of_range_is_refused(bad: int) -> None:
    with pytest.raises(ValueError, match="rng must be from 0"):
        CreditMarket("calm", rng=bad)


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int32])
def test_numpy_seeds_are_seeds(kind: type) -> None:
    model = CreditMarket("calm", rng=kind(7))
    assert type(model.simulation.seed) is int and model.simulation.seed == 7


def test_settings_are_keywords_of_the_model() -> None:
    model = CreditMarket("crypto-crash", days=60, **{"crypto.crash_depth": 0.5})
    assert (model.scenario.days, model.scenario.crypto.crash_depth) == (60, 0.5)


def test_batch_run_varies_settings() -> None:
    rows = mesa.batch_run(
        CreditMarket,
        {"scenario": "calm", "days": 3, "crypto.volatility": [0.1, 0.9]},
        iterations=None,
        rng=[3],
        display_progress=False,
    )
    assert sorted({row["crypto.volatility"] for row in rows}) == [0.1, 0.9]
    assert {row["day"] for row in rows} == {3}


@pytest.mark.uncompiled
def test_mesa_collects_a_row_a_day(done: CreditMarket) -> None:
    frame = done.datacollector.get_model_vars_dataframe()
    assert frame["day"].tolist() == list(range(121))
    np.testing.assert_array_equal(frame["btc_usd"], done.series["btc_usd"])
    np.testing.assert_array_equal(frame["loss_usd"], done.series["loss_usd"])
    failed = done.series["defaults_miner"] + done.series["defaults_neocloud"]
    np.testing.assert_array_equal(frame["defaults"], failed)


def test_a_collector_of_ones_own_works() -> None:
    model = short()
    mine = mesa.DataCollector(model_reporters={"cash": lambda m: m.market.parties.cash_usd[0]})
    for _ in range(3):
        model.step()
        mine.collect(model)
    assert mine.get_model_vars_dataframe()["cash"].nunique() == 3


# ------------------------------------------------------------------ the lending network


@pytest.mark.uncompiled
@pytest.mark.parametrize("day", [0, 120])
def test_network_adds_up_to_the_loans_outstanding(done: CreditMarket, day: int) -> None:
    model = done if day else short()
    graph = model.lending_network()
    assert isinstance(graph, nx.DiGraph)
    total = sum(weight for _, _, weight in graph.edges(data="principal_usd"))
    assert total == pytest.approx(float(model.market.loans.principal_usd.sum()), rel=1e-12)
    counted = sum(count for _, _, count in graph.edges(data="loans"))
    assert counted == int((model.market.loans.principal_usd > 0).sum())
    owed = model.simulation.loans().groupby(["lender", "borrower"])["principal_usd"].sum()
    for (lender, borrower), usd in owed[owed > 0].items():
        assert graph.edges[lender, borrower]["principal_usd"] == pytest.approx(usd, rel=1e-12)
    assert nx.is_bipartite(graph)


@pytest.mark.uncompiled
def test_network_knows_every_party_and_how_it_stands(done: CreditMarket) -> None:
    graph, summary = done.lending_network(), done.summary()
    kinds = nx.get_node_attributes(graph, "kind")
    for kind in ("miner", "neocloud", "lender"):
        assert sum(k == kind for k in kinds.values()) == summary["population"][kind]
    status = nx.get_node_attributes(graph, "status")
    failed = {name for name, value in status.items() if value in ("defaulted", "reorganised")}
    assert failed == set(summary["defaulted"]["miner"]) | set(summary["defaulted"]["neocloud"])
    impaired = {name for name, value in status.items() if value == "impaired"}
    assert impaired == set(summary["impaired_lenders"])
    assert set(status.values()) <= {"calm", "called", "defaulted", "reorganised", "impaired"}


@pytest.mark.uncompiled
def test_opening_network_is_calm() -> None:
    status = nx.get_node_attributes(short().lending_network(), "status")
    assert set(status.values()) == {"calm"}
    assert fresh("calm").market.loans.breach.max() == 0
