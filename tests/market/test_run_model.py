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
from firesale.market.model import CreditMarket as Home
from firesale.market.scenario.errors import InputError

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
    pd.testing.assert_frame_equal(done.series, bare.series(), check_exact=True)
    pd.testing.assert_frame_equal(done.events, bare.events(), check_exact=True)


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
    assert CreditMarket("calm").scenario_settings == Scenario.load("calm")
    with pytest.raises(InputError, match="nowhere"):
        CreditMarket("nowhere")


@pytest.mark.parametrize("bad", [True, -1, 1.5, "7", None])
def test_a_bad_seed_is_refused(bad: object) -> None:
    with pytest.raises(TypeError, match="rng"):
        CreditMarket("calm", rng=bad)  # type: ignore[arg-type]


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
