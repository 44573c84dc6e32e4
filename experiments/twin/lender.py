"""Lenders: cash they find, losses they take, funding that leaves, credit they still give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.borrower import QUARTER_DAYS
from ...agents.lender import LenderKind
from ...agents.party import Status
from ...market.state.events import Cause, Event
from ...market.state.ledger import Account
from .party import Party
from .rules import (
    capital_ratio,
    credit_supply,
    deleveraging_usd,
    funded_share,
    paid_out_share,
    patience_days,
    redemption_share,
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
        self.redeemed_usd = 0.0
        self.last_resort_usd = 0.0  # of its funding, owed to the authority
        self.supply_event: Entry | None = None
        self.run_event: Entry | None = None
        self.worst_event: Entry | None = None
        self.closed_event: Entry | None = None
        self.impaired_event: Entry | None = None

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
        if (
            not terms.channels.funding_run
            or self.status is not Status.ACTIVE
            or self.sleeve
            or self.runnable_share <= 0.0
        ):
            return 0.0
        share = redemption_share(self.news, terms.lenders.run_threshold, terms.lenders.run_speed)
        if share <= 0.0:
            return 0.0
        private = self.funding_usd - self.last_resort_usd
        base = private
        if self.redeemable:
            base += max(self.capital_usd, 0.0)
        asked = share * self.runnable_share * base
        if self.redeemable:
            asked = min(asked, terms.lenders.gate_share_per_quarter * base / QUARTER_DAYS)
        asked = max(asked, 0.0)
        from_cash = min(asked, max(self.cash_usd, 0.0))
        from_loans = min(asked - from_cash, max(self.other_loans_usd, 0.0))
        self.other_loans_usd -= from_loans
        market.investors.pay(self, from_loans)
        paid = from_cash + from_loans
        self.pay(market.investors, paid)
        self.unpaid_run_usd = asked - paid
        from_funding = min(paid, max(private, 0.0))
        self.funding_usd -= from_funding
        self.capital_usd -= paid - from_funding  # shares redeemed: no loss
        self.redeemed_usd += paid - from_funding
        self.run_usd += paid
        event = self.run_event
        if event is not None and market.same_episode(event):
            event.amount_usd += paid
        else:
            self.run_event = market.note(
                Event.FUNDING_RUN,
                Cause.LOSSES,
                self,
                market.investors,
                None,
                paid,
                self.worst_event,
            )
        return from_loans

    def owe_authority(self, lent_usd: float) -> None:
        """The authority has paid funders; beyond these, a fund's shares."""
        shares = max(0.0, lent_usd - (self.funding_usd - self.last_resort_usd))
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
        self.funding_usd -= sold
        self.model.investors.pay(self, sold)
        self.pay(self.model.investors, sold)
        return sold

    def mark_other_loans(self, change: float) -> None:
        """Follow the price of other loans, if it marks to market."""
        if self.marked and self.status is Status.ACTIVE:
            loss = -change * self.other_loans_usd
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
        if self.status is not Status.ACTIVE or self.closed_event is not None:
            self.supply = 0.0
            return
        self.supply = 1.0
        if not terms.channels.lender_capital:
            return
        self.supply = credit_supply(
            self.capital_ratio(),
            self.least_ratio(),
            1.0 / self.target_leverage,
            terms.lenders.capital_buffer_share,
        )
        if self.supply < 1.0 and self.supply_event is None:
            self.supply_event = self.worst_event
