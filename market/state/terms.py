"""From a scenario to the constants that kernels read."""

from __future__ import annotations

import math

from ..scenario.scenario import Scenario
from ..scenario.sections import IMPACT_LAWS
from .context import Terms


def terms_of(scenario: Scenario) -> Terms:
    """The terms of a scenario."""
    credit, liquidation, channels = scenario.credit, scenario.liquidation, scenario.channels
    lenders, tenants, investment = scenario.lenders, scenario.tenants, scenario.investment
    return Terms(
        crypto_margin=channels.crypto_margin,
        cross_default=channels.cross_default,
        group_filing=credit.group_filing,
        refinancing_appetite=credit.refinancing_appetite,
        roll_instalments=credit.roll_instalments,
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
        deleveraging_days=lenders.deleveraging_days,
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
        hold_seized=lenders.hold_seized,
        host_share=liquidation.host_share,
        contract_kept_share=tenants.contract_kept_share,
    )
