"""The section of a scenario about classes of machines that are announced and not yet sold."""

from __future__ import annotations

from pydantic import Field

from .sections import Section


class Launch(Section):
    """What becomes of one announced class, against the books (`market/data/2025/hardware.csv`)."""

    cancelled: bool = Field(False, description="it never comes")
    shift_days: int = Field(
        0, ge=-3650, le=3650, description="it comes so many days later; less than 0: earlier"
    )
    price_factor: float = Field(1.0, ge=0.05, le=20.0, description="of its price in the books")
    performance_factor: float = Field(
        1.0, ge=0.05, le=20.0, description="of the work it does in the books"
    )


class Launches(Section):
    """Announced classes of machines: whether and when they come, and what they are."""

    dated: bool = Field(
        True,
        description="announced classes come on their dates; off: none does, and new machines only "
        "get cheaper by liquidation.new_price_decline",
    )
    ramp_days: int = Field(
        365, ge=1, le=3650, description="from a launch until as many are made as are wanted"
    )
    outside_share: float = Field(
        0.7,
        ge=0.0,
        le=1.0,
        description="of the supply of compute, by fleets outside these books: they buy new "
        "classes with own money",
    )
    vr200: Launch = Launch()
    vr300: Launch = Launch()

    def of(self, name: str) -> Launch:
        """What the scenario says of a class of the books; of one it does not name, nothing."""
        return self.named().get(name, Launch())

    def named(self) -> dict[str, Launch]:
        """What the scenario says, by class as the books write it."""
        return {name.upper(): value for name, value in self if isinstance(value, Launch)}
