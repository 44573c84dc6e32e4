"""A loan as an object: service, repayment, margin calls, the value of the claim after default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...agents.party import Status
from ...market.debt.claims import NOTED_SHARE
from ...market.state.events import Cause, Event
from ...market.state.ledger import DUST_USD
from ...market.state.loans import Amortisation, Claims, Collateral, Instrument, LoanStatus
from ...market.state.lots import LotState
from . import commitments
from .pledged_income import pledged_income_usd_day
from .rules import (
    annual_rate,
    kept_interest_usd,
    payments_left,
    present_value_factor,
    scheduled_principal_usd,
    service_usd_day,
)

if TYPE_CHECKING:
    from .borrower import Borrower
    from .contract import Contract
    from .lender import Lender
    from .lot import Lot
    from .model import TwinMarket
    from .party import Party
    from .things import Entry, HardwareClass, Holding, Order, Perimeter

CLAIM_USD = tuple(name for name in Claims._fields if name.endswith("_usd"))
BULLET = int(Amortisation.BULLET)


@dataclass(slots=True, eq=False)
class Loan:
    """One lender's share of a loan; terms that a loan does not have are None."""

    market: TwinMarket
    number: int
    name: str
    borrower: Borrower
    lender: Lender
    perimeter: Perimeter | None
    instrument: Instrument
    status: LoanStatus
    principal_usd: float
    undrawn_usd: float
    accrued_usd: float
    rate_or_spread: float
    rate_open: float
    floating: bool
    amortisation: int
    principal_per_payment_usd: float
    interval_days: int
    next_payment_day: int
    maturity_day: int
    term_days: int
    collateral: Collateral
    hardware: HardwareClass | None
    collateral_units: float
    contract_units: float  # of these, machines bought for contracts signed at the opening
    collateral_btc: float
    site_mw: float
    hall_mw: float
    initial_ltv: float | None
    margin_call_ltv: float | None
    liquidation_ltv: float | None
    min_dscr: float | None
    dscr_test_day: int
    base_cash_flow_usd_day: float
    cure_days: int
    recourse: bool
    vehicle: int  # number of its perimeter: what stands and falls together
    growth: Contract | Order | None  # whose machines it pays for
    conversion_usd: float | None  # share price at which a note converts
    put_day: int  # holders may ask for their money, -1 if they may not
    holding: Holding | None  # the pledged machines
    note_spread: float  # of a fund's note at the opening, beyond what its issuer explains
    note_value: float  # of a dollar of that note at the opening
    provision_usd: float  # its lender carries it below principal while it performs
    # what happened
    arrears_interest_usd: float = 0.0
    arrears_principal_usd: float = 0.0
    due_cause: Cause = Cause.NONE
    breach: Cause = Cause.NONE
    breach_day: int = -1
    breach_event: Entry | None = None
    lock_up: bool = False
    waivers: int = 0
    roll_day: int = -1
    draw_event: Entry | None = None
    stop_event: Entry | None = None
    default_day: int = -1
    default_event: Entry | None = None
    claim_usd: float = 0.0
    recovered_usd: float = 0.0
    recovered_value_usd: float = 0.0
    written_down_usd: float = 0.0
    noted_usd: float = 0.0
    earlier: dict[str, float] = field(default_factory=dict)  # of a claim before this one
    lots: list[Lot] = field(default_factory=list)  # what was seized for it
    service_terms: tuple[float, float, int, int] | None = None  # of service as last computed
    payments: int = 0
    service_usd: float = 0.0

    def rate(self) -> float:
        """Interest a year, today."""
        reference: float = self.market.prices.reference_rate
        rate: float = annual_rate(self.rate_or_spread, self.floating, reference)
        return rate

    def has_general_lien(self) -> bool:
        """Whether it is paid first from what nobody has a pledge on."""
        return self.collateral is Collateral.GENERAL_LIEN

    def fall_due(self, day: int, reference_rate: float) -> None:
        """Accrue a day's interest; on payment dates and at maturity make it and principal due."""
        rate = annual_rate(self.rate_or_spread, self.floating, reference_rate)
        self.accrued_usd += self.principal_usd * rate / 365.0
        if self.perimeter is not None:
            self._count_coverage(self.perimeter, rate)
        if day < self.next_payment_day and day < self.maturity_day:
            return
        self.next_payment_day = day + self.interval_days
        if self.principal_usd <= 0.0:
            # Pledged coins are given back by the margin test first.
            if self.undrawn_usd <= 0.0 and self.collateral_btc <= 0.0:
                self.end_pledge()
                if self.growth is None:  # else it may be drawn again
                    self.status = LoanStatus.CLOSED
            return
        self.arrears_interest_usd += self.accrued_usd
        self.accrued_usd = 0.0
        not_due = self.principal_usd - self.arrears_principal_usd
        cause, due = Cause.INTEREST, 0.0
        if day >= self.maturity_day:
            cause, due = Cause.MATURITY, not_due
        elif self.amortisation != BULLET:
            left = payments_left(day, self.maturity_day, self.interval_days)
            cause = Cause.AMORTISATION
            due = scheduled_principal_usd(
                not_due,
                self.amortisation,
                self.principal_per_payment_usd,
                rate,
                self.interval_days,
                left,
            )
        self.arrears_principal_usd += due
        if due > 0.0 or self.due_cause is Cause.NONE:
            self.due_cause = cause

    def _count_coverage(self, perimeter: Perimeter, rate: float) -> None:
        """Add a day to the cash flow and the scheduled service of the tested perimeter."""
        perimeter.cash_flow_usd += pledged_income_usd_day(self)
        owed = self.principal_usd - self.arrears_principal_usd
        perimeter.service_usd += self._service_usd_day(owed, rate)

    def end_pledge(self) -> None:
        """Machines of a repaid loan are free again."""
        if self.holding is not None:
            self.holding.pledged -= self.collateral_units
            self.collateral_units = self.contract_units = 0.0

    def _service_usd_day(self, principal_usd: float, rate: float) -> float:
        """Scheduled interest and principal a day [USD], kept until one of its terms changes."""
        terms = (principal_usd, rate, self.next_payment_day, self.maturity_day)
        if terms != self.service_terms:
            self.service_terms = terms
            self.payments = payments_left(
                self.next_payment_day, self.maturity_day, self.interval_days
            )
            self.service_usd = service_usd_day(
                principal_usd,
                self.amortisation,
                self.principal_per_payment_usd,
                rate,
                self.interval_days,
                self.payments,
            )
        return self.service_usd

    def yearly_service_usd(self, reference_rate: float) -> float:
        """Scheduled interest and principal of the next year, bullets excluded [USD]."""
        rate = annual_rate(self.rate_or_spread, self.floating, reference_rate)
        daily = self._service_usd_day(self.principal_usd, rate)
        return daily * min(365.0, float(self.payments * self.interval_days))

    # ------------------------------------------------------------ money

    def draw(self, amount_usd: float) -> None:
        """Lend: cash to the borrower, a claim to the lender, who finds the cash first."""
        self.lender.find_cash(amount_usd)
        self.lender.pay(self.borrower, amount_usd)
        self.principal_usd += amount_usd
        self.lender.book_usd += amount_usd
        self.market.journal.drawn_usd += amount_usd

    def repay(self, payer: Party, amount_usd: float) -> None:
        """Repay principal: cash to the lender, the claim shrinks."""
        payer.pay(self.lender, amount_usd)
        self.principal_usd -= amount_usd
        self.lender.book_usd -= amount_usd
        self.market.journal.repaid_usd += amount_usd

    def prepay(self, payer: Party, amount_usd: float) -> None:
        """Repay ahead of schedule; never leaves more due than is owed."""
        self.repay(payer, amount_usd)
        self.arrears_principal_usd = min(self.arrears_principal_usd, self.principal_usd)

    def pay_interest(self, amount_usd: float) -> None:
        """Interest reaches the lender, which keeps its net margin and passes on the rest."""
        lender = self.lender
        self.borrower.pay(lender, amount_usd)
        kept = 0.0
        if lender.status is Status.ACTIVE:
            kept = kept_interest_usd(
                amount_usd,
                self.rate(),
                lender.funding_rate,
                lender.cost_share,
                lender.owners_share,
            )
        lender.pay(self.market.investors, amount_usd - kept)
        lender.earn(kept)

    def pay_its_funding(self) -> None:
        """A defaulted claim pays nothing and still costs its lender a day of funding."""
        lender = self.lender
        if self.status is LoanStatus.DEFAULTED and lender.status is Status.ACTIVE:
            cost = max(0.0, self.principal_usd - self.written_down_usd) * lender.funding_rate
            cost /= 365.0
            lender.find_cash(cost)
            lender.pay(self.market.investors, cost)
            lender.earn(-cost)

    def settle_arrears(self) -> None:
        """Nothing is due any more."""
        self.arrears_interest_usd = 0.0
        self.arrears_principal_usd = 0.0
        self.due_cause = Cause.NONE

    def in_good_standing(self) -> bool:
        """Whether it performs, without a breach or a lock-up."""
        performs = self.status is LoanStatus.PERFORMING
        return performs and self.breach is Cause.NONE and not self.lock_up

    def may_draw_for_growth(self) -> bool:
        """Whether a delayed-draw line is open: in good standing, not matured."""
        return commitments.opens_for_growth(self) and self.market.day < self.maturity_day

    def credit_given(self) -> float:
        """Credit its lender gives on it, 0 to 1: none in bad standing."""
        return self.lender.supply if commitments.opens_for_growth(self) else 0.0

    def draw_line(self, amount_usd: float) -> None:
        """Draw a line; draws of one month are one entry."""
        self.draw(amount_usd)
        self.stop_event = None
        if self.market.same_episode(self.draw_event):
            self.draw_event.amount_usd += amount_usd  # type: ignore[union-attr]
        else:
            self.draw_event = self.market.note(
                Event.DRAW,
                Cause.FUNDING,
                self.borrower,
                self.lender,
                self,
                amount_usd,
                self.borrower.trail_event,
            )

    def pledge(self, holding: Holding, units: float, for_contract: bool) -> None:
        """Machines bought with it secure it."""
        if units > 0.0:
            self.collateral_units += units
            self.contract_units += units if for_contract else 0.0
            self.holding = holding
            holding.pledged += units

    # ------------------------------------------------------------ breaches

    def open_breach(
        self, kind: Event, cause: Cause, amount_usd: float, parent: Entry | None
    ) -> None:
        """Start a cure clock."""
        event = self.market.note(kind, cause, self.borrower, self.lender, self, amount_usd, parent)
        self.breach = cause
        self.breach_day = self.market.day
        self.breach_event = event
        self.borrower.trail_event = event

    def close_breach(self, kind: Event, amount_usd: float) -> None:
        """A breach is cured, or a margin call met."""
        self.market.note(
            kind, self.breach, self.borrower, self.lender, self, amount_usd, self.breach_event
        )
        self.breach = Cause.NONE

    def cure_is_over(self) -> bool:
        """Whether the open breach has run out of time."""
        return self.market.day >= self.breach_day + self.cure_days

    def owed_usd(self) -> float:
        """What its lender may claim if it falls due today: principal and interest."""
        return self.principal_usd + self.accrued_usd + self.arrears_interest_usd

    def stands_with(self, other: Loan) -> bool:
        """Whether its default is the other's: both are owed by one non-recourse vehicle."""
        return (
            self.market.terms.channels.cross_default
            and not self.recourse
            and not other.recourse
            and self.vehicle == other.vehicle
            and other.status is LoanStatus.PERFORMING
        )

    # ------------------------------------------------------------ the claim after default

    @property
    def open_lots(self) -> int:
        """Seized lots still unsold."""
        return sum(lot.state is not LotState.SOLD for lot in self.lots)

    def recover(self, payer: Party, amount_usd: float) -> None:
        """Apply cash to a defaulted claim and to its recovery."""
        self.repay(payer, amount_usd)
        self.count_recovery(amount_usd)

    def count_recovery(self, amount_usd: float) -> None:
        """Add to what was recovered, and to its present value at the default day."""
        self.recovered_usd += amount_usd
        self.recovered_value_usd += amount_usd * present_value_factor(
            self.market.day, self.default_day, self.rate()
        )

    def carry_at(self, expected_usd: float, parent: Entry | None) -> None:
        """Carry the claim at what it is expected to bring; the change is the lender's."""
        target = self.principal_usd - min(self.principal_usd, expected_usd)
        change = target - self.written_down_usd
        if abs(unnoted := target - self.noted_usd) > NOTED_SHARE * self.claim_usd:
            self._note_write_down(unnoted, parent)
        provided = self.provision_usd
        if change != 0.0 or provided != 0.0:
            self.written_down_usd = target
            self.lender.written_down_usd += change
            self.provision_usd = 0.0
            self.lender.provision_usd -= provided
            self.lender.loss_usd += change
            self.lender.charge_capital(change - provided, parent)

    def _note_write_down(self, amount_usd: float, parent: Entry | None) -> None:
        self.noted_usd += amount_usd
        event = self.market.note(
            Event.WRITE_DOWN, Cause.LOSSES, self.lender, self.borrower, self, amount_usd, parent
        )
        self.lender.remember_loss(amount_usd, event)

    def forgive(self, amount_usd: float) -> None:
        """Extinguish a part of the claim that has been written down."""
        self.principal_usd -= amount_usd
        self.lender.book_usd -= amount_usd
        self.lender.written_down_usd -= amount_usd
        self.market.journal.written_off_usd += amount_usd

    def begin_claim(self) -> None:
        """A claim opens; money of an earlier one is kept apart."""
        self.earlier = {n: self.earlier.get(n, 0.0) + getattr(self, n) for n in CLAIM_USD}
        self.recovered_usd = self.recovered_value_usd = self.written_down_usd = self.noted_usd = 0.0
        self.default_day = self.market.day
        self.claim_usd = self.owed_usd()

    def close_claim(self, parent: Entry | None) -> None:
        """Resolve the claim: what is left of it is lost."""
        self.carry_at(0.0, parent)
        if abs(unnoted := self.written_down_usd - self.noted_usd) > DUST_USD:
            self._note_write_down(unnoted, parent)
        self.forgive(self.principal_usd)
        self.status = LoanStatus.CLOSED
        self.borrower.open_claims -= 1
