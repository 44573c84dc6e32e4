"""What is done with the books of 2021 at the opening, and with no others."""

from __future__ import annotations

from ....agents.lender import Lenders
from ...scenario.scenario import Scenario
from ...state.hardware import Hardware
from ...state.interlender import Interlender
from ...state.loans import Collateral
from ...state.market import Market
from ..drafts import Drafts
from ..interlender import interlender_of
from .draft import claims_owed, draft_2021
from .facts import open_facts
from .read import Books2021


def draft(
    books: Books2021, scenario: Scenario, names: tuple[str, ...], hardware: Hardware
) -> Drafts:
    """Borrowers and loans, those drawn later without principal.

    Of the few loans on sites the books know no MW: as many as the money lent builds.
    """
    drafts = draft_2021(books, scenario.facts)
    for loan in drafts.loans:
        if loan.collateral == Collateral.SITE:
            cost_usd_mw = 1e3 * scenario.investment.rig_site_usd_per_kw
            loan.site_mw = loan.principal_usd / max(cost_usd_mw, 1.0)
    return drafts


def interlender(books: Books2021, scenario: Scenario, lenders: Lenders) -> Interlender:
    """Claims between lenders that are known."""
    return interlender_of(claims_owed(books, scenario.facts))


def finish(books: Books2021, market: Market) -> None:
    """Facts known by date; rigs run as far as they have power."""
    market.dated = open_facts(books, market)
    first, online = market.holdings.first, market.holdings.online
    for b in range(market.borrower_count):
        online[first[b] : first[b + 1]] = market.miners.energised[b]
