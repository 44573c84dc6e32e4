"""What kernels are told: the numbers of the day, the terms of the scenario, and where to write.

Scalars travel in two tuples so that a kernel's signature names the tables it works on.
"""

from __future__ import annotations

from typing import NamedTuple


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


class Terms(NamedTuple):
    """Constants of a scenario that kernels read; meaning and range: `market.scenario`."""

    crypto_margin: bool
    cross_default: bool
    group_filing: bool
    refinancing_appetite: float
    roll_instalments: bool
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
    deleveraging_days: float
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
    hold_seized: bool
    host_share: float
    contract_kept_share: float
