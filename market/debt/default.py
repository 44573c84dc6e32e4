"""Default: cure clocks run out, parties fail, collateral is seized.

A full-recourse default takes the whole borrower (cross-default): every lender seizes its
collateral, what is unpledged becomes the estate. A non-recourse default takes the perimeter only.
Where the borrower fails as a whole (operating accident, unpaid bills, its parent) no clause is
needed: its insolvency makes all loans due. Without clauses (``channels.cross_default`` off) a
broken covenant takes its own loan only; who does not pay, or has not paid what a seizure left open
when the court's time is up, is insolvent all the same.
A parent that has failed takes along the borrowers it owns the day after, those apart whose debt is
all without recourse: what is financed like that stands alone by contract.
"""

from __future__ import annotations

from typing import NamedTuple

from ...agents.compiling.kernels import compiled, inlined
from ...agents.party import Outside, Status
from ..state.events import Cause, Event
from ..state.facts import knocked_out
from ..state.history import in_round, log_event
from ..state.ledger import DUST_USD
from ..state.loans import ANY_GROWTH, Collateral, LoanStatus, cure_end, open_claim, owed_usd
from ..state.lots import new_lot
from ..state.market import Market
from ..state.money import pay
from ..state.randomness import Stream, uniform
from .covenants import release_machines, release_pledged_btc, sell_pledged_btc

DUST_UNITS = 1e-3  # less than that of a machine is not seized


@compiled
def add_lot(
    market: Market,
    whose: tuple[int, int, int],
    k: int,
    units: float,
    mark_usd: float,
    parent: int,
) -> int:
    """Put seized machines on their way to sale; returns the lot.

    ``whose``: the party that sells, the loan (-1: none) and the borrower.
    """
    owner, loan, borrower = whose
    event = log_event(
        market, Event.SEIZURE, Cause.NONE, (borrower, owner, loan), units * mark_usd, parent
    )
    lot = new_lot(market.lots, market.today.day, whose, k, units, event)
    market.lots.mark_usd[lot] = mark_usd
    return lot


@compiled
def seize_site(market: Market, loan: int, parent: int) -> None:
    """Power and halls become a lot each, in MW; they come from outside the modelled fleets.

    A borrower that stands loses the rents with them.
    """
    loans, opening = market.loans, market.opening
    b = loans.borrower[loan]
    owner = market.today.first_lender + loans.lender[loan]
    for k, mw in (
        (opening.site_class, loans.site_mw[loan]),
        (opening.hall_class, loans.hall_mw[loan]),
    ):
        if mw > DUST_UNITS:
            market.ledger.outside_units[k] -= mw
            loans.claims.open_lots[loans.claim[loan]] += 1
            add_lot(market, (owner, loan, b), k, mw, market.marks_usd[k], parent)
    loans.site_mw[loan] = loans.hall_mw[loan] = 0.0
    kept = market.borrowers.halls_kept[b] - loans.collateral_units[loan]
    market.borrowers.halls_kept[b] = max(0.0, kept)


@compiled
def default_loan(market: Market, loan: int, cause: int, parent: int, round_: int) -> None:
    """Accelerate a loan and seize what secures it; coins are sold the same day."""
    today, parties = market.today, market.parties
    holdings, loans = market.holdings, market.loans
    b = loans.borrower[loan]
    row = loans.lender[loan]
    loans.undrawn_usd[loan] = 0.0
    if loans.principal_usd[loan] <= 0.0:  # repaid since its last payment day
        release_pledged_btc(market, loan)
        release_machines(market, loan)
        loans.status[loan] = LoanStatus.CLOSED
        return
    loans.status[loan] = LoanStatus.DEFAULTED
    owed = owed_usd(loan, loans)
    who = (b, today.first_lender + row, loan)
    event = log_event(market, Event.LOAN_DEFAULT, cause, who, owed, parent)
    in_round(market, event, round_)
    claims, claim = loans.claims, open_claim(loan, today.day, owed, event, loans)
    if loans.collateral[loan] == Collateral.BTC and loans.collateral_btc[loan] > 0.0:
        repaid = sell_pledged_btc(
            market,
            loan,
            loans.principal_usd[loan],
            today.first_outside + Outside.EXCHANGE,
            Cause.COLLATERAL_SALE,
            event,
        )
        claims.recovered_usd[claim] += repaid
        claims.recovered_value_usd[claim] += repaid
        parties.btc[b] += loans.collateral_btc[loan]
        loans.collateral_btc[loan] = 0.0
    elif (
        loans.collateral[loan] == Collateral.HARDWARE and loans.collateral_units[loan] > DUST_UNITS
    ):
        holding = loans.holding[loan]
        units = min(loans.collateral_units[loan], holdings.units[holding])
        holdings.units[holding] -= units
        holdings.pledged[holding] -= loans.collateral_units[loan]
        if loans.growth[loan] == ANY_GROWTH:
            holdings.spot_units[holding] = max(0.0, holdings.spot_units[holding] - units)
        claims.open_lots[claim] += 1
        k = loans.hardware[loan]
        owner = today.first_lender + row
        lot = add_lot(market, (owner, loan, b), k, units, market.marks_usd[k], event)
        market.lots.premium_usd_unit_day[lot] = holdings.premium_usd_unit_day[holding]
    elif loans.collateral[loan] == Collateral.SITE:
        seize_site(market, loan, event)


@compiled
def claims_usd(market: Market, b: int) -> float:
    """What a borrower's lenders claim if all its loans fall due today [USD]."""
    loans = market.loans
    debt = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] == LoanStatus.PERFORMING and loans.principal_usd[loan] > 0.0:
            debt += owed_usd(loan, loans)
    return debt


@compiled
def default_party(market: Market, b: int, cause: int, parent: int, round_: int) -> int:
    """Declare a borrower's failure; the amount is what its lenders claim. Returns the event."""
    today, parties = market.today, market.parties
    debt = claims_usd(market, b)
    event = log_event(market, Event.DEFAULT, cause, (b, -1, -1), debt, parent)
    in_round(market, event, round_)
    parties.status[b] = Status.DEFAULTED
    parties.default_day[b] = today.day
    parties.default_event[b] = event
    parties.trail_event[b] = event
    return event


@compiled
def form_estate(market: Market, b: int, parent: int) -> None:
    """Sell a failed borrower's coins; its unpledged machines become lots of the estate."""
    today, prices, parties = market.today, market.prices, market.parties
    holdings, ledger, log = market.holdings, market.ledger, market.log
    exchange = today.first_outside + Outside.EXCHANGE
    coins = parties.btc[b] + parties.btc_lent[b]
    parties.btc[b] = 0.0
    parties.btc_lent[b] = 0.0
    ledger.outside_btc[0] += coins
    amount = coins * prices.btc_usd + parties.eth[b] * prices.eth_usd
    parties.eth[b] = 0.0
    if amount > DUST_USD:
        pay(market, exchange, b, amount)
        log.forced_usd[0] += coins * prices.btc_usd
        event = log_event(
            market, Event.FORCED_SALE, Cause.COLLATERAL_SALE, (b, exchange, -1), amount, parent
        )
        if coins > 0.0:
            log.forced_event[0] = event
    for row in range(holdings.first[b], holdings.first[b + 1]):
        units = holdings.units[row]
        if units > DUST_UNITS:
            holdings.units[row] = 0.0
            k = holdings.hardware[row]
            lot = add_lot(market, (b, -1, b), k, units, market.marks_usd[k], parent)
            market.lots.premium_usd_unit_day[lot] = holdings.premium_usd_unit_day[row]


@inlined
def _files_with_parent(market: Market, b: int) -> bool:
    """Whether the firm that owns a borrower failed before today."""
    today, terms, parties = market.today, market.terms, market.parties
    owner = parties.parent[b]
    return (
        terms.credit.group_filing
        and owner >= 0
        and parties.status[owner] != Status.ACTIVE
        and parties.default_day[owner] < today.day
    )


@compiled
def _same_vehicle(market: Market, loan: int, other: int) -> bool:
    """Whether a default of one loan is one of the other: lenders of one non-recourse vehicle."""
    terms, loans = market.terms, market.loans
    return (
        terms.channels.cross_default
        and not loans.recourse[loan]
        and not loans.recourse[other]
        and loans.vehicle[loan] == loans.vehicle[other]
        and loans.status[other] == LoanStatus.PERFORMING
    )


class Failure(NamedTuple):
    """Why a borrower fails as a whole."""

    cause: int  # Cause, NONE: it does not
    parent: int  # event it reacts to
    trigger: int  # loan whose clock ran out, -1: unpaid suppliers


@inlined
def suppliers_run_out(market: Market, b: int) -> bool:
    """Whether suppliers have waited for their money as long as they do."""
    since = market.parties.payables_day[b]
    return since >= 0 and market.today.day >= since + market.terms.credit.payables_days


@inlined
def clock_ran_out(market: Market, loan: int) -> bool:
    """Whether the cure period of an open breach is over."""
    loans = market.loans
    return (
        loans.status[loan] == LoanStatus.PERFORMING
        and loans.breach[loan] != Cause.NONE
        and market.today.day >= cure_end(loan, loans)
    )


@inlined
def takes_the_firm(market: Market, loan: int) -> bool:
    """Whether a loan whose cure period is over fails its borrower as a whole.

    Who does not pay a recourse loan is insolvent. A broken covenant, or a call for margin, takes
    along only what cross-default clauses reach.
    """
    loans, breach = market.loans, market.loans.breach[loan]
    covenant = breach == Cause.DSCR or breach == Cause.HARDWARE_MARK or breach == Cause.BTC_PRICE
    return loans.recourse[loan] and (market.terms.channels.cross_default or not covenant)


@inlined
def claim_ran_out(market: Market, loan: int) -> bool:
    """Whether a lender that enforced alone has waited for the rest as long as a court does."""
    loans = market.loans
    if market.terms.channels.cross_default or loans.status[loan] != LoanStatus.DEFAULTED:
        return False
    claims, claim = loans.claims, loans.claim[loan]
    return (
        loans.recourse[loan]
        and loans.principal_usd[loan] > DUST_USD
        and claims.open_lots[claim] == 0
        and market.today.day >= claims.default_day[claim] + market.terms.credit.bankruptcy_days
    )


@inlined
def last_trail(market: Market, b: int) -> int:
    """A borrower's last adverse event, else the scripted shock."""
    trail = market.parties.trail_event[b]
    return trail if trail >= 0 else market.today.shock_event


@compiled
def failure_today(market: Market, b: int) -> Failure:
    """What would make a borrower fail as a whole today for want of money."""
    loans = market.loans
    if suppliers_run_out(market, b):
        return Failure(Cause.OPERATING_COSTS.value, last_trail(market, b), -1)
    for loan in range(loans.first[b], loans.first[b + 1]):
        if clock_ran_out(market, loan) and takes_the_firm(market, loan):
            cause, parent = loans.breach[loan], loans.breach_event[loan]
            return Failure(int(cause) + 0, int(parent) + 0, loan + 0)  # in 64 bits
    return Failure(Cause.NONE.value, -1, -1)


@compiled
def _vehicle_usd(market: Market, loan: int) -> float:
    """What the lenders of a non-recourse loan's vehicle claim when that loan defaults [USD]."""
    loans = market.loans
    debt = 0.0
    b = loans.borrower[loan]
    for other in range(loans.first[b], loans.first[b + 1]):
        falls = other == loan or _same_vehicle(market, loan, other)
        if falls and loans.principal_usd[other] > 0.0:
            debt += owed_usd(other, loans)
    return debt


@compiled
def make_whole(market: Market, b: int) -> None:
    """Keep a borrower from failing: outside pays what it owes and cannot, and waives the rest.

    Its own means go first: it is asked after a day's waterfall.
    """
    today, parties, loans = market.today, market.parties, market.loans
    owed = parties.payables_usd[b]
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] == LoanStatus.PERFORMING:
            owed += loans.arrears_interest_usd[loan] + loans.arrears_principal_usd[loan]
            if clock_ran_out(market, loan):
                loans.breach[loan] = Cause.NONE
    short = owed - max(parties.cash_usd[b], 0.0)
    if short > 0.0:
        pay(market, today.first_outside + Outside.INVESTORS, b, short)


@compiled
def default(market: Market) -> None:
    """Enforce every breach whose clock ran out, borrower by borrower.

    Round 0 is a loan's own default, round 1 what cross-default or insolvency adds.
    """
    today, terms, parties, loans = market.today, market.terms, market.parties, market.loans
    for b in range(len(loans.first) - 1):
        if parties.status[b] != Status.ACTIVE:
            continue
        if parties.made_whole[b]:
            make_whole(market, b)
            continue
        cause = Cause.NONE.value
        parent = -1
        trigger = -1
        if uniform(today.seed, Stream.HAZARD, today.day, b) < terms.derived.hazard_per_day:
            cause = Cause.HAZARD.value
            parent = log_event(market, Event.HAZARD, Cause.HAZARD, (b, -1, -1), 0.0, -1)
        elif knocked_out(market.dated.shocks, today.day, b):
            cause = Cause.HAZARD.value
            parent = parties.trail_event[b]  # the shock of this morning
        elif _files_with_parent(market, b):
            cause = Cause.PARENT_FAILED.value
            parent = parties.default_event[parties.parent[b]]
        elif suppliers_run_out(market, b):
            cause = Cause.OPERATING_COSTS.value
            parent = last_trail(market, b)
        else:
            for loan in range(loans.first[b], loans.first[b + 1]):
                if claim_ran_out(market, loan):
                    cause = Cause.DEFICIENCY.value
                    parent = loans.claims.default_event[loans.claim[loan]]
                    break
                if not clock_ran_out(market, loan):
                    continue
                if takes_the_firm(market, loan):
                    cause = loans.breach[loan]
                    parent = loans.breach_event[loan]
                    trigger = loan
                    break
                if not loans.recourse[loan]:
                    parent = log_event(
                        market,
                        Event.PERIMETER_DEFAULT,
                        loans.breach[loan],
                        (b, today.first_lender + loans.lender[loan], loan),
                        _vehicle_usd(market, loan),
                        loans.breach_event[loan],
                    )
                else:
                    parent = loans.breach_event[loan]
                first_cause = loans.breach[loan]
                for other in range(loans.first[b], loans.first[b + 1]):
                    if other != loan and not _same_vehicle(market, loan, other):
                        continue
                    default_loan(
                        market,
                        other,
                        first_cause if other == loan else Cause.CROSS_DEFAULT.value,
                        parent,
                        0 if other == loan else 1,
                    )
        if cause == Cause.NONE:
            continue
        event = default_party(market, b, cause, parent, 0)
        by_clause = trigger >= 0 and terms.channels.cross_default
        others = Cause.CROSS_DEFAULT.value if by_clause else Cause.INSOLVENCY.value
        for loan in range(loans.first[b], loans.first[b + 1]):
            if loans.status[loan] != LoanStatus.PERFORMING:
                continue
            default_loan(
                market,
                loan,
                cause if loan == trigger else others,
                event,
                0 if loan == trigger else 1,
            )
        form_estate(market, b, event)
