"""What secures project finance: MW of power, and of halls that stand on it."""

from __future__ import annotations

from collections.abc import Iterable

from ...state.loans import Collateral
from ..drafts import LoanDraft
from .rows import Site


def pledge_sites(loans: Iterable[LoanDraft], sites: Iterable[Site]) -> None:
    """Give each loan on a site its share of that site's MW (in place)."""
    site_of = {site.perimeter: site for site in sites}
    for loan in loans:
        if loan.collateral == Collateral.SITE:
            site = site_of[loan.perimeter]
            loan.hall_mw = loan.collateral_units * site.hall_mw
            loan.site_mw = loan.collateral_units * (site.power_mw - site.hall_mw)
