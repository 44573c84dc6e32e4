"""Every setting, channel and lever at random, in random books: what must hold each day holds."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from pydantic.fields import FieldInfo
from runs import BOOKS, Watch

from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario, read_settings
from firesale.market.scenario.sections import Section
from firesale.market.simulation import Simulation

FILES = {"crypto.history", "crypto.history_rescale", "opening.start"}  # not numbers of a market
NARROW: dict[str, st.SearchStrategy[Any]] = {
    "crypto.path": st.sampled_from(["random", "crash"]),
    "crypto.network": st.just("modelled"),  # a history of it needs one of prices
    "macro.path": st.just("factor"),  # history ends where the books of 2025 begin
    "compute.path": st.sampled_from(["law", "scripted"]),  # history begins with those books
    "opening.scale": st.sampled_from([0.1, 0.3, 1.0]),
    "knock_out.party": st.sampled_from(["", "MARA", "NYDIG"]),  # who is in all books
}
SPAN = 8.0  # so many times the default, up and down
LEAST = {"usd": 5e9, "days": 60.0, "year": 1.0}  # reach of what is zero or small, by unit
# A crash at once, so that something happens; whatever is drawn comes on top.
CRASH = ("crypto.path=crash", "crypto.crash_start_day=3", "crypto.crash_days=30")


def values(name: str, field: FieldInfo) -> st.SearchStrategy[Any]:
    """Allowed values of a setting, near its default and far from it."""
    if name in NARROW:
        return NARROW[name]
    if field.annotation is bool:
        return st.booleans()
    if get_origin(field.annotation) is Literal:
        return st.sampled_from(get_args(field.annotation))
    bounds = {
        key: getattr(c, key)
        for c in field.metadata
        for key in ("ge", "gt", "le", "lt")
        if hasattr(c, key)
    }
    low = bounds.get("ge", bounds.get("gt", -math.inf))
    high = bounds.get("le", bounds.get("lt", math.inf))
    reach = max(SPAN * abs(field.default), LEAST.get(name.rpartition("_")[2], 0.5))
    low, high = max(low, -reach), min(high, reach)
    if field.annotation is int:
        return st.integers(math.ceil(low), math.floor(high))
    if "gt" in bounds:
        low = max(low, abs(field.default) / SPAN)
    return st.floats(low, high)


def everything(model: Any = Scenario, before: str = "") -> dict[str, st.SearchStrategy[Any]]:
    """A strategy for each setting of each section that describes the market of 2025."""
    found = {}
    for key, field in model.model_fields.items():
        name = f"{before}{key}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            if name != "synthetic":
                found |= everything(field.annotation, f"{name}.")
        elif before and name not in FILES:
            found[name] = values(name, field)
    return found


EVERYTHING = everything()
QUICKLY = settings(  # a failure names its settings; to shrink them would take hours
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
markets = given(
    chosen=st.fixed_dictionaries({}, optional=EVERYTHING),
    books=st.sampled_from(sorted(BOOKS)),
    seed=st.integers(0, 2**31),
)


def check(chosen: dict[str, object], books: str, seed: int, days: int) -> None:
    """Run a market under watch; its log and its losses must add up as well."""
    try:
        settings = read_settings([f"days={days}", *CRASH])
        scenario = Scenario.load("joint-crash").changed(settings | chosen, "test")
    except InputError:
        assume(False)  # two settings that exclude each other
    watch = Watch(Simulation(scenario, seed=seed, books=BOOKS[books]())).run()
    assert not {rule: notes for rule, notes in watch.broken.items() if notes}
    events = watch.sim.events()
    assert (events["parent"] < events["event"]).all() and (events["parent"] >= -1).all()
    caused = events[events["parent"] >= 0]
    above = events["day"].to_numpy()[caused["parent"].to_numpy()]
    assert (above <= caused["day"].to_numpy()).all()
    summary = watch.sim.summary()
    lenders = float(watch.sim.market.lenders.loss_usd.sum())
    assert summary["loss_usd"]["total"] == pytest.approx(lenders, rel=1e-9, abs=1.0)
    parts = sum(summary["loss_usd"]["by_instrument"].values())
    assert parts == pytest.approx(lenders, rel=1e-6, abs=10.0)


def test_every_section_and_switch_is_drawn() -> None:
    drawn = set(EVERYTHING)
    assert len(drawn) > 100
    for section in ("channels", "policy"):
        fields = Scenario.model_fields[section].annotation.model_fields  # type: ignore[union-attr]
        assert {f"{section}.{name}" for name in fields} <= drawn


@settings(QUICKLY, max_examples=15)
@markets
def test_two_months_of_any_market(chosen: dict[str, object], books: str, seed: int) -> None:
    check(chosen, books, seed, 60)


@pytest.mark.slow
@settings(QUICKLY, max_examples=60)
@markets
def test_200_days_of_any_market(chosen: dict[str, object], books: str, seed: int) -> None:
    check(chosen, books, seed, 200)
