"""Results in an interpreter: a line, and in a notebook a table with units."""

from __future__ import annotations

from runs import finished

from firesale.experiments.results.printed import SHOWN
from firesale.experiments.results.results import Results
from firesale.market.record.meanings import meaning_of


def test_results_are_a_line_and_a_table() -> None:
    simulation = finished("calm", ("days=10",))
    results = Results.of(simulation, simulation.scenario, 1)
    assert repr(results) == (
        f"<Results of calm, seed 1: 10 days, 0 defaults, {len(results.loans):,} loans>"
    )
    page = results._repr_html_()
    assert page.count("<tr>") == len(SHOWN)
    for entry in SHOWN:
        assert meaning_of(entry).unit in page
    assert "<td>–</td>" in page  # no claim: no share of them is unresolved
