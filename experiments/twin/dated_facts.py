"""Facts known by date, as objects, read off the opening books."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...market.state.facts import ShockKind
from .borrower import Borrower

if TYPE_CHECKING:
    from ...market.state.market import Market
    from .lender import Lender
    from .loan import Loan
    from .model import TwinMarket
    from .party import Party


@dataclass(eq=False)
class Tranche:
    """Rigs due on a date; amounts are of what is still open."""

    borrower: Borrower
    due_day: int
    th: float
    deposit_usd: float
    payment_usd: float
    waiting_th: float = 0.0  # delivered, without power yet
    powered_day: float = 0.0  # mean day on which those run

    def take(self, share: float) -> None:
        """So much of it is no longer open."""
        self.th *= 1.0 - share
        self.deposit_usd *= 1.0 - share
        self.payment_usd *= 1.0 - share


@dataclass(eq=False)
class Standing:
    """What a borrower has beside its fleet: power as at the opening, ether, a host."""

    power_usd_mwh: float
    capacity: float
    eth_revenue_usd_day: float
    eth_cost_usd_day: float
    hosted_share: float
    goodwill_usd: float
    power_factor: float = 1.0


@dataclass(eq=False)
class Hosting:
    """Rigs of a tenant with a host; without a tenant, power let to tenants without a name."""

    host: Borrower
    tenant: Borrower | None
    share: float
    mw: float
    usd_mwh: float


@dataclass(eq=False)
class Happening:
    """A shock, a draw or new shares on a day."""

    day: int
    amount: float
    party: Party | None = None
    counterparty: Party | None = None
    loan: Loan | None = None
    rigs_th: float = 0.0
    kind: ShockKind | None = None


@dataclass(eq=False)
class DatedFacts:
    """Dated facts of a market."""

    standing: dict[Borrower, Standing]
    hostings: list[Hosting]
    shocks: list[Happening]
    draws: list[Happening]
    equity: list[Happening]
    tranches: list[Tranche]
    coins_lent: list[tuple[Borrower, Lender, float]]
    in_kind: list[tuple[Loan, float]]
    rigs_due_th: dict[Loan, float]
    outflows: list[tuple[Lender, float, int]] = field(default_factory=list)


def open_facts(market: TwinMarket, state: Market) -> DatedFacts | None:
    """Copy the engine's facts of the opening day into objects."""
    book = state.dated
    if len(book.capacity) == 0:
        return None
    borrowers, loans = market.borrowers, market.loans
    parties: dict[int, Party] = {p.number: p for p in (*borrowers, *market.lenders)}
    standing = {
        borrower: Standing(*(float(column[b]) for column in (
            book.power_usd_mwh, book.capacity, book.eth_revenue_usd_day, book.eth_cost_usd_day,
            book.hosted_share, state.borrowers.goodwill_open_usd,
        )))
        for b, borrower in enumerate(borrowers)
    }  # fmt: skip
    return DatedFacts(
        standing=standing,
        hostings=[
            Hosting(borrowers[host], borrowers[tenant] if tenant >= 0 else None, *terms)
            for host, tenant, *terms in rows_of(book.links)
        ],
        shocks=[
            Happening(day, amount, parties[p], parties.get(counterparty), kind=ShockKind(kind))
            for day, kind, p, counterparty, amount, _ in rows_of(book.shocks)
            if kind != ShockKind.KNOCK_OUT  # of any books: the market asks its scenario
        ],
        draws=[
            Happening(day, amount, loan=loans[loan], rigs_th=th)
            for day, loan, amount, th in rows_of(book.draws)
        ],
        equity=[
            Happening(day, amount, borrowers[b]) for day, b, amount in rows_of(book.injections)
        ],
        tranches=[Tranche(borrowers[b], *terms) for b, *terms in rows_of(book.orders)],
        coins_lent=[
            (borrowers[b], market.lenders[lender - state.first_lender], btc)
            for b, lender, btc in rows_of(book.coins_lent)
        ],
        in_kind=[
            (loan, float(rate))
            for loan, rate in zip(loans, book.in_kind_rate, strict=True)
            if rate > 0.0
        ],
        rigs_due_th={
            loan: float(th) for loan, th in zip(loans, book.rigs_due_th, strict=True) if th > 0.0
        },
    )


def rows_of(table: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Rows of a table of columns."""
    return list(zip(*(column.tolist() for column in table), strict=True))
