"""The controls: each shows its value and unit, what is in force, and what waits for Reset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import solara

from ...market.scenario.errors import InputError
from ...market.scenario.scenario import Scenario, scenario_names
from ...market.scenario.sections import STARTS, Channels
from ..look import words
from .link import MOST_SEED
from .watched import Choices, WatchedMarket

WHOLE = 0.0
ALONE = "nothing"


@dataclass(frozen=True)
class Slide:
    """A slider for a number of the scenario, shown times ``scale`` in ``unit``."""

    key: str
    label: str
    unit: str
    low: float
    high: float
    step: float
    scale: float = 1.0  # WHOLE: a whole number, as it is

    def shown(self, scenario: Scenario) -> float:
        """The value as the slider shows it."""
        return round(float(scenario.value_of(self.key)) * (self.scale or 1.0), 6)

    def text(self, scenario: Scenario) -> str:
        """The value with its unit."""
        return f"{self.shown(scenario):,.10g} {self.unit}".replace("-", "−")

    def stored(self, shown: float) -> float | int:
        """The scenario's value of a shown one."""
        return round(shown / self.scale, 9) if self.scale else round(shown)


@dataclass(frozen=True)
class Pick:
    """A choice among a few words."""

    key: str
    label: str
    values: tuple[str, ...]

    def text(self, scenario: Scenario) -> str:
        """The value."""
        return str(scenario.value_of(self.key))

    def items(self, scenario: Scenario) -> list[str]:
        """What can be chosen: these words, and what the scenario has if it is another one."""
        return list(dict.fromkeys((*self.values, self.text(scenario))))


@dataclass(frozen=True)
class Tick:
    """A switch."""

    key: str
    label: str

    def text(self, scenario: Scenario) -> str:
        """The value."""
        return "on" if scenario.value_of(self.key) else "off"


Control = Slide | Pick | Tick
GROUPS: tuple[tuple[str, tuple[Control, ...]], ...] = (
    (
        "Shock",
        (
            Pick("crypto.path", "Path of bitcoin", ("random", "crash")),
            Slide("crypto.crash_depth", "Fall of bitcoin", "%", 0, 95, 1, 100),
            Slide("crypto.crash_days", "Crash lasts", "days", 5, 730, 5, WHOLE),
            Slide("crypto.crash_start_day", "Crash starts after", "days", 0, 180, 5, WHOLE),
            Pick("compute.path", "Path of rents", ("law", "scripted")),
            Slide("compute.rent_change_per_year", "Rent shock", "% a year", -90, 50, 5, 100),
            Slide(
                "compute.efficiency_growth",
                "Deflation: work per GPU grows",
                "% a year, log",
                0,
                100,
                5,
                100,
            ),
            Slide("macro.shock", "Tightening of money", "units of stress", 0, 4, 0.25),
        ),
    ),
    (
        "Credit and marks",
        (
            Slide("credit.max_ltv", "Leverage: loan to value", "%", 20, 150, 5, 100),
            Slide("credit.max_leverage", "Leverage: debt over cash flow", "years", 1, 12, 0.5),
            Slide("credit.growth_advance_rate", "Advance on new machines", "%", 0, 100, 5, 100),
            Slide("credit.refinancing_appetite", "Appetite to refinance", "%", 0, 100, 5, 100),
            Pick("policy.mark_rule", "Mark rule", ("scenario", "schedule", "market")),
            Slide("marks.evidence_weight", "Weight of trades in marks", "%", 0, 100, 5, 100),
        ),
    ),
    (
        "Buyers",
        (
            Slide("liquidation.budget_scale", "Buyers' money", "× today's", 0, 4, 0.25),
            Slide("liquidation.slot_scale", "Buyers' free racks", "× today's", 0, 4, 0.25),
            Slide("liquidation.legal_days", "Time to possession", "days", 0, 365, 5, WHOLE),
        ),
    ),
    (
        "Policy",
        (
            Slide(
                "policy.buyer_of_last_resort_usd", "Buyer of last resort", "$bn", 0, 20, 0.5, 1e-9
            ),
            Slide("policy.buyer_price_share", "It pays, of schedule", "%", 0, 100, 5, 100),
            Slide(
                "policy.lender_of_last_resort_usd", "Lender of last resort", "$bn", 0, 20, 0.5, 1e-9
            ),
            Slide("policy.haircut_floor", "Least haircut", "%", 0, 90, 5, 100),
            Slide("policy.tenor_cap_years", "Longest tenor", "years", 1, 100, 1),
            Slide("policy.standstill_days", "Standstill after shock", "days", 0, 365, 5, WHOLE),
            Slide("policy.capital_buffer", "More capital", "% of assets", 0, 50, 1, 100),
        ),
    ),
    (
        "Channels",
        tuple(
            Tick(f"channels.{name}", words.capital(str(info.description or name)))
            for name, info in Channels.model_fields.items()
        ),
    ),
    (
        "Market",
        (
            Pick("opening.start", "Starting point", STARTS),
            Slide(
                "synthetic.parties",
                "Synthetic market",
                "parties",
                100,
                100_000,
                100,
                WHOLE,
            ),
            Slide("opening.scale", "Population", "× the data's", 0.5, 100, 0.5),
            Slide("days", "Days to simulate", "days", 60, 1460, 10, WHOLE),
        ),
    ),
)
CONTROLS = tuple(control for _, group in GROUPS for control in group)


def waiting(chosen: Scenario, in_force: Scenario) -> list[str]:
    """What differs between the next market and this one, in words."""
    changes = [
        f"{control.label.lower()} {control.text(in_force)} → {control.text(chosen)}"
        for control in CONTROLS
        if chosen.value_of(control.key) != in_force.value_of(control.key)
    ]
    if chosen.name != in_force.name:
        changes.insert(0, f"scenario {in_force.name} → {chosen.name}")
    if not changes and chosen != in_force:
        changes.append("other assumptions")
    return changes


@solara.component
def Controls(choices: Choices, model: WatchedMarket, seed: solara.Reactive[int]) -> None:
    """All controls, by group; nothing takes effect before Reset."""
    chosen, in_force = choices.scenario.value, model.simulation.scenario
    beside = model.beside.simulation.scenario.name if model.beside else ""
    error, set_error = solara.use_state("")

    def attempt(change: Callable[[], None]) -> None:
        try:
            change()
            set_error("")
        except InputError as refusal:
            set_error(str(refusal))

    def change(key: str, value: Any) -> None:
        if value is not None and choices.scenario.value.value_of(key) != value:
            attempt(lambda: choices.change(key, value))

    def load(name: str) -> None:
        if name in scenario_names():
            attempt(lambda: choices.load(name))

    with solara.Card("Assumptions", elevation=1):
        changes = waiting(chosen, in_force)
        if seed.value != model.simulation.seed:
            changes.append(f"seed {model.simulation.seed} → {seed.value}")
        if choices.beside.value != beside:
            changes.append(f"beside it {beside or ALONE} → {choices.beside.value or ALONE}")
        note = "In force: all that is shown here."
        if changes:
            note = f"Waiting for Reset: {'; '.join(changes)}."
        solara.v.Html(
            tag="p",
            attributes={"role": "status"},
            class_="fs-waiting" if changes else "fs-note",
            children=[note],
        )
        if error:
            solara.Error(error)
        names = scenario_names()
        solara.Select(
            "Scenario",
            values=names if chosen.name in names else [chosen.name, *names],
            value=chosen.name,
            on_value=load,
        )
        solara.Select(
            "Beside it, on the same seed",
            values=[ALONE, *names],
            value=choices.beside.value or ALONE,
            on_value=lambda name: attempt(
                lambda: choices.set_beside("" if name == ALONE else name)
            ),
        )
        solara.SliderInt(f"Random seed: {seed.value}", value=seed, min=0, max=MOST_SEED)
        for title, group in GROUPS:
            with solara.Details(title, expand=title == "Shock"), solara.Column(gap="2px"):
                for control in group:
                    _One(control, chosen, in_force, partial(change, control.key))
        with solara.Details("Anything else", expand=False):
            _Other(choices, attempt)


@solara.component
def _One(
    control: Control, chosen: Scenario, in_force: Scenario, on_value: Callable[[Any], None]
) -> None:
    """One control with its value, and what is in force if that differs."""
    label = control.label
    if isinstance(control, Slide):
        label += f": {control.text(chosen)}"
    if chosen.value_of(control.key) != in_force.value_of(control.key):
        label += f" (in force: {control.text(in_force)})"
    if isinstance(control, Tick):
        solara.v.Switch(
            label=label,
            v_model=bool(chosen.value_of(control.key)),
            on_v_model=on_value,
            dense=True,
            hide_details=True,
        )
        return
    if isinstance(control, Pick):
        solara.v.Select(
            label=label,
            items=control.items(chosen),
            v_model=control.text(chosen),
            on_v_model=on_value,
            dense=True,
            hide_details=True,
        )
        return
    missing = chosen.missing(control.key)
    if missing:
        label += f" – only with {' or '.join(switch.condition() for switch in missing)}"
    value = control.shown(chosen)

    def slide(shown: float) -> None:
        if abs(shown - value) >= 0.5 * control.step:  # less is the slider's own rounding
            on_value(control.stored(shown))

    solara.v.Slider(
        label=label,
        class_="fs-slider",
        v_model=value,
        on_v_model=slide,
        min=min(control.low, value),
        max=max(control.high, value),
        step=control.step,
        disabled=bool(missing),
        dense=True,
        hide_details=True,
    )


@solara.component
def _Other(choices: Choices, attempt: Callable[[Callable[[], None]], None]) -> None:
    """Any assumption of the scenario by its key."""
    text, set_text = solara.use_state("")

    def apply() -> None:
        key, _, value = text.partition("=")
        attempt(lambda: choices.change(key.strip(), _parsed(value.strip())))

    solara.InputText("key=value, as in tenants.relet_days=90", value=text, on_value=set_text)
    solara.Button("Set", on_click=apply, disabled="=" not in text)


def _parsed(text: str) -> Any:
    """A number, a switch or a word."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
