"""Loans that mature are rolled, as far as lenders' appetite goes."""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ...agents.party import Status
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.ledger import Account
from ..state.loans import Amortisation, Collateral, Instrument, LoanStatus, loan_to_value
from ..state.market import Market
from ..state.money import enter, repay
from .convertibles import refinance_straight, worth_more_as_shares
from .underwriting import WEEK_DAYS

ASK_DAYS = 30  # before maturity a borrower asks for a roll-over, once a week


@compiled
def roll_over(market: Market) -> None:
    """In its last month a bullet asks to be extended; lenders roll their appetite's share.

    A BTC loan rolls while its LTV is below the margin call, others if the borrower passed
    underwriting. What is not rolled falls due at maturity. A note that is worth more as shares is
    not refinanced.
    """
    today, prices, terms, parties = market.today, market.prices, market.terms, market.parties
    borrowers, lenders, loans = market.borrowers, market.lenders, market.loans
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
        if worth_more_as_shares(market, b, loan):
            continue  # its holder waits for the shares
        asked_before = loans.roll_day[loan] >= max(maturity - ASK_DAYS, 0)
        loans.roll_day[loan] = today.day
        passed = borrowers.creditworthy[b]
        if loans.collateral[loan] == Collateral.BTC:
            value = loans.collateral_btc[loan] * prices.btc_usd
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
                    market,
                    Event.NOT_REFINANCED,
                    Cause.UNDERWRITING,
                    (b, lender, loan),
                    loans.principal_usd[loan],
                    blame,
                )
                parties.trail_event[b] = event
            continue
        supply = lenders.supply[row]
        appetite = prices.appetite * terms.credit.refinancing_appetite
        unrolled = (1.0 - appetite * supply) * loans.principal_usd[loan]
        if unrolled > 0.0:
            if parties.cash_usd[b] < unrolled or appetite * supply <= 0.0:
                if not asked_before:
                    own = (1.0 - appetite) * loans.principal_usd[loan]
                    short = supply < 1.0 and parties.cash_usd[b] >= own
                    event = log_event(
                        market,
                        Event.NOT_REFINANCED,
                        Cause.CREDIT_SUPPLY if short else Cause.APPETITE,
                        (b, lender, loan),
                        unrolled,
                        lenders.supply_event[row] if short else today.shock_event,
                    )
                    parties.trail_event[b] = event
                continue
            repay(market, loan, b, unrolled)
        sheet = loans.sheet[loan]
        term_days = min(loans.sheets.term_days[sheet], terms.derived.tenor_cap_days)
        if term_days < loans.sheets.term_days[sheet]:
            enter(market, Account.SHORTENED, loans.principal_usd[loan])
        loans.maturity_day[loan] = maturity + term_days
        loans.rate_or_spread[loan] = loans.sheets.rate_open[sheet] + prices.spread_change
        loans.rate_or_spread[loan] += terms.lenders.stress_spread * (1.0 - supply)
        cheaper = terms.lenders.spread_swing * prices.ease
        loans.rate_or_spread[loan] -= min(cheaper, loans.rate_or_spread[loan])
        if not loans.floating[loan]:
            loans.rate_or_spread[loan] += prices.rate_change
        if loans.instrument[loan] == Instrument.CONVERTIBLE:
            refinance_straight(market, loan)
        log_event(
            market,
            Event.ROLLED_OVER,
            Cause.UNDERWRITING,
            (b, lender, loan),
            loans.principal_usd[loan],
            -1,
        )
