"""The day's journal: room for what will happen, and the check that nothing was lost."""

from __future__ import annotations

import math

from ...agents.columns import with_room
from ...agents.compiling.kernels import compiled
from ..scenario.errors import BooksError
from .ledger import Stocks
from .market import Market
from .money import add_up, authority_error, conservation_error, count_buyers
from .series import Kept

EVENTS_PER_ROW = 6  # room in the log for a day, per loan, party and lot
ILLUSION_DAYS = 28  # so often the collateral illusion is measured
LEVELS = 12  # of a segment's bids, or of many asks, in what is kept to look at
ASKS_IN_FULL = 200  # more offers than that are kept as levels
MOST_ERROR = 1e-9  # relative, that rounding may make in a day
NUMBERS = 9  # in Stocks, those by class apart


def make_room(market: Market) -> None:
    """Room for what tomorrow may write: all that a day needs Python for."""
    rows = len(market.loans.status) + market.borrower_count + int(market.lots.count[0])
    lenders, classes = len(market.lenders.kind), len(market.hardware.family)
    needed = EVENTS_PER_ROW * rows + 1024
    needed += 6 * lenders + len(market.interlender.amount_usd)
    log, kept = with_room(market.log, needed), market.kept
    if log is not market.log:
        market.log = log
    ladders, sales, illusion = kept.ladders, kept.sales, kept.illusion
    if market.today.keeps_book:
        steps = LEVELS * len(market.first_of_segment) + ASKS_IN_FULL
        ladders = with_room(ladders, 2 * classes * steps)
        sales = with_room(sales, 2 * classes)
    if market.day == 0 or (market.day + 1) % ILLUSION_DAYS == 0:
        illusion = with_room(illusion, (lenders + 1) * (classes + 1))
    grown = Kept(kept.series, ladders, sales, illusion)
    if any(new is not old for new, old in zip(grown, kept, strict=True)):
        market.kept = grown


@compiled
def open_journal(market: Market) -> None:
    """The day's flows start at zero."""
    for flow in range(len(market.ledger.flows)):
        market.ledger.flows[flow] = 0.0


@compiled
def close_journal(market: Market) -> float:
    """Today's stocks against yesterday's and the day's flows: the worst relative error.

    The authority's accounts must say what it has.

    Buyers are counted anew on days of auctions, when they buy, and on the last: what they gained or
    lost in between would be an error of that day.
    """
    day = market.today.day
    last = day == len(market.kept.series.btc_usd) - 1
    if last or day % market.terms.liquidation.window_days == 0:
        count_buyers(market)
    after = add_up(market)
    error = conservation_error(_stocks_kept(market), after, market.ledger.flows)
    keep_stocks(market, after)
    authority = authority_error(market)
    return max(error, authority) + 0.0 * (error + authority)  # what is no number stays so


def insist(market: Market) -> None:
    """After a day: its books balance, and its prices and totals are numbers.

    Raises:
        BooksError: they do not.
    """
    day, series = market.day, market.kept.series
    error = series.conservation_error[day]
    if not error <= MOST_ERROR:
        raise BooksError(
            f"Day {day}: the books do not balance (error {error:.2g}, allowed {MOST_ERROR:g}), so "
            "the run is stopped and nothing is written; some number of the scenario or of the "
            "opening books is beyond what can be meant."
        )
    total = (
        series.btc_usd[day]
        + series.eth_usd[day]
        + series.hashprice_usd_ph_day[day]
        + series.network_hashrate_eh_s[day]
        + series.rent_h100_usd_h[day]
        + series.lender_capital_usd[day]
        + series.loans_outstanding_usd[day]
        + series.borrower_cash_usd[day]
        + series.loss_usd[day]
    )
    if not math.isfinite(total):
        raise BooksError(
            f"Day {day}: a price or a total is no number, so the run is stopped and nothing is "
            "written; some number of the scenario or of the opening books is beyond what can be "
            "meant."
        )


@compiled
def keep_stocks(market: Market, stocks: Stocks) -> None:
    """Remember a day's stocks until the next: ``market.stocks``, by class at the end."""
    kept, classes = market.stocks, len(stocks.units)
    kept[0], kept[1] = stocks.cash_usd, stocks.cash_gross_usd
    kept[2], kept[3] = stocks.btc, stocks.btc_gross
    kept[4], kept[5] = stocks.claims_usd, stocks.books_usd
    kept[6], kept[7] = stocks.lender_gap_usd, stocks.lender_assets_usd
    kept[8] = stocks.payables_usd
    for k in range(classes):
        kept[NUMBERS + k] = stocks.units[k]
        kept[NUMBERS + classes + k] = stocks.units_gross[k]


@compiled
def _stocks_kept(market: Market) -> Stocks:
    kept = market.stocks
    classes = (len(kept) - NUMBERS) // 2
    return Stocks(
        kept[0],
        kept[1],
        kept[2],
        kept[3],
        kept[NUMBERS : NUMBERS + classes].copy(),
        kept[NUMBERS + classes :].copy(),
        kept[4],
        kept[5],
        kept[6],
        kept[7],
        kept[8],
    )
