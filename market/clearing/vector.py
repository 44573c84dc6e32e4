"""Who pays what when parties owe each other and some of them cannot pay in full.

The clearing vector of Eisenberg & Noe (2001, Management Science 47) with the default costs of
Rogers & Veraart (2013, Management Science 59). Of all clearing vectors the greatest is computed, by
their sequence of fictitious defaults: everybody pays in full; who cannot is in default; what those
pay is solved for, which may bring down others; and so on until a round adds nobody.

A round solves again only what its new defaults reach through debts of defaulted parties, debtors
before creditors, one cycle of debts at a time: see :mod:`market.clearing.cycles`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...agents.compiling.kernels import compiled
from ..scenario.errors import InputError
from .cycles import Debts, Search, find_cycles, receipts, settle

TIE = 1e-12  # of all that a party owes: to lack no more than this is no default


class Clearing(NamedTuple):
    """Who pays what; one entry per party."""

    payments: NDArray[np.float64]  # all that a party pays, to creditors outside too
    defaulted: NDArray[np.bool_]  # owns less than it owes, senior claims included
    rounds: int  # of fictitious defaults: those in which somebody defaulted


class Realised(NamedTuple):
    """What a party in default realises, 0 to 1 (Rogers & Veraart's alpha and beta)."""

    of_assets: float  # of external assets, if positive
    of_claims: float  # of what its debtors pay


@compiled
def _pay_in_full(
    indptr: np.ndarray,
    indices: np.ndarray,
    liabilities: np.ndarray,
    external_assets: np.ndarray,
    external_liabilities: np.ndarray,
    alpha: float,
) -> Debts:
    """List claims by creditor, in the order of their debtors; nobody is in default yet."""
    parties = len(external_assets)
    claim_start = np.zeros(parties + 1, np.int64)
    for entry in range(len(indices)):
        claim_start[indices[entry] + 1] += 1
    claim_start = np.cumsum(claim_start)
    free = claim_start.copy()
    debtor = np.empty(len(indices), np.int64)
    claim = np.empty(len(indices))
    obligation = external_liabilities.copy()
    realised = np.empty(parties)
    for i in range(parties):
        realised[i] = alpha * max(external_assets[i], 0.0) + min(external_assets[i], 0.0)
        for entry in range(indptr[i], indptr[i + 1]):
            obligation[i] += liabilities[entry]
            slot = free[indices[entry]]
            free[indices[entry]] += 1
            debtor[slot] = i
            claim[slot] = liabilities[entry]
    return Debts(
        indptr,
        indices,
        liabilities,
        claim_start,
        debtor,
        claim,
        external_liabilities,
        obligation,
        realised,
        obligation.copy(),
        np.ones(parties),
        np.full(parties, -1, np.int64),
    )


@compiled
def _is_short(debts: Debts, external_assets: np.ndarray, party: int) -> bool:
    """Whether a party owns less than it owes; what it owes includes senior claims."""
    owns = max(external_assets[party], 0.0) + receipts(debts, party)
    owes = debts.obligation[party] + max(-external_assets[party], 0.0)
    return owes - owns > TIE * owes


@compiled
def clear_csr(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int64],
    liabilities: NDArray[np.float64],
    external_assets: NDArray[np.float64],
    external_liabilities: NDArray[np.float64],
    realised: Realised,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Greatest clearing vector of compressed sparse rows; nothing is checked, nothing is changed.

    Party i owes ``liabilities[e]`` [USD] to ``indices[e]``, itself excepted, for e from
    ``indptr[i]`` to ``indptr[i + 1]`` (int64). Returns the fields of :class:`Clearing`.
    """
    parties = len(external_assets)
    debts = _pay_in_full(
        indptr,
        indices,
        liabilities,
        external_assets,
        external_liabilities,
        realised.of_assets,
    )
    memory = np.empty((6, parties), np.int64)
    search = Search(
        np.full(parties, -1, np.int64),
        memory[0],
        memory[1],
        memory[2],
        memory[3],
        memory[4],
        memory[5],
    )
    defaulted = np.zeros(parties, np.bool_)
    looked_at = np.zeros(parties, np.int64)  # last round in which a party was
    fresh = np.empty(parties, np.int64)
    count = rounds = 0
    for party in range(parties):
        if _is_short(debts, external_assets, party):
            fresh[count] = party
            count += 1
    while count > 0:
        rounds += 1
        for party in fresh[:count]:
            defaulted[party] = True
        found, cycles = find_cycles(debts, defaulted, fresh[:count], search)
        for cycle in range(cycles - 1, -1, -1):
            first = search.ends[cycle - 1] if cycle > 0 else 0
            settle(debts, search.order[first : search.ends[cycle]][::-1].copy(), realised.of_claims)
        count = 0
        for party in search.order[:found]:
            for entry in range(indptr[party], indptr[party + 1]):
                other = indices[entry]
                if not defaulted[other] and looked_at[other] < rounds:
                    looked_at[other] = rounds
                    if _is_short(debts, external_assets, other):
                        fresh[count] = other
                        count += 1
    return debts.payment, defaulted, rounds


def clearing_vector(
    liabilities: Any,
    external_assets: ArrayLike,
    *,
    external_liabilities: ArrayLike | None = None,
    alpha: float = 1.0,
    beta: float = 1.0,
) -> Clearing:
    """Greatest clearing vector of a network of debts.

    Args:
        liabilities: ``[debtor, creditor]`` [USD], a dense array or a sparse one of scipy (or
            anything with the attributes of its CSR arrays); nobody owes itself.
        external_assets: ``[party]`` [USD], other than claims on parties; negative where senior
            claims exceed them, which are then paid first out of what debtors pay.
        external_liabilities: ``[party]`` [USD], to creditors outside, of equal rank; none if None.
        alpha: Fraction of external assets, if positive, that a party in default realises.
        beta: Fraction of what its debtors pay that a party in default realises.

    A party is in default if it owns less than it owes, by more than 1e-12 of what it owes. One that
    owes nothing but senior claims is too, if these are not covered; it pays nothing either way.

    Raises:
        InputError: (a ``ValueError``) shapes differ, a number is out of bounds, or a party owes
            itself.
        ArithmeticError: more than 4000 parties in default owe each other in circles from which
            hardly any money leaks, so that payments do not settle.
    """
    start, creditor, debt = _rows(liabilities)
    parties = len(start) - 1
    assets = _amounts("external_assets", external_assets, parties)
    outside = np.zeros(parties)
    if external_liabilities is not None:
        outside = _amounts("external_liabilities", external_liabilities, parties)
        _check_debts("external_liabilities", outside)
    for name, fraction in (("alpha", alpha), ("beta", beta)):
        if not 0.0 <= fraction <= 1.0:
            raise InputError(f"{name} is {fraction}; it must lie between 0 and 1")
    realised = Realised(float(alpha), float(beta))
    payments, defaulted, rounds = clear_csr(start, creditor, debt, assets, outside, realised)
    return Clearing(payments, defaulted, int(rounds))


def _rows(
    liabilities: Any,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Start, creditor and debt of compressed sparse rows, checked."""
    if hasattr(liabilities, "tocsr"):
        liabilities = liabilities.tocsr()
    sparse = hasattr(liabilities, "indptr")
    dense = np.empty((0, 0)) if sparse else np.asarray(liabilities, np.float64)
    shape = tuple(liabilities.shape) if sparse else dense.shape
    if len(shape) != 2 or shape[0] != shape[1]:
        raise InputError(f"liabilities have shape {shape}; they must be (parties, parties)")
    if sparse:
        start = np.ascontiguousarray(liabilities.indptr, np.int64)
        creditor = np.ascontiguousarray(liabilities.indices, np.int64)
        debt = np.ascontiguousarray(liabilities.data, np.float64)
        sound = (
            len(start) == shape[0] + 1
            and start[0] == 0
            and start[-1] == len(creditor) == len(debt)
            and bool(np.all(np.diff(start) >= 0))
            and bool(np.all((creditor >= 0) & (creditor < shape[1])))
        )
        if not sound:
            raise InputError("liabilities are not valid CSR: indptr, indices and data must agree")
    else:
        debtor, creditor = np.nonzero(dense)
        start = np.searchsorted(debtor, np.arange(shape[0] + 1)).astype(np.int64)
        debt = dense[debtor, creditor]
    _check_debts("liabilities", debt)
    owes_itself = (debt != 0.0) & (creditor == np.repeat(np.arange(shape[0]), np.diff(start)))
    if owes_itself.any():
        party = int(creditor[owes_itself][0])
        raise InputError(f"liabilities[{party}, {party}] is not 0; nobody can owe itself")
    return start, creditor.astype(np.int64), debt


def _amounts(name: str, values: ArrayLike, parties: int) -> NDArray[np.float64]:
    amounts = np.asarray(values, np.float64, order="C")
    if amounts.shape != (parties,):
        raise InputError(f"{name} have shape {amounts.shape}; they must be ({parties},)")
    if not np.isfinite(amounts).all():
        party = int(np.flatnonzero(~np.isfinite(amounts))[0])
        raise InputError(f"{name}[{party}] is {amounts[party]}; it must be a finite number")
    return amounts


def _check_debts(name: str, debts: NDArray[np.float64]) -> None:
    """Debts are finite and not negative."""
    wrong = ~(np.isfinite(debts) & (debts >= 0.0))
    if wrong.any():
        worst = debts[wrong][0]
        raise InputError(f"{name} contain {worst}; they must be finite and not negative")
