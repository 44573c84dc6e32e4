"""What those who finance lenders ask: funds' investors, lines on collateral, securitised notes."""

from __future__ import annotations

import math

import numpy as np

from .compiling.kernels import compiled

QUARTER_DAYS = 91


@compiled
def fund_outflow_share(
    news: float, threshold: float, sensitivity: float, half_life_days: float
) -> float:
    """Share of a fund that investors take out in a day, after the losses that they remember.

    Of a loss beyond what they let pass they take out ``sensitivity`` times as much in the end, at
    the pace at which it is forgotten. Flows of corporate bond funds answer to losses more than to
    gains (Goldstein, Jiang & Ng 2017, J. Financial Economics 126): here to losses only.
    """
    return min(1.0, sensitivity * max(0.0, news - threshold) * math.log(2.0) / half_life_days)


@compiled
def fund_supply(asked_usd: float, gate_usd: float) -> float:
    """Share of its usual credit a fund gives while its investors leave.

    Nothing once they ask for all that its gate lets out: what it is repaid goes to them (outflows
    of bond funds cut their issuers off, Zhu 2021, J. Financial Economics 141).
    """
    if asked_usd <= 0.0:
        return 1.0
    if gate_usd <= 0.0:
        return 0.0
    return max(0.0, 1.0 - asked_usd / gate_usd)


@compiled
def stress_outflow_share(stress: float, loading: float) -> float:
    """Share of callable money that leaves in a day because money is tight, whatever was lost.

    ``loading`` is the share that leaves in a quarter per unit of stress. Commercial paper on assets
    fell by a third in the autumn of 2007, sponsors without losses too (Covitz, Liang & Suarez 2013,
    J. Finance 68); investors took a tenth out of bond funds in March 2020 (Falato, Goldstein &
    Hortaçsu 2021, J. Monetary Economics 123).
    """
    return 1.0 - math.exp(-max(0.0, loading * stress) / QUARTER_DAYS)


@compiled
def stressed_advance(advance: float, stress: float, loading: float) -> float:
    """What a margined line advances while money is tight: haircuts rise with stress.

    Those on high-yield bonds went from 10 to 15 up to 25 to 40 per cent, on loans from 10 to 20
    (April 2007 to August 2008: IMF, Global Financial Stability Report, October 2008); on
    securitised bonds from none to half (Gorton & Metrick 2012, J. Financial Economics 104).
    """
    return advance * max(0.0, 1.0 - max(0.0, loading * stress))


@compiled
def line_call_usd(owed_usd: float, eligible_usd: float, advance: float, cushion: float) -> float:
    """What lenders of margined lines call for [USD]: so much that the rest is within the advance.

    Collateral pays, so it secures no more: of a call x, ``owed - x = advance * (eligible - x)``.
    Nothing is called while the line exceeds its advance by at most the share ``cushion``.
    """
    most = advance * max(eligible_usd, 0.0)
    if owed_usd <= (1.0 + cushion) * most:
        return 0.0
    return min(owed_usd, (owed_usd - most) / max(1.0 - advance, 1e-9))


@compiled
def traps_cash(dscr: float, least_dscr: float) -> bool:
    """Whether a securitisation keeps its excess spread: coverage (NaN: not tested yet) is low."""
    return not np.isnan(dscr) and dscr < least_dscr


@compiled
def amortises_early(
    dscr: float, least_dscr: float, ltv_rise: float, most_rise: float, defaulted: float, most: float
) -> bool:
    """Whether a securitisation's notes take all its cash: one of three triggers has been hit.

    Coverage of debt service (NaN: not tested yet), the rise of loan to value at marks since the
    closing, and the share of the pool that has defaulted.
    """
    covered = np.isnan(dscr) or dscr >= least_dscr
    return not covered or ltv_rise > most_rise or defaulted > most


@compiled
def price_after_sales(price: float, impact_log: float, floor: float) -> float:
    """Price of loans after sales that move its log; below ``floor`` others buy whatever comes.

    What lies above the floor shrinks, so that the price nears it and never passes it (Cont &
    Schaanning 2017). A price below stays.
    """
    if price <= floor:
        return price
    return floor + (price - floor) * np.exp(impact_log)
