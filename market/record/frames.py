"""Tables of the state as data frames, with names instead of row numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...agents.lender import LenderKind
from ...agents.party import Kind
from ..state.events import Cause, Event
from ..state.loans import Collateral, Instrument, LoanStatus, of_claims
from ..state.market import Market
from ..state.names import names_of


def event_frame(market: Market, rows: np.ndarray | None = None) -> pd.DataFrame:
    """The event log or some ``rows`` of it, one row per event; ``parent`` is an event id or -1."""
    rows = np.arange(len(market.events)) if rows is None else rows
    log = market.events[rows]
    names = market.names
    kinds = np.array([kind.name.lower() for kind in Event], dtype=object)
    causes = np.array([cause.name.lower() for cause in Cause], dtype=object)
    return pd.DataFrame(
        {
            "event": rows,
            "day": log["day"],
            "round": log["round"],
            "kind": kinds[log["kind"]],
            "party": names_of(names.parties, log["party"]),
            "counterparty": names_of(names.parties, log["counterparty"]),
            "loan": names_of(names.loans, log["loan"]),
            "amount_usd": log["amount_usd"],
            "cause": causes[log["cause"]],
            "parent": log["parent"],
        }
    )


def loan_frame(market: Market, principal_open_usd: np.ndarray) -> pd.DataFrame:
    """Every loan as it stands; recovery is null until the claim is resolved."""
    loans = market.loans
    n = len(loans.status)
    defaulted = loans.claim >= 0
    resolved = defaulted & (loans.status == LoanStatus.CLOSED)
    claim_usd = of_claims("claim_usd", loans)
    claim = np.where(claim_usd > 0, claim_usd, np.nan)
    parties = market.names.parties
    kinds = np.array([kind.name.lower() for kind in Kind], dtype=object)
    instruments = np.array([one.name.lower() for one in Instrument], dtype=object)
    statuses = np.array([one.name.lower() for one in LoanStatus], dtype=object)
    hardware = np.array([*market.names.hardware, ""], dtype=object)
    return pd.DataFrame(
        {
            "loan": names_of(market.names.loans, np.arange(n)),
            "borrower": names_of(parties, loans.borrower),
            "borrower_kind": kinds[market.parties.kind[loans.borrower]],
            "lender": names_of(parties, market.first_lender + loans.lender),
            "instrument": instruments[loans.instrument],
            "status": statuses[loans.status],
            "recourse": loans.recourse,
            "principal_open_usd": principal_open_usd,
            "principal_usd": loans.principal_usd,
            "undrawn_usd": loans.undrawn_usd,
            "maturity_day": loans.maturity_day,
            "collateral_class": np.where(
                (loans.collateral_btc > 0) | (loans.collateral == Collateral.BTC),
                "BTC",
                hardware[loans.hardware],
            ),
            "collateral_units": np.where(
                loans.collateral == 1, loans.collateral_btc, loans.collateral_units
            ),
            "default_day": of_claims("default_day", loans, -1),
            "claim_at_default_usd": np.where(defaulted, claim_usd, np.nan),
            "recovered_usd": np.where(defaulted, of_claims("recovered_usd", loans), np.nan),
            "loss_usd": loan_losses(market),
            "recovery": np.where(
                resolved,
                np.clip(of_claims("recovered_value_usd", loans) / claim, 0.0, None),
                np.nan,
            ),
        },
        index=range(n),
    )


def loan_losses(market: Market) -> np.ndarray:
    """Loss on each loan [USD]: written down, or lost when resolved, and enforcement cost."""
    return of_claims("written_down_usd", market.loans)


def lender_frame(market: Market) -> pd.DataFrame:
    """Every lender: capital, book, loss, what it kept and has provided for, ratio."""
    lenders = market.lenders
    assets = lenders.capital_usd + lenders.funding_usd
    rows = range(len(lenders.kind))
    return pd.DataFrame(
        {
            "lender": [market.names.parties[market.first_lender + row] for row in rows],
            "name": [market.names.titles[market.first_lender + row] for row in rows],
            "kind": [LenderKind(int(kind)).name.lower() for kind in lenders.kind],
            "capital_open_usd": lenders.capital_open_usd,
            "capital_usd": lenders.capital_usd,
            "book_usd": lenders.book_usd,
            "loss_usd": lenders.loss_usd,
            "earned_usd": lenders.earned_usd,
            "provision_usd": lenders.provision_usd,
            "capital_ratio": lenders.capital_usd / np.where(assets > 0, assets, np.nan),
            "min_capital_ratio": lenders.min_capital_ratio,
        }
    )
