"""Simple rivals of the model, from the same opening books: a ratio, a logit, and a constant.

The logit is a logistic regression that is fitted to nothing here. Its base is what US firms of
speculative grade did from 2018 to 2021, its slopes of debt and liquidity are those of Campbell,
Hilscher & Szilagyi (2008, J. Finance 63, twelve months ahead, from memory); those of collateral
and funding are a prior, a doubling of the odds, that was set before it was scored and stays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...market.state.loans import Collateral
from .scores import odds_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...market.simulation import Simulation
    from ...market.state.market import Market

RATIO, LOGIT, CONSTANT = "debt_to_liquid_assets", "prior_logit", "constant_base_rate"
RIVALS = {
    RATIO: "Debt ÷ liquid assets",
    LOGIT: "Logit of before 2022",
    CONSTANT: "Constant base rate",
}
BASE_PER_YEAR = 0.034  # speculative grade, US, mean of 2018 to 2021: 2.4, 3.1, 6.6, 1.7 %
YEARS = 1.5  # of the replay
DEBT_SLOPE, CASH_SLOPE = 1.42, -2.13  # of debt and of liquid assets, over the market's firm value
MACHINES_SLOPE = COINS_SLOPE = CALLABLE_SLOPE = math.log(2.0)  # of a share of the debt


@dataclass(frozen=True)
class Balance:
    """Debt and liquid assets of a party on the opening day [USD], and what they are against.

    Attributes:
        debt_usd: loans of a borrower, funding of a lender.
        liquid_usd: cash and free coins.
        firm_usd: what the whole firm is worth: shares and debt, or what it owns if that is more.
        machines_share: of its debt, secured by machines.
        coins_share: of its debt, secured by coins.
        callable_share: of its debt, that may be called at any time.
    """

    debt_usd: float
    liquid_usd: float
    firm_usd: float = 0.0
    machines_share: float = 0.0
    coins_share: float = 0.0
    callable_share: float = 0.0

    @property
    def ratio(self) -> float:
        """Debt over liquid assets; 0 without debt, infinite without liquid assets."""
        if self.debt_usd <= 0.0:
            return 0.0
        return self.debt_usd / self.liquid_usd if self.liquid_usd > 0.0 else float("inf")

    @property
    def score(self) -> float:
        """The logit without its constant."""
        firm = max(self.firm_usd, self.debt_usd + self.liquid_usd, 1.0)
        return (
            DEBT_SLOPE * self.debt_usd / firm
            + CASH_SLOPE * self.liquid_usd / firm
            + MACHINES_SLOPE * self.machines_share
            + COINS_SLOPE * self.coins_share
            + CALLABLE_SLOPE * self.callable_share
        )


def balances(simulation: Simulation, *, with_draws: bool = False) -> dict[str, Balance]:
    """Debt and liquid assets of every borrower and lender of books that have just been opened.

    A borrower's debt is its loans, with those its scenario knows to be drawn later if asked for; a
    lender's is its funding. Liquid are cash and free BTC and ETH.
    """
    s = simulation.market
    n = s.borrower_count
    debt = np.bincount(s.loans.borrower, weights=s.loans.principal_usd, minlength=n)
    if with_draws:
        draws = s.dated.draws
        np.add.at(debt, s.loans.borrower[draws.loan], draws.amount_usd)
    liquid = s.parties.cash_usd + s.parties.btc * s.prices.btc_usd
    liquid = liquid + s.parties.eth * s.prices.eth_usd
    owed = np.concatenate([debt[:n], s.lenders.funding_usd])
    owns = np.concatenate([_owned_usd(s, liquid), s.lenders.funding_usd + s.lenders.capital_usd])
    shares = np.concatenate([s.borrowers.market_cap_open_usd, np.zeros(len(s.lenders.kind))])
    firm = np.maximum(owns, shares + owed)
    secured = {
        kind: np.bincount(
            s.loans.borrower, s.loans.principal_usd * (s.loans.collateral == kind), minlength=n
        )[:n]
        / np.maximum(debt[:n], 1.0)
        for kind in (Collateral.HARDWARE, Collateral.BTC)
    }
    nothing = np.zeros(len(s.lenders.kind))
    machines, coins = (
        np.concatenate([secured[kind], nothing]) for kind in (Collateral.HARDWARE, Collateral.BTC)
    )
    callable_share = np.concatenate([np.zeros(n), s.lenders.runnable_share])
    return {
        name: Balance(*map(float, row))
        for name, *row in zip(
            s.names.parties[: len(owed)],
            owed,
            liquid,
            firm,
            machines,
            coins,
            callable_share,
            strict=False,
        )
    }


def _owned_usd(market: Market, liquid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Liquid assets and machines, at the price they fetch second-hand, by borrower [USD]."""
    holdings, hardware = market.holdings, market.hardware
    n = market.borrower_count
    owner = np.repeat(np.arange(len(holdings.first) - 1), np.diff(holdings.first))
    worth = holdings.units * hardware.used_open_usd[holdings.hardware]
    machines: NDArray[np.float64] = np.bincount(owner, worth, minlength=n)[:n] + liquid[:n]
    return machines


def forecasts(
    names: Sequence[str], balance: dict[str, Balance], defaulted: Sequence[bool]
) -> dict[str, list[float]]:
    """What the rivals say of some names, on the scale of probabilities.

    The logit says its base rate of a party of the mean score of all in ``balance``.
    The ratio becomes debt ÷ (debt + liquid assets), which ranks the same and is fitted to nothing.
    The constant is the share that did default: the best of all constants, and hindsight.
    """
    chosen = [balance[name] for name in names]
    share = odds_share([b.debt_usd for b in chosen], [b.liquid_usd for b in chosen])
    base = 1.0 - (1.0 - BASE_PER_YEAR) ** YEARS
    middle = float(np.mean([b.score for b in balance.values()])) if balance else 0.0
    odds = [base / (1.0 - base) * math.exp(b.score - middle) for b in chosen]
    return {
        RATIO: share.tolist(),
        LOGIT: [one / (1.0 + one) for one in odds],
        CONSTANT: [float(np.mean(defaulted))] * len(names) if len(names) else [],
    }
