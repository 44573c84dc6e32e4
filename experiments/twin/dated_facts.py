"""Facts known by date, as objects, read off the opening books."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
    kind: str
    amount: float
    party: Party | None = None
    counterparty: Party | None = None
    loan: Loan | None = None
    rigs_th: float = 0.0


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
    eth_open_usd: float
    rigs_due_th: dict[Loan, float]
    outflows: list[tuple[Lender, float, int]] = field(default_factory=list)


def open_facts(market: TwinMarket, state: Market) -> DatedFacts | None:
    """Copy the engine's facts of the opening day into objects."""
    book = state.dated_facts
    if book is None:
        return None
    borrowers, loans, orders = market.borrowers, market.loans, book.orders
    parties: dict[int, Party] = {p.number: p for p in (*borrowers, *market.lenders)}
    standing = {
        borrower: Standing(*(float(column[b]) for column in (
            book.power_usd_mwh, book.capacity, book.eth_revenue_usd_day, book.eth_cost_usd_day,
            book.hosted_share, state.borrowers.goodwill_open_usd,
        )))
        for b, borrower in enumerate(borrowers)
    }  # fmt: skip
    hostings = [
        Hosting(
            borrowers[link.host],
            borrowers[link.tenant] if link.tenant >= 0 else None,
            link.share,
            link.mw,
            link.usd_mwh,
        )
        for link in book.links
    ]
    columns = (orders.borrower, orders.due_day, orders.th, orders.deposit_usd, orders.payment_usd)
    return DatedFacts(
        standing=standing,
        hostings=hostings,
        shocks=[
            Happening(
                shock.day,
                shock.kind,
                shock.amount,
                parties[shock.party],
                parties.get(shock.counterparty),
            )
            for shock in book.shocks
        ],
        draws=[
            Happening(
                draw.day, "draw", draw.amount_usd, loan=loans[draw.loan], rigs_th=draw.rigs_th
            )
            for draw in book.draws
        ],
        equity=[
            Happening(one.day, "equity", one.amount_usd, borrowers[one.borrower])
            for one in book.equity
        ],
        tranches=[
            Tranche(borrowers[b], day, th, deposit, payment)
            for b, day, th, deposit, payment in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ],
        coins_lent=[
            (borrowers[b], market.lenders[lender - state.first_lender], btc)
            for b, lender, btc in book.coins_lent
        ],
        in_kind=[
            (loan, float(rate))
            for loan, rate in zip(loans, book.in_kind_rate, strict=True)
            if rate > 0.0
        ],
        eth_open_usd=book.eth_open_usd,
        rigs_due_th={
            loan: float(th) for loan, th in zip(loans, book.rigs_due_th, strict=True) if th > 0.0
        },
    )
