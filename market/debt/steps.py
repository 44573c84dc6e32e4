"""Phases 4, 5, 6 and 8, and the roll-overs of phase 11: a day in the life of loans."""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ..state.market import Market
from .convertibles import exercise
from .covenants import measure_coverage, test_btc_loans, test_coverage, test_hardware_loans
from .listing import list_machines
from .roll_over import roll_over as roll_what_matures
from .service import make_due, pay_what_is_due
from .underwriting import WEEK_DAYS, underwrite


@compiled
def service(market: Market) -> None:
    """Notes convert or are put; what falls due; a quarter's coverage is counted."""
    exercise(market)
    make_due(market)
    measure_coverage(market)


@compiled
def pay(market: Market) -> None:
    """Pay what is due as far as the waterfall goes; sell machines for what is missing."""
    pay_what_is_due(market)
    list_machines(market)


@compiled
def test(market: Market) -> None:
    """Margin calls on coins and rigs; quarterly coverage."""
    test_btc_loans(market)
    test_hardware_loans(market)
    test_coverage(market)


@compiled
def roll_over(market: Market) -> None:
    """Underwrite once a week; roll what matures."""
    if market.today.day % WEEK_DAYS == 0:
        underwrite(market)
    roll_what_matures(market)
