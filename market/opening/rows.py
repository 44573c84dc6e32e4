"""Rows: what one line of each opening table holds, with its types, units and bounds.

Each class is a row of one file in ``market/data/2025`` and its attributes are the columns. Money is
in USD millions and rates are decimals a year unless the name says otherwise; an empty cell is
``None``.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from .csv_files import Row, require

Text = Annotated[str, Field(min_length=1)]
# Bounds are what can be meant, wide: USD 10^15, 10^7 of anything counted, a century of days.
Amount = Annotated[float, Field(ge=0, le=1e9)]
Positive = Annotated[float, Field(ge=1e-6, le=1e9)]
Ratio = Annotated[float, Field(ge=0, le=1e4)]
Physical = Annotated[float, Field(ge=1e-4, le=1e5)]  # J/TH, kW, USD per MWh or kWh, years
Share = Annotated[float, Field(ge=0, le=1)]
Ltv = Annotated[float, Field(ge=0.01, le=2)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Days = Annotated[int, Field(ge=0, le=36_500)]
Number = Annotated[int, Field(ge=1, le=20_000)]
Names = Annotated[tuple[Text, ...], BeforeValidator(lambda cell: cell and cell.split("|"))]
Rating = Literal["IG", "HY", "unrated", "none"]


KindOfLender = Literal[
    "private_credit_locked",
    "private_credit_semi_liquid",
    "bond_funds",
    "convert_funds",
    "insurer",
    "bank",
    "crypto_lender",
    "vendor",
    "securitisation",
]


class Lender(Row):
    """A lender's business in this market; cash + book + other loans = funding + capital.

    Capital is that of the unit which holds the loans, not of its group. Its range, where given,
    holds nine draws in ten.
    """

    id: Text
    name: Text
    kind: KindOfLender
    capital_usd_m: Positive
    cash_usd_m: Amount
    runnable_share: Share
    funding_maturity_days: Days
    book_usd_m: Amount
    other_loans_usd_m: Amount
    funding_usd_m: Amount
    undrawn_commitments_usd_m: Amount
    min_capital_ratio: Share
    can_fail: bool
    parent_id: Text | None
    capital_low_usd_m: Positive | None = None
    capital_high_usd_m: Positive | None = None
    hedged_share: Share = 0.0

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        low, high = self.capital_low_usd_m, self.capital_high_usd_m
        given = "given if capital_low_usd_m is, and only then"
        require("capital_high_usd_m", (low is None) == (high is None), given)
        if low is not None and high is not None:
            allowed = "from capital_low_usd_m to capital_high_usd_m"
            require("capital_usd_m", low <= self.capital_usd_m <= high, allowed)
        return self


class InterlenderShare(Row):
    """What a lender, or each lender of a kind, owes to another: a share of the debtor's funding.

    The range holds nine draws in ten. A ``margined`` line is secured by what the debtor has lent.
    """

    row_key = ("debtor", "creditor_id")

    debtor: Text
    creditor_id: Text
    share: Annotated[float, Field(ge=1e-9, le=1)]
    share_low: Annotated[float, Field(ge=1e-9, le=1)]
    share_high: Share
    margined: bool

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        within = self.share_low <= self.share <= self.share_high
        require("share", within, "from share_low to share_high")
        return self


class LenderMargin(Row):
    """What lenders of a kind keep of interest, by year; ``other_margin`` is net of everything.

    Other loans of funds lose ``spread_duration_years`` times a rise of credit spreads.
    """

    row_key = ("kind",)

    kind: KindOfLender
    funding_spread: Annotated[float, Field(ge=-0.1, le=0.5)]
    cost_share: Share
    payout_share: Share
    other_margin: Share
    spread_duration_years: Annotated[float, Field(ge=0, le=30)]


class Buyer(Row):
    """A segment of second-hand buyers; budget and slots are those of the whole segment.

    An entrant comes after the opening: quotes of that day were made without it, so what buyers
    expect is read off them without it.
    """

    row_key = ("segment",)

    segment: Text
    name: Text
    count: Number
    budget_usd_m_yr: Amount
    credit_share: Share
    slots_air_lt15: Count
    slots_air_15_40: Count
    slots_liq_40_80: Count
    slots_liq_gt80: Count
    spare_mw_asic: Amount
    required_return: Share
    horizon_years: Annotated[float, Field(ge=0.05, le=100)]
    relocation_usd_per_gpu: Amount
    days_to_close: Days
    in_place_only: bool
    min_lot_gpus: Count
    classes_accepted: Names
    export_controlled_excluded: bool
    running_cost_usd_kwh: Physical
    entrant: bool = False
    site_mw: Amount = 0.0  # of sites it can take on


class Hardware(Row):
    """A hardware class; its unit is a machine for a GPU and 1 TH/s for a rig (ASIC)."""

    id: Text
    family: Literal["gpu", "asic"]
    fleet_group: Text
    launch_date: date
    new_price_usd: Positive
    list_price_usd: Positive | None
    used_price_usd: Positive | None
    kw_per_unit: Physical
    efficiency_lo_j_th: Physical | None
    efficiency_hi_j_th: Physical | None
    rack: Literal["AIR_LT15", "AIR_15_40", "LIQ_40_80", "LIQ_GT80", "ASIC"]
    performance_bf16_h100: Physical | None
    rent_usd_gpu_h: Physical | None
    work_h100: Physical | None = None  # that users will pay for, of a class nobody rents yet
    scrap_usd: Amount
    relocation_days: Days
    available_at_start: bool

    @model_validator(mode="after")
    def _agree(self) -> Self:
        rig, low, high = self.family == "asic", self.efficiency_lo_j_th, self.efficiency_hi_j_th
        require("rack", (self.rack == "ASIC") == rig, "ASIC for a rig and another for a GPU")
        given = "given for a rig and empty for a GPU"
        require("efficiency_lo_j_th", (low is not None) == rig, given)
        require("efficiency_hi_j_th", (high is not None) == rig, given)
        require("efficiency_hi_j_th", (low or 0) <= (high or 0), "at least efficiency_lo_j_th")
        measured = (self.performance_bf16_h100 is None) == rig
        require("performance_bf16_h100", measured, "given for a GPU and empty for a rig")
        rented = rig or self.rent_usd_gpu_h is not None
        require("work_h100", self.work_h100 is None or not rented, "empty where there is a rent")
        return self


class GroupSplit(Row):
    """The share of a fleet group that is of one hardware class; the column is ``class``."""

    row_key = ("fleet_group", "class")

    fleet_group: Text
    class_id: Annotated[Text, Field(alias="class")]
    share: Share


class Quote(Row):
    """A market quote, or a constant of a network, in its ``unit``."""

    row_key = ("key",)

    key: Text
    value: Annotated[float | date, Field(union_mode="left_to_right")]
    unit: Text


class Depreciation(Row):
    """The share of its price when new that hardware of a family keeps at an age."""

    row_key = ("family", "age_years")

    family: Literal["gpu", "asic"]
    age_years: Annotated[float, Field(ge=0, le=100)]
    residual_share: Annotated[float, Field(ge=1e-6, le=1)]  # its logarithm is needed


class Outside(Row):
    """A party outside the simulation: one end of a contract, with a rating.

    One that is ``pooled`` stands for many firms: each of its contracts is another's.
    """

    id: Text
    name: Text
    role: Text
    rating: Rating
    pooled: bool
