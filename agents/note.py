"""Traded notes: bonds and convertibles, and what they are marked at.

A note is worth its payments at the yield that the market asks of its issuer today. The spread in
that yield moves with the issuer's distance to default, a firm's value against its debt (Merton
1974, J. Finance 29), and with the price of credit as a whole; what the first does not explain of a
spread at the opening stays in it (the credit spread puzzle: Huang & Huang 2012, Review of Asset
Pricing Studies 2). A convertible is such a bond and an option on shares (Black & Scholes 1973).
"""

from __future__ import annotations

import math

from .compiling.kernels import compiled
from .lender import UNSECURED_LGD, annuity_factor

LEAST_YEARS = 1.0 / 365.0
HIGHEST_CHANCE = 0.999  # of default: a spread stays finite


@compiled
def normal_share(score: float) -> float:
    """Share of a standard normal below ``score``."""
    return 0.5 * math.erfc(-score / math.sqrt(2.0))


@compiled
def market_default_chance(
    firm_usd: float, debt_usd: float, volatility: float, rate: float, years: float
) -> float:
    """Chance, as the market prices it, that a firm is worth less than its debt in so many years.

    The share of a normal below minus its distance to default (Merton 1974): the firm grows at the
    riskless ``rate``, with ``volatility`` a root year. Nothing owed: none; nothing owned: certain.
    """
    if debt_usd <= 0.0:
        return 0.0
    if firm_usd <= 0.0:
        return 1.0
    years = max(years, LEAST_YEARS)
    drift = (rate - 0.5 * volatility * volatility) * years
    distance = (math.log(firm_usd / debt_usd) + drift) / (volatility * math.sqrt(years))
    return normal_share(-distance)


@compiled
def default_spread(chance: float, years: float) -> float:
    """Spread a year that pays for a chance of default over so many years, losses of it unsecured.

    Of a dollar due, ``1 - chance * loss`` is expected: the spread discounts to that.
    """
    expected = 1.0 - min(chance, HIGHEST_CHANCE) * UNSECURED_LGD
    return -math.log(expected) / max(years, LEAST_YEARS)


@compiled
def bond_value(coupon: float, yield_: float, years: float) -> float:
    """Present value of a dollar of principal with its coupons: 1 where both rates are the same."""
    years = max(years, 0.0)
    return coupon * annuity_factor(yield_, years) + math.exp(-yield_ * years)


@compiled
def conversion_value(
    share_usd: float, conversion_usd: float, volatility: float, rate: float, years: float
) -> float:
    """Worth of the right to turn a dollar of principal into shares, beside the bond.

    A call (Black & Scholes 1973) on as many shares as the dollar buys at the conversion price.
    """
    if not conversion_usd > 0.0 or share_usd <= 0.0:
        return 0.0
    years = max(years, LEAST_YEARS)
    worth = share_usd / conversion_usd
    deviation = volatility * math.sqrt(years)
    upper = (math.log(worth) + (rate + 0.5 * volatility * volatility) * years) / deviation
    lower = upper - deviation
    return worth * normal_share(upper) - math.exp(-rate * years) * normal_share(lower)


@compiled
def note_mark(value: float, value_open: float, pressure: float) -> float:
    """What a holder marks a dollar of principal at, at most par.

    Books open at par: the mark is today's value over the opening's, each at most par, times the
    ``pressure`` of sales on prices of all that trades (1: none).
    """
    worth = min(1.0, value) / max(min(1.0, value_open), 1e-9)
    return max(0.0, min(1.0, worth * pressure))
