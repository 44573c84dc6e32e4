"""What is done with the books of 2025 at the opening, and with no others."""

from __future__ import annotations

from ....agents.lender import Lenders
from ...scenario.scenario import Scenario
from ...state.hardware import Hardware
from ...state.interlender import Interlender
from ...state.market import Market
from ..books import Books
from ..drafts import Drafts
from ..interlender import open_interlender
from .draft import draft_books
from .prospects import add_prospects
from .signed_orders import FACILITY_LENDERS, add_growth


def draft(books: Books, scenario: Scenario, names: tuple[str, ...], hardware: Hardware) -> Drafts:
    """Borrowers, loans and contracts, and the growth that was signed."""
    drafts = draft_books(books, scenario.opening.scale)
    add_growth(drafts, names, hardware, books.lenders, scenario)
    comes = scenario.entry.on and scenario.investment.sensitivity > 0.0
    lends = any(row.id in FACILITY_LENDERS for row in books.lenders)
    if comes and lends and scenario.opening.start == "2025":
        add_prospects(drafts, names, hardware, books, scenario)
    return drafts


def interlender(books: Books, scenario: Scenario, lenders: Lenders) -> Interlender:
    """Claims between lenders are not published: shares of their funding, by plausible relation."""
    ids = [row.id for row in books.lenders]
    return open_interlender(lenders, ids, books.interlender, scenario.lenders.interlender_scale)


def finish(books: Books, market: Market) -> None:
    """Nothing is known by date."""
