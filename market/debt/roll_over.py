"""Loans that mature are rolled, as far as lenders' appetite goes."""

from __future__ import annotations

from ...agents.borrower import Borrowers
from ...agents.compiling.kernels import compiled
from ...agents.lender import Lenders
from ...agents.party import Parties, Status
from ..state.context import Terms, Today
from ..state.events import Cause, Event, Log, log_event
from ..state.ledger import Ledger, repay
from ..state.loans import Amortisation, Collateral, Instrument, Loans, LoanStatus, loan_to_value
from .convertibles import refinance_straight, worth_more_as_shares
from .underwriting import WEEK_DAYS

ASK_DAYS = 30  # before maturity a borrower asks for a roll-over, once a week


@compiled
def roll_over(
    today: Today,
    terms: Terms,
    parties: Parties,
    borrowers: Borrowers,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    log: Log,
) -> None:
    """In its last month a bullet asks to be extended; lenders roll their appetite's share.

    A BTC loan rolls while its LTV is below the margin call, others if the borrower passed
    underwriting. What is not rolled falls due at maturity. A note that is worth more as shares is
    not refinanced.
    """
    for loan in range(len(loans.status)):
        maturity = loans.maturity_day[loan]
        if (
            today.day < maturity - ASK_DAYS
            or today.day >= maturity
            or loans.status[loan] != LoanStatus.PERFORMING
            or loans.amortisation[loan] != Amortisation.BULLET
            or loans.principal_usd[loan] <= 0.0
            or (loans.roll_day[loan] >= 0 and today.day < loans.roll_day[loan] + WEEK_DAYS)
        ):
            continue
        b = loans.borrower[loan]
        if parties.status[b] != Status.ACTIVE or loans.breach[loan] != Cause.NONE:
            continue
        if worth_more_as_shares(b, loan, borrowers, loans):
            continue  # its holder waits for the shares
        asked_before = loans.roll_day[loan] >= max(maturity - ASK_DAYS, 0)
        loans.roll_day[loan] = today.day
        passed = borrowers.creditworthy[b]
        if loans.collateral[loan] == Collateral.BTC:
            value = loans.collateral_btc[loan] * today.btc_usd
            margin_call = loans.sheets.margin_call_ltv[loans.sheet[loan]]
            passed = loan_to_value(loans.principal_usd[loan], value) < margin_call
        row = loans.lender[loan]
        lender = today.first_lender + row
        if not passed:
            if not asked_before:
                blame = today.shock_event
                if loans.collateral[loan] != Collateral.BTC and borrowers.refusal_event[b] >= 0:
                    blame = borrowers.refusal_event[b]
                event = log_event(
                    log,
                    today.day,
                    Event.NOT_REFINANCED,
                    Cause.UNDERWRITING,
                    b,
                    lender,
                    loan,
                    loans.principal_usd[loan],
                    blame,
                )
                parties.trail_event[b] = event
            continue
        supply = lenders.supply[row]
        appetite = today.appetite * terms.refinancing_appetite
        unrolled = (1.0 - appetite * supply) * loans.principal_usd[loan]
        if unrolled > 0.0:
            if parties.cash_usd[b] < unrolled or appetite * supply <= 0.0:
                if not asked_before:
                    own = (1.0 - appetite) * loans.principal_usd[loan]
                    short = supply < 1.0 and parties.cash_usd[b] >= own
                    event = log_event(
                        log,
                        today.day,
                        Event.NOT_REFINANCED,
                        Cause.CREDIT_SUPPLY if short else Cause.APPETITE,
                        b,
                        lender,
                        loan,
                        unrolled,
                        lenders.supply_event[row] if short else today.shock_event,
                    )
                    parties.trail_event[b] = event
                continue
            repay(parties, lenders, ledger, loans.principal_usd, loan, b, row, lender, unrolled)
        sheet = loans.sheet[loan]
        term_days = min(loans.sheets.term_days[sheet], terms.tenor_cap_days)
        loans.maturity_day[loan] = maturity + term_days
        loans.rate_or_spread[loan] = loans.sheets.rate_open[sheet] + today.spread_change
        loans.rate_or_spread[loan] += terms.stress_spread * (1.0 - supply)
        cheaper = terms.spread_swing * today.ease
        loans.rate_or_spread[loan] -= min(cheaper, loans.rate_or_spread[loan])
        if not loans.floating[loan]:
            loans.rate_or_spread[loan] += today.rate_change
        if loans.instrument[loan] == Instrument.CONVERTIBLE:
            refinance_straight(today, terms, loan, loans)
        log_event(
            log,
            today.day,
            Event.ROLLED_OVER,
            Cause.UNDERWRITING,
            b,
            lender,
            loan,
            loans.principal_usd[loan],
            -1,
        )
