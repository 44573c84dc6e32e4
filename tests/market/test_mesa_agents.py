"""Thin Mesa agents: views on rows that Mesa's own tools can use."""

from __future__ import annotations

import mesa
import pytest

from firesale import CreditMarket, Scenario
from firesale.market import mesa_agents as views


@pytest.fixture(scope="module")
def model() -> CreditMarket:
    scenario = Scenario.load("crypto-crash").with_settings(["days=3"])
    return CreditMarket(scenario, rng=3)


def test_one_agent_for_each_row_in_the_order_of_parties(model: CreditMarket) -> None:
    s = model.market
    assert len(model.agents) == s.first_outside
    assert [agent.party for agent in model.agents] == list(range(s.first_outside))
    counts = {kind.__name__: len(group) for kind, group in model.agents_by_type.items()}
    assert counts["LenderAgent"] == len(s.lenders.kind)
    assert counts["BuyerAgent"] == len(s.buyers.segment)
    assert counts["MinerAgent"] + counts["NeocloudAgent"] == s.borrower_count


def test_an_agent_is_a_view_and_keeps_nothing(model: CreditMarket) -> None:
    s = model.market
    riot = next(agent for agent in model.agents if agent.name == "RIOT")
    assert isinstance(riot, views.MinerAgent)
    assert riot.btc == s.parties.btc[riot.party] > 0.0
    assert riot.share_usd == pytest.approx(19.03, rel=0.02)  # quoted at the opening
    before = riot.cash_usd
    s.parties.cash_usd[riot.party] += 5.0
    assert riot.cash_usd == before + 5.0
    s.parties.cash_usd[riot.party] -= 5.0
    owed = sum(float(s.loans.principal_usd[loan]) for loan in riot.loans)
    assert riot.debt_usd == pytest.approx(owed)
    assert riot.breaches == [] and riot.stands


def test_mesa_selects_and_collects(model: CreditMarket) -> None:
    lenders = model.agents.select(agent_type=views.LenderAgent)
    assert sum(lenders.get("capital_usd")) == pytest.approx(model.market.lenders.capital_usd.sum())
    assert all(ratio > 0.0 for ratio in lenders.get("capital_ratio"))
    collector = mesa.DataCollector(
        agenttype_reporters={views.MinerAgent: {"cash": "cash_usd", "name": "name"}}
    )
    collector.collect(model)
    model.step()
    collector.collect(model)
    frame = collector.get_agenttype_vars_dataframe(views.MinerAgent)
    miners = len(model.agents_by_type[views.MinerAgent])
    assert len(frame) == 2 * miners
    assert frame["cash"].nunique() > miners  # a day's cash is not yesterday's


def test_large_populations_get_no_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_AGENTS", 100)
    scenario = Scenario.load("calm").with_settings(["days=2"])
    assert len(CreditMarket(scenario, rng=3).agents) == 0
