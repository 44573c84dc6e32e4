"""The sections of a scenario about firms: credit, lenders, tenants, investment, miners."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .sections import Section


class Credit(Section):
    """Rates, roll-over, growth finance, default and enforcement."""

    reference_rate: float = Field(0.043, ge=-0.02, le=0.5, description="a year")
    refinancing_appetite: float = Field(
        1.0, ge=0.0, le=1.0, description="share of maturing principal lenders will roll"
    )
    max_ltv: float = Field(0.85, ge=0.01, le=5.0, description="underwriting: debt over asset value")
    max_leverage: float = Field(
        6.0, ge=0.0, le=100.0, description="underwriting: debt over a year's cash flow, or by LTV"
    )
    min_interest_coverage: float = Field(
        1.5, ge=0.0, le=10.0, description="underwriting: cash flow and liquidity over interest"
    )
    all_non_recourse: bool = Field(
        False, description="secured loans of all borrowers end with their collateral"
    )
    group_filing: bool = Field(
        True, description="a borrower with full-recourse debt files when its parent has failed"
    )
    income_collateral_share: float = Field(
        0.6, ge=0.0, le=1.0, description="share of contracted net income counted as collateral"
    )
    finance_signed_growth: bool = Field(
        True, description="lenders add facilities for contracts signed at the opening, if they pass"
    )
    growth_advance_rate: float = Field(0.80, ge=0.0, le=1.0, description="of hardware cost")
    growth_spread: float = Field(0.06, ge=0.0, le=0.5, description="over the reference rate")
    growth_min_dscr: float = Field(1.15, ge=0.0, le=5.0)
    growth_years: float = Field(5.0, ge=0.1, le=30.0, description="term of facilities for growth")
    most_advance_rate: float = Field(
        0.95, ge=0.0, le=1.0, description="of hardware cost, however easy credit gets"
    )
    convertible_spread: float = Field(
        0.05,
        ge=0.0,
        le=0.5,
        description="of straight notes over the reference rate: puts and refinanced convertibles",
    )
    equity_share_per_quarter: float = Field(
        0.05, ge=0.0, le=1.0, description="new shares of listed firms, of market value a quarter"
    )
    equity_window_share: float = Field(
        0.25, ge=0.0, le=10.0, description="no new shares below this share of opening market cap"
    )
    equity_floor_share: float = Field(
        0.02, ge=0.0, le=1.0, description="of opening market cap: shares stay an option"
    )
    tenant_prepayment_share: float = Field(
        0.20, ge=0.0, le=1.0, description="of hardware cost, by take-or-pay tenants, on delivery"
    )
    order_deposit_share: float = Field(0.10, ge=0.0, le=1.0, description="paid before the opening")
    delivery_days: int = Field(180, ge=1, le=3650, description="ramp of a signed contract")
    lockup_margin: float = Field(0.10, ge=0.0, le=2.0, description="lock-up at min DSCR plus this")
    liquidation_bonus: float = Field(
        0.02, ge=0.0, le=0.5, description="kept by the liquidator of BTC collateral"
    )
    bankruptcy_days: int = Field(180, ge=1, le=3650, description="before an estate pays out")
    estate_max_days: int = Field(
        365,
        ge=1,
        le=36500,
        description="from default: machines nobody bought go to their lender in kind, or for scrap",
    )
    bankruptcy_cost_share: float = Field(0.05, ge=0.0, le=1.0, description="of the estate's cash")
    reorganise: bool = Field(
        True, description="who is worth more in operation than in parts owes less and goes on"
    )
    new_shares_discount: float = Field(
        0.25, ge=0.0, le=1.0, description="at which creditors sell shares of a reorganised firm"
    )
    max_waivers: int = Field(2, ge=0, le=100, description="a lender gives in at most so often")
    waiver_days: int = Field(90, ge=1, le=3650, description="a waived covenant is left alone")
    waiver_margin: float = Field(
        0.0, ge=0.0, le=10.0, description="waiting must bring so much more than enforcing"
    )
    surrender_ratio: float = Field(
        0.9, ge=0.0, le=10.0, description="non-recourse: keys go back below this value over debt"
    )
    payables_days: int = Field(30, ge=1, le=3650, description="suppliers wait this long, then file")
    hazard_per_year: float = Field(
        0.005, ge=0.0, le=1.0, description="operating failure, the same for every borrower"
    )


class Lenders(Section):
    """Capital, funding and failure of lenders."""

    locked_funding: bool = Field(
        False, description="nobody can call a lender's funding before it matures"
    )
    least_patience_days: float = Field(
        0.0, ge=0.0, le=3650.0, description="lenders wait at least so long for the value of holding"
    )
    hold_seized: bool = Field(
        False, description="lenders and their receivers keep seized machines and have them hosted"
    )
    capital_buffer_share: float = Field(
        0.5, ge=0.0, le=1.0, description="of opening headroom: below it a lender lends less"
    )
    stress_spread: float = Field(
        0.05, ge=0.0, le=0.5, description="added to rolled loans by a lender without headroom"
    )
    run_threshold: float = Field(
        0.10, ge=0.0, le=10.0, description="bad news, as a share of capital, that funders ignore"
    )
    run_speed: float = Field(
        0.10, ge=0.0, le=100.0, description="redemptions a day per unit of news beyond that"
    )
    news_half_life_days: float = Field(30.0, ge=0.01, le=3650.0)
    similar_failure_news: float = Field(
        0.15, ge=0.0, le=10.0, description="bad news for lenders of a kind when one of them fails"
    )
    gate_share_per_quarter: float = Field(
        0.05, ge=0.0, le=1.0, description="funds pay out no more than this share of assets"
    )
    flow_sensitivity: float = Field(
        0.9, ge=0.0, le=10.0, description="of a fund's loss, redeemed by its investors in the end"
    )
    flow_threshold: float = Field(
        0.02, ge=0.0, le=1.0, description="losses, as a share of capital, that these let pass"
    )
    issuer_volatility: float = Field(
        0.60, ge=0.05, le=3.0, description="of note issuers' firm value and shares, per root year"
    )
    leverage_band: float = Field(0.10, ge=0.0, le=10.0, description="over target before selling")
    deleveraging_days: float = Field(
        1.0, ge=1.0, le=3650.0, description="in which what is above target is called in or sold"
    )
    loan_impact: float = Field(
        0.25, ge=0.0, le=100.0, description="fall of loan prices if the whole market were sold"
    )
    loan_impact_law: Literal["square_root", "linear", "exponential"] = "linear"
    loan_price_half_life_days: float = Field(180.0, ge=0.01, le=1e9)
    loan_price_floor: float = Field(
        0.0, ge=0.0, le=0.99, description="share of par to which sales of loans press their price"
    )
    seller_impact_share: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="of the fall that a day's sales make, borne on what is sold; 0: paid before it",
    )
    loss_memory_years: float = Field(
        5.0, ge=0.01, le=100.0, description="how long lenders remember losses on loans of this kind"
    )
    priced_loss_rate: float = Field(
        0.02, ge=1e-6, le=1.0, description="losses a year that lenders expected at the opening"
    )
    cycle_swing: float = Field(
        0.15,
        ge=0.0,
        le=1.0,
        description="advance rates and underwriting limits rise by that share without losses",
    )
    spread_swing: float = Field(
        0.01, ge=0.0, le=0.1, description="and spreads fall by that, a year"
    )
    interlender_scale: float = Field(
        1.0, ge=0.0, le=2.0, description="multiplies what lenders owe each other in the books"
    )
    line_advance_rate: float = Field(
        0.65,
        ge=0.0,
        le=1.0,
        description="of a lender's sound assets, margined lines to it; or what they were, if more",
    )
    line_cushion: float = Field(
        0.05, ge=0.0, le=10.0, description="a margined line exceeds its advance so far uncalled"
    )
    line_cure_days: int = Field(
        10, ge=0, le=3650, description="a lender that has not met a call so long fails"
    )
    trap_dscr: float = Field(
        1.20, ge=0.0, le=5.0, description="securitisations keep excess spread below this coverage"
    )
    amortisation_dscr: float = Field(
        1.05, ge=0.0, le=5.0, description="and amortise early below this one"
    )
    amortisation_ltv_rise: float = Field(
        0.30, ge=0.0, le=10.0, description="or if loan to value at marks has risen by that share"
    )
    amortisation_default_share: float = Field(
        0.05, ge=0.0, le=1.0, description="or if so much of the pool has defaulted"
    )
    realised_share: float = Field(
        0.85, ge=0.0, le=1.0, description="of a failed lender's assets, after bankruptcy cost"
    )
    interlender_realised_share: float = Field(
        0.85, ge=0.0, le=1.0, description="of its claims on other lenders"
    )


class Tenants(Section):
    """Tenants that stop paying, and what becomes of machines and halls they leave."""

    common_factor: bool = Field(
        True,
        description="tenants fail by demand for compute and money; off: only the unrated, by rent "
        "over spot and money",
    )
    hazard_per_year: float = Field(
        0.01, ge=0.0, le=10.0, description="of failing, without a rating, good and bad times alike"
    )
    factor_loading: float = Field(
        0.7, ge=0.0, le=3.0, description="log of that hazard per deviation of the common factor"
    )
    rated_hazard_per_year: float = Field(
        0.0005, ge=0.0, le=1.0, description="of failing, with a rating"
    )
    rated_factor_loading: float = Field(
        0.2, ge=0.0, le=3.0, description="the same for tenants with a rating"
    )
    demand_deviation: float = Field(
        0.25, ge=1e-3, le=3.0, description="of log demand: one deviation of the common factor"
    )
    notice_days: int = Field(
        60, ge=0, le=3650, description="a failed tenant pays rent so long, then all contracts break"
    )
    rejection_claims: bool = Field(
        True, description="landlords have a claim on a failed tenant for the rest of the term"
    )
    claim_recovery_share: float = Field(
        0.25, ge=0.0, le=1.0, description="of it, paid by tenants outside the books"
    )
    sensitivity: float = Field(
        3.0, ge=0.0, le=20.0, description="power of contract rent over spot rent in that hazard"
    )
    renegotiated_share: float = Field(
        0.6, ge=0.0, le=1.0, description="of tenants with a dear contract that stay, at spot"
    )
    contract_kept_share: float = Field(
        0.5,
        ge=0.0,
        le=1.0,
        description="of contract rent over spot that a receiver goes on earning",
    )
    relet_days: int = Field(
        270, ge=0, le=3650, description="halls stand empty so long at the opening's demand"
    )
    relet_share: float = Field(
        0.85, ge=0.0, le=2.0, description="new rent over the old, where rents are the opening's"
    )


class Sites(Section):
    """Power and halls: what they rent for and cost, and what they are worth to who buys them."""

    rent_sensitivity: float = Field(
        0.5, ge=0.0, le=3.0, description="of log rent of empty halls to log demand for them"
    )
    most_demand: float = Field(
        1.25, ge=1.0, le=10.0, description="over the opening; more is met by building"
    )
    hall_usd_mw: float = Field(
        11e6, ge=1e3, le=1e9, description="to build a data hall, without power"
    )
    salvage_share: float = Field(
        0.05, ge=0.0, le=1.0, description="of what a site or hall costs: nobody sells for less"
    )
    cost_share: float = Field(
        0.25, ge=0.0, lt=1.0, description="of running a hall, of its rent at the opening"
    )
    life_years: float = Field(20.0, ge=0.1, le=100.0, description="in which a hall earns rent")
    build_years: float = Field(2.0, ge=0.01, le=20.0, description="from a powered site to a hall")
    hall_volatility: float = Field(
        0.25, ge=0.0, le=3.0, description="of what halls are worth, per root year"
    )
    view_deviation: float = Field(
        0.10, ge=0.01, le=2.0, description="of buyers' log values of sites: appraisals differ so"
    )
    required_return: float = Field(
        0.095, ge=1e-4, le=1.0, description="at which lenders' appraisers discount net rents"
    )


class Investment(Section):
    """New machines beyond what was signed at the opening; :mod:`market.operators.investment`."""

    sensitivity: float = Field(
        0.5, ge=0.0, le=20.0, description="share of capital added a year per unit of q beyond one"
    )
    owners_required_return: float = Field(
        0.20, ge=0.0, le=2.0, description="on the part of a machine that is not borrowed"
    )
    refit_usd_per_kw: float = Field(
        6000.0, ge=0.0, le=1e5, description="a miner pays to make a shed for rigs a data hall"
    )
    payout_share: float = Field(
        0.5, ge=0.0, le=1.0, description="of free cash flow, to owners of who has nothing on order"
    )
    order_days: int = Field(120, ge=1, le=3650, description="from order to delivery")
    rigs: bool = Field(True, description="miners buy new rigs as the network grows")
    rig_site_usd_per_kw: float = Field(
        350.0, ge=0.0, le=1e5, description="racks and power for rigs: what a miner adds, or pays"
    )
    lender_growth_per_year: float = Field(
        0.05, ge=0.0, le=10.0, description="new credit beyond commitments, of a lender's assets"
    )


class Entry(Section):
    """New miners and neoclouds; :mod:`market.operators.entry`."""

    on: bool = Field(False, description="new firms enter; off: there are only those of the books")
    sensitivity: float = Field(
        0.5,
        ge=0.0,
        le=20.0,
        description="new firms a year for each small one of the books and unit of q beyond one",
    )
    size_share: float = Field(
        0.35, ge=0.01, le=10.0, description="power of a new firm over that of a small one"
    )
    prospects_per_firm: int = Field(
        2, ge=1, le=100, description="no more can enter for each small firm of the books"
    )


class Miners(Section):
    """Policies of miners."""

    hold_share: float = Field(
        0.3,
        ge=0.0,
        le=1.0,
        description="share of production kept, by miners with a treasury and no announced policy",
    )
    announced_policies: bool = Field(
        True, description="the books' own share for miners that said what they keep"
    )
    hold_buffer_days: int = Field(
        91,
        ge=0,
        le=3650,
        description="coins are kept while liquid means cover uses of so many days; 0: always kept",
    )
    sale_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="coins sold over so many days bring what is missing; 0: none until cash is out",
    )
    only_listed_hold: bool = Field(
        False, description="miners without a listing sell what they mine"
    )
    power_drift_per_year: float = Field(
        0.0, ge=-1.0, le=1.0, description="of miners' power prices, log a year"
    )
    hosting_cost_share: float = Field(
        0.25, ge=0.0, le=1.0, description="landlord's cost on hosting rent that starts later"
    )
