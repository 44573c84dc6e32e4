"""Tenants and landlords: who stops paying, what law leaves of a lease, how halls are let again.

Tenants fail as in models of frailty: a hazard of their own times a common factor that all feel, the
unrated strongly, the rated hardly (Duffie, Eckner, Horel & Saita 2009, J. Finance 64). One
deviation of the factor about doubles the rate, as frailty does among US firms there. It is what
tenants' customers buy: demand for compute, and money.
"""

from __future__ import annotations

import math

from .compiling.kernels import compiled

DAYS_PER_YEAR = 365.0
CAPPED_SHARE = 0.15  # of the rent of what is left of a lease: 11 U.S.C. 502(b)(6)(A)
LEAST_YEARS, MOST_YEARS = 1.0, 3.0  # that share is no less and no more than the rent of so long


@compiled
def common_factor(log_demand: float, deviation: float, stress: float) -> float:
    """Bad times for tenants, in standard deviations; negative where times are good.

    ``log_demand`` over what was planned, in units of its ``deviation``; tight money adds to it.
    """
    return stress - log_demand / deviation


@compiled
def failing_per_year(per_year: float, loading: float, factor: float) -> float:
    """Rate a year at which a tenant fails, given the common factor.

    Its mean over a standard normal factor is ``per_year``, whatever the loading.
    """
    return per_year * math.exp(loading * factor - 0.5 * loading**2)


@compiled
def asking_per_year(
    per_year: float, rent_over_spot: float, sensitivity: float, stress: float
) -> float:
    """Rate a year at which a tenant with a dear contract asks for less or leaves for elsewhere.

    Nothing while its rent is at or below spot; beyond, it rises with the power ``sensitivity`` of
    rent over spot, and e-fold per unit of the macro factor's ``stress``.
    """
    if rent_over_spot <= 1.0:
        return 0.0
    return per_year * (rent_over_spot**sensitivity - 1.0) * math.exp(max(0.0, stress))


@compiled
def chance_per_day(rate_per_year: float) -> float:
    """Probability of an event on a day, from its rate a year."""
    return 1.0 - math.exp(-rate_per_year / DAYS_PER_YEAR)


@compiled
def hall_demand(wanted: float, most: float) -> float:
    """Demand for power and halls over the opening: of what runs in them, at most ``most``.

    ``wanted`` is Tobin's q of new machines, or hashprice, over its opening value. More demand than
    ``most`` is met by building.
    """
    return min(most, max(wanted, 0.0))


@compiled
def hall_rent_index(demand: float, sensitivity: float) -> float:
    """Rent of an empty hall over the opening: a power of demand, for halls are there already."""
    return max(demand, 1e-6) ** sensitivity


@compiled
def lease_claim_usd(rent_usd_day: float, days_left: float, damages_usd: float) -> float:
    """What a landlord may claim from a failed tenant [USD].

    Its damages, but no more than the rent of one year, or of 15 % of the term that is left if that
    is more, that at most three years (11 U.S.C. 502(b)(6)).
    """
    year = DAYS_PER_YEAR * rent_usd_day
    share = CAPPED_SHARE * rent_usd_day * days_left
    cap = max(LEAST_YEARS * year, min(share, MOST_YEARS * year))
    return max(0.0, min(damages_usd, cap))


@compiled
def empty_hall_damages_usd(
    rent_usd_day: float, days_left: float, relet_days: float, relet_usd_day: float
) -> float:
    """Rent a landlord loses when a tenant leaves [USD]: all while empty, then the difference."""
    empty = min(days_left, relet_days)
    lower = max(0.0, rent_usd_day - relet_usd_day)
    return rent_usd_day * empty + lower * (days_left - empty)
