"""What a scenario changes about announced classes, once the quotes of the opening are read.

Quotes were made by people who knew the roadmap of the books. Whoever moves a launch tells the
market so on the first day.
"""

from __future__ import annotations

from ..scenario.errors import InputError
from ..state.hardware import NEVER
from ..state.market import Market


def announce_changes(market: Market) -> None:
    """Move, cancel, reprice and change announced classes, as ``launches`` says (in place).

    Raises:
        InputError: a launch would be before the day after the opening.
    """
    hardware, launches = market.hardware, market.scenario.launches
    for k, name in enumerate(market.names.hardware):
        day = int(hardware.launch_day[k])
        if not 0 < day < NEVER:
            continue
        launch = launches.of(name)
        if day + launch.shift_days < 1 and not launch.cancelled:
            raise InputError(
                f"launches.{name.lower()}.shift_days = {launch.shift_days} is not allowed; "
                f"{name} comes on day {day} after the opening, so {1 - day} is the earliest."
            )
        hardware.launch_day[k] = NEVER if launch.cancelled else day + launch.shift_days
        hardware.age_years[k] -= launch.shift_days / 365.0
        hardware.new_usd[k] *= launch.price_factor
        hardware.used_open_usd[k] *= launch.price_factor
        hardware.quality[k] *= launch.performance_factor
