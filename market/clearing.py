"""Who pays what when parties owe each other and some of them cannot pay in full.

The clearing vector of Eisenberg & Noe (2001, Management Science 47) with the default costs of
Rogers & Veraart (2013, Management Science 59). Of all clearing vectors the greatest is computed, by
their sequence of fictitious defaults: everybody pays in full; who cannot is in default; what those
pay is solved for, which may bring down others; and so on until a round adds nobody.

A round solves again only what its new defaults reach through debts of defaulted parties, debtors
before creditors, one cycle (strongly connected component of debts) at a time:

- up to 400 parties exactly: who pays anything is found from nobody up, and what they pay by an
  elimination that never subtracts (Grassmann, Taksar & Heyman 1985, Operations Research 33), so
  that a cycle from which hardly any money leaks is solved as accurately as any other;
- more by Gauss–Seidel on a work list, until no payment changes by 1e-16 of the obligation, with
  Aitken's extrapolation: accurate to about 1e-16 over the share of money that leaks per turn.

Both find the greatest payments, for given who is in default they are unique. Two solutions could
only differ on a circle of defaulted parties that owe nothing to others, with beta = 1, and that
together neither gain nor lose. But the last of them to default lacked something, so they lose.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.compiled import compiled
from market.errors import InputError

TIE = 1e-12  # of all that a party owes: to lack no more than this is no default
_EXACT_PARTIES = 400  # longest cycle of debts that is solved by elimination
_REST = 1e-16  # of an obligation: a smaller change of a payment is not passed on
_MAX_PASSES = 100_000


class Clearing(NamedTuple):
    """Who pays what; one entry per party."""

    payments: NDArray[np.float64]  # all that a party pays, to creditors outside too
    defaulted: NDArray[np.bool_]  # owns less than it owes, senior claims included
    rounds: int  # of fictitious defaults: those in which somebody defaulted


class _Debts(NamedTuple):
    """Debts by debtor and by creditor, and what has been settled of them."""

    start: NDArray[np.int64]  # [party + 1] into creditor and debt
    creditor: NDArray[np.int64]
    debt: NDArray[np.float64]
    claim_start: NDArray[np.int64]  # [party + 1] into debtor and claim
    debtor: NDArray[np.int64]
    claim: NDArray[np.float64]
    outside: NDArray[np.float64]  # [party] owed to creditors outside
    obligation: NDArray[np.float64]  # [party] all that it owes
    realised: NDArray[np.float64]  # [party] external assets in default, less senior claims
    payment: NDArray[np.float64]  # [party] never rises from one round to the next
    share: NDArray[np.float64]  # [party] payment over obligation
    place: NDArray[np.int64]  # [party] place in the cycle that is being solved, else -1


class _Cycle(NamedTuple):
    """Defaulted parties in a cycle of debts, counted from 0: payment = income + weight' payment."""

    start: NDArray[np.int64]  # [member + 1] into debtor and weight
    debtor: NDArray[np.int32]
    weight: NDArray[np.float64]  # of a debtor's payment: what the creditor realises of it
    debt_start: NDArray[np.int64]  # [member + 1] into creditor
    creditor: NDArray[np.int32]
    income: NDArray[np.float64]  # [member] realised, from all but members, less senior claims
    leak: NDArray[np.float64]  # [member] share of its payment that members do not realise
    obligation: NDArray[np.float64]  # [member]
    most: NDArray[np.float64]  # [member] payment in the round before


class _Search(NamedTuple):
    """Working memory of the search for cycles; ``number`` is -1 before and after."""

    number: NDArray[np.int64]
    low: NDArray[np.int64]
    entry: NDArray[np.int64]
    calls: NDArray[np.int64]
    stack: NDArray[np.int64]
    order: NDArray[np.int64]  # what was found, creditors' cycles first
    ends: NDArray[np.int64]  # of each cycle in ``order``


@compiled
def _pay_in_full(
    indptr: np.ndarray,
    indices: np.ndarray,
    liabilities: np.ndarray,
    external_assets: np.ndarray,
    external_liabilities: np.ndarray,
    alpha: float,
) -> _Debts:
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
    return _Debts(
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
def _receipts(debts: _Debts, party: int) -> float:
    """What a party's debtors pay it now."""
    total = 0.0
    for slot in range(debts.claim_start[party], debts.claim_start[party + 1]):
        total += debts.claim[slot] * debts.share[debts.debtor[slot]]
    return total


@compiled
def _is_short(debts: _Debts, external_assets: np.ndarray, party: int) -> bool:
    """Whether a party owns less than it owes; what it owes includes senior claims."""
    owns = max(external_assets[party], 0.0) + _receipts(debts, party)
    owes = debts.obligation[party] + max(-external_assets[party], 0.0)
    return owes - owns > TIE * owes


@compiled
def _find_cycles(
    debts: _Debts, defaulted: np.ndarray, seeds: np.ndarray, search: _Search
) -> tuple[int, int]:
    """Defaulted parties reached from ``seeds``, in cycles; returns how many of both.

    Tarjan's (1972) strongly connected components, without recursion.
    """
    number, low, entry, order = search.number, search.low, search.entry, search.order
    calls, stack = search.calls, search.stack
    settled = len(number)
    counter = depth = height = found = cycles = 0
    for seed in seeds:
        if number[seed] >= 0:
            continue
        calls[0] = seed
        depth = 1
        while depth > 0:
            party = calls[depth - 1]
            if number[party] < 0:
                number[party] = low[party] = counter
                counter += 1
                entry[party] = debts.start[party]
                stack[height] = party
                height += 1
            if entry[party] < debts.start[party + 1]:
                other = debts.creditor[entry[party]]
                owed = debts.debt[entry[party]] > 0.0
                entry[party] += 1
                if owed and defaulted[other]:
                    if number[other] < 0:
                        calls[depth] = other
                        depth += 1
                    elif number[other] < settled:
                        low[party] = min(low[party], number[other])
                continue
            depth -= 1
            if depth > 0:
                low[calls[depth - 1]] = min(low[calls[depth - 1]], low[party])
            if low[party] == number[party]:
                while number[party] < settled:
                    height -= 1
                    number[stack[height]] = settled
                    order[found] = stack[height]
                    found += 1
                search.ends[cycles] = found
                cycles += 1
    for k in range(found):
        number[order[k]] = -1
    return found, cycles


@compiled
def _eliminate(
    weight: np.ndarray, leak: np.ndarray, income: np.ndarray, most: np.ndarray
) -> np.ndarray:
    """Solve p = income + weight' p, where a row of ``weight`` and its ``leak`` add up to one.

    Works in place. Only ``income`` has signs, so nothing else cancels. A circle without any leak
    keeps what it paid so far, ``most``: only rounding can lead there.
    """
    count = len(income)
    turned = np.empty(count)
    for k in range(count - 1, -1, -1):
        turned[k] = leak[k] + weight[k, :k].sum()
        if turned[k] <= 0.0:
            continue
        for k_from in range(k):
            passed = weight[k_from, k] / turned[k]
            if passed > 0.0:
                leak[k_from] += passed * leak[k]
                for k_to in range(k):
                    weight[k_from, k_to] += passed * weight[k, k_to]
        for k_to in range(k):
            income[k_to] += income[k] / turned[k] * weight[k, k_to]
    result = np.empty(count)
    for k in range(count):
        total = income[k]
        for k_from in range(k):
            total += weight[k_from, k] * result[k_from]
        result[k] = total / turned[k] if turned[k] > 0.0 else most[k]
    return result


@compiled
def _settle_exactly(cycle: _Cycle) -> np.ndarray:
    """Payments of a short cycle: each step admits who has something to pay, and solves for all."""
    count = len(cycle.income)
    weight = np.zeros((count, count))
    for k in range(count):
        for slot in range(cycle.start[k], cycle.start[k + 1]):
            weight[cycle.debtor[slot], k] += cycle.weight[slot]
    result = np.zeros(count)
    pays = np.zeros(count, np.bool_)
    while True:
        solved_for = pays.sum()
        admitted = -1
        while admitted != 0:
            admitted = 0
            for k in range(count):
                if not pays[k]:
                    result[k] = max(_payment(cycle, result, k), 0.0)
                    pays[k] = result[k] > 0.0
                    admitted += pays[k]
        if pays.sum() == solved_for:
            return result
        chosen = np.flatnonzero(pays)
        leak = cycle.leak[chosen]
        for k, full in enumerate(chosen):
            for other in range(count):
                if not pays[other]:
                    leak[k] += weight[full, other]
        inner = weight[chosen][:, chosen]
        most = cycle.most[chosen]
        payments = _eliminate(inner, leak, cycle.income[chosen], most)
        result[chosen] = np.minimum(np.maximum(payments, result[chosen]), most)


@compiled
def _settle_by_passes(cycle: _Cycle) -> np.ndarray:
    """Payments of a long cycle: whoever receives something else than before is looked at again."""
    count = len(cycle.income)
    result = cycle.most.copy()
    if cycle.leak.max() == 0.0:  # from above it would lack the same on every turn, down to nothing
        result[:] = 0.0
    waits = np.ones(count, np.bool_)
    before = result.copy()
    next_leap = 8
    last_moved = last_ratio = 0.0
    for passes in range(1, _MAX_PASSES):
        before[:] = result
        seen = 0
        for k in range(count):
            if not waits[k]:
                continue
            waits[k] = False
            seen += 1
            payment = min(max(_payment(cycle, result, k), 0.0), cycle.most[k])
            change = abs(payment - result[k])
            result[k] = payment
            if change > _REST * cycle.obligation[k]:
                for slot in range(cycle.debt_start[k], cycle.debt_start[k + 1]):
                    waits[cycle.creditor[slot]] = True
        if seen == 0:
            break
        moved = np.abs(result - before).sum()
        ratio = moved / last_moved if last_moved > 0.0 else 0.0
        steady = 0.5 < ratio < 1.0 and abs(ratio - last_ratio) < 0.1 * (1.0 - ratio)
        last_moved, last_ratio = moved, ratio
        if steady and passes >= next_leap:
            next_leap = 2 * passes  # rarer and rarer: passes without leaps converge by themselves
            result += (result - before) * (ratio / (1.0 - ratio))
            result[:] = np.minimum(np.maximum(result, 0.0), cycle.most)
            waits[:] = True
            last_moved = 0.0
    return result


@compiled
def _payment(cycle: _Cycle, payments: np.ndarray, k: int) -> float:
    """What a member's assets realise, given all members' payments; may be negative."""
    total = cycle.income[k]
    for slot in range(cycle.start[k], cycle.start[k + 1]):
        total += cycle.weight[slot] * payments[cycle.debtor[slot]]
    return total


@compiled
def _cut_out(debts: _Debts, members: np.ndarray, beta: float) -> _Cycle:
    """A cycle by itself, its members counted from 0; what others pay to it is income."""
    count = len(members)
    claims = owed = 0
    for k, party in enumerate(members):
        debts.place[party] = k
        claims += debts.claim_start[party + 1] - debts.claim_start[party]
        owed += debts.start[party + 1] - debts.start[party]
    cycle = _Cycle(
        np.zeros(count + 1, np.int64),
        np.empty(claims, np.int32),
        np.empty(claims),
        np.zeros(count + 1, np.int64),
        np.empty(owed, np.int32),
        np.empty(count),
        np.empty(count),
        debts.obligation[members],
        debts.payment[members],
    )
    claims = owed = 0
    for k, party in enumerate(members):
        received = 0.0
        for slot in range(debts.claim_start[party], debts.claim_start[party + 1]):
            debtor = debts.debtor[slot]
            if debts.place[debtor] < 0:
                received += debts.claim[slot] * debts.share[debtor]
            else:
                cycle.debtor[claims] = debts.place[debtor]
                cycle.weight[claims] = beta * debts.claim[slot] / debts.obligation[debtor]
                claims += 1
        leaves = debts.outside[party]
        for entry in range(debts.start[party], debts.start[party + 1]):
            creditor = debts.creditor[entry]
            if debts.place[creditor] < 0:
                leaves += debts.debt[entry]
            else:
                cycle.creditor[owed] = debts.place[creditor]
                owed += 1
        cycle.start[k + 1] = claims
        cycle.debt_start[k + 1] = owed
        cycle.income[k] = debts.realised[party] + beta * received
        cycle.leak[k] = 1.0 - beta + beta * leaves / debts.obligation[party]
    for party in members:
        debts.place[party] = -1
    return cycle


@compiled
def _settle(debts: _Debts, members: np.ndarray, beta: float) -> None:
    """Payments of one cycle of defaulted parties; all their other debtors are settled."""
    party = members[0]
    if len(members) > 1:
        cycle = _cut_out(debts, members, beta)
        if len(members) <= _EXACT_PARTIES:
            debts.payment[members] = _settle_exactly(cycle)
        else:
            debts.payment[members] = _settle_by_passes(cycle)
    else:
        payment = debts.realised[party] + beta * _receipts(debts, party)
        debts.payment[party] = min(max(payment, 0.0), debts.payment[party])
    for party in members:
        if debts.obligation[party] > 0.0:
            debts.share[party] = debts.payment[party] / debts.obligation[party]


@compiled
def clear_csr(
    indptr: np.ndarray,
    indices: np.ndarray,
    liabilities: np.ndarray,
    external_assets: np.ndarray,
    external_liabilities: np.ndarray,
    alpha: float,
    beta: float,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Greatest clearing vector of compressed sparse rows; nothing is checked, nothing is changed.

    Party i owes ``liabilities[e]`` [USD] to ``indices[e]``, itself excepted, for e from
    ``indptr[i]`` to ``indptr[i + 1]`` (int64). Returns the fields of :class:`Clearing`.
    """
    parties = len(external_assets)
    debts = _pay_in_full(indptr, indices, liabilities, external_assets, external_liabilities, alpha)
    memory = np.empty((6, parties), np.int64)
    search = _Search(
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
        found, cycles = _find_cycles(debts, defaulted, fresh[:count], search)
        for cycle in range(cycles - 1, -1, -1):
            first = search.ends[cycle - 1] if cycle > 0 else 0
            _settle(debts, search.order[first : search.ends[cycle]][::-1].copy(), beta)
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
    payments, defaulted, rounds = clear_csr(
        start, creditor, debt, assets, outside, float(alpha), float(beta)
    )
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
    amounts = np.ascontiguousarray(values, np.float64)
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
