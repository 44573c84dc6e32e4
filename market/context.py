"""What kernels are told: the numbers of the day, the terms of the scenario, and where to write.

Scalars travel in two tuples so that a kernel's signature names the tables it works on.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.scenario import Scenario
from market.settings import IMPACT_LAWS


class Today(NamedTuple):
    """Numbers of one day; party ids of the first lender, buyer and outside party."""

    day: int
    seed: int
    btc_usd: float
    btc_impact_log: float
    eth_usd: float
    rent_h100_usd_h: float
    hashprice_usd_ph_day: float
    reference_rate: float
    stress: float  # of the macro factor: zero in normal times
    appetite: float  # to refinance, over normal
    rate_change: float  # of the reference rate since the opening
    spread_change: float  # of credit spreads
    ease: float  # of lending, -1 to 1: what lenders have learnt from their losses
    shock_event: int
    first_lender: int
    first_buyer: int
    first_outside: int


class Log(NamedTuple):
    """Where kernels write what happened: the causal log and the day's forced sales of BTC."""

    events: NDArray[np.void]
    count: NDArray[np.int64]  # type: ignore[assignment]  # [1]; hides tuple.count
    forced_usd: NDArray[np.float64]  # [1] sold today
    forced_event: NDArray[np.int64]  # [1] the last forced sale, -1 if none yet


class Terms(NamedTuple):
    """Constants of a scenario that kernels read; meaning and range in :mod:`market.scenario`."""

    crypto_margin: bool
    cross_default: bool
    refinancing_appetite: float
    max_ltv: float
    max_leverage: float
    min_interest_coverage: float
    income_collateral_share: float
    growth_advance_rate: float
    growth_min_dscr: float
    growth_spread: float
    growth_years: float
    most_advance: float
    convertible_spread: float
    cycle_swing: float
    spread_swing: float
    investment_sensitivity: float
    owners_required_return: float
    machine_life_years: float
    refit_usd_per_kw: float
    order_days: int
    lender_growth_per_year: float
    payout_share: float
    equity_floor_share: float
    equity_share_per_quarter: float
    equity_window_share: float
    tenant_prepayment_share: float
    order_deposit_share: float
    delivery_days: int
    tenor_cap_days: int
    counterparty: bool
    tenant_hazard_per_year: float
    tenant_sensitivity: float
    renegotiated_share: float
    relet_days: int
    relet_share: float
    lender_capital: bool
    funding_run: bool
    capital_buffer_share: float
    stress_spread: float
    news_half_life_days: float
    run_threshold: float
    run_speed: float
    gate_share_per_quarter: float
    leverage_band: float
    loan_impact: float
    loan_impact_law: int
    loan_price_half_life_days: float
    lockup_margin: float
    liquidation_bonus: float
    bankruptcy_days: int
    estate_max_days: int
    bankruptcy_cost_share: float
    payables_days: int
    hazard_per_day: float
    legal_days: int
    in_place_days: int
    site_days: int
    site_recovery_share: float
    cluster_gpus: float
    legal_cost_share: float
    removal_usd_per_gpu: float
    removal_usd_per_th: float
    storage_usd_per_gpu_day: float
    idle_cost_share: float
    receiver_share: float
    hosting_discount: float
    host_share: float
    contract_kept_share: float


def terms_of(scenario: Scenario) -> Terms:
    """The terms of a scenario."""
    credit, liquidation, channels = scenario.credit, scenario.liquidation, scenario.channels
    lenders, tenants, investment = scenario.lenders, scenario.tenants, scenario.investment
    return Terms(
        crypto_margin=channels.crypto_margin,
        cross_default=channels.cross_default,
        refinancing_appetite=credit.refinancing_appetite,
        max_ltv=credit.max_ltv,
        max_leverage=credit.max_leverage,
        min_interest_coverage=credit.min_interest_coverage,
        income_collateral_share=credit.income_collateral_share,
        growth_advance_rate=min(credit.growth_advance_rate, 1.0 - scenario.policy.haircut_floor),
        growth_min_dscr=credit.growth_min_dscr,
        growth_spread=credit.growth_spread,
        growth_years=min(credit.growth_years, scenario.policy.tenor_cap_years),
        most_advance=min(credit.most_advance_rate, 1.0 - scenario.policy.haircut_floor),
        convertible_spread=credit.convertible_spread,
        cycle_swing=lenders.cycle_swing,
        spread_swing=lenders.spread_swing,
        investment_sensitivity=investment.sensitivity,
        owners_required_return=investment.owners_required_return,
        machine_life_years=liquidation.gpu_life_years,
        refit_usd_per_kw=investment.refit_usd_per_kw,
        order_days=investment.order_days,
        lender_growth_per_year=investment.lender_growth_per_year,
        payout_share=investment.payout_share,
        equity_floor_share=credit.equity_floor_share,
        equity_share_per_quarter=credit.equity_share_per_quarter,
        equity_window_share=credit.equity_window_share,
        tenant_prepayment_share=credit.tenant_prepayment_share,
        order_deposit_share=credit.order_deposit_share,
        delivery_days=credit.delivery_days,
        tenor_cap_days=round(365.0 * scenario.policy.tenor_cap_years),
        counterparty=channels.counterparty,
        tenant_hazard_per_year=tenants.hazard_per_year,
        tenant_sensitivity=tenants.sensitivity,
        renegotiated_share=tenants.renegotiated_share,
        relet_days=tenants.relet_days,
        relet_share=tenants.relet_share,
        lender_capital=channels.lender_capital,
        funding_run=channels.funding_run,
        capital_buffer_share=lenders.capital_buffer_share,
        stress_spread=lenders.stress_spread,
        news_half_life_days=lenders.news_half_life_days,
        run_threshold=lenders.run_threshold,
        run_speed=lenders.run_speed,
        gate_share_per_quarter=lenders.gate_share_per_quarter,
        leverage_band=lenders.leverage_band,
        loan_impact=lenders.loan_impact,
        loan_impact_law=IMPACT_LAWS.index(lenders.loan_impact_law),
        loan_price_half_life_days=lenders.loan_price_half_life_days,
        lockup_margin=credit.lockup_margin,
        liquidation_bonus=credit.liquidation_bonus,
        bankruptcy_days=credit.bankruptcy_days,
        estate_max_days=credit.estate_max_days,
        bankruptcy_cost_share=credit.bankruptcy_cost_share,
        payables_days=credit.payables_days,
        hazard_per_day=1.0 - math.exp(-credit.hazard_per_year / 365.0),
        legal_days=liquidation.legal_days,
        in_place_days=liquidation.in_place_days,
        site_days=liquidation.site_days,
        site_recovery_share=liquidation.site_recovery_share,
        cluster_gpus=liquidation.cluster_gpus,
        legal_cost_share=liquidation.legal_cost_share,
        removal_usd_per_gpu=liquidation.removal_usd_per_gpu,
        removal_usd_per_th=liquidation.removal_usd_per_th,
        storage_usd_per_gpu_day=liquidation.storage_usd_per_gpu_day,
        idle_cost_share=liquidation.idle_cost_share,
        receiver_share=liquidation.receiver_share,
        hosting_discount=liquidation.hosting_discount,
        host_share=liquidation.host_share,
        contract_kept_share=tenants.contract_kept_share,
    )
