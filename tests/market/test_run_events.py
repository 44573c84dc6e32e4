"""The event log: every event has a cause, parents come first, linked failures are trees."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from runs import watched

from firesale.market.simulation import Simulation

RUNS = {
    "crash": ("crypto-crash", (), 1, "packaged"),
    "joint": ("joint-crash", (), 3, "packaged"),
    "tied": (  # hazards, a deep market of forced sales, quick enforcement: long chains
        "joint-crash",
        (
            "days=400",
            "crypto.crash_days=120",
            "crypto.depth_adv_usd=2e8",
            "credit.hazard_per_year=0.3",
            "liquidation.legal_days=5",
        ),
        6,
        "packaged",
    ),
}


@pytest.fixture(scope="session", params=RUNS)
def sim(request: pytest.FixtureRequest) -> Simulation:
    return watched(*RUNS[request.param]).sim


@pytest.fixture(scope="session")
def log(sim: Simulation) -> pd.DataFrame:
    return sim.events()


def parents_of(log: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The parent's row of every event of a kind, all of which have one."""
    mine = log[log["kind"] == kind]
    assert (mine["parent"] >= 0).all()
    return log.loc[mine["parent"]].set_index(mine.index)


def test_ids_are_rows_and_days_do_not_go_back(log: pd.DataFrame) -> None:
    assert log["event"].tolist() == list(range(len(log)))
    assert (log["day"].diff().dropna() >= 0).all()
    assert log["day"].min() >= 1


def test_parents_come_first(log: pd.DataFrame) -> None:
    assert (log["parent"] < log["event"]).all()
    assert (log["parent"] >= -1).all()
    caused = log[log["parent"] >= 0]
    parent_day = log.loc[caused["parent"], "day"].to_numpy()
    assert (parent_day <= caused["day"].to_numpy()).all()
    assert len(caused) > 0.2 * len(log)


def test_every_default_goes_back_to_a_shock_a_hazard_or_itself(log: pd.DataFrame) -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from(log["event"])
    graph.add_edges_from(log.loc[log["parent"] >= 0, ["parent", "event"]].itertuples(index=False))
    assert nx.is_forest(graph)
    roots: Counter[str] = Counter()
    for event in log.loc[log["kind"] == "default", "event"]:
        chain = [event]
        while log["parent"][chain[-1]] >= 0:
            chain.append(log["parent"][chain[-1]])
            assert len(chain) <= len(log)
        roots[log["kind"][chain[-1]]] += 1
    assert roots["shock"] + roots["hazard"] > 0
    assert roots["default"] == 0  # at least the clock that ran out stands above it


def test_kinds_have_the_parents_they_say(log: pd.DataFrame) -> None:
    for kind, allowed in {
        "seizure": {"default", "loan_default"},
        "hardware_sale": {"seizure", "listed"},
        "offered": {"seizure"},
        "estate_paid": {"default"},
        "loan_default": {
            "default",
            "perimeter_default",
            "missed_payment",
            "covenant_breach",
            "margin_call",
        },
        "btc_liquidation": {"margin_call", "missed_payment", "loan_default", "default"},
    }.items():
        assert set(parents_of(log, kind)["kind"]) <= allowed, kind


def test_seizures_and_sales_are_of_their_parents_borrower(log: pd.DataFrame) -> None:
    for kind in ("seizure", "hardware_sale", "offered", "loan_default", "btc_liquidation"):
        mine = log[log["kind"] == kind]
        assert (parents_of(log, kind)["party"] == mine["party"]).all(), kind


def test_nobody_causes_its_own_margin_call_by_the_price_alone(sim: Simulation) -> None:
    """Only one kind of event of another party can be blamed for a call: its forced sale."""
    log = sim.events()
    calls = log[(log["kind"] == "margin_call") & (log["parent"] >= 0)]
    above = log.loc[calls["parent"]]
    assert set(above["kind"]) <= {"shock", "forced_sale", "btc_liquidation", "hardware_sale"}


def test_each_party_and_loan_fails_at_most_once(log: pd.DataFrame) -> None:
    """Once, and once more for each time that it has reorganised."""
    went_on = Counter(log.loc[log["kind"] == "reorganised", "party"])
    fails = Counter(log.loc[log["kind"] == "default", "party"])
    assert all(many <= 1 + went_on[party] for party, many in fails.items())
    assert sum(fails.values()) >= sum(went_on.values())
    failed = log[log["kind"] == "loan_default"]
    borrower = dict(zip(failed["loan"], failed["party"], strict=True))
    for loan, many in Counter(failed["loan"]).items():
        assert many <= 1 + went_on[borrower[loan]], loan
    assert log.loc[log["kind"] == "hazard", "party"].is_unique
    assert log.loc[log["kind"] == "lender_impaired", "party"].is_unique


def test_nobody_acts_after_its_default(sim: Simulation, log: pd.DataFrame) -> None:
    own = {
        "margin_call",
        "margin_met",
        "missed_payment",
        "covenant_breach",
        "cash_sweep",
        "lock_up",
        "draw",
        "rolled_over",
        "cured",
        "order_cancelled",
    }
    last = log[log["kind"].isin(("default", "reorganised"))].groupby("party").last()
    failed = last.loc[last["kind"] == "default", "event"]  # who has reorganised goes on
    later = log[log["kind"].isin(own) & log["party"].isin(failed.index)]
    assert (later["event"].to_numpy() < failed.loc[later["party"]].to_numpy()).all()


def test_sales_amount_to_the_lots_proceeds(sim: Simulation, log: pd.DataFrame) -> None:
    """What buyers paid, and what no buyer took: in kind at its value, or for scrap."""
    lots = sim.market.lots
    used = slice(0, int(lots.count[0]))
    by_seizure = log[log["kind"] == "hardware_sale"].groupby("parent")["amount_usd"].sum()
    in_kind = log[log["kind"] == "taken_in_kind"].groupby("parent")["amount_usd"].sum()
    scrap_usd = lots.ended_units[used] * sim.market.hardware.scrap_usd[lots.hardware[used]]
    for i in range(used.stop):
        event = int(lots.event[i])
        ended_usd = in_kind.get(event, scrap_usd[i])
        assert lots.proceeds_usd[i] + ended_usd == pytest.approx(
            by_seizure.get(event, 0.0), rel=1e-9, abs=1e-3
        )


def test_seizures_are_lots_at_their_mark(sim: Simulation, log: pd.DataFrame) -> None:
    """And what owners in distress list."""
    lots = sim.market.lots
    seized = log[log["kind"].isin(["seizure", "listed"])]
    count = int(lots.count[0])
    assert sorted(seized["event"]) == sorted(lots.event[:count].tolist())
    value = lots.seized_units[:count] * lots.mark_usd[:count]
    assert seized.loc[lots.event[:count], "amount_usd"].to_numpy() == pytest.approx(value)


def test_write_downs_and_write_ups_sum_to_the_loss(sim: Simulation, log: pd.DataFrame) -> None:
    """Of open claims but for half a per cent, which waits to be named; of closed ones exactly."""
    written = log[log["kind"] == "write_down"]
    failed = sim.loans().set_index("loan").dropna(subset="claim_at_default_usd")
    claim, loss = failed["claim_at_default_usd"], failed["loss_usd"]
    assert set(written["loan"]) <= set(failed.index)
    named = written.groupby("loan")["amount_usd"].sum().reindex(failed.index, fill_value=0.0)
    assert ((named - loss).abs() <= 0.005 * claim * (1 + 1e-9)).all()
    resolved = failed["status"] == "closed"
    assert resolved.any() and (loss > 0.05 * claim).any()
    assert ((named - loss).abs() <= 1e-9 * claim)[resolved].all()
    # At no time more is written off than is owed, or less than nothing.
    so_far = written.groupby("loan")["amount_usd"].cumsum()
    owed = written["loan"].map(claim)
    assert ((so_far >= -1e-9 * owed) & (so_far <= (1 + 1e-9) * owed)).all()
    above = log.loc[written["parent"]]
    assert set(above["kind"]) <= {"loan_default", "seizure", "hardware_sale", "estate_paid"}
    assert (above["party"].to_numpy() == written["counterparty"].to_numpy()).all()


def test_linked_failures_equal_a_naive_twin(sim: Simulation, log: pd.DataFrame) -> None:
    """Trees of failures by the whole graph of events, with networkx; parties count once."""
    graph = nx.DiGraph()
    graph.add_nodes_from(log["event"])
    graph.add_edges_from(log.loc[log["parent"] >= 0, ["parent", "event"]].itertuples(index=False))
    party = log["party"].tolist()
    failed = set(log.loc[log["kind"].isin(("default", "lender_failed")), "event"])
    above = {event: nx.ancestors(graph, event) & failed for event in failed}
    roots = [event for event in failed if not above[event]]
    trees = [
        {party[event] for event in nx.descendants(graph, root) & failed | {root}} for root in roots
    ]
    lines = [{party[event]} | {party[one] for one in above[event]} for event in failed]
    summary = sim.summary()["linked"]
    assert summary["largest"] == max(len(tree) for tree in trees)
    assert summary["mean_size"] == pytest.approx(np.mean([len(tree) for tree in trees]))
    assert summary["depth"] == max(len(line) for line in lines)
    assert summary["per_failure"] == pytest.approx(np.mean([len(line) > 1 for line in lines]))


def test_the_runs_above_have_something_to_look_at() -> None:
    """Else twins would compare single nodes, and parents of nothing would be right."""
    for run in ("crash", "joint"):
        loans = watched(*RUNS[run]).sim.loans()
        lost = (loans["status"] == "closed") & (
            loans["loss_usd"] > 0.05 * loans["principal_open_usd"]
        )
        assert lost.any()
    tied = watched(*RUNS["tied"]).sim
    assert tied.summary()["linked"]["depth"] >= 2
    kinds = set(tied.events()["kind"])
    assert {"seizure", "hardware_sale", "offered", "estate_paid", "btc_liquidation"} <= kinds
