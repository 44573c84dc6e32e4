"""Two simple rivals of the model, from the same opening books: a ratio, and a constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .scores import odds_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...market.simulation import Simulation

RATIO, CONSTANT = "debt_to_liquid_assets", "constant_base_rate"
RIVALS = {
    RATIO: "Debt ÷ liquid assets",
    CONSTANT: "Constant base rate",
}


@dataclass(frozen=True)
class Balance:
    """Debt and liquid assets of a party on the opening day [USD]."""

    debt_usd: float
    liquid_usd: float

    @property
    def ratio(self) -> float:
        """Debt over liquid assets; 0 without debt, infinite without liquid assets."""
        if self.debt_usd <= 0.0:
            return 0.0
        return self.debt_usd / self.liquid_usd if self.liquid_usd > 0.0 else float("inf")


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
    return {
        name: Balance(float(owed[row]), float(liquid[row]))
        for row, name in enumerate(s.names.parties[: len(owed)])
    }


def forecasts(
    names: Sequence[str], balance: dict[str, Balance], defaulted: Sequence[bool]
) -> dict[str, list[float]]:
    """What the rivals say of some names, on the scale of probabilities.

    The ratio becomes debt ÷ (debt + liquid assets), which ranks the same and is fitted to nothing.
    The constant is the share that did default: the best of all constants, and hindsight.
    """
    chosen = [balance[name] for name in names]
    share = odds_share([b.debt_usd for b in chosen], [b.liquid_usd for b in chosen])
    return {
        RATIO: share.tolist(),
        CONSTANT: [float(np.mean(defaulted))] * len(names) if len(names) else [],
    }
