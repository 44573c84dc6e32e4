"""After the horizon: claims that were open are settled, and what was until then is what it was."""

from __future__ import annotations

import numpy as np
import pytest
import runs
from by_hand import GPU, Bench

from firesale.experiments.twin.comparison import differences
from firesale.experiments.twin.model import TwinMarket
from firesale.experiments.twin.resolution import resolve as resolve_twin
from firesale.market import resolution
from firesale.market.lenders.steps import lenders
from firesale.market.liquidation.steps import liquidate
from firesale.market.prices.paths import PricePaths
from firesale.market.record.summary import unresolved_share
from firesale.market.resolution import _copy, resolve
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Collateral, LoanStatus, of_claims
from firesale.market.state.market import Market

HASTY = (
    "days=150",
    "crypto.crash_start_day=1",
    "crypto.crash_days=60",
    "compute.shock_start_day=1",
    "compute.shock_days=90",
    "compute.rent_change_per_year=-0.95",
    "credit.hazard_per_year=0.5",
    "credit.bankruptcy_days=60",
    "credit.estate_max_days=90",
    "liquidation.site_days=80",
    "liquidation.legal_days=20",
)


def tables(sim: Simulation) -> dict[str, bytes]:
    """Every column of every table, the series and the log, to the last bit."""
    s = sim.market
    names = ("parties", "lenders", "loans", "claims", "lots", "holdings", "buyers", "ledger")
    found = {
        f"{table}.{name}": column.tobytes()
        for table in names
        for name, column in runs.columns(s, table).items()
    }
    found |= {name: np.asarray(column).tobytes() for name, column in sim.series().items()
              if column.dtype.kind == "f"}  # fmt: skip
    return found | {"events": s.events.tobytes(), "crypto": s.crypto.btc_usd.tobytes()}


@pytest.mark.parametrize("name", ["joint-crash", "baseline", "tightening"])
def test_figures_at_the_horizon_stay_and_claims_open_then_are_settled(name: str) -> None:
    prices = ("crypto.", "compute.")  # scripted in one of the three only
    hasty = tuple(x for x in HASTY if name == "joint-crash" or not x.startswith(prices))
    plain = runs.finished(name, hasty, 2)
    sim = runs.fresh(name, hasty, 2).run()
    s = sim.market
    open_ = s.loans.status == LoanStatus.DEFAULTED
    assert open_.any()
    sim.resolve()
    assert tables(sim) == tables(plain)
    before, after = plain.summary(), sim.summary()
    final = {k: after["loss_usd"].pop(k) for k in ("resolved_total", "resolved_day")}
    assert after["policy"].pop("resolved_net_cost_usd") == 0.0
    largest = after["largest_borrower"]
    on_it, on_others = (largest.pop(f"resolved_{loss}_usd") for loss in ("loss", "loss_without"))
    assert on_it + on_others == pytest.approx(final["resolved_total"])
    assert after == before  # nothing else is told otherwise
    assert sim.day < final["resolved_day"] <= sim.day + sim.scenario.longest_claim_days
    assert sim.resolution is not None
    assert np.all(sim.resolution.further_usd[~open_] == 0.0)
    assert final["resolved_total"] == pytest.approx(
        after["loss_usd"]["total"] + sim.resolution.further_usd.sum()
    )


def settle_a_day(market: Market) -> None:
    """The two phases of a day in which claims are valued and settled."""
    market.today.day += 1
    lenders(market)
    liquidate(market)


def test_the_loss_of_settled_claims_is_what_was_owed_less_what_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A loan of 1,000 on ten GPUs that nobody buys: at the limit they bring their scrap."""
    loan = dict(
        principal_usd=1000.0, collateral=Collateral.HARDWARE, hardware=GPU, collateral_units=10.0
    )
    terms = dict(
        estate_max_days=40, bankruptcy_days=10, site_days=10, legal_days=5, legal_cost_share=0.03,
        idle_cost_share=0.0, removal_usd_per_gpu=0.0, receiver_share=0.0,
        storage_usd_per_gpu_day=0.0,
    )  # fmt: skip
    bench = Bench([loan], fleets=[(0, GPU, 10.0)], **terms)
    s = bench.s
    s.loans.breach[0] = Cause.MATURITY
    bench.day(1, "default", "lenders")
    marked = float(s.lenders.loss_usd[0])
    assert marked == pytest.approx(1000.0 - 0.97 * 10.0 * 100.0)  # carried at 100 a GPU
    assert unresolved_share(s) == 1.0
    monkeypatch.setattr(resolution, "run_day", settle_a_day)
    found = resolve(s, PricePaths(s.macro, s.crypto, s.compute))
    # Removed on day 6 and offered on day 16; on day 41 ten go for 5 each, less 3 %.
    assert found.total_usd == pytest.approx(1000.0 - 0.97 * 50.0)
    assert found.further_usd[0] == pytest.approx(found.total_usd - marked)
    assert found.day == 42
    assert s.day == 1 and s.loans.status[0] == LoanStatus.DEFAULTED


def test_the_unresolved_share_counts_dollars_of_claim_at_default() -> None:
    loans = [dict(principal_usd=300.0), dict(principal_usd=100.0, recourse=False)]
    bench = Bench(loans, lenders=1)
    assert np.isnan(unresolved_share(bench.s))
    bench.s.loans.breach[0] = bench.s.loans.breach[1] = Cause.MATURITY
    bench.day(1, "default")
    bench.day(2, "lenders")  # a claim without recourse and collateral ends at once
    assert list(bench.s.loans.status) == [LoanStatus.DEFAULTED, LoanStatus.CLOSED]
    assert unresolved_share(bench.s) == pytest.approx(0.75)


def test_nobody_orders_machines_after_the_horizon() -> None:
    settings = ("days=60", "compute.adoption_growth=1.0", "credit.hazard_per_year=1.0")
    sim = runs.fresh("calm", settings, 1).run()
    longer = runs.fresh("calm", ("days=430", *settings[1:]), 1).run()
    orders = longer.events()
    assert (orders["kind"][orders["day"] > 60] == Event.ORDERED.name.lower()).any()
    after = Simulation.__new__(Simulation)
    after.market = _copy(sim.market, sim.longer_paths())
    while after.day < 200:
        after.step()
    late = after.market.events[after.market.events["day"] > 60]
    assert not np.any(late["kind"] == Event.ORDERED)


@pytest.mark.parametrize("name", ["joint-crash", "tightening", "backtest-2022"])
def test_longer_paths_begin_with_the_same_bits(name: str) -> None:
    settings = ("days=100",)
    books = "2021" if name.endswith("2022") else "packaged"
    sim = runs.fresh(name, settings, 4, books)
    longer, s = sim.longer_paths(), sim.market
    for old, new in ((s.macro, longer.macro), (s.compute, longer.compute)):
        for short, long in zip(old, new, strict=True):
            assert short.tobytes() == long[:101].tobytes()
            assert not len(short) or len(long) == 101 + sim.scenario.longest_claim_days
    for name_ in ("btc_usd", "eth_usd", "hashrate_growth", "fee_share"):
        short, long = getattr(s.crypto, name_), getattr(longer.crypto, name_)
        assert short.tobytes() == long[:101].tobytes()
        assert len(long) == 101 + sim.scenario.longest_claim_days
        assert np.isfinite(long).all()


def test_prices_go_on_as_in_a_longer_run() -> None:
    short, longer = (runs.fresh("rental-deflation", (f"days={d}",), 4) for d in (100, 300))
    paths = short.longer_paths()
    np.testing.assert_allclose(paths.crypto.btc_usd[:301], longer.market.crypto.btc_usd, rtol=1e-12)
    np.testing.assert_allclose(
        paths.compute.planned_rent[:301], longer.market.compute.planned_rent, rtol=1e-12
    )


def test_a_history_that_ends_stays_where_it_ended() -> None:
    scenario = Scenario.load("backtest-2022")
    sim = Simulation(scenario.with_settings(["days=1300", "macro.path=factor"]), 1)
    paths = sim.longer_paths()
    assert np.all(paths.crypto.btc_usd[1301:] == paths.crypto.btc_usd[1300])


def test_the_twin_settles_the_same_claims_on_the_same_day() -> None:
    settings = list(HASTY)
    settings[0] = "days=60"
    scenario = Scenario.load("joint-crash").with_settings(settings)
    engine, twin = Simulation(scenario, 3).run(), TwinMarket(scenario, rng=3).run()
    assert differences(twin, engine.market) == []
    claims = resolve_twin(twin, engine.longer_paths())
    found = engine.resolve().resolution
    assert found is not None and found.day == twin.day
    assert [loan.number for loan in claims] == np.flatnonzero(
        engine.market.loans.status == LoanStatus.DEFAULTED
    ).tolist()
    at_horizon = of_claims("recovered_usd", engine.market.loans)
    carried = engine.market.loans.principal_usd - of_claims("written_down_usd", engine.market.loans)
    for loan in claims:
        lost = carried[loan.number] - (loan.recovered_usd - at_horizon[loan.number])
        assert found.further_usd[loan.number] == pytest.approx(lost, rel=1e-6, abs=1.0)
