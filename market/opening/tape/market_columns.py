"""Columns that only a tape of a whole market needs: those of our own table of loans."""

from __future__ import annotations

from types import MappingProxyType

_OWN = (
    "loan_id",
    "borrower_id",
    "perimeter",
    "lender_id",
    "syndicate_id",
    "committed_usd_m",
    "rate_type",
    "rate_or_spread",
    "principal_per_quarter_usd_m",
    "collateral_kind",
    "collateral_class",
    "collateral_units",
    "initial_ltv",
    "margin_call_ltv",
    "liquidation_ltv",
    "min_dscr",
    "cure_days",
    "put_date",
    "dscr_test_start",
    "pledged_cash_flow_usd_m_yr",
    "opening_dscr",
    "opening_ltv",
    "confidence",
    "source",
)
MARKET_COLUMNS = MappingProxyType({f"own {name.replace('_', ' ')}": name for name in _OWN})
"""By heading: ``own`` and the name of the column."""
