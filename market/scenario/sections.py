"""The sections of a scenario: every assumption, with its unit, bounds and default.

:mod:`market.scenario.scenario` puts them together and reads them from TOML.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .nearest import did_you_mean
from .text_files import clean

STARTS = ("2025", "2021", "synthetic")
PACKAGED_HISTORIES = ("packaged", "packaged-2026")
IMPACT_LAWS = ("square_root", "linear", "exponential")


class Section(BaseModel):
    """Base of all sections: frozen, no unknown keys, no silent conversions of text to numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @field_validator("*", mode="after", check_fields=False)
    @classmethod
    def _shown(cls, value: Any) -> Any:
        """Texts are shown on terminals, which they must not steer."""
        return clean(value) if isinstance(value, str) else value


class Opening(Section):
    """Which books the run opens with."""

    start: str = Field(
        "2025",
        description="starting point: the books of 2025 or of 2021, or synthetic (see that section)",
    )
    sample: bool = Field(
        False, description="draw uncertain cells of the books within what is believed of them"
    )
    beliefs: bool = Field(
        False, description="the same, and settings that are judgements within their beliefs"
    )
    scale: float = Field(
        1.0,
        ge=0.1,
        le=100.0,
        description="multiplies the population: the small parties that REST_* of 2025 split into, "
        "or synthetic.parties; totals stay",
    )

    @model_validator(mode="after")
    def _known_start(self) -> Opening:
        if self.start not in STARTS:
            raise ValueError(
                f"'{self.start}' is not a starting point{did_you_mean(self.start, STARTS)}; "
                f"allowed: {', '.join(STARTS)}"
            )
        return self


class Facts(Section):
    """What the tables of 2021 know by date: money drawn, orders of rigs, shocks from outside."""

    draws: Literal["none", "signed", "all"] = Field(
        "signed",
        description="loans and equity after the opening: signed by then, or with hindsight",
    )
    orders: bool = Field(True, description="rigs on order are paid for and delivered")
    shocks: Literal["none", "default", "all"] = Field(
        "default", description="events from outside: none, those of a forecast, every one"
    )
    order_repriced_share: float = Field(
        1.0, ge=0.0, le=1.0, description="of what an order costs beyond the rigs' market value"
    )
    site_usd_per_kw: float = Field(
        350.0, ge=0.0, le=1e5, description="racks and power at an own site for rigs delivered"
    )
    energise_days: int = Field(
        100,
        ge=0,
        le=3650,
        description="from the date on which rigs are due to hashing: shipping, racks, power",
    )
    uptime: float = Field(
        0.90,
        ge=0.0,
        le=1.0,
        description="coins that named miners mine over what the hashrate they report would",
    )
    imposed_recovery_share: float = Field(
        0.15, ge=0.0, le=1.0, description="assets over debts of a party that is made to fail"
    )
    shares_follow_rigs: bool = Field(
        True,
        description="what miners' shares are worth beyond net assets follows the price of rigs",
    )
    move_days: int = Field(
        60, ge=0, le=3650, description="rigs of a failed host stand still so long"
    )


class Crypto(Section):
    """Bitcoin and ether prices, and the network's hashrate."""

    path: Literal["random", "crash", "history"] = Field(
        "random", description="random walk with jumps, scripted crash, or replay of a file"
    )
    volatility: float = Field(0.62, ge=0.0, le=3.0, description="BTC, per square root of a year")
    drift: float = Field(0.0, ge=-3.0, le=3.0, description="expected BTC return, log, a year")
    jumps_per_year: float = Field(0.0, ge=0.0, le=50.0)
    jump_mean: float = Field(-0.10, ge=-2.0, le=2.0, description="mean log size of a jump")
    jump_deviation: float = Field(0.08, ge=0.0, le=1.0, description="deviation of the log size")
    crash_start_day: int = Field(30, ge=0, le=36500)
    crash_depth: float = Field(0.77, ge=0.0, le=0.999, description="share of the price lost")
    crash_days: int = Field(365, ge=1, le=36500)
    recovery_share: float = Field(
        0.0, ge=0.0, le=1.0, description="share of the log loss that comes back"
    )
    recovery_days: int = Field(365, ge=1, le=36500)
    history: str | None = Field(
        None,
        min_length=1,
        description="CSV of weekly closes, 'packaged' (2020 to September 2025) or "
        "'packaged-2026' (from then on); sets path to 'history'",
    )
    history_rescale: bool = Field(
        False, description="true: start the file's returns at the opening price of the books"
    )
    history_from_opening: bool = Field(
        False, description="true: replay from the date of the books, not from the file's first week"
    )
    network: Literal["modelled", "history"] = Field(
        "modelled",
        description="hashrate: fleets and growth as below, or that of the history: others fill up",
    )
    eth_beta: float = Field(1.1, ge=0.0, le=3.0, description="ETH log return per BTC log return")
    hashrate_growth: float = Field(
        0.0, ge=-0.9, le=5.0, description="growth of the whole network over a year, a share"
    )
    hashrate_growth_start_day: int = Field(0, ge=0, le=36500)
    hashrate_growth_days: int = Field(
        365, ge=1, le=36500, description="days over which that growth takes place; flat after"
    )
    hashrate_answer: float = Field(
        1.0,
        ge=0.0,
        le=20.0,
        description="of that growth to q of new rigs, a share per unit; 0: whatever they earn",
    )
    depth_adv_usd: float = Field(30e9, ge=1e6, le=1e15, description="BTC traded a day, all venues")
    impact_law: Literal["square_root", "linear", "exponential"] = "square_root"
    impact_coefficient: float = Field(1.0, ge=0.0, le=100.0)
    impact_half_life_days: float = Field(5.0, ge=0.01, le=3650.0)


class Compute(Section):
    """The rent of compute: a law of demand, efficiency and supply, or a scripted target."""

    path: Literal["law", "scripted", "history"] = Field(
        "law",
        description="law: demand and efficiency below; scripted: target rent change; history: "
        "rents by class as they were, whatever supply does",
    )
    elasticity: float = Field(
        0.7, gt=0.05, le=10.0, description="price elasticity of demand for work; epsilon of the law"
    )
    efficiency_growth: float = Field(
        0.0, ge=-1.0, le=3.0, description="work per GPU-hour, log growth a year (software, models)"
    )
    adoption_growth: float = Field(
        0.0, ge=-2.0, le=5.0, description="initial log growth a year of demand beyond signed supply"
    )
    adoption_ceiling: float = Field(
        4.0, gt=1.0, le=100.0, description="demand at saturation over demand at the opening"
    )
    rent_change_per_year: float = Field(
        0.0, gt=-1.0, le=5.0, description="scripted: change of rents over a year, a share"
    )
    shock_start_day: int = Field(0, ge=0, le=36500, description="scripted change begins")
    shock_days: int = Field(
        36500, ge=1, le=36500, description="scripted change lasts so long; flat after"
    )
    volatility: float = Field(
        0.20,
        ge=0.0,
        le=2.0,
        description="of demand, per root year; of rents 1 / elasticity as much",
    )
    reversion_per_year: float = Field(1.0, ge=0.0, le=50.0, description="of that noise")


class Macro(Section):
    """The common factor of money: noise, a scripted tightening, and what loads on it."""

    path: Literal["factor", "history"] = Field(
        "factor", description="noise and a scripted tightening, or rates and spreads as they were"
    )
    volatility: float = Field(0.0, ge=0.0, le=10.0, description="of the factor, per root year")
    reversion_per_year: float = Field(0.5, ge=0.0, le=50.0, description="of that noise")
    shock: float = Field(0.0, ge=-10.0, le=10.0, description="scripted stress at its height")
    start_day: int = Field(30, ge=0, le=36500, description="the scripted tightening begins")
    ramp_days: int = Field(180, ge=1, le=36500, description="until its height, and back to zero")
    plateau_days: int = Field(36500, ge=0, le=36500, description="it stays there so long")
    rate_loading: float = Field(
        0.015, ge=-0.5, le=0.5, description="reference rate, a year, per unit of stress"
    )
    spread_loading: float = Field(
        0.025, ge=-0.5, le=0.5, description="credit spread, a year, per unit of stress"
    )
    appetite_loading: float = Field(
        0.30, ge=0.0, le=10.0, description="share of refinancing lost per unit of stress"
    )
    btc_loading: float = Field(
        0.35, ge=-10.0, le=10.0, description="log BTC lost per unit of stress, random path only"
    )
    demand_loading: float = Field(
        0.10, ge=-10.0, le=10.0, description="log demand for compute lost per unit, law only"
    )
    funding_loading: float = Field(
        0.0,
        ge=0.0,
        le=10.0,
        description="lenders' callable money that leaves in a quarter, a share per unit of stress",
    )
    advance_loading: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="share of what margined lines to lenders advance, lost per unit of stress",
    )


class KnockOut(Section):
    """A named party that fails on a day, by a script: to see who follows."""

    party: str = Field(
        "", description="id of a borrower that fails, or of a lender that loses its capital"
    )
    day: int = Field(30, ge=1, le=36500, description="on which it does")


class Policy(Section):
    """Levers of a public authority; all are off by default."""

    buyer_of_last_resort_usd: float = Field(
        0.0, ge=0.0, le=1e13, description="money to buy seized machines that find no bid"
    )
    buyer_price_share: float = Field(
        0.7, ge=0.0, le=2.0, description="of the scheduled value, paid by that buyer"
    )
    buyer_families: Literal["gpu", "asic", "both"] = "both"
    lender_of_last_resort_usd: float = Field(
        0.0, ge=0.0, le=1e13, description="money for lenders whose funders leave"
    )
    haircut_floor: float = Field(
        0.0, ge=0.0, le=0.99, description="least haircut on collateral: caps initial LTV"
    )
    tenor_cap_years: float = Field(
        100.0, ge=0.05, le=100.0, description="longest term of growth facilities and roll-overs"
    )
    standstill_days: int = Field(
        0, ge=0, le=36500, description="after a scripted shock nobody enforces for so long"
    )
    capital_buffer: float = Field(
        0.0, ge=0.0, le=0.9, description="more capital at the opening, as a share of assets"
    )
    mark_rule: Literal["scenario", "schedule", "market"] = Field(
        "scenario", description="marks by scenario.marks, by the schedule only, by trades only"
    )


class Marks(Section):
    """How lenders value hardware."""

    evidence_weight: float = Field(
        0.5, ge=0.0, le=1.0, description="weight of the last clearing price against the schedule"
    )
    evidence_half_life_days: float = Field(120.0, ge=0.01, le=36500.0)
    book_life_years: float = Field(
        6.0, ge=0.1, le=50.0, description="straight-line life of GPUs in lenders' reports"
    )


class Liquidation(Section):
    """Enforcement, and the market for second-hand hardware."""

    window_days: int = Field(7, ge=1, le=365, description="one call auction per class so often")
    legal_days: int = Field(60, ge=0, le=3650, description="from default to possession")
    in_place_days: int = Field(90, ge=0, le=3650, description="offered where it stands so long")
    cluster_gpus: float = Field(
        8000.0, ge=1.0, le=1e9, description="largest lot sold in place as one"
    )
    legal_cost_share: float = Field(0.03, ge=0.0, le=1.0, description="of proceeds")
    removal_usd_per_gpu: float = Field(150.0, ge=0.0, le=1e6)
    removal_usd_per_th: float = Field(0.25, ge=0.0, le=1e4, description="de-installation of rigs")
    storage_usd_per_gpu_day: float = Field(0.4, ge=0.0, le=1e4)
    idle_cost_share: float = Field(
        0.35, ge=0.0, le=1.0, description="of running cost while a cluster stands idle in place"
    )
    buyer_view_deviation: float = Field(0.25, ge=0.01, le=2.0, description="of buyers' log values")
    gpu_rent_drift: float = Field(-0.15, ge=-2.0, le=2.0, description="buyers' view, log a year")
    gpu_rent_volatility: float = Field(0.35, ge=0.0, le=3.0)
    hashprice_drift: float = Field(-0.15, ge=-2.0, le=2.0, description="buyers' view, log a year")
    hashprice_volatility: float = Field(0.60, ge=0.0, le=3.0)
    reversion_per_year: float = Field(0.5, ge=0.0, le=50.0, description="in buyers' view")
    gpu_life_years: float = Field(
        7.0, ge=0.25, le=50.0, description="buyers' view: economic life of a class from its launch"
    )
    asic_life_years: float = Field(6.0, ge=0.25, le=50.0, description="the same, of rigs")
    resale_share: float = Field(
        0.85,
        ge=0.0,
        le=1.0,
        description="of what a machine still earns at a buyer's horizon; the rest: dealers, moving",
    )
    new_price_decline: float = Field(
        0.25,
        ge=0.0,
        le=3.0,
        description="of new hardware per unit of work, log a year; with launches.dated after the "
        "last one announced",
    )
    budget_scale: float = Field(1.0, ge=0.0, le=1e6, description="multiplies all buyers' budgets")
    slot_scale: float = Field(1.0, ge=0.0, le=1e6, description="multiplies all buyers' rack slots")
    budget_days: float = Field(90.0, ge=1.0, le=3650.0, description="budget a buyer can save up")
    seller_required_return: float = Field(
        0.15, ge=0.0, le=2.0, description="for holding and hosting"
    )
    receiver_share: float = Field(
        0.5, ge=0.0, le=1.0, description="of seized GPUs a receiver keeps rented where they stand"
    )
    site_days: int = Field(365, ge=0, le=3650, description="from default until a site is offered")
    hosting_discount: float = Field(
        0.15, ge=0.0, le=1.0, description="income a lender gives up by hosting, not operating"
    )
    host_share: float = Field(
        0.25, ge=0.0, le=1.0, description="of buyers' free racks that host machines for lenders"
    )


class Channels(Section):
    """Endogenous responses; ``false`` freezes one under the same shocks."""

    crypto_margin: bool = Field(True, description="margin calls on BTC-backed loans")
    treasury_funding: bool = Field(
        True, description="machines and sites on order may be paid by loans on free coins"
    )
    btc_impact: bool = Field(True, description="forced sales move BTC")
    hashprice: bool = Field(True, description="miners' curtailment moves the network's hashrate")
    rent_feedback: bool = Field(True, description="idle and seized fleets move rents")
    mark_to_market: bool = Field(True, description="marks follow clearing prices")
    fire_sale: bool = Field(True, description="seized lots are auctioned; off: sold at the mark")
    forced_supply: bool = Field(
        True,
        description="seized machines and sites come to market; off: they are kept and run, what "
        "owners list sells as if nobody else sold",
    )
    lender_capital: bool = Field(
        True,
        description="lenders lend less as capital goes, firms close sleeves; off: only who fails "
        "outright stops lending",
    )
    funding_run: bool = Field(True, description="redeemable funding leaves on bad news")
    lender_distress: bool = Field(
        True,
        description="lenders that fail, or whose funders leave, lend less, alarm funders of others "
        "and press prices of what they sell; off: all of that stays their own, credit goes on",
    )
    loss_memory: bool = Field(
        True, description="losses make all lenders' terms harder; off: terms of a time without any"
    )
    buyer_finance: bool = Field(True, description="buyers' credit shrinks with lenders' supply")
    counterparty: bool = Field(True, description="tenants break contracts; off: all rents are paid")
    tenants_in_books: bool = Field(
        True,
        description="borrowers that fail leave what they rent; off: who takes over pays their rent",
    )
    fund_marks: bool = Field(
        True,
        description="funds carry notes at their spread, loans less expected loss; off: at par",
    )
    warehouse_margin: bool = Field(True, description="lines between lenders are margined")
    securitisation: bool = Field(True, description="securitisations trap cash, amortise early")
    material_change: bool = Field(
        True,
        description="lenders stop lines of borrowers that have changed for the worse; off: only "
        "of those in breach of that very line",
    )
    interlender: bool = Field(True, description="claims on failed lenders lose; off: paid in full")
    cross_default: bool = Field(
        True,
        description="a broken covenant reaches the borrower's other loans; off: its own loan only, "
        "but who does not pay what it owes fails",
    )
