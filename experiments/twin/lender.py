"""Lenders: cash they find, losses they take, funding that leaves, credit they still give."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...agents.borrower import QUARTER_DAYS
from ...agents.lender import LenderKind
from ...agents.party import Status
from ...market.state.events import Cause, Event
from ...market.state.ledger import Account
from . import lines
from .party import Party
from .rules import (
    capital_ratio,
    credit_supply,
    deleveraging_usd,
    fund_outflow_share,
    fund_supply,
    funded_share,
    paid_out_share,
    patience_days,
    redemption_share,
    stress_outflow_share,
)

if TYPE_CHECKING:
    from .loan import Loan
    from .model import TwinMarket
    from .things import Entry, LenderClaim


class Lender(Party):
    """Cash + book less write-downs + other loans = funding + capital."""

    kind: LenderKind
    capital_open_usd: float
    capital_usd: float
    book_usd: float
    written_down_usd: float
    other_loans_usd: float
    funding_usd: float
    loss_usd: float
    runnable_share: float
    funding_maturity_days: float
    least_patience_days: float
    min_capital_ratio: float
    sleeve: bool
    redeemable: bool
    marked: bool
    target_leverage: float
    supply: float
    growth_room_usd: float  # it will newly lend, beyond lines it has committed
    funding_spread: float
    cost_share: float
    payout_share: float
    other_margin: float
    earned_usd: float
    spread_duration_years: float
    hedged_share: float
    outflow_usd: float
    line_advance: float
    line_open_day: int
    pool_usd: float
    pool_ltv: float
    traps_cash: bool
    funding_rate: float  # of today, and so is the next
    owners_share: float
    provision_usd: float

    def __init__(self, model: TwinMarket, number: int, name: str) -> None:
        super().__init__(model, number, name)
        self.loans: list[Loan] = []
        self.debts: list[LenderClaim] = []  # what it owes to other lenders
        self.news = 0.0
        self.run_usd = 0.0
        self.unpaid_run_usd = 0.0
        self.worst_usd = 0.0
        self.interlender_loss_usd = 0.0
        self.market_loss_usd = 0.0
        self.sold_loans_usd = 0.0  # of its other loans today, under pressure
        self.redeemed_usd = 0.0
        self.last_resort_usd = 0.0  # of its funding, owed to the authority
        self.supply_event: Entry | None = None
        self.run_event: Entry | None = None
        self.worst_event: Entry | None = None
        self.closed_event: Entry | None = None
        self.impaired_event: Entry | None = None
        self.line_event: Entry | None = None
        self.amortising_event: Entry | None = None

    def find_cash(self, amount_usd: float) -> None:
        """Have at least so much cash: other loans are sold at par, then new funding is taken."""
        short = amount_usd - self.cash_usd
        if short <= 0.0:
            return
        self.model.investors.pay(self, short)
        sold = min(short, max(self.other_loans_usd, 0.0))
        self.other_loans_usd -= sold
        self.funding_usd += short - sold

    def capital_ratio(self) -> float:
        """Capital over assets."""
        ratio: float = capital_ratio(self.capital_usd, self.funding_usd)
        return ratio

    def least_ratio(self) -> float:
        """The minimum it must keep: none may ask for more than it opened with."""
        return min(self.min_capital_ratio, 1.0 / self.target_leverage)

    def patience_days(self) -> float:
        """How long its funding lets it wait [days]."""
        patience: float = patience_days(self.runnable_share, self.funding_maturity_days)
        return patience

    # ------------------------------------------------------------ earnings

    def set_margins(self) -> None:
        """What funding costs and owners get until tomorrow."""
        rate = max(0.0, self.model.prices.reference_rate + self.funding_spread)
        self.funding_rate = rate * funded_share(self.capital_usd, self.funding_usd)
        self.owners_share = paid_out_share(
            self.payout_share, self.capital_usd, self.capital_open_usd
        )
        if self.traps_cash:
            self.owners_share = 0.0

    def earn(self, amount_usd: float) -> None:
        """Earnings, or a cost of funding, reach capital."""
        self.capital_usd += amount_usd
        self.earned_usd += amount_usd

    def earn_margin(self) -> None:
        """A day's margin on other loans, as far as owners do not get it."""
        if self.status is Status.ACTIVE:
            year = max(0.0, self.other_loans_usd) * self.other_margin
            kept = (1.0 - self.owners_share) * year / 365.0
            self.model.investors.pay(self, kept)
            self.earn(kept)

    # ------------------------------------------------------------ losses

    def lose(self, loss_usd: float, parent: Entry | None) -> None:
        """Take a loss (or a gain) on this market's loans."""
        self.loss_usd += loss_usd
        self.charge_capital(loss_usd, parent)

    def charge_capital(self, loss_usd: float, parent: Entry | None) -> None:
        """Take a loss (or a gain) to capital; funders hear of it."""
        self.capital_usd -= loss_usd
        self.news = max(0.0, self.news + loss_usd / self.capital_open_usd)
        if self.impaired_event is None and self.capital_ratio() < self.min_capital_ratio:
            self.impaired_event = self.model.note(
                Event.LENDER_IMPAIRED, Cause.LOSSES, self, None, None, self.loss_usd, parent
            )

    def remember_loss(self, amount_usd: float, event: Entry) -> None:
        """Keep the largest loss in mind: it is blamed for what follows."""
        if amount_usd > self.worst_usd:
            self.worst_usd = amount_usd
            self.worst_event = event

    # ------------------------------------------------------------ funding

    def redeem(self) -> float:
        """Redeemable money leaves on bad news; returns other loans sold for it [USD]."""
        market, terms = self.model, self.model.terms
        self.news *= market.news_kept
        self.unpaid_run_usd = 0.0
        self.outflow_usd = 0.0
        if (
            not terms.channels.funding_run
            or self.status is not Status.ACTIVE
            or self.sleeve
            or self.runnable_share <= 0.0
        ):
            return 0.0
        asked = self._asked_back_usd()
        if asked <= 0.0:
            return 0.0
        self.outflow_usd = asked
        if self.redeemable:
            asked = min(asked, self._gate_usd())
        from_cash = min(asked, max(self.cash_usd, 0.0))
        from_loans = min(asked - from_cash, max(self.other_loans_usd, 0.0))
        self.other_loans_usd -= from_loans
        self.sold_loans_usd += from_loans
        market.investors.pay(self, from_loans)
        paid = from_cash + from_loans
        self.pay(market.investors, paid)
        self.unpaid_run_usd = asked - paid
        if self.redeemable:
            self.capital_usd -= paid  # shares redeemed: no loss
            self.redeemed_usd += paid
        else:
            self.funding_usd -= paid
        self.run_usd += paid
        event = self.run_event
        if event is not None and market.same_episode(event):
            event.amount_usd += paid
        else:
            loading = terms.macro.funding_loading * market.prices.stress
            scripted = self.worst_event is None and loading > 0.0
            self.run_event = market.note(
                Event.FUNDING_RUN,
                Cause.SCENARIO if scripted else Cause.LOSSES,
                self,
                market.investors,
                None,
                paid,
                market.shock_event if scripted else self.worst_event,
            )
        return from_loans

    def owe_authority(self, lent_usd: float) -> None:
        """The authority has paid funders, or investors of a fund for their shares."""
        shares = max(0.0, lent_usd - (self.funding_usd - self.last_resort_usd))
        if self.redeemable:
            shares = lent_usd
        self.funding_usd += shares
        self.capital_usd -= shares
        self.redeemed_usd += shares
        self.last_resort_usd += lent_usd
        self.run_usd += lent_usd
        self.unpaid_run_usd -= lent_usd

    def serve_last_resort(self) -> None:
        """Interest of a day on what the authority lent, and repayment out of cash."""
        market, owed = self.model, self.last_resort_usd
        if owed <= 0.0 or self.status is not Status.ACTIVE:
            return
        interest = owed * max(0.0, market.prices.reference_rate + self.funding_spread) / 365.0
        market.investors.pay(market.authority, interest)
        market.accounts[Account.INTEREST] += interest
        repaid = min(owed, max(self.cash_usd, 0.0))
        self.pay(market.authority, repaid)
        market.accounts[Account.REPAID] += repaid
        self.last_resort_usd -= repaid
        self.funding_usd -= repaid

    def _gate_usd(self) -> float:
        """What a fund lets out in a day."""
        share = self.model.terms.lenders.gate_share_per_quarter
        return share * max(0.0, self.capital_usd) / QUARTER_DAYS

    def _asked_back_usd(self) -> float:
        """What its funders, or a fund's investors, ask back today."""
        terms, loading = self.model.terms.lenders, self.model.terms.macro.funding_loading
        tight = stress_outflow_share(self.model.prices.stress, loading)
        if self.redeemable:
            share = fund_outflow_share(
                self.news, terms.flow_threshold, terms.flow_sensitivity, terms.news_half_life_days
            )
            share += tight * (1.0 - share)
            return float(share * self.runnable_share * max(0.0, self.capital_usd))
        share = redemption_share(self.news, terms.run_threshold, terms.run_speed)
        share += tight * (1.0 - share)
        return max(0.0, share * self.runnable_share * (self.funding_usd - self.last_resort_usd))

    def return_to_target_leverage(self) -> float:
        """Sell other loans and repay funding if leverage is too high; returns sales [USD]."""
        terms = self.model.terms
        if (
            not terms.channels.lender_capital
            or self.status is not Status.ACTIVE
            or not self.marked
            or self.funding_usd <= 0.0
        ):
            return 0.0
        capital = self.capital_usd
        wanted = deleveraging_usd(
            capital + self.funding_usd, capital, self.target_leverage, terms.lenders.leverage_band
        )
        wanted /= terms.lenders.deleveraging_days
        private = max(0.0, self.funding_usd - self.last_resort_usd)
        sold = max(0.0, min(wanted, min(self.other_loans_usd, private)))
        self.other_loans_usd -= sold
        self.sold_loans_usd += sold
        self.model.investors.pay(self, sold)
        lines.repay_funding(self, sold)
        return sold

    def bear_own_impact(self, fall: float) -> None:
        """Owe the buyers what the price fell by its own sales, as far as it bears that."""
        short = self.model.terms.lenders.seller_impact_share * fall * self.sold_loans_usd
        self.sold_loans_usd = 0.0
        if short <= 0.0:
            return
        if self.redeemable:
            short = min(short, max(0.0, self.other_loans_usd))
            self.other_loans_usd -= short
        else:
            self.funding_usd += short
        self.market_loss_usd += short
        self.charge_capital(short, self.worst_event)

    def mark_other_loans(self, price: float, widened: float) -> None:
        """Follow the price of other loans and, a fund, credit spreads, if it marks to market."""
        if self.marked and self.status is Status.ACTIVE:
            spread = math.exp(-self.spread_duration_years * widened)
            loss = (1.0 - price * spread) * self.other_loans_usd
            self.other_loans_usd -= loss
            self.market_loss_usd += loss
            self.charge_capital(loss, self.worst_event)

    def grow_room(self) -> None:
        """A day's addition to what it will newly lend: a share of its assets a year.

        More where credit is easy; unused room is kept for a quarter.
        """
        market = self.model
        assets = max(0.0, self.capital_usd + self.funding_usd)
        year = (
            market.terms.investment.lender_growth_per_year
            * assets
            * self.supply
            * market.prices.appetite
        )
        year *= 1.0 + market.prices.ease
        self.growth_room_usd = min(self.growth_room_usd + year / 365.0, year / 4.0)

    def set_supply(self) -> None:
        """What share of its usual credit it gives today."""
        terms = self.model.terms
        if self.made_whole:
            self.supply = 1.0
            return
        if self.status is not Status.ACTIVE or self.closed_event is not None:
            failed = self.status is not Status.ACTIVE
            self.supply = 1.0 if failed and not terms.channels.lender_distress else 0.0
            return
        self.supply, event = 1.0, self.worst_event
        if terms.channels.lender_capital:
            self.supply = credit_supply(
                self.capital_ratio(),
                self.least_ratio(),
                1.0 / self.target_leverage,
                terms.lenders.capital_buffer_share,
            )
        distress = terms.channels.lender_distress
        if distress and self.redeemable:
            flows = fund_supply(self.outflow_usd, self._gate_usd())
            if flows < self.supply:
                self.supply, event = flows, self.run_event
        if distress and self.line_open_day >= 0:
            self.supply, event = 0.0, self.line_event
        if distress and self.amortising_event is not None:
            self.supply, event = 0.0, self.amortising_event
        if self.supply < 1.0 and self.supply_event is None:
            self.supply_event = event
