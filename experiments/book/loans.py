"""Each loan of a book with all that is known of it: terms, collateral, and what runs say."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...market.opening.tape.borrowers import reported_price_usd
from ...market.opening.tape.income import service_usd_yr
from ...market.state.events import Cause
from ..look import words
from . import estimates as est
from .stages import Staged, stage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...market.opening.books import Books
    from ...market.opening.books_2025.rows import Loan
    from ...market.opening.tape.join import JoinedBook
    from ...market.opening.tape.parties import Named
    from ...market.opening.tape.read import TapeLoan
    from ..look.intervals import Estimate
    from .runs import Outcome, Values

MONTHS_12 = 365
CAUSES = ("coins", "machines", "coverage")


@dataclass(frozen=True)
class Labels:
    """Names as they are shown: as given, or codes for them."""

    anonymous: bool
    _codes: dict[tuple[str, str], str] = field(default_factory=dict)

    def __call__(self, kind: str, name: str) -> str:
        """A name, or its code: the same name always has the same."""
        if not self.anonymous or not name:
            return name
        number = sum(1 for known, _ in self._codes if known == kind) + 1
        return self._codes.setdefault((kind, name), f"{kind.capitalize()} {number:02d}")


@dataclass(frozen=True)
class LoanView:
    """One loan of the book."""

    id: str
    borrower: str
    lender: str
    tenant: str
    region: str
    row: Loan
    said: TapeLoan | None  # of a tape; a whole market has none
    balance_usd: float
    service_usd_yr: float  # interest and scheduled principal of the coming year
    contract: float  # spread over the reference rate, decimals a year
    second_hand_usd: float  # value of the collateral; NaN without any
    reported_usd: float
    ltv_said: float  # as the tape reports it, NaN if it does not
    ltv_reported: float
    ltv_second_hand: float
    ltv_realisable: float
    ltv_realisable_90: float
    pd_year: Estimate
    pd: Estimate
    lgd: float
    loss: Estimate
    loss_year: Estimate
    spread: Estimate
    causes: tuple[tuple[str, int], ...]
    breaches: tuple[tuple[float, float], ...]  # share of runs and median day by CAUSES
    settle_days: float
    staged: Staged

    @property
    def collateral(self) -> str:
        """Its class in words."""
        return collateral_of(self.row)

    @property
    def maturity(self) -> dt.date:
        """When it is due."""
        return self.row.maturity


def collateral_of(row: Loan) -> str:
    """What secures a loan, as a class."""
    if row.collateral_class is not None:
        return row.collateral_class
    return row.collateral_kind.replace("_", " ")


def unit_value_usd(row: Loan, books: Books, reported: bool) -> float:
    """Value of the collateral at the opening [USD]; NaN where it has no price."""
    name = row.collateral_class
    if name is None or name == "SITE" or row.collateral_units <= 0:
        return math.nan
    if name == "BTC":
        return row.collateral_units * books.quotes["btc_usd"]
    split = [(part.class_id, part.share) for part in books.group_split if part.fleet_group == name]
    parts = split or [(name, 1.0)]
    value = 0.0
    for one, share in parts:
        hardware = next(h for h in books.hardware if h.id == one)
        price = reported_price_usd(one, books) if reported else float(hardware.used_price_usd or 0)
        value += share * price
    return row.collateral_units * value


def realisable_shares(outcomes: Sequence[Outcome]) -> dict[str, tuple[float, float]]:
    """What a sale of the book brings over second-hand value, at once and in 90 days, by class."""
    sums: dict[str, list[Values]] = {}
    for outcome in outcomes:
        for name, values in outcome.opening.alone.items():
            sums.setdefault(name, []).append(values)
    result = {}
    for name, found in sums.items():
        second = sum(one.second_hand for one in found)
        if second > 0.0:
            now = sum(one.realisable for one in found) / second
            later = sum(one.realisable_90_days for one in found) / second
            result[name] = now, later
    return result


def loan_views(
    joined: JoinedBook, outcomes: Sequence[Outcome], horizon: int, labels: Labels
) -> list[LoanView]:
    """All loans of a book, in the order of the tape."""
    draws = est.draws_of(outcomes)
    shares = realisable_shares(outcomes)
    books, rows = joined.books, {loan.loan_id: loan for loan in joined.books.loans}
    said = {} if joined.tape.brings_market else {loan.id: loan for loan in joined.tape.loans}
    parties: list[Named] = [*books.miners, *books.neoclouds, *books.lenders]
    titles = {row.id: row.name for row in parties}
    reference = books.quotes["reference_rate"]
    views = []
    for n, name in enumerate(joined.loans):
        row, given = rows[name], said.get(name)
        balance = 1e6 * row.drawn_usd_m
        contract = row.rate_or_spread - (0.0 if row.rate_type == "float" else reference)
        second = unit_value_usd(row, books, reported=False)
        reported = unit_value_usd(row, books, reported=True)
        of_class = row.collateral_class or ""
        now, later = shares.get(of_class, (math.nan, math.nan))
        told = given.reported if given is not None else None
        ltv_said = math.nan
        if told is not None and told.ltv is not None:
            ltv_said = float(told.ltv)
        elif told is not None and told.value_usd:
            ltv_said = balance / float(told.value_usd)
        elif row.opening_ltv is not None:
            ltv_said = row.opening_ltv
        pd_year = est.default_probability(draws.default_day[:, n], MONTHS_12)
        lgd = est.loss_given_default(draws.plain_loss[:, n], draws.claim[:, n])
        causes = Counter(
            words.cause(Cause(int(c)).name.lower()) for c in draws.cause[:, n] if c >= 0
        )
        days = draws.breach_day[:, n, :]
        breaches = tuple(
            (
                float((days[:, k] >= 0).mean()),
                float(np.median(days[days[:, k] >= 0, k])) if (days[:, k] >= 0).any() else math.nan,
            )
            for k in range(3)
        )
        settle = draws.settle_days[:, n]
        settle = settle[np.isfinite(settle)]
        past_due = int(given["days_past_due"] or 0) if given is not None else 0
        views.append(
            LoanView(
                id=labels("loan", name),
                borrower=labels("borrower", titles.get(row.borrower_id, row.borrower_id)),
                lender=labels("lender", titles.get(row.lender_id, row.lender_id)),
                tenant=labels("tenant", str(given["tenant"] or "") if given else ""),
                region=str(given["region"] or "not given") if given else "not given",
                row=row,
                said=given,
                balance_usd=balance,
                service_usd_yr=service_usd_yr(given, books.opening_date, reference)
                if given is not None
                else math.nan,
                contract=contract,
                second_hand_usd=second,
                reported_usd=reported,
                ltv_said=ltv_said,
                ltv_reported=_ratio(balance, reported),
                ltv_second_hand=_ratio(balance, second),
                ltv_realisable=_ratio(balance, second * now),
                ltv_realisable_90=_ratio(balance, second * later),
                pd_year=pd_year,
                pd=est.default_probability(draws.default_day[:, n], horizon),
                lgd=lgd,
                loss=est.expected(draws.loss[:, n]),
                loss_year=est.expected(draws.loss_year[:, n]),
                spread=est.break_even(draws.loss[:, n], draws.years[:, n]),
                causes=tuple(causes.most_common()),
                breaches=breaches,
                settle_days=float(np.median(settle)) if len(settle) else math.nan,
                staged=stage_of(pd_year.value, contract, past_due),
            )
        )
    return views


def _ratio(debt: float, value: float) -> float:
    if math.isnan(value):
        return math.nan
    return debt / value if value > 0.0 else math.inf
