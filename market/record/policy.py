"""What policy costs: what each lever in force spent, lent, got back, and holds or held back.

Money is the authority's, out of its accounts (:class:`market.state.ledger.Account`). Machines it
holds count at what one sale of them brings today, each buyer's money and racks spent once; credit
it is owed by lenders that stand counts at par. Levers that spend no money show what they ask of
others: capital, credit, time. What a lever is worth shows only beside a run without it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...agents.columns import Reals
from ...agents.compiling.kernels import entrance
from ..liquidation.bids import value_machines
from ..liquidation.one_sale import PATIENT_DAYS, Offer, no_limits, sold_usd
from ..prices.marks import marks_usd
from ..state.ledger import Account
from ..state.market import Market


def policy_summary(market: Market) -> dict[str, Any]:
    """The public purse, and every lever that the scenario sets [USD]; without any, zeros.

    ``net_cost_usd``: spent and lent, less what came back, less what is held and owed.
    """
    levers = {lever: of(market) for lever, of in _LEVERS.items() if _in_force(market, lever)}
    money = [lever for lever in levers.values() if "net_cost_usd" in lever]
    return {
        "net_cost_usd": sum((lever["net_cost_usd"] for lever in money), 0.0),
        **levers,
    }


def _in_force(market: Market, lever: str) -> bool:
    field, policy = _SETTING.get(lever, lever), market.scenario.policy
    return bool(getattr(policy, field) != type(policy).model_fields[field].default)


def _account(market: Market, *accounts: Account) -> float:
    return float(sum(market.ledger.policy_usd[account] for account in accounts))


def _buyer(market: Market) -> dict[str, Any]:
    """Money spent on machines and on their storage; what they would bring."""
    at_once, patient = (
        float(authority_machines_usd(market, days).sum()) for days in (0.0, PATIENT_DAYS)
    )
    units = market.ledger.authority_units
    bought, stored = _account(market, Account.BOUGHT), _account(market, Account.STORED)
    return {
        "available_usd": market.scenario.policy.buyer_of_last_resort_usd,
        "spent_usd": bought + stored,
        "machines_usd": bought,
        "storage_usd": stored,
        "held_units": {
            market.names.hardware[k]: float(units[k]) for k in np.flatnonzero(units > 0.0).tolist()
        },
        "held_scheduled_usd": float((units * market.schedule_usd).sum()),
        "held_usd": at_once,
        "held_90_days_usd": patient,
        "net_cost_usd": bought + stored - at_once,
    }


def _lender(market: Market) -> dict[str, Any]:
    """Money lent to lenders, what came back, what is owed and what is lost."""
    lent = _account(market, Account.LENT)
    back = _account(market, Account.REPAID, Account.INTEREST)
    owed = float(market.lenders.last_resort_usd.sum())
    return {
        "available_usd": market.scenario.policy.lender_of_last_resort_usd,
        "lent_usd": lent,
        "got_back_usd": back,
        "interest_usd": _account(market, Account.INTEREST),
        "owed_usd": owed,
        "lost_usd": _account(market, Account.LOST),
        "net_cost_usd": lent - back - owed,
    }


def _mark_rule(market: Market) -> dict[str, Any]:
    """Pledged machines at the rule's marks, less what the scenario's own marks would say."""
    marks, channels = market.scenario.marks, market.scenario.channels
    evidence = marks.evidence_weight if channels.mark_to_market else 0.0
    own = marks_usd(market, evidence)
    pledged = np.zeros(len(own))
    np.add.at(pledged, market.holdings.hardware, market.holdings.pledged)
    return {"raises_marks_usd": float((pledged * (market.marks_usd - own)).sum())}


_SETTING = {
    "buyer_of_last_resort": "buyer_of_last_resort_usd",
    "lender_of_last_resort": "lender_of_last_resort_usd",
    "standstill": "standstill_days",
    "tenor_cap": "tenor_cap_years",
}
"""The setting that puts a lever in force, where it has another name."""
_LEVERS = {
    "buyer_of_last_resort": _buyer,
    "lender_of_last_resort": _lender,
    "haircut_floor": lambda m: {"withheld_credit_usd": _account(m, Account.WITHHELD)},
    "tenor_cap": lambda m: {"shortened_credit_usd": _account(m, Account.SHORTENED)},
    "standstill": lambda m: {"suspended_claims_usd": _account(m, Account.SUSPENDED)},
    "capital_buffer": lambda m: {"required_capital_usd": _account(m, Account.CAPITAL)},
    "mark_rule": _mark_rule,
}


@entrance
def authority_machines_usd(market: Market, days: float) -> Reals:
    """What one sale of the machines the authority holds brings [class, USD], within ``days``."""
    value_machines(market)
    held = Offer(np.zeros(0, np.int64), np.zeros(0), market.ledger.authority_units)
    return sold_usd(market, no_limits(market), held, days)
