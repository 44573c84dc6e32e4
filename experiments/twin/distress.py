"""Distress: machines put on sale, cure periods that end, seizure, estates and their pay-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.party import Status
from ...market.debt.default import DUST_UNITS
from ...market.debt.listing import ASK_SHARE, MORE_SHARE, SMALLEST_SHARE
from ...market.state.events import Cause, Event
from ...market.state.hardware import Family
from ...market.state.ledger import DUST_USD
from ...market.state.loans import ANY_GROWTH, Collateral, LoanStatus
from ...market.state.lots import LotState
from ...market.state.randomness import Stream, party_uniforms
from . import coins, sites
from .clauses import claim_ran_out, make_whole, takes_the_firm
from .rules import estate_shares, expected_recovery_usd

if TYPE_CHECKING:
    from .borrower import Borrower
    from .loan import Loan
    from .lot import Lot
    from .model import TwinMarket
    from .party import Party
    from .things import Entry, HardwareClass, Holding

HAZARD = int(Stream.HAZARD)

# ---------------------------------------------------------------- owners that sell


def list_machines(borrower: Borrower) -> None:
    """Put free machines on sale for what is due and unpaid, the cheapest classes first.

    Rigs are offered where they stand, GPUs are de-installed first.
    """
    market = borrower.model
    short = borrower.missing_usd() - max(borrower.cash_usd, 0.0)
    if borrower.status is not Status.ACTIVE or borrower.made_whole or short <= 0.0:
        return
    coming = borrower.coming_usd()
    need = ASK_SHARE * short - coming
    if need <= MORE_SHARE * coming:
        return  # most of what is missing is on its way
    spare_gpus = borrower.uncovered_gpus()
    while need > DUST_USD and len(market.lots) < market.listing_room:
        holding = _cheapest_free(borrower, spare_gpus > DUST_UNITS)
        if holding is None:
            break
        kind = holding.hardware
        free = _free_units(holding)
        units = min(free, max(need / kind.mark_usd, SMALLEST_SHARE * free))
        if free - units < DUST_UNITS:
            units = free
        state = LotState.IN_PLACE
        if kind.family is Family.GPU:
            units = min(units, spare_gpus)
            spare_gpus -= units
            state = LotState.MOVING
        holding.units -= units
        holding.spot_units = max(0.0, holding.spot_units - units)
        value = units * kind.mark_usd
        need -= value
        event = market.note(
            Event.LISTED, Cause.FUNDING, borrower, None, None, value, borrower.trail_event
        )
        whose = (borrower, None, borrower)
        lot = market.new_lot(whose, kind, (units, kind.mark_usd), state, event)
        lot.listed = True
        lot.offered_day = market.day


def _free_units(holding: Holding) -> float:
    """Units without a lien and not needed for a contract of their own."""
    return max(0.0, holding.units - max(holding.pledged, holding.contract_units))


def _cheapest_free(borrower: Borrower, gpus: bool) -> Holding | None:
    """The holding of the lowest mark that has free units and can be sold."""
    best, lowest = None, float("inf")
    for holding in borrower.holdings.values():
        kind = holding.hardware
        if kind.family is Family.GPU and not gpus:
            continue
        sells = kind.scrap_usd < kind.mark_usd < lowest
        if sells and _free_units(holding) > DUST_UNITS:
            best, lowest = holding, kind.mark_usd
    return best


# ---------------------------------------------------------------- default


def declare_defaults(market: TwinMarket) -> None:
    """Enforce every breach whose clock ran out, borrower by borrower."""
    script = market.settings.knock_out
    draws = party_uniforms(market.seed, HAZARD, market.day, len(market.borrowers)).tolist()
    for borrower, draw in zip(market.borrowers, draws, strict=True):
        if borrower.status is not Status.ACTIVE:
            continue
        if borrower.made_whole:
            make_whole(borrower)
        elif draw < market.terms.derived.hazard_per_day:
            hazard = market.note(Event.HAZARD, Cause.HAZARD, borrower, None, None, 0.0, None)
            go_bankrupt(borrower, Cause.HAZARD, hazard)
        elif (borrower.name, market.day) == (script.party, script.day):
            go_bankrupt(borrower, Cause.HAZARD, borrower.trail_event)
        elif _parent_failed(borrower):
            assert borrower.parent is not None
            go_bankrupt(borrower, Cause.PARENT_FAILED, borrower.parent.default_event)
        elif borrower.suppliers_file():
            go_bankrupt(borrower, Cause.OPERATING_COSTS, borrower.blame())
        else:
            _enforce_loans(borrower)


def _parent_failed(borrower: Borrower) -> bool:
    """Whether the firm that owns it failed on an earlier day."""
    owner, market = borrower.parent, borrower.model
    if owner is None or not market.terms.credit.group_filing or owner.status is Status.ACTIVE:
        return False
    return owner.default_day < market.day


def _enforce_loans(borrower: Borrower) -> None:
    """A recourse loan takes the whole borrower, a non-recourse one its vehicle only."""
    market = borrower.model
    for loan in borrower.loans:
        if claim_ran_out(loan):
            go_bankrupt(borrower, Cause.DEFICIENCY, loan.default_event)
            return
        if (
            loan.breach is Cause.NONE
            or loan.status is not LoanStatus.PERFORMING
            or not loan.cure_is_over()
        ):
            continue
        if takes_the_firm(loan):
            go_bankrupt(borrower, loan.breach, loan.breach_event, loan)
            return
        parent = loan.breach_event
        if not loan.recourse:
            vehicle = [one for one in borrower.loans if one is loan or loan.stands_with(one)]
            parent = market.note(
                Event.PERIMETER_DEFAULT,
                loan.breach,
                borrower,
                loan.lender,
                loan,
                sum(one.owed_usd() for one in vehicle if one.principal_usd > 0.0),
                loan.breach_event,
            )
        for other in borrower.loans:
            if other is loan:
                seize(loan, loan.breach, parent, 0)
            elif loan.stands_with(other):
                seize(other, Cause.CROSS_DEFAULT, parent, 1)


def go_bankrupt(
    borrower: Borrower, cause: Cause, parent: Entry | None, trigger: Loan | None = None
) -> None:
    """All loans default; what is unpledged becomes the estate."""
    event = borrower.fail(cause, parent)
    by_clause = trigger is not None and borrower.model.terms.channels.cross_default
    others = Cause.CROSS_DEFAULT if by_clause else Cause.INSOLVENCY
    for loan in borrower.loans:
        if loan.status is LoanStatus.PERFORMING:
            if loan is trigger:
                seize(loan, cause, event, 0)
            else:
                seize(loan, others, event, 1)
    _form_estate(borrower, event)


def seize(loan: Loan, cause: Cause, parent: Entry | None, round_: int) -> None:
    """Accelerate a loan and seize what secures it; coins are sold the same day."""
    market, borrower = loan.market, loan.borrower
    loan.undrawn_usd = 0.0
    if loan.principal_usd <= 0.0:  # repaid since its last payment day
        coins.release_coins(loan)
        loan.end_pledge()
        loan.status = LoanStatus.CLOSED
        return
    loan.status = LoanStatus.DEFAULTED
    borrower.open_claims += 1
    loan.begin_claim()
    event = market.note(
        Event.LOAN_DEFAULT, cause, borrower, loan.lender, loan, loan.claim_usd, parent, round_
    )
    loan.default_event = event
    if loan.collateral is Collateral.BTC and loan.collateral_btc > 0.0:
        repaid = coins.sell_coins(loan, loan.principal_usd, Cause.COLLATERAL_SALE, event)
        loan.recovered_usd += repaid
        loan.recovered_value_usd += repaid
        coins.release_coins(loan)
    elif loan.collateral is Collateral.HARDWARE and loan.collateral_units > DUST_UNITS:
        assert loan.holding is not None
        kind = loan.holding.hardware
        units = min(loan.collateral_units, loan.holding.units)
        loan.holding.units -= units
        loan.holding.pledged -= loan.collateral_units
        if loan.growth is not None and loan.growth.number == ANY_GROWTH:
            loan.holding.spot_units = max(0.0, loan.holding.spot_units - units)
        lot = _take((loan.lender, loan, borrower), kind, units, kind.mark_usd, event)
        lot.premium_usd_unit_day = loan.holding.premium_usd_unit_day
    elif loan.collateral is Collateral.SITE:
        for kind, mw in (
            (sites.powered(market), loan.site_mw),
            (sites.halls(market), loan.hall_mw),
        ):
            if mw > DUST_UNITS:  # it comes from outside the modelled fleets
                kind.outside_units -= mw
                _take((loan.lender, loan, borrower), kind, mw, kind.mark_usd, event)
        loan.site_mw = loan.hall_mw = 0.0
        borrower.halls_kept = max(0.0, borrower.halls_kept - loan.collateral_units)


def _take(
    whose: tuple[Party, Loan | None, Borrower],
    kind: HardwareClass,
    units: float,
    mark_usd: float,
    parent: Entry,
) -> Lot:
    """Seized machines start on their way to sale; ``whose``: who sells, the loan, the borrower."""
    owner, loan, borrower = whose
    market = borrower.model
    event = market.note(Event.SEIZURE, Cause.NONE, borrower, owner, loan, units * mark_usd, parent)
    lot = market.new_lot(whose, kind, (units, mark_usd), LotState.LEGAL, event)
    if loan is not None:
        loan.lots.append(lot)
    return lot


def _form_estate(borrower: Borrower, parent: Entry) -> None:
    """Sell a failed borrower's coins; its unpledged machines become lots of the estate."""
    market, prices = borrower.model, borrower.model.prices
    coins = borrower.btc + borrower.btc_lent
    amount = coins * prices.btc_usd + borrower.eth * prices.eth_usd
    borrower.btc = borrower.btc_lent = borrower.eth = 0.0
    market.outside_btc += coins
    if amount > DUST_USD:
        market.exchange.pay(borrower, amount)
        market.forced_usd += coins * prices.btc_usd
        event = market.note(
            Event.FORCED_SALE,
            Cause.COLLATERAL_SALE,
            borrower,
            market.exchange,
            None,
            amount,
            parent,
        )
        if coins > 0.0:
            market.forced_event = event
    for holding in borrower.holdings.values():
        units, kind = holding.units, holding.hardware
        if units > DUST_UNITS:
            holding.units = 0.0
            lot = _take((borrower, None, borrower), kind, units, kind.mark_usd, parent)
            lot.premium_usd_unit_day = holding.premium_usd_unit_day


# ---------------------------------------------------------------- claims and estates


def value_claims(borrower: Borrower) -> None:
    """Carry each defaulted claim at what it will bring: own collateral, share of the estate."""
    if borrower.open_claims == 0:
        return
    terms = borrower.model.terms
    after_cost = 1.0 - terms.liquidation.legal_cost_share
    assets = 0.0
    for lot in borrower.lots:
        if lot.loan is None and lot.state is not LotState.SOLD:
            assets += after_cost * lot.units * lot.hardware.mark_usd
    assets += max(borrower.cash_usd, 0.0)
    liens, others = 0.0, borrower.payables_usd + borrower.lease_claims_usd
    secured = []
    for loan in borrower.loans:
        if loan.status is LoanStatus.DEFAULTED:
            value = _collateral_usd(loan, after_cost)
            secured.append((loan, value))
            gap = loan.principal_usd - value
            if loan.recourse and loan.has_general_lien():
                liens += gap
            elif loan.recourse:
                others += max(gap, 0.0)
            assets += max(-gap, 0.0)
    if borrower.status is Status.DEFAULTED:
        assets *= 1.0 - terms.credit.bankruptcy_cost_share
    first, then = estate_shares(assets, liens, others)
    for loan, value in secured:
        dividend = first if loan.has_general_lien() else then
        dividend = dividend if loan.recourse else 0.0
        expected = expected_recovery_usd(loan.principal_usd, value, dividend)
        last = max((lot.last_event for lot in loan.lots), key=lambda e: e.number, default=None)
        loan.carry_at(expected, last or loan.default_event)


def _collateral_usd(loan: Loan, after_cost: float) -> float:
    """Seized and unsold, at lenders' marks, after legal cost [USD]."""
    value = 0.0
    for lot in loan.lots:
        if lot.state is not LotState.SOLD:
            price = lot.hardware.mark_usd + sites.lease_premium_usd_mw(lot)
            value += after_cost * lot.units * price
    return value


def settle_claims(borrower: Borrower) -> None:
    """Claims on who still stands: non-recourse ones end with their collateral.

    A recourse claim (cross-default switched off) collects from cash; then its lender files.
    """
    if borrower.open_claims == 0:
        return
    market = borrower.model
    for loan in borrower.loans:
        if loan.status is not LoanStatus.DEFAULTED or loan.open_lots:
            continue
        if not loan.recourse:
            loan.close_claim(loan.default_event)
        elif borrower.status is Status.ACTIVE:
            loan.recover(borrower, min(max(borrower.cash_usd, 0.0), loan.principal_usd))
            late = market.day >= loan.default_day + market.terms.credit.bankruptcy_days
            ends = late and market.terms.channels.cross_default
            if loan.principal_usd <= DUST_USD or ends:
                loan.close_claim(loan.default_event)


def _pay_landlords(borrower: Borrower, share: float) -> None:
    """Landlords whose contracts it broke, alike with its other unsecured creditors."""
    market = borrower.model
    for contract in market.contracts:
        if contract.tenant is borrower and contract.claim_usd > 0.0:
            landlord = contract.landlord
            if landlord.status is Status.WOUND_UP:
                landlord = market.investors
            borrower.pay(landlord, share * contract.claim_usd)
            contract.claim_usd = 0.0
    borrower.lease_claims_usd = 0.0


def pay_out_estate(borrower: Borrower) -> None:
    """When all is sold and the court is done: cost, liens, other claims alike, then the owners."""
    market, terms = borrower.model, borrower.model.terms
    since = market.day - borrower.default_day
    if borrower.status is not Status.DEFAULTED or since < terms.credit.bankruptcy_days:
        return
    if any(lot.state is not LotState.SOLD for lot in borrower.lots):
        return
    cost = terms.credit.bankruptcy_cost_share * max(borrower.cash_usd, 0.0)
    borrower.pay(market.courts, cost)
    liens, others = 0.0, borrower.payables_usd + borrower.lease_claims_usd
    for loan in borrower.loans:
        if loan.status is LoanStatus.DEFAULTED and loan.recourse:
            if loan.has_general_lien():
                liens += loan.principal_usd
            else:
                others += loan.principal_usd
    first, then = estate_shares(borrower.cash_usd, liens, others)
    event = market.note(
        Event.ESTATE_PAID,
        Cause.NONE,
        borrower,
        None,
        None,
        first * liens + then * others,
        borrower.default_event,
    )
    for loan in borrower.loans:
        if loan.status is LoanStatus.DEFAULTED:
            if loan.recourse:
                share = first if loan.has_general_lien() else then
                loan.recover(borrower, share * loan.principal_usd)
            loan.close_claim(event)
    if borrower.lease_claims_usd > 0.0:
        _pay_landlords(borrower, then)
    borrower.pay(market.utility, then * borrower.payables_usd)
    market.journal.payables_settled_usd += borrower.payables_usd
    borrower.payables_usd = 0.0
    borrower.pay(market.investors, borrower.cash_usd)  # what is left belongs to the owners
    borrower.status = Status.WOUND_UP
