"""Cont and Schaanning's two banks through the engine's deleveraging, in rounds."""

from __future__ import annotations

import math
from typing import NamedTuple

from ...market.lenders import funding
from .rows import Row, exact
from .small_market import give_balance, set_price_of_loans, set_term, small_market

CAP, TARGET = 33.3, 0.95 * 33.3  # leverage above which two banks sell, and to which they do
FLOOR = 0.5  # of the price
DEPTH = 0.4 * 50.0 / 0.02 * math.sqrt(20.0)  # c ADV / sigma sqrt(tau), as in the paper


class Rounds(NamedTuple):
    """What two banks do and what it costs them, by round."""

    sold: tuple[float, ...]  # by both
    fall: tuple[float, ...]  # of the price
    capital: tuple[float, ...]  # of each
    losses: tuple[float, ...]  # of each by sales, in all


def deleveraging(rounds: int) -> Rounds:
    """Two banks that hold 90 and 70 of one asset, after the first lost 2 of 10 it cannot sell."""
    market = small_market()
    give_balance(market, 0, 10.0, 90.0, 4.0)  # illiquid assets stand as cash: neither is sold
    give_balance(market, 1, 20.0, 70.0, 4.5)
    set_price_of_loans(market, "exponential", 1.0, (1.0 - FLOOR) * DEPTH)
    set_term(market, "lenders.loan_price_floor", FLOOR)
    set_term(market, "lenders.seller_impact_share", 0.5)
    set_term(market, "lenders.leverage_band", CAP / TARGET - 1.0)
    lenders = market.lenders
    lenders.target_leverage[:2] = TARGET
    market.parties.cash_usd[market.today.first_lender] -= 2.0
    lenders.capital_usd[0] -= 2.0
    before = lenders.capital_usd[:2].copy()
    sold: list[float] = []
    fall: list[float] = []
    capital: list[float] = []
    for _ in range(rounds):
        price = market.prices.loan_price
        sold.append(float(funding.target_leverage(market)))
        funding.mark_other_loans(market, sold[-1])
        fall.append(1.0 - market.prices.loan_price / price)
        capital += map(float, lenders.capital_usd[:2])
    losses = (before - lenders.capital_usd[:2]).tolist()
    return Rounds(tuple(sold), tuple(fall), tuple(capital), tuple(losses))


def deleveraging_rows() -> list[Row]:
    """Cont and Schaanning's two banks: who has nothing of what fell loses more by the sales."""
    ours, paper = deleveraging(4), "Cont & Schaanning 2017"
    return [
        exact(
            "two banks above a leverage of 33.3: sales by round",
            paper,
            (34.73, 17.280700104, 5.439031646, 0.0),
            ours.sold,
        ),
        exact(
            "fall of the price in each",
            paper,
            (0.007705866, 0.003819298, 0.001200600, 0.0),
            ours.fall,
        ),
        exact(
            "capital of both after each",
            paper,
            (1.440284389, 3.960589347, 1.263818531, 3.695298686, 1.222157215, 3.612222815),
            ours.capital[:6],
        ),
        exact("their losses by these sales", paper, (0.777842785, 0.887777185), ours.losses),
    ]
