"""What shareholders and committed lines do in a run: they pay, and who has them fails less."""

from __future__ import annotations

import numpy as np
import pytest
from runs import finished

from firesale.agents.party import Status
from firesale.market.simulation import Simulation
from firesale.market.state.contracts import ContractKind

YEAR = ("days=365", "credit.hazard_per_year=0")
NO_EQUITY = "credit.equity_share_per_quarter=0"


def of_kind(sim: Simulation, kind: str) -> np.ndarray:
    log = sim.events()
    return log.loc[log["kind"] == kind, "amount_usd"].to_numpy()


def failed(sim: Simulation) -> set[str]:
    s = sim.market
    status = s.parties.status[: s.borrower_count]
    return {s.names.parties[b] for b in np.flatnonzero(status != Status.ACTIVE)}


def listed(sim: Simulation) -> set[str]:
    s = sim.market
    return {s.names.parties[b] for b in np.flatnonzero(s.borrowers.market_cap_open_usd > 0.0)}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("scenario", ["calm", "baseline", "joint-crash"])
def test_without_new_shares_no_fewer_fail(scenario: str, seed: int) -> None:
    """At given rents: machines that are never delivered leave more rent to those that are."""
    given = (*YEAR, "channels.rent_feedback=false")
    on, off = finished(scenario, given, seed), finished(scenario, (*given, NO_EQUITY), seed)
    assert len(failed(on)) <= len(failed(off))
    assert len(failed(on) & listed(on)) <= len(failed(off) & listed(off))


def test_in_a_crash_new_shares_save_some() -> None:
    given = (*YEAR, "channels.rent_feedback=false")
    on, off = finished("joint-crash", given), finished("joint-crash", (*given, NO_EQUITY))
    assert (failed(off) - failed(on)) & listed(on)


def test_shares_are_issued_by_the_listed_and_by_nobody_else() -> None:
    sim = finished("baseline", YEAR)
    log = sim.events()
    issuers = set(log.loc[log["kind"] == "equity_issued", "party"])
    assert issuers and issuers <= listed(sim)
    assert of_kind(sim, "equity_issued").min() > 0.0
    assert len(of_kind(finished("baseline", (*YEAR, NO_EQUITY)), "equity_issued")) == 0


def test_committed_lines_are_drawn() -> None:
    sim = finished("baseline", YEAR)
    log, loans = sim.events(), sim.loans().set_index("loan")
    draws = log[log["kind"] == "draw"]
    assert len(draws) > 0 and (draws["amount_usd"] > 0.0).all()
    assert (loans.loc[draws["loan"], "borrower"].to_numpy() == draws["party"].to_numpy()).all()
    # Of one line they are a month apart, or more.
    gaps = draws.groupby("loan")["day"].diff().dropna()
    assert len(gaps) > 0 and gaps.min() >= 30


def undelivered(sim: Simulation) -> dict[str, float]:
    """Machines that listed landlords ordered for contracts that have ramped up by now."""
    s, c = sim.market, sim.market.contracts
    due = (c.kind == ContractKind.COMPUTE) & c.signed_later & (c.gpus > 0)
    due &= c.start_day + sim.scenario.credit.delivery_days <= sim.day
    short: dict[str, float] = {}
    for i in np.flatnonzero(due):
        name = s.names.parties[c.landlord[i]]
        if name in listed(sim):
            short[name] = short.get(name, 0.0) + float(c.gpus[i] - c.delivered[i])
    return short


def test_the_listed_get_what_they_ordered_while_all_is_calm() -> None:
    sim = finished("calm", YEAR)
    short = undelivered(sim)
    assert len(short) >= 4
    assert short == pytest.approx(dict.fromkeys(short, 0.0), abs=1e-6)
    log = sim.events()
    cancelled = set(log.loc[log["kind"] == "order_cancelled", "party"])
    assert not cancelled & listed(sim)
    # It takes shareholders to pay for that.
    assert sum(undelivered(finished("calm", (*YEAR, NO_EQUITY))).values()) > 1e3
