"""Families of interactions between parties, and what holds each of them still.

*Still* means that what befalls one party no longer reaches another by this way, while nobody gets a
subsidy and every shock from outside stays: seized machines are kept and run, and their prices are
those of ordinary trade; coins are sold without impact; what a lender loses, its marks, its funders
that leave and its failure stay its own, and credit goes on; who cannot pay fails, but takes nobody
along, and the trouble of one loan stops no other; rents of failed tenants of the books are paid by
who takes over.

Rents and hashprice are markets of the whole industry and move in all worlds. Tenants outside the
books fail in all worlds too: demand and money decide that, nobody here. So do funders leave whom a
script sends away. Funds are marked in all worlds: at par they would be given capital, and what
they lose reaches nobody where lenders are still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario


class Family(NamedTuple):
    """One way in which a failure reaches others."""

    key: str
    name: str  # after "through"
    still: tuple[str, ...]  # switches that are off where it is held still


FAMILIES = (
    Family("hardware", "sales of machines", ("channels.forced_supply",)),
    Family("coins", "sales of coins", ("channels.btc_impact",)),
    Family(
        "lenders",
        "lenders",
        (
            "channels.lender_capital",
            "channels.lender_distress",
            "channels.loss_memory",
            "channels.securitisation",
            "channels.interlender",
        ),
    ),
    Family(
        "groups",
        "groups, cross-default",
        ("credit.group_filing", "channels.cross_default", "channels.material_change"),
    ),
    Family("tenants", "tenants in the books", ("channels.tenants_in_books",)),
)
NAMES = {family.key: family.name for family in FAMILIES}
TOGETHER = "together"
"""What no single family explains: it does not happen only where all are held still."""


def still(scenario: Scenario, families: tuple[Family, ...]) -> Scenario:
    """The scenario with some families held still; the same one if none of them can act in it."""
    switches = [
        key
        for family in families
        for key in family.still
        if scenario.value_of(key) and not scenario.missing(key)
    ]
    return scenario.changed(dict.fromkeys(switches, False), "held still") if switches else scenario
