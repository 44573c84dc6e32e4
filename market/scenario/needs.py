"""What settings need: which switch must be set how for each of them to have an effect.

A setting that a user changes and that can have none is refused with the switch to set. The table
says what *cannot* act, whatever happens in a run; not what happened not to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple


class Switch(NamedTuple):
    """Another setting, and the values it must have, or must not have (``unlike``)."""

    key: str
    values: tuple[Any, ...]
    unlike: bool = False

    def holds(self, value: Any) -> bool:
        """Whether it is set so."""
        return (value in self.values) != self.unlike

    def remedy(self) -> str:
        """How to set it, in words."""
        if self.unlike:
            return f"{self.key} to another value"
        return f"{self.key}=" + " or ".join(map(written, self.values))

    def condition(self) -> str:
        """How it must be, in words."""
        sign = " is not " if self.unlike else " = "
        return self.key + sign + " or ".join(map(written, self.values))


def of(key: str, *values: Any) -> Switch:
    """It has one of these values."""
    return Switch(key, values)


def on(key: str) -> Switch:
    """It is true."""
    return Switch(key, (True,))


def some(key: str, none: float = 0.0) -> Switch:
    """It is not zero, or not what ``none`` says."""
    return Switch(key, (none,), unlike=True)


WITH_COMPUTE = of("opening.start", "2025", "synthetic")  # the books of 2021 have rigs only
MODELLED = of("crypto.path", "random", "crash")
OWN_FILE = of("crypto.history", "packaged")._replace(unlike=True)  # may lack columns
NO_ETHER = of("crypto.history", "packaged", "packaged-2026")._replace(unlike=True)
CRASH, LAW = of("crypto.path", "crash"), of("compute.path", "law")
STRESS = (some("macro.volatility"), some("macro.shock"))
CAPITAL, RUN = on("channels.lender_capital"), on("channels.funding_run")
AUCTIONS = on("channels.fire_sale")
LATER_LOANS = (on("credit.finance_signed_growth"), some("investment.sensitivity"))
INVESTS = some("investment.sensitivity")
DATED = on("launches.dated")

RULES: tuple[tuple[str, tuple[Switch, ...]], ...] = (
    # Each line: settings, and switches of which one must be set so. All lines of a setting hold.
    ("opening.scale", (WITH_COMPUTE,)),
    ("opening.sample", (of("opening.beliefs", False),)),  # which draw the books too
    ("synthetic.*", (of("opening.start", "synthetic"),)),
    ("synthetic.pareto_tail", (of("synthetic.sizes", "pareto"),)),
    ("synthetic.lognormal_deviation", (of("synthetic.sizes", "lognormal"),)),
    ("synthetic.degree_tail", (of("synthetic.network", "configuration"),)),
    ("synthetic.core_share synthetic.core_loans", (of("synthetic.network", "core_periphery"),)),
    ("synthetic.lines_per_lender", (some("lenders.interlender_scale"),)),
    ("facts.*", (of("opening.start", "2021"),)),
    (
        "facts.order_repriced_share facts.site_usd_per_kw facts.energise_days",
        (on("facts.orders"),),
    ),
    ("facts.imposed_recovery_share", (of("facts.shocks", "default", "all"),)),
    # Bitcoin. The square-root law of impact reads volatility under a history too.
    ("crypto.volatility", (MODELLED, of("crypto.impact_law", "square_root"), OWN_FILE)),
    ("crypto.drift crypto.jumps_per_year", (MODELLED,)),
    ("crypto.jump_mean crypto.jump_deviation", (some("crypto.jumps_per_year"),)),
    ("crypto.crash_start_day crypto.crash_depth crypto.crash_days", (CRASH,)),
    ("crypto.recovery_share", (CRASH,)),
    ("crypto.recovery_share", (some("crypto.crash_depth"),)),
    ("crypto.recovery_days", (some("crypto.recovery_share"),)),
    ("crypto.history crypto.history_from_opening", (of("crypto.path", "history"),)),
    ("crypto.history_rescale", (of("crypto.path", "history"),)),
    ("crypto.history_rescale", (of("crypto.history_from_opening", False),)),
    ("crypto.eth_beta", (MODELLED, NO_ETHER)),
    ("crypto.hashrate_growth", (MODELLED, OWN_FILE)),
    (
        "crypto.hashrate_growth_start_day crypto.hashrate_growth_days crypto.hashrate_answer "
        "investment.rigs",
        (some("crypto.hashrate_growth"),),
    ),
    ("crypto.hashrate_answer", (on("channels.hashprice"),)),
    ("crypto.hashrate_answer investment.rigs", (of("crypto.network", "modelled"),)),
    ("crypto.impact_coefficient", (on("channels.btc_impact"),)),
    (
        "crypto.depth_adv_usd crypto.impact_law crypto.impact_half_life_days",
        (some("crypto.impact_coefficient"),),
    ),
    # Rents.
    ("compute.*", (WITH_COMPUTE,)),
    ("compute.elasticity", (LAW, on("channels.rent_feedback"), some("compute.volatility"))),
    ("compute.efficiency_growth compute.adoption_growth compute.adoption_ceiling", (LAW,)),
    ("compute.efficiency_growth", (some("compute.elasticity", 1.0),)),  # cancels there
    ("compute.adoption_ceiling", (some("compute.adoption_growth"),)),
    ("compute.rent_change_per_year", (of("compute.path", "scripted"),)),
    ("compute.shock_start_day compute.shock_days", (some("compute.rent_change_per_year"),)),
    ("compute.volatility", (of("compute.path", "law", "scripted"),)),
    ("compute.reversion_per_year", (some("compute.volatility"),)),
    # Money. A history of rates has no noise, and loads on nothing but spreads and appetite.
    ("macro.volatility macro.shock", (of("macro.path", "factor"),)),
    ("macro.reversion_per_year", (some("macro.volatility"),)),
    ("macro.start_day macro.ramp_days macro.plateau_days", (some("macro.shock"),)),
    ("macro.rate_loading macro.btc_loading macro.demand_loading", STRESS),
    (
        "macro.spread_loading macro.appetite_loading macro.funding_loading macro.advance_loading",
        (of("macro.path", "history"), *STRESS),
    ),
    ("macro.btc_loading", (of("crypto.path", "random"),)),
    ("macro.demand_loading", (WITH_COMPUTE,)),
    ("macro.demand_loading", (LAW,)),
    ("macro.funding_loading", (RUN,)),
    ("macro.advance_loading", (on("channels.warehouse_margin"),)),
    ("knock_out.day", (of("knock_out.party", "")._replace(unlike=True),)),
    # Credit.
    ("credit.group_filing", (of("opening.start", "2021"),)),  # only there parents are known
    (
        "credit.income_collateral_share credit.finance_signed_growth credit.growth_advance_rate "
        "credit.most_advance_rate "
        "credit.tenant_prepayment_share credit.order_deposit_share credit.delivery_days "
        "credit.lockup_margin",
        (WITH_COMPUTE,),
    ),
    (
        "credit.growth_spread credit.growth_min_dscr credit.growth_years",
        (*LATER_LOANS, on("credit.reorganise")),
    ),
    ("credit.waiver_days credit.waiver_margin", (some("credit.max_waivers", 0),)),
    # Lenders.
    ("lenders.capital_buffer_share lenders.stress_spread", (CAPITAL,)),
    ("lenders.leverage_band lenders.deleveraging_days", (CAPITAL,)),
    ("lenders.run_threshold lenders.run_speed lenders.news_half_life_days", (RUN,)),
    ("lenders.similar_failure_news lenders.gate_share_per_quarter", (RUN,)),
    ("lenders.similar_failure_news", (on("channels.lender_distress"),)),
    ("lenders.loan_impact", (CAPITAL, RUN)),
    ("lenders.loan_impact", (on("channels.lender_distress"),)),
    (
        "lenders.loan_impact_law lenders.loan_price_half_life_days lenders.loan_price_floor "
        "lenders.seller_impact_share",
        (some("lenders.loan_impact"),),
    ),
    ("lenders.interlender_scale", (WITH_COMPUTE,)),  # 2021: claims are known
    ("channels.warehouse_margin", (WITH_COMPUTE,)),
    ("channels.warehouse_margin", (some("lenders.interlender_scale"),)),
    (
        "lenders.line_advance_rate lenders.line_cushion lenders.line_cure_days",
        (on("channels.warehouse_margin"),),
    ),
    ("channels.securitisation", (WITH_COMPUTE,)),
    (
        "lenders.trap_dscr lenders.amortisation_dscr lenders.amortisation_ltv_rise "
        "lenders.amortisation_default_share",
        (on("channels.securitisation"),),
    ),
    ("lenders.flow_sensitivity lenders.flow_threshold", (RUN,)),
    ("lenders.issuer_volatility", (on("channels.fund_marks"),)),
    ("lenders.least_patience_days", (AUCTIONS,)),
    # Tenants, investment, miners.
    ("marks.book_life_years", (WITH_COMPUTE,)),  # of GPUs
    ("tenants.*", (WITH_COMPUTE,)),
    (
        "tenants.common_factor tenants.hazard_per_year tenants.relet_share "
        "tenants.notice_days tenants.rejection_claims",
        (on("channels.counterparty"),),
    ),
    ("tenants.sensitivity tenants.renegotiated_share", (some("tenants.hazard_per_year"),)),
    (
        "tenants.factor_loading tenants.rated_hazard_per_year tenants.demand_deviation",
        (on("tenants.common_factor"),),
    ),
    ("tenants.factor_loading", (some("tenants.hazard_per_year"),)),
    ("tenants.rated_factor_loading", (some("tenants.rated_hazard_per_year"),)),
    (
        "tenants.demand_deviation",
        (some("tenants.factor_loading"), some("tenants.rated_factor_loading")),
    ),
    ("tenants.claim_recovery_share", (on("tenants.rejection_claims"),)),
    (
        "sites.hall_usd_mw sites.build_years sites.hall_volatility",
        (WITH_COMPUTE,),  # nobody let halls for GPUs in 2021
    ),
    (
        "investment.refit_usd_per_kw investment.payout_share "
        "investment.order_days investment.lender_growth_per_year",
        (INVESTS,),
    ),
    (
        "investment.sensitivity investment.refit_usd_per_kw investment.payout_share "
        "investment.order_days investment.lender_growth_per_year",
        (WITH_COMPUTE,),
    ),
    # Who enters is like a small firm of 2025, and lenders have money for growth if others invest.
    ("entry.*", (of("opening.start", "2025"),)),
    ("entry.*", (INVESTS,)),
    ("entry.sensitivity entry.size_share entry.prospects_per_firm", (on("entry.on"),)),
    ("entry.size_share entry.prospects_per_firm", (some("entry.sensitivity"),)),
    ("credit.new_shares_discount", (on("credit.reorganise"),)),
    ("miners.announced_policies", (WITH_COMPUTE,)),
    ("miners.only_listed_hold", (some("miners.hold_share"),)),
    ("miners.sale_days", (some("miners.hold_buffer_days", 0),)),
    # Launches. Who invests nothing buys no new class, and nobody expects others to.
    ("launches.*", (WITH_COMPUTE,)),
    ("launches.ramp_days launches.outside_share launches.vr200.* launches.vr300.*", (DATED,)),
    ("launches.ramp_days launches.outside_share", (INVESTS,)),
    ("launches.outside_share", (on("channels.rent_feedback"),)),
    (
        "launches.vr200.shift_days launches.vr200.price_factor launches.vr200.performance_factor",
        (of("launches.vr200.cancelled", False),),
    ),
    (
        "launches.vr300.shift_days launches.vr300.price_factor launches.vr300.performance_factor",
        (of("launches.vr300.cancelled", False),),
    ),
    ("miners.power_drift_per_year", (of("opening.start", "2021"),)),
    ("miners.hosting_cost_share", (WITH_COMPUTE,)),
    # Marks and the second-hand market. GPUs are in the books with compute only.
    ("marks.evidence_weight", (on("channels.mark_to_market"),)),
    ("marks.evidence_weight channels.mark_to_market", (of("policy.mark_rule", "scenario"),)),
    (
        "liquidation.in_place_days liquidation.cluster_gpus liquidation.removal_usd_per_gpu "
        "liquidation.storage_usd_per_gpu_day liquidation.gpu_rent_drift "
        "liquidation.gpu_rent_volatility liquidation.gpu_life_years liquidation.host_share",
        (WITH_COMPUTE,),
    ),
    # Without auctions whatever is offered is sold the same day.
    ("liquidation.in_place_days liquidation.host_share", (AUCTIONS,)),
    # Nobody but owners in distress offers anything.
    (
        "liquidation.in_place_days liquidation.host_share lenders.least_patience_days",
        (on("channels.forced_supply"),),
    ),
    # Channels and policy.
    ("channels.btc_impact", (some("crypto.impact_coefficient"),)),
    ("channels.rent_feedback channels.counterparty", (WITH_COMPUTE,)),
    ("channels.tenants_in_books", (on("channels.counterparty"),)),
    ("channels.treasury_funding", (WITH_COMPUTE,)),  # in 2021 rigs are paid by coins sold
    (
        "channels.interlender lenders.interlender_realised_share",
        (
            of("opening.start", "2021"),
            some("lenders.interlender_scale"),
        ),
    ),
    ("policy.buyer_of_last_resort_usd", (AUCTIONS,)),
    (
        "policy.buyer_price_share policy.buyer_families",
        (some("policy.buyer_of_last_resort_usd"),),
    ),
    ("policy.lender_of_last_resort_usd", (RUN,)),
    (
        "policy.standstill_days",
        (CRASH, some("compute.rent_change_per_year"), some("macro.shock")),
    ),
)

ALWAYS = {"compute.path": "law", "opening.scale": 1.0}
"""Refused whoever set them, if they have no effect: a scenario's own shock, a population's size."""


@cache
def needs_of(key: str) -> tuple[tuple[Switch, ...], ...]:
    """Groups of switches; of each group one must be set so for the setting to have an effect."""
    parts = key.split(".")
    named = {key, *(".".join(parts[:n]) + ".*" for n in range(1, len(parts)))}
    return tuple(switches for names, switches in RULES if named & set(names.split()))


def unmet(
    key: str, values_of: Callable[[str], Sequence[Any]], above: tuple[str, ...] = ()
) -> tuple[Switch, ...]:
    """Switches of which one would have to be set otherwise; none if the setting has an effect.

    A switch must have an effect itself. ``values_of`` gives the values that a setting may have: one
    in a scenario, several in a sweep. ``above`` are the settings that this one is asked about for.
    """
    above = (*above, key)
    for group in needs_of(key):
        missing: list[Switch] = []
        for switch in group:
            if switch.key in above:
                break  # it is asked about already
            if not any(map(switch.holds, values_of(switch.key))):
                missing.append(switch)
            elif deeper := unmet(switch.key, values_of, above):
                missing += deeper
            else:
                break
        else:
            return tuple(dict.fromkeys(missing))
    return ()


def idle(key: str, values_of: Callable[[str], Sequence[Any]]) -> str:
    """Why a setting has no effect, and what to set, as a sentence without its end; else empty."""
    missing = unmet(key, values_of)
    if not missing:
        return ""
    state = " and ".join(f"{name} is {written(values_of(name)[0])}" for name in _names(missing))
    # A switch that has no effect itself is no remedy, if there is another.
    helps = [switch for switch in missing if not unmet(switch.key, values_of)] or missing
    remedies = ", or ".join(switch.remedy() for switch in helps)
    return f"{key} has no effect while {state}; set {remedies}"


def in_words(key: str) -> str:
    """What a setting needs beside books that have it, for whoever reads a scenario; else empty."""
    groups = [g for g in needs_of(key) if any(s.key != "opening.start" for s in g)]
    return ", and ".join(" or ".join(s.condition() for s in group) for group in groups)


def _names(switches: Sequence[Switch]) -> list[str]:
    return list(dict.fromkeys(switch.key for switch in switches))


def written(value: Any) -> str:
    """A value as it stands in a sentence."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else repr(value)
