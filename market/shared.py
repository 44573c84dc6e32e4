"""All tables of a market in one piece, so that handing them to compiled code costs next to nothing.

Numba takes a tuple of arrays apart at each call: a fifth of a microsecond a column, some sixty for
a market, whatever the columns hold. :class:`Shared` holds the same memory behind one pointer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types
from numba.experimental import structref
from numpy.typing import NDArray

from agents.borrower import Borrowers
from agents.buyer import Buyers
from agents.compiled import compiled
from agents.lender import Lenders
from agents.miner import Miners
from agents.neocloud import Neoclouds
from agents.party import Parties
from market.context import Log, Terms
from market.contracts import Contracts
from market.hardware import Hardware, Holdings
from market.investment import Orders
from market.ledger import Ledger
from market.loans import Loans, Perimeters
from market.lots import Lots


class Tables(NamedTuple):
    """Every table of a market, and the arrays by hardware class that kernels read."""

    parties: Parties
    borrowers: Borrowers
    miners: Miners
    neoclouds: Neoclouds
    lenders: Lenders
    buyers: Buyers
    hardware: Hardware
    holdings: Holdings
    loans: Loans
    perimeters: Perimeters
    contracts: Contracts
    orders: Orders
    lots: Lots
    ledger: Ledger
    log: Log
    marks_usd: NDArray[np.float64]
    schedule_usd: NDArray[np.float64]
    clearing_event: NDArray[np.int64]
    outside_online: NDArray[np.float64]


class Shared(structref.StructRefProxy):
    """Tables and terms behind one pointer; compiled functions read ``.tables`` and ``.terms``."""

    tables: Tables
    terms: Terms

    def __new__(cls, tables: Tables, terms: Terms) -> Shared:
        """Made by :func:`share`."""
        made: Shared = structref.StructRefProxy.__new__(cls, tables, terms)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """A copied market has other memory: it shares its own tables when it needs to."""


@structref.register
class _SharedType(types.StructRef):
    def preprocess_fields(self, fields: Any) -> Any:
        return tuple((name, types.unliteral(type_)) for name, type_ in fields)


structref.define_boxing(_SharedType, Shared)
structref.define_constructor(Shared, _SharedType, ["tables", "terms"])
structref.define_attributes(_SharedType)


class _Plain(NamedTuple):
    """What stands for :class:`Shared` where nothing is compiled."""

    tables: Tables
    terms: Terms


@compiled
def _shared(tables: Tables, terms: Terms) -> Shared:
    return Shared(tables, terms)


def share(tables: Tables, terms: Terms) -> Shared | _Plain:
    """Put tables and terms behind one pointer: the arrays' memory is shared, not copied."""
    if getattr(numba.config, "DISABLE_JIT"):  # noqa: B009
        return _Plain(tables, terms)
    shared: Shared = _shared(tables, terms)
    return shared
