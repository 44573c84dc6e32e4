"""The borrower's waterfall: where cash comes from when it is short, in order.

Cash, free coins, committed lines, new shares, and last the coins pledged to its own loans beyond
what those are owed. Growth draws on the same lines and the same equity.
"""

from __future__ import annotations

from ...agents.borrower import share_price_usd, unwound_share
from ...agents.compiling.kernels import compiled, inlined
from ...agents.party import Outside
from ..state.events import Cause, Event
from ..state.history import log_event, same_episode
from ..state.loans import Collateral, Instrument, LoanStatus
from ..state.market import Market
from ..state.money import draw, pay, repay
from .commitments import is_open, note_stop


@compiled
def sell_treasury(market: Market, b: int, need_usd: float, exchange: int) -> None:
    """Sell free BTC, then ETH, to raise ``need_usd``."""
    today, prices, parties, ledger = market.today, market.prices, market.parties, market.ledger
    log = market.log
    from_btc = min(need_usd, parties.btc[b] * prices.btc_usd)
    if from_btc > 0.0:
        coins = min(parties.btc[b], from_btc / prices.btc_usd)
        parties.btc[b] -= coins
        ledger.outside_btc[0] += coins
        pay(market, exchange, b, from_btc)
        log.forced_usd[0] += from_btc
    from_eth = min(need_usd - from_btc, parties.eth[b] * prices.eth_usd)
    if from_eth > 0.0:
        parties.eth[b] = max(0.0, parties.eth[b] - from_eth / prices.eth_usd)
        pay(market, exchange, b, from_eth)
    raised = from_btc + from_eth
    if raised <= 0.0:
        return
    last = parties.sale_event[b]
    if same_episode(market, last):
        log.events[last]["amount_usd"] += raised
    else:
        parent = parties.trail_event[b] if parties.trail_event[b] >= 0 else today.shock_event
        last = log_event(
            market, Event.FORCED_SALE, Cause.TREASURY, (b, exchange, -1), raised, parent
        )
        parties.sale_event[b] = last
        parties.trail_event[b] = last
    if from_btc > 0.0:
        log.forced_event[0] = last


@compiled
def draw_loan(market: Market, loan: int, amount_usd: float) -> None:
    """Draw a line; draws of one month are one event."""
    today, parties, loans, log = market.today, market.parties, market.loans, market.log
    b = loans.borrower[loan]
    row = loans.lender[loan]
    lender = today.first_lender + row
    draw(market, loan, amount_usd)
    loans.stop_event[loan] = -1
    last = loans.draw_event[loan]
    if same_episode(market, last):
        log.events[last]["amount_usd"] += amount_usd
    else:
        loans.draw_event[loan] = log_event(
            market, Event.DRAW, Cause.FUNDING, (b, lender, loan), amount_usd, parties.trail_event[b]
        )


@inlined
def drawable_usd(market: Market, loan: int) -> float:
    """What a borrower short of cash may draw on a line [USD]; nothing where its lender stops it."""
    room: float = line_room_usd(market, loan)
    return room if room > 0.0 and is_open(market, loan) else 0.0


@inlined
def line_room_usd(market: Market, loan: int) -> float:
    """What is left of a line for a borrower short of cash [USD], if its lender does not stop it.

    Revolvers, and BTC lines as far as the coins pledged cover the initial LTV; nothing after
    maturity.
    """
    today, prices, loans = market.today, market.prices, market.loans
    if (
        loans.undrawn_usd[loan] <= 0.0
        or loans.status[loan] != LoanStatus.PERFORMING
        or today.day >= loans.maturity_day[loan]
    ):
        return 0.0
    if loans.instrument[loan] == Instrument.REVOLVER:
        return loans.undrawn_usd[loan]
    if loans.collateral[loan] == Collateral.BTC:
        initial = loans.sheets.initial_ltv[loans.sheet[loan]]
        covered = initial * loans.collateral_btc[loan] * prices.btc_usd
        return max(0.0, min(loans.undrawn_usd[loan], covered - loans.principal_usd[loan]))
    return 0.0


@inlined
def issue_shares(market: Market, b: int, need_usd: float) -> float:
    """Sell new shares for up to ``need_usd``; returns what they bring [USD]."""
    today, parties, borrowers, log = market.today, market.parties, market.borrowers, market.log
    amount = min(need_usd, borrowers.equity_room_usd[b])
    if amount <= 0.0:
        return 0.0
    investors = today.first_outside + Outside.INVESTORS
    pay(market, investors, b, amount)
    borrowers.equity_room_usd[b] -= amount
    price = share_price_usd(borrowers.equity_usd[b], borrowers.shares[b])
    if price > 0.0:
        borrowers.shares[b] += amount / price
    last = borrowers.equity_event[b]
    if same_episode(market, last):
        log.events[last]["amount_usd"] += amount
    else:
        borrowers.equity_event[b] = log_event(
            market,
            Event.EQUITY_ISSUED,
            Cause.FUNDING,
            (b, investors, -1),
            amount,
            parties.trail_event[b],
        )
    return amount


@compiled
def unwind_btc_loan(market: Market, loan: int, need_usd: float) -> None:
    """Free up to ``need_usd`` from a loan's own coins: excess pledge first, then repay part of it.

    Coins beyond the initial LTV come back; of the rest a share is sold that repays its share of the
    debt, so the lender's LTV does not rise.
    """
    today, prices, parties, loans = market.today, market.prices, market.parties, market.loans
    if (
        loans.collateral[loan] != Collateral.BTC
        or loans.status[loan] != LoanStatus.PERFORMING
        or loans.collateral_btc[loan] <= 0.0
        or loans.breach[loan] == Cause.BTC_PRICE
    ):
        return
    b = loans.borrower[loan]
    exchange = today.first_outside + Outside.EXCHANGE
    debt = loans.principal_usd[loan]
    value = loans.collateral_btc[loan] * prices.btc_usd
    excess = min(need_usd, max(0.0, value - debt / loans.sheets.initial_ltv[loans.sheet[loan]]))
    if excess > 0.0:
        coins = min(loans.collateral_btc[loan], excess / prices.btc_usd)
        loans.collateral_btc[loan] -= coins
        parties.btc[b] += coins
        sell_treasury(market, b, excess, exchange)
        value -= excess
    share = unwound_share(need_usd - excess, value, debt)
    if share <= 0.0:
        return
    coins = share * loans.collateral_btc[loan]
    loans.collateral_btc[loan] -= coins
    parties.btc[b] += coins
    sell_treasury(market, b, share * value, exchange)
    repay(market, loan, b, share * debt)
    loans.arrears_principal_usd[loan] = min(
        loans.arrears_principal_usd[loan], loans.principal_usd[loan]
    )


@compiled
def raise_cash(market: Market, b: int, need_usd: float) -> None:
    """Bring cash up to ``need_usd``, as far as the waterfall goes."""
    today, parties, loans = market.today, market.parties, market.loans
    exchange = today.first_outside + Outside.EXCHANGE
    if parties.cash_usd[b] < need_usd:
        short = need_usd - parties.cash_usd[b]
        sell_treasury(market, b, short, exchange)
    for loan in range(loans.first[b], loans.first[b + 1]):
        short = need_usd - parties.cash_usd[b]
        amount = min(short, line_room_usd(market, loan))
        if amount > 0.0 and not is_open(market, loan):
            note_stop(market, loan)
        elif amount > 0.0:
            loans.undrawn_usd[loan] -= amount
            draw_loan(market, loan, amount)
    issue_shares(market, b, need_usd - parties.cash_usd[b])
    for loan in range(loans.first[b], loans.first[b + 1]):
        short = need_usd - parties.cash_usd[b]
        if short > 0.0:
            unwind_btc_loan(market, loan, short)
