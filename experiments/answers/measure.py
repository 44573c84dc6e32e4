"""A run to its end, losses settled, for questions that ask more of it than its summary says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation
    from ..sweeps.execute import Outcome


def drawn_tables(
    scenario: Scenario, seed: int, scores: dict[str, float], books: Books | None = None
) -> tuple[Scenario, Books]:
    """Opening tables of a run, drawn if its scenario asks for that, before anything is added."""
    from ...market.opening.starting_points import starting_point
    from ..sweeps.own import opened

    scenario, tables = opened(scenario, seed, scores, books)
    tables = tables or starting_point(scenario).read()
    if scenario.opening.sample:
        tables = starting_point(scenario).sample(tables, seed)
        scenario = scenario.changed({"opening.sample": False}, "drawn")
    return scenario, tables


def begun(
    scenario: Scenario, seed: int, scores: dict[str, float], books: Books | None = None
) -> Simulation:
    """A run of the market on its opening day."""
    from ...market.simulation import Simulation
    from ..sweeps.own import opened

    scenario, tables = opened(scenario, seed, scores, books)
    return Simulation(scenario, seed, tables, keeps_book=False)


def settled(
    scenario: Scenario, seed: int, scores: dict[str, float], books: Books | None = None
) -> Simulation:
    """A finished run of the market, with claims that were open settled."""
    return finish(begun(scenario, seed, scores, books))


def finish(simulation: Simulation) -> Simulation:
    """A run brought to its last day, with claims that were open settled."""
    from ..sweeps import limits

    while not simulation.finished:
        limits.check()
        simulation.step()
    return simulation.resolve()


def loss_by_loan_usd(simulation: Simulation) -> NDArray[np.float64]:
    """What lenders lose on each loan in the end, cost of enforcement apart."""
    from ...market.state.loans import of_claims

    resolved = simulation.resolution
    assert resolved is not None, "claims must be settled first"
    lost: NDArray[np.float64] = of_claims("written_down_usd", simulation.market.loans)
    return lost + resolved.further_usd


def on_largest(simulation: Simulation) -> NDArray[np.bool_]:
    """Which loans are those of the largest borrower."""
    found: NDArray[np.bool_] = (
        simulation.market.loans.borrower == simulation.market.opening.largest_borrower
    )
    return found


def on_gpu_credit(simulation: Simulation) -> NDArray[np.bool_]:
    """Which loans are GPU credit: owed by neoclouds, or secured by GPUs."""
    import numpy as np

    from ...agents.party import Kind
    from ...market.state.hardware import Family

    market = simulation.market
    family = np.where(market.loans.hardware >= 0, market.hardware.family[market.loans.hardware], -1)
    neocloud = market.parties.kind[market.loans.borrower] == Kind.NEOCLOUD
    return neocloud | (family == Family.GPU)


def told(simulation: Simulation, metrics: dict[str, Any]) -> Outcome:
    """What a run says, as an outcome of a sweep, with losses as all questions give them [USD]."""
    from ..sweeps.execute import Outcome

    summary = simulation.summary()
    largest = summary["largest_borrower"]
    base = {
        "loss": summary["loss_usd"]["resolved_total"],
        "loss_without": largest["resolved_loss_without_usd"],
        "largest_fails": float(largest["fails"]),
        "miners": summary["defaults"]["miner"],
        "neoclouds": summary["defaults"]["neocloud"],
        "others": largest["defaults_without"],
    }
    return Outcome(base | metrics, simulation.series)
