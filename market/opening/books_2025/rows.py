"""Rows of the files of 2025."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ...state.units import TH_PER_EH
from ..csv_files import Row, require
from ..rows import (
    Amount,
    Count,
    Days,
    Ltv,
    Number,
    Physical,
    Positive,
    Rating,
    Ratio,
    Share,
    Text,
)

GPU_GROUPS = ("A100", "H100", "H200", "B200_B300", "GB200_GB300", "AMD", "OTHER")
ASIC_SHARES = {  # and the column with its share of a miner's hashrate
    "GT35": "share_gt35",
    "J25_35": "share_25_35",
    "J18_25": "share_18_25",
    "LT18": "share_lt18",
}


class Operator(Row):
    """What miners and neoclouds share; ``split_into`` parties stand behind a ``REST_*`` row."""

    id: Text
    name: Text
    listed: bool
    split_into: Number
    market_cap_usd_m: Positive | None
    share_price_usd: Positive | None
    cash_usd_m: Amount
    committed_equity_usd_m: Amount
    power_usd_mwh: Physical
    mw_operating: Amount
    fixed_cost_usd_m_yr: Amount
    gpus_a100: Count
    gpus_h100: Count
    gpus_h200: Count
    gpus_b200_b300: Count
    gpus_gb200_gb300: Count
    gpus_amd: Count
    gpus_other: Count
    capex_committed_12m_usd_m: Amount
    seen_cells: str = ""  # columns, joined by |, that are sure whatever the rest of the row is

    def fleet(self) -> dict[str, float]:
        """Units owned by fleet group: machines of a GPU group, TH/s of a rig group."""
        return {group: getattr(self, f"gpus_{group.lower()}") for group in GPU_GROUPS}


class Miner(Operator):
    """A miner: coins in BTC and ETH (collateral not counted) and shares of its hashrate."""

    btc_free: Amount
    btc_lent: Amount
    eth: Amount
    hashrate_eh_s: Amount
    share_gt35: Share
    share_25_35: Share
    share_18_25: Share
    share_lt18: Share
    revenue_hpc_usd_m_yr: Amount
    revenue_other_usd_m_yr: Amount
    opex_hpc_other_usd_m_yr: Amount

    @model_validator(mode="after")
    def _agree(self) -> Self:
        total = sum(getattr(self, column) for column in ASIC_SHARES.values())
        complete = self.hashrate_eh_s == 0 or abs(total - 1) <= 1e-3
        require("share_lt18", complete, "such that the four shares of hashrate add up to 1")
        return self

    def fleet(self) -> dict[str, float]:
        """Units owned by fleet group: machines of a GPU group, TH/s of a rig group."""
        shares = {group: getattr(self, column) for group, column in ASIC_SHARES.items()}
        th, whole = self.hashrate_eh_s * TH_PER_EH, sum(shares.values()) or 1.0
        return super().fleet() | {group: th * share / whole for group, share in shares.items()}


class Treasury(Row):
    """What a miner said it keeps of its production, and a line on coins that it could still draw.

    The line is not committed: its lender may refuse. Committed ones are in the table of loans.
    """

    id: Text
    hold_share: Share
    line_lender_id: Text | None
    line_usd_m: Amount
    rate: Share | None
    initial_ltv: Ltv | None
    margin_call_ltv: Ltv | None
    liquidation_ltv: Ltv | None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        terms = (self.line_lender_id, self.rate, self.initial_ltv)
        calls = (self.margin_call_ltv, self.liquidation_ltv)
        for name, given in zip(
            ("line_lender_id", "rate", "initial_ltv", "margin_call_ltv", "liquidation_ltv"),
            (*terms, *calls),
            strict=True,
        ):
            fits = (given is not None) == (self.line_usd_m > 0)
            require(name, fits, "given for a line and empty without one")
        return self


class Machines(Row):
    """Machines of a borrower known by class, beyond those of its row: GPUs, or TH/s of rigs."""

    row_key = ("owner_id", "class_id")

    owner_id: Text
    class_id: Text
    units: Positive


class Neocloud(Operator):
    """An operator that rents out GPUs, or a campus company that rents out halls."""

    revenue_usd_m_yr: Amount
    opex_ex_da_usd_m_yr: Amount


class Loan(Row):
    """One lender's share of a loan; collateral in BTC, machines, TH/s or shares of a site."""

    row_key = ("loan_id",)

    loan_id: Text
    borrower_id: Text
    perimeter: Text
    recourse: bool
    lender_id: Text
    syndicate_id: Text
    instrument: Literal[
        "btc_loan",
        "asic_loan",
        "gpu_loan",
        "project_finance",
        "high_yield",
        "convertible",
        "vendor",
        "revolver",
        "other",
    ]
    drawn_usd_m: Amount
    committed_usd_m: Amount
    rate_type: Literal["fixed", "float"]
    rate_or_spread: Share
    origination: date
    maturity: date
    amortisation: Literal["bullet", "linear", "annuity"]
    principal_per_quarter_usd_m: Positive | None
    collateral_kind: Literal[
        "unsecured",
        "general_lien",
        "btc",
        "asic",
        "gpu",
        "gpu_and_contract",
        "site",
        "site_and_lease",
    ]
    collateral_class: Text | None
    collateral_units: Amount
    initial_ltv: Ltv | None
    margin_call_ltv: Ltv | None
    liquidation_ltv: Ltv | None
    min_dscr: Annotated[float, Field(ge=0.01, le=100)] | None
    cure_days: Days
    conversion_price_usd: Positive | None
    put_date: date | None
    dscr_test_start: date | None
    pledged_cash_flow_usd_m_yr: Amount | None
    opening_dscr: Ratio | None
    opening_ltv: Ratio | None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        drawn, limit, start, end = (
            self.drawn_usd_m, self.committed_usd_m, self.origination, self.maturity
        )  # fmt: skip
        secured = self.collateral_kind not in ("unsecured", "general_lien")
        ltv, call, last = self.initial_ltv, self.margin_call_ltv, self.liquidation_ltv
        tested, converts = self.min_dscr is not None, self.instrument == "convertible"
        require("drawn_usd_m", drawn <= limit, f"at most committed_usd_m, {limit:g}")
        require("maturity", end > start, f"a date after origination, {start}")
        inside = self.put_date is None or start < self.put_date <= end
        require("put_date", inside, "a date after origination and not after maturity")
        given = "given for a loan with collateral and empty or 0 without"
        require("collateral_class", (self.collateral_class is not None) == secured, given)
        require("collateral_units", self.collateral_units == 0 or secured, given)
        require("initial_ltv", (ltv is not None) == secured, given)
        require("margin_call_ltv", call is None or (ltv or 9) < call, "greater than initial_ltv")
        ladder = last is None if call is None else last is not None and call < last
        require("liquidation_ltv", ladder, "greater than margin_call_ltv, and empty if that is")
        require("opening_ltv", (self.opening_ltv or 0) <= (ltv or 0), "at most initial_ltv")
        starts = (self.dscr_test_start is not None) == tested
        require("dscr_test_start", starts, "given if min_dscr is, and empty if that is")
        priced = (self.conversion_price_usd is not None) == converts
        require("conversion_price_usd", priced, "given for a convertible and empty otherwise")
        return self


class Lease(Row):
    """A contract for halls (hosting, MW) or GPUs (compute) that the tenant pays."""

    row_key = ("lease_id",)

    lease_id: Text
    landlord_id: Text
    tenant_id: Text
    kind: Literal["hosting", "compute"]
    mw: Amount
    gpus: Count
    gpu_class: Text | None
    usd_m_yr: Amount
    start: date
    end: date
    take_or_pay: bool
    tenant_rating: Rating
    guarantor_id: Text | None
    guarantee_cap_usd_m: Amount
    cost_in_tenant_opex: bool
    seen_cells: str = ""  # as in the tables of operators

    @model_validator(mode="after")
    def _agree(self) -> Self:
        require("end", self.end > self.start, f"a date after start, {self.start}")
        given = (self.gpu_class is not None) == (self.gpus > 0)
        require("gpu_class", given, "given for a contract on GPUs and empty otherwise")
        backed = self.guarantor_id is not None or self.guarantee_cap_usd_m == 0
        require("guarantee_cap_usd_m", backed, "0 if nobody guarantees")
        return self


class Site(Row):
    """A site that secures project finance, by the perimeter that owns it."""

    row_key = ("perimeter",)

    perimeter: Text
    power_mw: Positive  # connected or being connected, for IT or rigs
    hall_mw: Amount  # of it, halls finished or paid for

    @model_validator(mode="after")
    def _agree(self) -> Self:
        allowed = f"at most power_mw, {self.power_mw:g}"
        require("hall_mw", self.hall_mw <= self.power_mw, allowed)
        return self


class SecondaryMarket(Row):
    """A figure about the second-hand market to compare results with."""

    id: Text
    name: Text
    value: Amount
    unit: Text
