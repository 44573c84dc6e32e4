"""Two papers in which all who must sell get the one price that their sales leave.

What a bank sells at a price, what a fall costs it and how sales move the price are the engine's.
That all sales are made at one price is the papers': each round begins from the opening books, at
the price that the sales of the round before leave, until both agree. In the engine's days what
was sold yesterday keeps yesterday's price.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...market.lenders import funding
from ...market.prices.impact import impact_log
from ...market.scenario.sections import IMPACT_LAWS
from .rows import Row, exact
from .small_market import give_balance, set_price_of_loans, small_market

if TYPE_CHECKING:
    from ...market.state.market import Market

MOST_ROUNDS = 10_000
SAME = 1e-12  # of units sold, in two rounds
SQUARE_ROOT = IMPACT_LAWS.index("square_root")


class Bank(NamedTuple):
    """A bank at a price of 1."""

    kept: float  # assets it cannot sell
    units: float  # of the security
    capital: float


class Group(NamedTuple):
    """Banks of a paper, the leverage to which they sell, and how sales move the price."""

    banks: tuple[Bank, ...]
    leverage: float
    law: str
    impact: float  # price exp(-impact * units), or 1 - sqrt(impact * units)


class Sales(NamedTuple):
    """What banks sell at a price."""

    price: float
    units: float  # by all
    shares: tuple[float, ...]  # of what each holds


def two_banks(impact: float) -> Group:
    """Cifuentes, Ferrucci and Shin's: 8 % capital against what is not cash.

    Cash (5 and 10) has no weight in that ratio, so it is set off against debt (51.2 and 46.6).
    """
    banks = Bank(0.0, 50.0, 50.0 + 5.0 - 51.2), Bank(0.0, 40.0, 40.0 + 10.0 - 46.6)
    return Group(banks, 1.0 / 0.08, "exponential", impact)


THREE_BANKS = Group(
    (Bank(1170.0, 145.0, 28.0), Bank(1245.0, 435.0, 80.0), Bank(1190.0, 300.0, 65.0)),
    44.0,
    "square_root",
    0.000022,
)
"""Breuer, Summer and Urošević's: loans, units of one security, capital."""


def all_units(group: Group) -> float:
    """What the banks hold."""
    return sum(bank.units for bank in group.banks)


def _move_price(market: Market, group: Group, units: float) -> None:
    """From 1, by so many units sold; charges banks for the fall.

    The square root is the engine's, but the paper takes it off the price and not off its log: the
    linear law does so.
    """
    if group.law == "square_root":
        fall = -impact_log(units, 1.0 / group.impact, 1.0, 1.0, SQUARE_ROOT)
        set_price_of_loans(market, "linear", 1.0, 1.0)
        funding.mark_other_loans(market, fall)
    else:
        set_price_of_loans(market, group.law, group.impact, 1.0)
        funding.mark_other_loans(market, units)


def sales_after(market: Market, group: Group, units: float) -> Sales:
    """What banks sell of their opening books at the price that so many units sold leave."""
    lenders, rows = market.lenders, slice(len(group.banks))
    for row, bank in enumerate(group.banks):
        give_balance(market, row, *bank)
    lenders.target_leverage[rows] = group.leverage
    _move_price(market, group, units)
    price, held = float(market.prices.loan_price), lenders.other_loans_usd[rows].copy()
    sold_usd = float(funding.target_leverage(market))
    shares = 1.0 - lenders.other_loans_usd[rows] / held
    return Sales(price, sold_usd / price, tuple(map(float, shares)))


def settled(group: Group, units: float) -> Sales:
    """Where sales and their price agree, round by round from the price that ``units`` sold leave.

    The more a price has fallen the more banks sell. So rounds that begin with nothing sold end
    at the equilibrium with the fewest sales, and those that begin with all at that with the most.
    """
    market = small_market()
    sales = sales_after(market, group, units)
    for _ in range(MOST_ROUNDS):
        before, sales = sales, sales_after(market, group, sales.units)
        if abs(sales.units - before.units) <= SAME:
            break
    return sales


def unstable(group: Group, fewer: float, more: float) -> Sales:
    """The equilibrium between two numbers of units, by bisection.

    Where a few units more make banks sell more than that, and a few less make them sell less.
    """
    market = small_market()
    for _ in range(60):
        middle = 0.5 * (fewer + more)
        if sales_after(market, group, middle).units < middle:
            fewer = middle
        else:
            more = middle
    return sales_after(market, group, 0.5 * (fewer + more))


def equilibrium_rows() -> list[Row]:
    """The cliff of two banks; least, greatest and unstable equilibrium of three."""
    least, most = settled(THREE_BANKS, 0.0), settled(THREE_BANKS, all_units(THREE_BANKS))
    middle = unstable(THREE_BANKS, 1.05 * least.units, 0.95 * most.units)
    paper = "Breuer, Summer & Urošević 2023"
    return [
        Row(
            "price after sales to regain 8 % capital; impact 0.0004, 0.0008, 0.001 (all sold)",
            "Cifuentes, Ferrucci & Shin 2005, from their equations",
            (0.9987002012, 0.9962834911, 0.9139311853),
            tuple(settled(two_banks(impact), 0.0).price for impact in (0.0004, 0.0008, 0.001)),
            (1e-9,) * 3,
        ),
        exact(
            "three banks of leverage 44: fall, shares sold; rounds from the price before any sale",
            paper,
            (0.0564800849857718, 1.0, 0.0, 0.0),
            (1.0 - least.price, *least.shares),
        ),
        exact(
            "the same, rounds from the price once all is sold",
            paper,
            (0.1391402170474087, 1.0, 1.0, 1.0),
            (1.0 - most.price, *most.shares),
        ),
        Row(
            "fall at the unstable equilibrium between, found by bisection only",
            paper,
            (0.11408,),
            (1.0 - middle.price,),
            (1e-5,),  # five digits are known
        ),
    ]
