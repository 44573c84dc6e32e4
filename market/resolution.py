"""After the horizon: what claims that are open on a day bring in the end.

A copy of the market goes on from that day, with the prices, draws and shocks that a longer run has.
Nobody orders machines and no lender adds a facility; what was signed is drawn and delivered, and
what performs goes on, is rolled or fails. It ends on the day on which the last claim is settled
that was open at the start. Loans that default after it count for nothing here: the loss is that of
the loans defaulted by the horizon. They do come to market, and press prices, as in a longer run.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .day import run_day
from .prices.paths import PricePaths
from .record.largest_borrower import Resolved
from .record.policy import policy_summary
from .state.journal import insist, make_room
from .state.loans import LoanStatus, of_claims
from .state.market import Market
from .state.series import Kept, Series, nothing_kept


def resolve(
    market: Market, paths: PricePaths, watch: Callable[[Market], None] | None = None
) -> Resolved:
    """Settle what is open; the market itself stays as it is.

    ``paths`` go on for ``scenario.longest_claim_days`` after its last day; ``watch`` sees the copy
    after each of its days.
    """
    loans, last = market.loans, market.day + market.scenario.longest_claim_days
    open_ = np.flatnonzero(loans.status == LoanStatus.DEFAULTED)
    carried = loans.principal_usd - of_claims("written_down_usd", loans)
    after = _copy(market, paths)
    while np.any(after.loans.status[open_] == LoanStatus.DEFAULTED):
        assert after.day < last, f"a claim is open on day {after.day}, beyond every limit"
        make_room(after)
        run_day(after)
        insist(after)
        if watch is not None:
            watch(after)
    brought = of_claims("recovered_usd", after.loans) - of_claims("recovered_usd", loans)
    further = np.zeros(len(loans.status))
    further[open_] = (carried - brought)[open_]  # brought is net of cost of enforcement
    total = float(market.lenders.loss_usd.sum()) + float(further.sum())
    return Resolved(total, after.day, further, policy_summary(after)["net_cost_usd"])


def _copy(market: Market, paths: PricePaths) -> Market:
    """The market with longer paths and series, and without new credit."""
    after = market.copy()
    after.today.past_horizon, after.today.keeps_book = True, False
    after.macro, after.crypto, after.compute = paths
    kept, more = after.kept, len(paths.macro.stress) - len(after.kept.series.btc_usd)
    room = nothing_kept(more - 1, len(market.hardware.family)).series
    series = Series(*(np.concatenate(pair) for pair in zip(kept.series, room, strict=True)))
    after.kept = Kept(series, *kept[1:])
    return after
