"""Rows of the opening tables of 2021-12-31: miners in detail, orders, dated facts, shocks.

Each class is a row of one file in ``market/data/2021``; files that have the same columns in both
years (lenders, buyers, hardware, quotes) share the rows of :mod:`market.opening.rows`. Money is in
USD millions and rates are decimals a year unless the name says otherwise.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ...state.units import TH_PER_EH
from ..csv_files import Row, require
from ..rows import Amount, Days, Lender, Ltv, Physical, Positive, Share, Text

Months = Annotated[int, Field(ge=0, le=1200)]
Confidence = Literal["seen", "computed", "memory", "estimated"]
Debt = Literal["asic_loan", "btc_loan", "convertible", "unsecured", "infrastructure", "other"]
Pledge = Literal["rigs", "btc", "site", "none"]

ASIC_SHARES = {"GT60": "share_gt60", "J38_60": "share_38_60", "J25_38": "share_25_38"}
"""Rig classes of 2021 and the column with their share of a miner's hashrate."""


class Fleet(Row):
    """What named and private miners have in common."""

    id: Text
    hashrate_eh_s: Amount
    share_gt60: Share
    share_38_60: Share
    share_25_38: Share
    power_usd_mwh: Physical | None
    cash_usd_m: Amount
    btc_free: Amount
    fixed_cost_usd_m_yr: Amount

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum(getattr(self, column) for column in ASIC_SHARES.values())
        whole = self.hashrate_eh_s == 0 or abs(total - 1) <= 1e-3
        require("share_25_38", whole, "such that the three shares of hashrate add up to 1")
        powered = self.hashrate_eh_s == 0 or self.power_usd_mwh is not None
        require("power_usd_mwh", powered, "given for a miner with hashrate")
        return self

    def fleet(self) -> dict[str, float]:
        """TH/s owned by class."""
        total = sum(getattr(self, column) for column in ASIC_SHARES.values())
        return {
            name: TH_PER_EH * self.hashrate_eh_s * getattr(self, column) / total
            for name, column in ASIC_SHARES.items()
            if self.hashrate_eh_s > 0
        }


class NamedMiner(Fleet):
    """A miner or a host by name; coins pledged to loans are not counted here.

    ``power_usd_mwh`` is what it pays, to a host if ``hosted_share`` of its rigs stand with one;
    ``hosts_mw`` is what it lets to others at ``hosting_usd_mwh``. Income from ether ends with the
    event of its own in ``shocks``.
    """

    name: Text
    listed: bool
    parent_id: Text | None
    market_cap_usd_m: Positive | None
    btc_lent: Amount
    eth: Amount
    energised_share: Share
    hosted_share: Share
    hosted_by: Text | None
    hosts_mw: Amount
    hosting_usd_mwh: Physical | None
    eth_revenue_usd_m_yr: Amount
    eth_power_mw: Amount

    @model_validator(mode="after")
    def _agree(self) -> Self:
        hosted = (self.hosted_by is not None) == (self.hosted_share > 0)
        require("hosted_by", hosted, "given if hosted_share is above 0 and empty otherwise")
        priced = (self.hosting_usd_mwh is not None) == (self.hosts_mw > 0)
        require("hosting_usd_mwh", priced, "given if hosts_mw is above 0 and empty otherwise")
        return self


class MinerConfidence(Row):
    """How sure each figure of a miner is; the row's own confidence says how sure we are of that."""

    id: Text
    cash: Confidence
    btc: Confidence
    eth: Confidence
    hashrate: Confidence
    power: Confidence
    fixed_cost: Confidence
    deposits: Confidence
    market_cap: Confidence


class PrivateMiner(Fleet):
    """One of the small miners behind the rest of the network."""

    order_share: Share


class DatedLoan(Row):
    """Terms that opening loans and later draws share; site collateral is the borrower's own."""

    borrower_id: Text
    perimeter: Text
    rate: Share
    maturity_months: Months
    amortisation: Literal["linear", "bullet"]
    grace_months: Months
    collateral_kind: Pledge
    collateral_eh_s: Amount
    initial_ltv: Ltv | None
    margin_call_ltv: Ltv | None
    liquidation_ltv: Ltv | None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        call, last = self.margin_call_ltv, self.liquidation_ltv
        called = self.collateral_kind == "btc"
        require("margin_call_ltv", (call is not None) == called, "given for BTC loans only")
        require("liquidation_ltv", (last is not None) == called, "given for BTC loans only")
        require("liquidation_ltv", (last or 9) > (call or 0), "greater than margin_call_ltv")
        rising = not called or (self.initial_ltv or 9) < (call or 0)
        require("initial_ltv", rising, "less than margin_call_ltv")
        require("collateral_eh_s", self.collateral_kind == "rigs" or not self.collateral_eh_s, "0")
        return self


class Loan2021(DatedLoan):
    """A loan at the opening; maturity counts from the opening date.

    ``cash_rate`` is the part of ``rate`` that is paid, the rest is added to principal.
    """

    row_key = ("loan_id",)

    loan_id: Text
    lender_id: Text
    instrument: Debt
    recourse: bool
    principal_usd_m: Amount
    undrawn_usd_m: Amount
    cash_rate: Share
    collateral_btc: Amount
    cure_days: Days

    @model_validator(mode="after")
    def _paid(self) -> Self:
        require("cash_rate", self.cash_rate <= self.rate, f"at most the rate, {self.rate:g}")
        require("maturity_months", self.maturity_months > 0, "greater than 0")
        return self


class PrivateLoan(Row):
    """A private miner's part of a loan; its terms are those of the loan ``terms_of``."""

    row_key = ("miner_id", "terms_of")

    miner_id: Text
    terms_of: Text
    principal_usd_m: Positive
    collateral_btc: Amount


class Draw(DatedLoan):
    """Money that came after the opening: ``signed`` by then, or known with hindsight only."""

    row_key = ("draw_id",)

    draw_id: Text
    date: date
    lender_id: Text | None
    kind: Literal["borrowing", "equity"]
    instrument: Debt | None
    recourse: bool | None
    amount_usd_m: Positive
    cure_days: Days | None
    signed: bool

    @model_validator(mode="after")
    def _loan(self) -> Self:
        loan = self.kind == "borrowing"
        given = "given for a borrowing and empty for equity"
        require("lender_id", (self.lender_id is not None) == loan, given)
        require("instrument", (self.instrument is not None) == loan, given)
        require("recourse", (self.recourse is not None) == loan, given)
        require("cure_days", (self.cure_days is not None) == loan, given)
        return self


class RigOrder(Row):
    """Rigs due on a date: hashrate, the deposit paid for it and what is still to be paid."""

    row_key = ("miner_id", "due")

    miner_id: Text
    due: date
    hashrate_eh_s: Amount
    deposit_usd_m: Amount
    payment_usd_m: Amount


class Lender2021(Lender):
    """A lender; capital is uncertain by ``capital_deviation_usd_m``."""

    capital_deviation_usd_m: Amount


class InterlenderClaim(Row):
    """A claim between lenders (inside other loans and funding), or coins lent to a lender."""

    row_key = ("creditor_id", "debtor_id")

    creditor_id: Text
    debtor_id: Text
    kind: Literal["loan", "coins"]
    amount_usd_m: Amount
    collateralised_share: Share
    btc: Amount

    @model_validator(mode="after")
    def _agree(self) -> Self:
        coins = self.kind == "coins"
        require("btc", (self.btc > 0) == coins, "above 0 for coins and 0 for a loan")
        require("amount_usd_m", (self.amount_usd_m > 0) != coins, "above 0 for a loan, else 0")
        return self


class OutsideShock(Row):
    """An event from outside this market on its date.

    ``amount`` is a share (capacity, outflow of callable funding), EH/s not delivered, USD millions
    (losses, exposures) or a factor on the opening power price, by ``kind``.
    """

    row_key = ("shock_id",)

    shock_id: Text
    date: date
    party_id: Text
    kind: Literal[
        "capacity_loss",
        "non_delivery",
        "asset_loss",
        "outflow",
        "failure",
        "power_price",
        "eth_ends",
        "new_exposure",
    ]
    amount: Amount
    counterparty_id: Text | None
    imposed: bool
    default_on: bool

    @model_validator(mode="after")
    def _agree(self) -> Self:
        between = self.kind == "new_exposure"
        paired = (self.counterparty_id is not None) == between
        require("counterparty_id", paired, "given for a new exposure and empty otherwise")
        shared = self.kind not in ("capacity_loss", "outflow") or self.amount <= 1
        require("amount", shared, "a share from 0 to 1")
        return self
