"""Borrowers: where cash comes from when it is short, what is paid and what is missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.party import Status
from ...market.debt.service import EXTENSION_DAYS
from ...market.state.events import Cause, Event
from ...market.state.ledger import DUST_USD
from ...market.state.loans import Collateral, LoanStatus
from ...market.state.lots import LotState
from . import coins, commitments
from .production import Operator
from .rules import share_price_usd

if TYPE_CHECKING:
    from .contract import Contract
    from .loan import Loan
    from .lot import Lot
    from .model import TwinMarket
    from .things import Entry, HardwareClass, Order

PAYMENT_CAUSES = (Cause.INTEREST, Cause.AMORTISATION, Cause.MATURITY, Cause.DEFICIENCY)


class Borrower(Operator):
    """An operator with loans, a treasury and, if listed, shares to sell."""

    plan_kw: float  # of machines with which a prospect would start
    cushion_usd: float  # and cash
    capex_usd_day: float  # committed building work, over a year
    capex_unpaid_days: float
    committed_equity_usd: float
    site_usd: float
    halls_kept: float
    deposits_usd: float
    creditworthy: bool  # passed underwriting this week
    interest_reserve_usd: float
    market_cap_open_usd: float
    assets_open_usd: float
    goodwill_open_usd: float
    equity_usd: float
    shares: float  # outstanding; of a dollar each where no price is known
    equity_room_usd: float
    payables_day: int
    orders: dict[HardwareClass, Order]  # of machines, after the opening, by class

    def __init__(self, model: TwinMarket, number: int, name: str) -> None:
        super().__init__(model, number, name)
        self.loans: list[Loan] = []
        self.contracts: list[Contract] = []  # as landlord
        self.lots: list[Lot] = []  # its machines on their way to sale, whoever sells them
        self.open_claims = 0  # defaulted loans not yet resolved
        self.refusal_event: Entry | None = None
        self.equity_event: Entry | None = None
        self.sale_event: Entry | None = None
        self.trail_event: Entry | None = None  # its last adverse event

    def blame(self) -> Entry | None:
        """Parent of what happens to it: its last adverse event, or the shock."""
        return self.trail_event or self.model.shock_event

    def has_ordered(self) -> bool:
        """Whether machines are on order, of whatever class."""
        return any(order.units > 0.0 for order in self.orders.values())

    # ------------------------------------------------------------ the waterfall

    def raise_cash(self, need_usd: float) -> None:
        """Bring cash up to ``need_usd``: treasury, lines, new shares, own pledged coins."""
        if self.cash_usd < need_usd:
            self.sell_treasury(need_usd - self.cash_usd)
        for loan in self.loans:
            amount = min(need_usd - self.cash_usd, commitments.room_usd(loan))
            if amount > 0.0 and not commitments.is_open(loan):
                commitments.note_stop(loan)
            elif amount > 0.0:
                loan.undrawn_usd -= amount
                loan.draw_line(amount)
        self.issue_shares(need_usd - self.cash_usd)
        for loan in self.loans:
            short = need_usd - self.cash_usd
            if short > 0.0:
                coins.unwind_coins(loan, short)

    def sell_treasury(self, need_usd: float) -> None:
        """Sell free BTC, then ETH, to raise ``need_usd``."""
        market, prices = self.model, self.model.prices
        from_btc = min(need_usd, self.btc * prices.btc_usd)
        if from_btc > 0.0:
            coins = min(self.btc, from_btc / prices.btc_usd)
            self.btc -= coins
            market.outside_btc += coins
            market.exchange.pay(self, from_btc)
            market.forced_usd += from_btc
        from_eth = min(need_usd - from_btc, self.eth * prices.eth_usd)
        if from_eth > 0.0:
            self.eth = max(0.0, self.eth - from_eth / prices.eth_usd)
            market.exchange.pay(self, from_eth)
        raised = from_btc + from_eth
        if raised <= 0.0:
            return
        event = self.sale_event
        if event is not None and market.same_episode(event):
            event.amount_usd += raised
        else:
            event = market.note(
                Event.FORCED_SALE,
                Cause.TREASURY,
                self,
                market.exchange,
                None,
                raised,
                self.blame(),
            )
            self.sale_event = self.trail_event = event
        if from_btc > 0.0:
            market.forced_event = event

    def issue_shares(self, need_usd: float) -> float:
        """Sell new shares for up to ``need_usd``; returns what they bring [USD]."""
        amount = min(need_usd, self.equity_room_usd)
        if amount <= 0.0:
            return 0.0
        market = self.model
        market.investors.pay(self, amount)
        self.equity_room_usd -= amount
        price = self.share_usd()
        if price > 0.0:
            self.shares += amount / price
        event = self.equity_event
        if event is not None and market.same_episode(event):
            event.amount_usd += amount
        else:
            self.equity_event = market.note(
                Event.EQUITY_ISSUED,
                Cause.FUNDING,
                self,
                market.investors,
                None,
                amount,
                self.trail_event,
            )
        return amount

    # ------------------------------------------------------------ liquidity

    def pay_what_is_due(self) -> None:
        """Suppliers first, then what each loan asks for."""
        if self.cash_usd < self.payables_usd - DUST_USD:
            self.raise_cash(self.payables_usd)
        if self.cash_usd < -DUST_USD:
            self._make_suppliers_wait()
        elif self.payables_usd > 0.0:
            self._pay_suppliers()
        for loan in self.loans:
            due = loan.arrears_interest_usd + loan.arrears_principal_usd
            if due > 0.0 and loan.status is LoanStatus.PERFORMING:
                self._serve(loan, due)

    def _make_suppliers_wait(self) -> None:
        short = -self.cash_usd
        self.model.utility.pay(self, short)
        self.payables_usd += short
        self.model.journal.payables_raised_usd += short
        if self.payables_day < 0:
            self.payables_day = self.model.day

    def _pay_suppliers(self) -> None:
        journal = self.model.journal
        paid = min(self.cash_usd, self.payables_usd)
        self.pay(self.model.utility, paid)
        journal.payables_settled_usd += paid
        self.payables_usd -= paid
        if self.payables_usd <= DUST_USD:
            journal.payables_settled_usd += self.payables_usd
            self.payables_usd = 0.0
            self.payables_day = -1

    def _serve(self, loan: Loan, due: float) -> None:
        """Roll, pay or miss what is due on a loan."""
        scarce = self.cash_usd < due + self.interest_reserve_usd
        if scarce and self.creditworthy and self._extend_matured(loan):
            return
        interest = loan.arrears_interest_usd
        if self.cash_usd < due:
            self.raise_cash(due)
            due = interest + loan.arrears_principal_usd  # own coins may have repaid part
        if self.cash_usd >= due * (1.0 - 1e-12):
            loan.pay_interest(interest)
            loan.repay(self, loan.arrears_principal_usd)
            loan.settle_arrears()
            if loan.breach in PAYMENT_CAUSES:
                loan.close_breach(Event.CURED, due)
        elif loan.breach is Cause.NONE:
            self._miss(loan, due)

    def _extend_matured(self, loan: Loan) -> bool:
        """Extend principal due at maturity that cash cannot cover; true if that settles it."""
        market = self.model
        principal, interest = loan.arrears_principal_usd, loan.arrears_interest_usd
        appetite = market.appetite() * loan.lender.supply
        in_cash = (1.0 - appetite) * principal
        if (
            loan.collateral is Collateral.BTC
            or market.day < loan.maturity_day
            or loan.breach is not Cause.NONE
            or principal <= 0.0
            or appetite <= 0.0
            or self.cash_usd < interest + in_cash
        ):
            return False
        loan.pay_interest(interest)
        loan.repay(self, in_cash)
        loan.maturity_day = market.day + EXTENSION_DAYS
        rolled = principal - in_cash
        market.note(Event.ROLLED_OVER, loan.due_cause, self, loan.lender, loan, rolled, None)
        loan.settle_arrears()
        return True

    def _miss(self, loan: Loan, due: float) -> None:
        """A payment is missed: the cure clock starts."""
        parent, lender = self.blame(), loan.lender
        if loan.arrears_principal_usd > 0.0:
            if self.refusal_event is not None:
                parent = self.refusal_event  # but for that sale it would have rolled
            elif self.creditworthy and lender.supply < 1.0:
                parent = lender.supply_event  # its lender had no capital to roll it
        loan.open_breach(Event.MISSED_PAYMENT, loan.due_cause, due, parent)

    # ------------------------------------------------------------ its balance sheet

    def share_usd(self) -> float:
        """Price of a share; nothing where none are listed."""
        price: float = share_price_usd(self.equity_usd, self.shares)
        return price

    def yearly_service_usd(self) -> float:
        """Scheduled interest and principal of the next year, bullets excluded [USD]."""
        reference_rate = self.model.prices.reference_rate
        service = 0.0
        for loan in self.loans:
            if loan.status is LoanStatus.PERFORMING and loan.principal_usd > 0.0:
                service += loan.yearly_service_usd(reference_rate)
        return service

    def in_good_standing(self) -> bool:
        """Whether it passed underwriting and nothing of it is breached, locked or unpaid."""
        if self.status is not Status.ACTIVE or not self.creditworthy or self.payables_usd > 0.0:
            return False
        return all(
            loan.status is LoanStatus.CLOSED or loan.in_good_standing() for loan in self.loans
        )

    def debt_usd(self) -> float:
        """Principal owed in this market [USD]."""
        total = 0.0
        for loan in self.loans:
            total += loan.principal_usd
        return total

    def coming_usd(self) -> float:
        """What its own machines on sale would bring at marks [USD]."""
        total = 0.0
        for lot in self.lots:
            if lot.loan is None and lot.state is not LotState.SOLD:
                total += lot.units * lot.hardware.mark_usd
        return total

    def missing_usd(self) -> float:
        """What is due and unpaid, suppliers included [USD]."""
        need = self.payables_usd
        for loan in self.loans:
            if loan.status is LoanStatus.PERFORMING:
                need += loan.arrears_interest_usd + loan.arrears_principal_usd
        return need

    def suppliers_file(self) -> bool:
        """Whether suppliers have waited as long as they do."""
        patience = self.model.terms.credit.payables_days
        return 0 <= self.payables_day <= self.model.day - patience

    def claims_usd(self) -> float:
        """What its lenders claim if all its loans fall due today [USD]."""
        claims = 0.0
        for loan in self.loans:
            if loan.status is LoanStatus.PERFORMING and loan.principal_usd > 0.0:
                claims += loan.owed_usd()
        return claims

    def fail(self, cause: Cause, parent: Entry | None) -> Entry:
        """Declare its failure; the amount is what its lenders claim."""
        debt = self.claims_usd()
        event = self.model.note(Event.DEFAULT, cause, self, None, None, debt, parent)
        self.status = Status.DEFAULTED
        self.default_day = self.model.day
        self.default_event = self.trail_event = event
        return event


class Miner(Borrower):
    """Mines bitcoin; may have GPU halls and tenants too."""


class Neocloud(Borrower):
    """Rents out GPUs or halls."""
