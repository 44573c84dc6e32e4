"""A real market with most of it set aside, so that a kernel meets the special case of a paper."""

from __future__ import annotations

import numpy as np

from ...agents.party import Outside
from ...market.scenario.scenario import Scenario
from ...market.scenario.sections import IMPACT_LAWS
from ...market.scenario.synthetic import FEWEST_PARTIES
from ...market.simulation import Simulation
from ...market.state.loans import Collateral, LoanStatus
from ...market.state.market import Market


def small_market() -> Market:
    """The smallest synthetic market on its opening day; no lender marks anything yet."""
    settings = ["opening.start=synthetic", f"synthetic.parties={FEWEST_PARTIES}"]
    market = Simulation(Scenario.load("calm").with_settings(settings), 1).market
    market.lenders.marked[:] = False
    market.lenders.redeemable[:] = False
    return market


def set_term(market: Market, key: str, value: float) -> None:
    """Change a term that kernels read, as ``lenders.loan_impact``."""
    section, _, name = key.partition(".")
    setattr(getattr(market.terms, section), name, value)


def outside(market: Market, party: Outside) -> int:
    """The id of an outside party."""
    return int(market.today.first_outside) + int(party)


def give_balance(market: Market, row: int, cash: float, other: float, capital: float) -> None:
    """Make a lender one that marks ``other`` assets and has nothing in this market [USD]."""
    lenders = market.lenders
    market.parties.cash_usd[market.today.first_lender + row] = cash
    lenders.marked[row] = True
    lenders.book_usd[row] = lenders.written_down_usd[row] = lenders.provision_usd[row] = 0.0
    lenders.last_resort_usd[row] = lenders.spread_duration_years[row] = 0.0
    lenders.other_loans_usd[row] = other
    lenders.capital_usd[row] = lenders.capital_open_usd[row] = capital
    lenders.funding_usd[row] = cash + other - capital
    lenders.target_leverage[row] = (cash + other) / capital


def set_price_of_loans(market: Market, law: str, impact: float, all_usd: float) -> None:
    """How sales move the price of other assets; it does not come back, and lenders sell at once."""
    for key, value in {
        "channels.lender_capital": True,
        "channels.lender_distress": True,
        "derived.loan_impact_law": IMPACT_LAWS.index(law),
        "lenders.loan_impact": impact,
        "lenders.loan_price_half_life_days": np.inf,
        "lenders.leverage_band": 0.0,
        "lenders.deleveraging_days": 1.0,
    }.items():
        set_term(market, key, value)
    market.opening.other_loans_usd = all_usd
    market.prices.loan_price = 1.0


def pledge_coins(market: Market, debt_usd: float, coins: float, btc_usd: float) -> int:
    """Make the first loan one that is secured by coins; returns its row."""
    loans = market.loans
    loans.status[0] = LoanStatus.PERFORMING
    loans.principal_usd[0] = debt_usd
    loans.collateral[0] = Collateral.BTC
    loans.collateral_btc[0] = coins
    market.lenders.book_usd[loans.lender[0]] = debt_usd
    market.prices.btc_usd = btc_usd
    return 0
