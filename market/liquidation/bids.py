"""What buyers offer for a class today.

Bids are computed per segment (the strip of the option to run) and spread by each buyer's private
view. The level of the strip is *implied* by the opening second-hand price, as an implied volatility
is: the share of the listed rent a buyer expects to earn is set once, on the opening day, so that
ordinary trade clears at the quoted price; everything after that is the strip's own movement.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.buyer import Buyers, affordable_units, bid_usd, private_view, strip_value_usd
from ...agents.compiling.kernels import compiled
from ..state.hardware import Family, Hardware, income_usd_day, unit_cost_usd_day
from ..state.randomness import Stream, normal

MIN_LIFE_YEARS = 0.25
DEALER_TURN_YEARS = 0.25  # dealers resell within a quarter


@compiled
def segment_strips(
    rent_h100: float,
    hashprice: float,
    gpu_drift: float,
    gpu_volatility: float,
    asic_drift: float,
    asic_volatility: float,
    reversion: float,
    view: np.ndarray,
    remaining_years: np.ndarray,
    first_of_segment: np.ndarray,
    buyers: Buyers,
    hardware: Hardware,
) -> np.ndarray:
    """Strip value [segment, class] in USD a unit; NaN where a segment does not buy the class.

    A buyer looks no further than its horizon and the class's remaining economic life.
    """
    strips = np.full((len(first_of_segment), len(hardware.family)), np.nan)
    for k in range(len(hardware.family)):
        gpu = hardware.family[k] == Family.GPU
        set_class_strips(
            k,
            income_usd_day(k, rent_h100, hashprice, hardware) * view[k],
            gpu_drift if gpu else asic_drift,
            gpu_volatility if gpu else asic_volatility,
            reversion,
            remaining_years[k],
            first_of_segment,
            buyers,
            hardware,
            strips,
        )
    return strips


@compiled
def set_class_strips(
    k: int,
    expected_usd_day: float,
    drift: float,
    volatility: float,
    reversion: float,
    remaining_years: float,
    first_of_segment: np.ndarray,
    buyers: Buyers,
    hardware: Hardware,
    strips: np.ndarray,
) -> None:
    """Strip values of one class for the segments that buy it, into ``strips`` [segment, class]."""
    for segment in range(len(first_of_segment)):
        member = first_of_segment[segment]
        if buyers.accepts[member, k]:
            strips[segment, k] = strip_value_usd(
                expected_usd_day,
                unit_cost_usd_day(k, buyers.running_cost_usd_kwh[member], hardware),
                drift,
                volatility,
                reversion,
                buyers.required_return[member],
                min(buyers.horizon_years[member], remaining_years),
            )


@compiled
def remaining_life_years(
    life_gpu: float, life_asic: float, day: int, hardware: Hardware
) -> np.ndarray:
    """Economic life left of each class, seen from its age since launch; at least a quarter.

    ``life`` at launch, less with age, never zero: what has survived so long is expected to go on.
    """
    result = np.empty(len(hardware.family))
    for k in range(len(result)):
        life = life_gpu if hardware.family[k] == Family.GPU else life_asic
        age = max(0.0, hardware.age_years[k] + day / 365.0 - hardware.renewed_years[k])
        result[k] = max(MIN_LIFE_YEARS, life * np.exp(-age / life))
    return result


@compiled
def set_private_views(seed: int, deviation: float, buyers: Buyers) -> None:
    """Draw each buyer's view of each class it accepts (in place); it keeps it all through a run."""
    for i in range(len(buyers.segment)):
        for k in range(buyers.accepts.shape[1]):
            if buyers.accepts[i, k]:
                draw = normal(seed, Stream.BUYER_VIEW, 0, 64 * i + k)
                buyers.private_view[i, k] = private_view(draw, deviation, buyers.needs_slots[i])


@compiled
def class_bids(
    k: int,
    in_place: bool,
    extra_days: float,
    dealer_price_usd: float,
    replacement_usd: float,
    strips: np.ndarray,
    buyers: Buyers,
    hardware: Hardware,
) -> tuple[np.ndarray, np.ndarray]:
    """Every buyer's bid [USD/unit] and units for a class; zeros for those who do not bid.

    In-place buyers pay no relocation. Dealers bid what they expect to resell for, ``dealer_price``,
    less their return over a quarter. ``extra_days`` adds future budget (for 90-day absorption).
    """
    count = len(buyers.segment)
    bids = np.zeros(count)
    units = np.zeros(count)
    for i in range(count):
        if not buyers.accepts[i, k] or buyers.in_place_only[i] != in_place:
            continue
        relocation = 0.0
        if hardware.family[k] == Family.GPU and not in_place:
            relocation = buyers.relocation_usd[i]
        if buyers.needs_slots[i]:
            value = strips[buyers.segment[i], k]
        else:
            turn = (1.0 + buyers.required_return[i]) ** DEALER_TURN_YEARS
            value = dealer_price_usd / turn
        bids[i] = bid_usd(value, replacement_usd, relocation, buyers.private_view[i, k])
        if bids[i] < hardware.scrap_usd[k]:
            bids[i] = 0.0  # worth more as scrap
            continue
        units[i] = affordable_units(
            bids[i],
            buyers.budget_usd[i] + extra_days * buyers.budget_usd_day[i],
            buyers.slots[i, hardware.rack[k]],
            hardware.slots_per_unit[k],
            buyers.needs_slots[i],
        )
    return bids, units


@compiled
def implied_view(
    k: int,
    price_usd: float,
    units_wanted: float,
    in_place: bool,
    rent_h100: float,
    hashprice: float,
    gpu_drift: float,
    gpu_volatility: float,
    asic_drift: float,
    asic_volatility: float,
    reversion: float,
    replacement_usd: float,
    remaining_years: NDArray[np.float64],
    first_of_segment: NDArray[np.int64],
    buyers: Buyers,
    hardware: Hardware,
    spend_budgets: bool,
) -> float:
    """Share of listed income buyers must expect for ``units_wanted`` to be bid for at the price.

    With ``spend_budgets`` a buyer takes what its money buys at the price. Bisection on the monotone
    demand at the opening price, between 1 % and 400 %.
    """
    gpu = hardware.family[k] == Family.GPU
    listed = income_usd_day(k, rent_h100, hashprice, hardware)
    strips = np.full((len(first_of_segment), len(hardware.family)), np.nan)
    low, high = 0.01, 4.0
    for _ in range(40):
        view = 0.5 * (low + high)
        set_class_strips(
            k,
            listed * view,
            gpu_drift if gpu else asic_drift,
            gpu_volatility if gpu else asic_volatility,
            reversion,
            remaining_years[k],
            first_of_segment,
            buyers,
            hardware,
            strips,
        )
        bids, units = class_bids(
            k,
            in_place,
            0.0,
            price_usd,
            replacement_usd,
            strips,
            buyers,
            hardware,
        )
        wanted = 0.0
        for i in range(len(bids)):
            if bids[i] >= price_usd and spend_budgets:
                wanted += affordable_units(
                    price_usd,
                    buyers.budget_usd[i],
                    buyers.slots[i, hardware.rack[k]],
                    hardware.slots_per_unit[k],
                    buyers.needs_slots[i],
                )
            elif bids[i] >= price_usd:
                wanted += units[i]
        if wanted > units_wanted:
            high = view
        else:
            low = view
    return 0.5 * (low + high)
