"""What a scenario changes about announced classes, once the quotes of the opening are read.

Quotes were made by people who knew the roadmap of the books. Whoever moves a launch tells the
market so on the first day.
"""

from __future__ import annotations

from ..scenario.errors import InputError
from ..scenario.launches import Launch
from ..state.hardware import NEVER
from ..state.market import Market


def announce_changes(market: Market) -> None:
    """Move, cancel, reprice and change announced classes, as ``launches`` says (in place).

    Raises:
        InputError: a launch would be before the day after the opening, or of no class of the books.
    """
    hardware, launches = market.hardware, market.scenario.launches
    if market.opening.roadmap_end_day == 0:
        return
    coming = [k for k, day in enumerate(hardware.launch_day) if 0 < day < NEVER]
    names = [market.names.hardware[k] for k in coming]
    for name, launch in launches.named().items():
        if launch != Launch() and name not in names:
            raise InputError(
                f"launches.{name.lower()} is changed, but no {name} is announced in these books; "
                f"announced: {', '.join(names)}."
            )
    for k, name in zip(coming, names, strict=True):
        day, launch = int(hardware.launch_day[k]), launches.of(name)
        if day + launch.shift_days < 1 and not launch.cancelled:
            raise InputError(
                f"launches.{name.lower()}.shift_days = {launch.shift_days} is not allowed; "
                f"{name} comes on day {day} after the opening, so {1 - day} is the earliest."
            )
        if launch.cancelled:
            hardware.launch_day[k] = NEVER
            continue
        hardware.launch_day[k] = day + launch.shift_days
        hardware.age_years[k] -= launch.shift_days / 365.0
        hardware.new_usd[k] *= launch.price_factor
        hardware.used_open_usd[k] *= launch.price_factor
        hardware.quality[k] *= launch.performance_factor
