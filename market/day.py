"""The order of a day, on one screen.

Phases run in this order and hand over through the market's tables: each reads what stands, writes
its own changes, and logs what it causes.
"""

from __future__ import annotations

from ..agents.compiling.kernels import entrance
from .dated.day import give_credit, open_day
from .debt.default import default
from .debt.steps import pay, roll_over, service, test
from .lenders.forbearance import decide
from .lenders.reorganisation import reorganise
from .lenders.steps import lenders
from .liquidation.steps import liquidate
from .operators.steps import grow, operate
from .prices.shocks import shock
from .prices.steps import set_prices
from .record.steps import record
from .state.journal import close_journal, open_journal
from .state.market import Market


@entrance
def run_day(market: Market) -> None:
    """Advance the market by one day (in place)."""
    market.today.day += 1
    open_journal(market)  # the day's flows start at zero
    shock(market)  # 1  scripted events enter the event log
    open_day(market)  #    so do dated ones
    set_prices(market)  # 2  BTC, difficulty and hashprice, rents, marks
    operate(market)  # 3  rigs and GPUs run where they pay; rents, power, overhead
    service(market)  # 4  interest and principal fall due
    pay(market)  # 5  the borrower's waterfall pays, or misses a payment
    test(market)  # 6  margin calls, covenants, lock-up, cure clocks
    decide(market)  # 7  lenders waive, extend or enforce; borrowers surrender
    reorganise(market)  #    who is worth more in operation owes less and goes on
    default(market)  # 8  failures, cross-default, seizure
    lenders(market)  # 9  losses to capital, runs, asset sales; lenders fail, round by round
    liquidate(market)  # 10 custody, auctions, settlement
    roll_over(market)  # 11 loans that mature
    give_credit(market)  #    money and rigs agreed by date
    grow(market)  #    building work, deliveries, investment
    record(market, close_journal(market))  # 12 conservation check, series, collateral illusion
