"""The bench: what its numbers are made of, what it prints, what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from runs import columns

from firesale.experiments.bench import cases, command, machine, twin
from firesale.experiments.bench.cases import Case
from firesale.experiments.cli import main
from firesale.experiments.look import memory
from firesale.market.scenario.errors import InputError
from firesale.market.simulation import Simulation

CASE_KEYS = [
    "parties",
    "loans",
    "scenario",
    "seconds_per_day",
    "party_days_per_s",
    "state_bytes",
    "bytes_per_borrower",
    "stream_ratio",
]


def case(parties: int, seconds: float, scenario: str = "calm") -> Case:
    return Case(parties, parties, scenario, seconds, parties / seconds, 1, 1.0, 1.0)


def test_scaling_is_the_slope_of_log_time_in_calm() -> None:
    found = [case(n, 1e-6 * n**1.1) for n in (10_000, 100_000, 1_000_000)]
    found += [case(n, 1e-3 * n, "crash") for n in (10_000, 100_000)]
    assert cases.scaling_exponent(found) == pytest.approx(1.1)


def test_small_markets_do_not_count_for_scaling_where_there_are_large_ones() -> None:
    small, large = case(1_000, 0.01), [case(n, 1e-6 * n) for n in (10_000, 100_000)]
    assert cases.scaling_exponent([small, *large]) == pytest.approx(1.0)
    assert cases.scaling_exponent([case(100, 1.0), case(1_000, 10.0)]) == pytest.approx(1.0)


def test_one_size_has_no_slope() -> None:
    assert cases.scaling_exponent([case(1_000, 0.1), case(1_000, 0.2, "crash")]) is None


def test_state_is_what_its_tables_hold_and_the_lots_and_claims_in_use() -> None:
    state = Simulation(cases.bench_scenario("calm", 100), 1).market
    tables = sum(c.nbytes for name in cases.TABLES for c in columns(state, name).values())
    assert cases.state_bytes(state) == tables
    state.lots.count[0] = 3
    state.claims.count[0] = 2
    lot = sum(column.dtype.itemsize for column in state.lots)
    claim = sum(column.dtype.itemsize for column in state.claims)
    assert cases.state_bytes(state) == tables + 3 * lot + 2 * claim


def test_every_table_of_a_market_is_counted() -> None:
    state = Simulation(cases.bench_scenario("calm", 100), 1).market
    large = {
        name
        for name, table in vars(state).items()
        if isinstance(table, tuple) and any(getattr(c, "nbytes", 0) > 1000 for c in table)
    }
    # the log only grows, classes are few whatever the population, lots count as far as in use
    by_day = {"crypto", "compute", "macro", "kept"}
    assert large - {"log", "hardware", "lots"} - by_day <= set(cases.TABLES)


def test_a_case_compares_a_day_with_streaming_the_state_there_and_back() -> None:
    ticks: list[str] = []
    timing = cases.measure(100, "calm", ticks.append)
    found = timing.against(10.0)
    assert found.stream_ratio == pytest.approx(
        found.seconds_per_day / (2 * found.state_bytes / 10e9)
    )
    assert found.party_days_per_s == pytest.approx(100 / found.seconds_per_day)
    assert found.bytes_per_borrower == pytest.approx(found.state_bytes / timing.borrowers)
    assert len(ticks) == 2 + cases.WEEKS


def test_the_crash_is_one() -> None:
    simulation = Simulation(cases.bench_scenario("crash", 3_000), 1).run()
    failed = simulation.market.parties.default_day[: simulation.market.borrower_count] >= 0
    assert failed.mean() > 0.02


@pytest.mark.compiled  # it times
def test_memory_streams() -> None:
    assert 0.1 < machine.stream_gb_s(rows=2**16) < 10_000
    assert memory.free_bytes() > 0


def test_the_twin_is_timed_by_party_and_day() -> None:
    found = twin.TwinTime(parties=1_000, seconds_per_day=0.01, opening_s=1.0)
    assert found.us_per_party_day == pytest.approx(10.0)
    assert found.total_s == pytest.approx(1.08)


@pytest.mark.parametrize("size", [0, 5, 30_000_000, -1])
def test_sizes_that_cannot_be_are_refused(size: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["bench", "--json", "--parties", str(size)])
    out, err = capsys.readouterr()
    assert left.value.code == 2
    assert out == ""
    assert err.count("\n") == 1 and "--parties" in err and "from 36 to" in err


def test_what_does_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 2_000_000_000)
    with pytest.raises(InputError, match="GB are free"):
        command.bench([10_000_000], as_json=True)


def test_of_the_usual_sizes_those_that_fit_are_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 2_000_000_000)
    assert command.sizes_to_measure([]) == [1_000, 10_000, 100_000, 1_000_000]
    assert "10,000,000 parties do not fit" in capsys.readouterr().err


@pytest.mark.slow
def test_json_is_all_there_is_and_has_the_keys(capsys: pytest.CaptureFixture[str]) -> None:
    command.bench([200, 100, 100], as_json=True, mesa_parties=100)
    out = capsys.readouterr().out
    result = json.loads(out)
    assert list(result) == [
        *("machine", "cases", "mesa_ratio", "scaling_exponent", "run_startup_s", "ensemble")
    ]
    assert min(result["ensemble"].values()) > 0
    assert list(result["machine"]) == ["stream_gb_s"]
    assert [list(one) for one in result["cases"]] == [CASE_KEYS] * 4
    assert [(one["parties"], one["scenario"]) for one in result["cases"]] == [
        (100, "calm"),
        (100, "crash"),
        (200, "calm"),
        (200, "crash"),
    ]
    assert np.isfinite([result["mesa_ratio"], result["scaling_exponent"]]).all()
    assert result["run_startup_s"] > 0
