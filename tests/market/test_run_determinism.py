"""The same scenario and seed give the same bytes; a channel changes responses, not shocks."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from paths import PROJECT
from runs import finished, fresh

from firesale.market.liquidation.bids import segment_strips
from firesale.market.scenario.scenario import Scenario, read_settings
from firesale.market.scenario.sections import Channels
from firesale.market.simulation import Simulation

SETTINGS = (
    "days=250",
    "crypto.crash_start_day=5",
    "crypto.crash_days=90",
    "credit.hazard_per_year=0.2",
)
RUN = ("lenders.run_threshold=0", "lenders.run_speed=50")
FRAMES = ("series", "events", "loans", "lenders", "book", "sales", "illusion", "absorption")


def crash(*more: str, seed: int = 11) -> Simulation:
    return finished("joint-crash", (*SETTINGS, *more), seed)


def test_same_scenario_and_seed_give_the_same_bytes() -> None:
    one, two = crash(), fresh("joint-crash", SETTINGS, 11).run()
    assert one is not two
    assert json.dumps(one.summary()) == json.dumps(two.summary())
    for name in FRAMES:
        a, b = getattr(one, name)(), getattr(two, name)()
        assert len(a) > 0
        pd.testing.assert_frame_equal(a, b, check_exact=True, obj=name)


def test_summary_is_plain_json_without_nan() -> None:
    text = json.dumps(crash().summary(), allow_nan=False)
    assert json.loads(text) == crash().summary()


def test_asking_for_results_changes_nothing() -> None:
    sim = fresh("joint-crash", SETTINGS, 11)
    while not sim.finished:
        if sim.day % 50 == 0:
            sim.summary()
            for name in FRAMES:
                getattr(sim, name)()
        sim.step()
    assert json.dumps(sim.summary()) == json.dumps(crash().summary())


def test_machines_are_worth_at_night_what_they_were_when_first_valued() -> None:
    """Strips are worked out once a day: nothing that they rest on may move after that."""
    sim = fresh("joint-crash", SETTINGS, 11)
    market, valued = sim.market, 0
    while not sim.finished:
        sim.step()
        if market.today.valued_day == sim.day:
            dearer = market.prices.rate_change + market.prices.spread_change
            np.testing.assert_array_equal(market.strips, segment_strips(market, dearer))
            valued += 1
    assert valued > sim.day / market.scenario.liquidation.window_days  # not at auctions only


def test_two_markets_at_once_do_not_disturb_each_other() -> None:
    one, two = (fresh("joint-crash", SETTINGS, seed) for seed in (11, 12))
    while not one.finished:
        one.step()
        two.step()
    assert json.dumps(one.summary()) == json.dumps(crash().summary())
    assert json.dumps(two.summary()) == json.dumps(crash(seed=12).summary())


def test_another_seed_is_another_bitcoin_path() -> None:
    one, two = (crash(seed=seed).market.crypto.btc_usd for seed in (11, 12))
    assert one[0] == two[0]
    assert np.mean(one[1:] == two[1:]) < 0.05


@pytest.mark.parametrize("channel", Channels.model_fields)
def test_channels_share_every_shock(channel: str) -> None:
    # Funders without patience make lenders fail, so that claims between lenders matter too.
    harsh = ("lenders.run_threshold=0", "lenders.run_speed=50")
    without = () if channel == "funding_run" else harsh  # nobody runs
    on, off = crash(*harsh), crash(*without, f"channels.{channel}=false")
    for name in ("btc_usd", "eth_usd", "hashrate_growth", "fee_share"):
        np.testing.assert_array_equal(
            getattr(on.market.crypto, name), getattr(off.market.crypto, name)
        )
    np.testing.assert_array_equal(on.market.compute.planned_rent, off.market.compute.planned_rent)
    # Hazards strike the same parties on the same days, unless they had failed before.
    days = []
    for sim in (on, off):
        events = sim.events()
        struck = events[events["kind"] == "hazard"]
        days.append(dict(zip(struck["party"], struck["day"], strict=True)))
    both = set(days[0]) & set(days[1])
    assert len(both) >= 5
    assert {party: days[0][party] for party in both} == {party: days[1][party] for party in both}


@pytest.mark.parametrize("channel", Channels.model_fields)
def test_every_channel_matters(channel: str) -> None:
    """A switch that changes nothing would be a name without a mechanism."""
    # Funders without patience make lenders fail, so that claims between lenders matter too.
    own = {  # what makes tenants fail, lines be called, and lenders of lines look weak
        "counterparty": ("tenants.hazard_per_year=1",),
        "warehouse_margin": ("lenders.line_advance_rate=0.05", "lenders.line_cushion=0"),
        "material_change": ("days=730",),
        "tenants_in_books": ("knock_out.party=CRWV", "knock_out.day=30"),  # it rents from miners
    }.get(channel, ())
    run = () if channel == "funding_run" else RUN  # without the channel nobody runs
    base = Scenario.load("joint-crash").changed(read_settings([*SETTINGS, *own]), "test")
    on, off = (  # some settings have no effect without the channel
        Simulation(base.changed(read_settings(more), "test"), 11).run()
        for more in (RUN, (*run, f"channels.{channel}=false"))
    )
    assert json.dumps(on.summary()) != json.dumps(off.summary())
    columns = on.series().columns.drop("date")
    assert not on.series()[columns].equals(off.series()[columns])


SCRIPT = """
import hashlib, json
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
scenario = Scenario.load("joint-crash").with_settings(%r)
sim = Simulation(scenario, seed=11).run()
digest = hashlib.sha256(json.dumps(sim.summary()).encode())
digest.update(sim.market.parties.cash_usd.tobytes())
digest.update(sim.market.events.tobytes())
print(digest.hexdigest())
"""


def test_results_do_not_depend_on_threads_or_process() -> None:
    settings = ["days=60", "crypto.crash_start_day=1", "crypto.crash_days=30"]
    sim = fresh("joint-crash", tuple(settings), 11).run()
    here = hashlib.sha256(json.dumps(sim.summary()).encode())
    here.update(sim.market.parties.cash_usd.tobytes())
    here.update(sim.market.events.tobytes())
    for threads in ("1", "2", "4"):
        environment = {
            **os.environ,
            "NUMBA_NUM_THREADS": threads,
            "OMP_NUM_THREADS": threads,
            "PYTHONHASHSEED": threads,
        }
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT % settings],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == here.hexdigest()
