"""The summary of a run: counts, losses, recoveries, linked failures; the same bytes each time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...agents.party import Kind, Status
from ..state.events import Cause, Event
from ..state.hardware import Family
from ..state.loans import ANY_GROWTH, Collateral, Instrument, LoanStatus, of_claims
from ..state.market import Market
from ..state.names import names_of
from .largest_borrower import Resolved, with_and_without
from .policy import policy_summary

DUST_UNITS = 1e-6  # of a machine: rounding
CAVEAT = "A model of a market under stated assumptions; not a forecast about any company."


def summarise(market: Market, resolved: Resolved | None = None) -> dict[str, Any]:
    """Content of ``summary.json``; numbers are rounded to 12 digits, unknown ones are null.

    ``resolved``: how open claims ended, if the run went on until then.
    """
    n = market.borrower_count
    kind = market.parties.kind[:n]
    status, entered = market.parties.status[:n], market.parties.entered_day[:n] >= 0
    opening = ~entered & ~market.is_prospect
    by_kind = _by_kind(market, market.has_defaulted)
    log, series, days = market.events, market.kept.series, slice(market.day + 1)
    summary = {
        "scenario": market.scenario.name,
        "seed": market.seed,
        "days": market.day,
        "start": market.crypto.start.isoformat(),
        "population": {
            **{name: int(np.sum(opening & (kind == of))) for name, of in _KINDS.items()},
            "lender": len(market.lenders.kind),
            "buyer": len(market.buyers.segment),
            "loans": int(np.sum((opening | entered)[market.loans.borrower])),
        },
        "standing": {
            name: int(np.sum((status == Status.ACTIVE) & (kind == of)))
            for name, of in _KINDS.items()
        },
        "entered": _by_kind(market, entered),
        "defaults": {
            **{name: len(names) for name, names in by_kind.items()},
            "lender": int(np.sum(log["kind"] == Event.LENDER_FAILED)),
        },
        "defaulted": {**by_kind, "lender": _parties(market, log, Event.LENDER_FAILED)},
        "reorganised": _parties(market, log, Event.REORGANISED),
        "sleeves_closed": _parties(market, log, Event.SLEEVE_CLOSED),
        "lenders": {
            "withdrawn_usd": float(market.lenders.run_usd.sum()),
            "earned_usd": float(market.lenders.earned_usd.sum()),
            "provision_usd": float(market.lenders.provision_usd.sum()),
            "unrealised_usd": float(market.loans.provision_usd[market.loans.note_value > 0].sum()),
            "interlender_loss_usd": float(market.lenders.interlender_loss_usd.sum()),
            "depositor_loss_usd": market.prices.depositor_loss_usd,
            "loan_price_worst": float(series.loan_price[days].min()),
            "credit_supply_worst": float(series.credit_supply[days].min()),
        },
        "investment": {
            "ordered_usd": market.prices.ordered_usd,
            "on_credit_usd": float(
                log["amount_usd"][
                    (log["kind"] == Event.DRAW) & _for_growth(market, log["loan"])
                ].sum()
            ),
            "lending_ease": market.prices.ease,
        },
        "notes": {
            "converted_usd": float(log["amount_usd"][log["kind"] == Event.CONVERTED].sum()),
            "put_usd": float(log["amount_usd"][log["kind"] == Event.PUT].sum()),
        },
        "defaults_by_cause": _count_by_cause(log),
        "margin_called": _parties(market, log, Event.MARGIN_CALL),
        "breached_covenant": _parties(market, log, Event.COVENANT_BREACH),
        "missed_payment": _parties(market, log, Event.MISSED_PAYMENT),
        "perimeter_defaults": _parties(market, log, Event.PERIMETER_DEFAULT),
        "impaired_lenders": _parties(market, log, Event.LENDER_IMPAIRED),
        "linked": linked_failures(market),
        "loss_usd": _losses(market, resolved),
        "largest_borrower": with_and_without(market, resolved),
        "lender_loss_share_of_capital": {
            market.names.parties[market.first_lender + row]: float(
                market.lenders.loss_usd[row] / market.lenders.capital_open_usd[row]
            )
            for row in range(len(market.lenders.kind))
            if market.lenders.loss_usd[row] != 0.0
        },
        "recovery": _recoveries(market),
        "ltv": _worst_ltv(market),
        "liquidation": {
            **_liquidation(market, Family.GPU),
            "asic": _liquidation(market, Family.ASIC),
            "site_mw": _liquidation(market, Family.SITE),
        },
        "policy": _policy(market, resolved),
        "btc_forced_sale_usd": sum(series.btc_forced_sale_usd[days].tolist()),
        "btc_impact_worst": 1.0 - math.exp(series.btc_impact_log[days].min()),
        "conservation_error": float(series.conservation_error[days].max()),
        "caveat": CAVEAT,
    }
    clean: dict[str, Any] = _clean(summary)
    return clean


_KINDS = {"miner": Kind.MINER, "neocloud": Kind.NEOCLOUD}


def _by_kind(market: Market, which: np.ndarray) -> dict[str, list[str]]:
    """Names of some borrowers, by kind."""
    kind = market.parties.kind[: market.borrower_count]
    return {
        name: names_of(market.names.parties, np.flatnonzero(which & (kind == of))).tolist()
        for name, of in _KINDS.items()
    }


def _clean(value: Any) -> Any:
    """Plain Python values for JSON: finite floats at 12 digits, null for the rest."""
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.12g}") if math.isfinite(value) else None
    return value


def _parties(market: Market, log: np.ndarray, kind: Event) -> list[str]:
    """Who had an event of a kind, in order of first appearance."""
    parties = log["party"][log["kind"] == kind]
    first = np.sort(np.unique(parties, return_index=True)[1])
    return list(names_of(market.names.parties, parties[first]))


def _for_growth(market: Market, loans: np.ndarray) -> np.ndarray:
    """Which of these loans are facilities for machines ordered after the opening."""
    return (loans >= 0) & (market.loans.growth[loans] == ANY_GROWTH)


def _count_by_cause(log: np.ndarray) -> dict[str, int]:
    defaults = log[log["kind"] == Event.DEFAULT]
    causes = defaults["cause"][np.unique(defaults["party"], return_index=True)[1]]
    return {
        Cause(int(cause)).name.lower(): int(np.sum(causes == cause)) for cause in np.unique(causes)
    }


def failure_lines(market: Market) -> dict[int, list[int]]:
    """For each failure, of a borrower or a lender, itself and all failures above it in the log.

    Nearest first. A later one was touched by those above it; a party may reorganise and fail again.
    """
    log = market.events
    failed = (log["kind"] == Event.DEFAULT) | (log["kind"] == Event.LENDER_FAILED)
    lines: dict[int, list[int]] = {}
    for event in np.flatnonzero(failed).tolist():
        above = int(log["parent"][event])
        while above >= 0 and not failed[above]:
            above = int(log["parent"][above])
        lines[event] = [event, *lines.get(above, [])]
    return lines


def linked_failures(market: Market) -> dict[str, float | int]:
    """Trees of failures, each touched by the one above it: largest, mean size, depth, share.

    Sizes and depths count parties, each once.
    """
    lines = failure_lines(market)
    if not lines:
        return {"largest": 0, "mean_size": 0.0, "depth": 0, "per_failure": 0.0}
    who = {event: set(market.events["party"][line].tolist()) for event, line in lines.items()}
    trees: dict[int, set[int]] = {}
    for event, line in lines.items():
        trees.setdefault(line[-1], set()).update(who[event])
    return {
        "largest": max(len(tree) for tree in trees.values()),
        "mean_size": sum(len(tree) for tree in trees.values()) / len(trees),
        "depth": max(len(parties) for parties in who.values()),
        "per_failure": sum(len(parties) > 1 for parties in who.values()) / len(lines),
    }


def unresolved_share(market: Market) -> float:
    """Claims still open over all claims so far, in dollars of claim at default; NaN without any."""
    loans = market.loans
    claim = of_claims("claim_usd", loans)
    everything = float(claim.sum())
    left = float(claim[loans.status == LoanStatus.DEFAULTED].sum())
    return left / everything if everything > 0.0 else float("nan")


def _losses(market: Market, resolved: Resolved | None) -> dict[str, Any]:
    """Lost on loans so far, by instrument; what of it is still an estimate, and the final loss."""
    loans = market.loans
    lost = of_claims("written_down_usd", loans)
    total = float(market.lenders.loss_usd.sum())
    by_instrument = {
        instrument.name.lower(): float(lost[loans.instrument == instrument].sum())
        for instrument in Instrument
        if np.any(lost[loans.instrument == instrument] != 0.0)
    }
    by_instrument["enforcement_cost"] = total - float(lost.sum())
    losses: dict[str, Any] = {
        "total": total,
        "by_instrument": by_instrument,
        "unresolved": float(lost[loans.status == LoanStatus.DEFAULTED].sum()),
        "unresolved_share": unresolved_share(market),
    }
    if resolved is not None:
        losses["resolved_total"], losses["resolved_day"] = resolved.total_usd, resolved.day
    return losses


def _policy(market: Market, resolved: Resolved | None) -> dict[str, Any]:
    """What policy costs by the horizon, and until claims are settled if the run went on."""
    policy = policy_summary(market)
    if resolved is not None:
        policy["resolved_net_cost_usd"] = resolved.net_cost_usd
    return policy


def _recoveries(market: Market) -> dict[str, float]:
    """Present value recovered over claim at default, by collateral, resolved claims only."""
    loans = market.loans
    resolved = (loans.claim >= 0) & (loans.status != LoanStatus.DEFAULTED)
    family = np.where(loans.hardware >= 0, market.hardware.family[loans.hardware], -1)
    groups = {
        "btc": loans.collateral == Collateral.BTC,
        "asic": family == Family.ASIC,
        "gpu": family == Family.GPU,
        "site": family == Family.SITE,
        "general_lien": loans.collateral == Collateral.GENERAL_LIEN,
        "unsecured": loans.collateral == Collateral.NONE,
    }
    owed, recovered = of_claims("claim_usd", loans), of_claims("recovered_value_usd", loans)
    result = {}
    for name, member in groups.items():
        mine = member & resolved & (owed > 0)
        claim = float(owed[mine].sum())
        value = float(np.maximum(recovered[mine], 0.0).sum())
        result[name] = value / claim if claim > 0 else float("nan")
    return result


def _worst_ltv(market: Market) -> dict[str, Any]:
    """Ratios of sums, balance over value, on the day the realisable one is highest; of GPUs too."""
    series, days = market.kept.series, slice(market.day + 1)
    names = ("reported", "second_hand", "realisable", "realisable_90_days")
    known = ~np.isnan(series.realisable_ltv[days]).all()
    worst = int(np.nanargmax(series.realisable_ltv[days])) if known else 0
    return {
        **{name: float(getattr(series, f"{name}_ltv")[worst]) for name in names},
        "gpu": {name: float(getattr(series, f"gpu_{name}_ltv")[worst]) for name in names},
        "day": worst if known else None,
    }


def _liquidation(market: Market, family: Family) -> dict[str, Any]:
    """Seized and sold units (machines, or TH/s), time to sale, price against mark at seizure.

    What no buyer took in time, and went to its lender in kind or for scrap, is not sold.
    """
    used = slice(0, int(market.lots.count[0]))
    ours = market.hardware.family[market.lots.hardware[used]] == family
    listed = ours & market.lots.listed[used]
    mine = ours & ~market.lots.listed[used]
    seized = market.lots.seized_units[used][mine]
    units = market.lots.units[used][mine]
    ended = market.lots.ended_units[used][mine]
    sold = np.where(seized - units - ended > DUST_UNITS, seized - units - ended, 0.0)
    days = market.lots.unit_days[used][mine]
    proceeds = float(market.lots.proceeds_usd[used][mine].sum())
    paper = float((sold * market.lots.mark_usd[used][mine]).sum())
    return {
        "seized_units": float(seized.sum()),
        "sold_units": float(sold.sum()),
        "ended_units": float(ended.sum()),
        "unsold_units": float(units.sum()),
        "listed_by_owners_units": float(market.lots.seized_units[used][listed].sum()),
        "median_days_to_sale": _weighted_median(days[sold > 0] / sold[sold > 0], sold[sold > 0]),
        "price_to_paper": proceeds / paper if paper > 0 else float("nan"),
    }


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    if len(values) == 0:
        return float("nan")
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulative, 0.5 * cumulative[-1])])
