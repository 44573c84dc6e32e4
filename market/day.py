"""The order of a day, on one screen.

Phases run in this order and hand over through the state's tables: each reads what stands, writes
its own changes, and logs what it causes.
"""

from __future__ import annotations

from . import phases
from .state.run import Run


def run_day(run: Run) -> None:
    """Advance the market by one day (in place)."""
    run.day += 1
    phases.shocks(run)  # 1  scripted events enter the causal log
    phases.prices(run)  # 2  BTC, difficulty and hashprice, rents, marks
    phases.operate(run)  # 3  rigs and GPUs run where they pay; rents, power, overhead
    phases.service(run)  # 4  interest and principal fall due
    phases.liquidity(run)  # 5  the borrower's waterfall pays, or misses a payment
    phases.test(run)  # 6  margin calls, covenants, lock-up, cure clocks
    phases.decide(run)  # 7  lenders waive, extend or enforce; borrowers surrender
    phases.default(run)  # 8  failures, cross-default, seizure
    phases.lenders(run)  # 9  losses to capital, runs, asset sales; lenders fail, round by round
    phases.liquidate(run)  # 10 custody, auctions, settlement
    phases.credit(run)  # 11 roll-over, building work, deliveries, investment
    phases.record(run)  # 12 series, order book, conservation check
