"""How a synthetic population is drawn: how many parties, how unequal, who lends to whom."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .sections import Section

FEWEST_PARTIES = 36  # every kind of lender and of buyer, and as many who borrow
MOST_PARTIES = 20_000_000


class Synthetic(Section):
    """The population of ``opening.start = "synthetic"``; totals are those of 2025."""

    parties: int = Field(
        1000,
        ge=FEWEST_PARTIES,
        le=MOST_PARTIES,
        description="borrowers, lenders and second-hand buyers together, before opening.scale",
    )
    sizes: Literal["pareto", "lognormal"] = Field(
        "pareto", description="law of borrowers' and lenders' sizes"
    )
    pareto_tail: float = Field(1.2, gt=1.0, le=10.0, description="exponent; 1.06: like firms")
    lognormal_deviation: float = Field(2.0, ge=0.01, le=5.0, description="of log sizes")
    leverage_deviation: float = Field(
        0.5, ge=0.0, le=3.0, description="of log debt over size, among parties alike"
    )
    capital_deviation: float = Field(
        0.3, ge=0.0, le=2.0, description="of lenders' log capital over assets, within a kind"
    )
    loans_per_borrower: float = Field(
        1.25, ge=1.0, le=20.0, description="on average; the large have many, each part of a club"
    )
    lenders_per_root: float = Field(
        2.0, ge=0.01, le=100.0, description="lenders over the square root of the parties"
    )
    buyers_per_root: float = Field(
        5.0, ge=0.01, le=100.0, description="second-hand buyers over the square root of the parties"
    )
    network: Literal["core_periphery", "configuration"] = Field(
        "core_periphery",
        description="core_periphery: few lenders at the core of each kind hold most loans; "
        "configuration: numbers of loans drawn per lender, matched at random",
    )
    degree_tail: float = Field(
        2.0, gt=1.0, le=10.0, description="configuration: exponent of lenders' numbers of loans"
    )
    core_share: float = Field(
        0.1, ge=0.001, le=0.999, description="of lenders of a kind, at the core"
    )
    core_loans: float = Field(
        0.7, ge=0.01, le=0.99, description="share of the loans the core makes; neither has none"
    )
    lines_per_lender: int = Field(
        3, ge=1, le=50, description="lenders that one lender borrows from, of a kind"
    )
