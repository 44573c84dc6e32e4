"""Debts among parties in default: their cycles, and what the parties in a cycle can pay.

A cycle is a strongly connected component: each member owes, directly or through others, each other
one. Given who is in default, what members pay solves payment = max(0, income + weight' payment).

- Up to 400 members exactly: who pays anything is found from nobody up, and what they pay by an
  elimination that never subtracts (Grassmann, Taksar & Heyman 1985, Operations Research 33), so
  that a cycle from which hardly any money leaks is solved as accurately as any other.
- More by Gauss–Seidel, until no payment changes by 1e-16 of the obligation. When passes change
  little, all move along the last change until the whole cycle loses what it receives: without
  that, a pass would only mend the share of the error that leaks per turn. It helps little where
  several circles leak hardly anything, also to each other: up to 4000 members are then solved by
  elimination; more are an ArithmeticError rather than a guess.

Both find the greatest solution, for in a sequence of fictitious defaults there is only one. Two
could only differ on a circle of members that owes nothing to others, has no default costs on its
claims (beta = 1), and as a whole neither gains nor lacks. But the last of them to default lacked
something, and the others had nothing over: as a whole they lack.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...agents.compiling.arrays import put
from ...agents.compiling.kernels import compiled

_EXACT_MEMBERS = 400  # of the longest cycle that is solved by elimination at once
_MOST_EXACT_MEMBERS = 4000  # and of the longest one if passes do not settle it
_REST = 1e-16  # of an obligation: a smaller change of a payment is not passed on
_PASSES = 3000  # before elimination
_MAX_PASSES = 100_000


class Debts(NamedTuple):
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


class Search(NamedTuple):
    """Working memory of the search for cycles; ``number`` is -1 before and after."""

    number: NDArray[np.int64]
    low: NDArray[np.int64]
    entry: NDArray[np.int64]
    calls: NDArray[np.int64]
    stack: NDArray[np.int64]
    order: NDArray[np.int64]  # what was found, creditors' cycles first
    ends: NDArray[np.int64]  # of each cycle in ``order``


@compiled
def receipts(debts: Debts, party: int) -> float:
    """What a party's debtors pay it now."""
    total = 0.0
    for slot in range(debts.claim_start[party], debts.claim_start[party + 1]):
        total += debts.claim[slot] * debts.share[debts.debtor[slot]]
    return total


@compiled
def find_cycles(
    debts: Debts, defaulted: np.ndarray, seeds: np.ndarray, search: Search
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
        for k, full in enumerate(chosen):
            result[full] = min(max(payments[k], result[full]), most[k])


@compiled
def _settle_by_passes(cycle: _Cycle, most_passes: int) -> tuple[np.ndarray, bool]:
    """Payments of a long cycle: whoever receives something else than before is looked at again.

    Returns also whether they have settled.
    """
    count = len(cycle.income)
    result = cycle.most.copy()
    if cycle.leak.max() == 0.0:  # from above it would lack the same on every turn, down to nothing
        result = np.zeros(count)
    waits = np.ones(count, np.bool_)
    before = result.copy()
    slow = np.zeros(count)  # what a pass changes when little else is left to change
    next_leap, moved = 8, 0.0
    for passes in range(1, most_passes + 1):
        put(before, result)
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
        before -= result
        moved_before, moved = moved, np.abs(before).sum()
        if passes >= next_leap and moved > 0.7 * moved_before:
            next_leap = 2 * passes  # rarer and rarer: passes without leaps converge by themselves
            if before.min() >= 0.0 or before.max() <= 0.0:
                put(slow, before)
            _leap(cycle, result, slow)
            waits[:] = True
    _leap(cycle, result, slow)
    return result, not waits.any()


@compiled
def _leap(cycle: _Cycle, payments: np.ndarray, slow: np.ndarray) -> None:
    """Move along ``slow`` until what members together lose is what they receive from others."""
    pays = payments > 0.0
    lost = _lost(cycle, pays, slow)
    if lost == 0.0:
        return
    stride = (cycle.income[pays].sum() - _lost(cycle, pays, payments)) / lost
    for k in np.flatnonzero(pays):
        payments[k] = min(max(payments[k] + stride * slow[k], 0.0), cycle.most[k])


@compiled
def _lost(cycle: _Cycle, pays: np.ndarray, payments: np.ndarray) -> float:
    """How much of ``payments`` does not reach members who pay."""
    total = 0.0
    for k in range(len(pays)):
        if pays[k]:
            total += cycle.leak[k] * payments[k]
            continue
        for slot in range(cycle.start[k], cycle.start[k + 1]):
            debtor = cycle.debtor[slot]
            if pays[debtor]:
                total += cycle.weight[slot] * payments[debtor]
    return total


@compiled
def _payment(cycle: _Cycle, payments: np.ndarray, k: int) -> float:
    """What a member's assets realise, given all members' payments; may be negative."""
    total = cycle.income[k]
    for slot in range(cycle.start[k], cycle.start[k + 1]):
        total += cycle.weight[slot] * payments[cycle.debtor[slot]]
    return total


@compiled
def _cut_out(debts: Debts, members: np.ndarray, beta: float) -> _Cycle:
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
def settle(debts: Debts, members: np.ndarray, beta: float) -> None:
    """Payments of one cycle of defaulted parties; all their other debtors are settled."""
    party = members[0]
    if len(members) > 1:
        cycle = _cut_out(debts, members, beta)
        settled = False
        if len(members) > _EXACT_MEMBERS:
            passes = _PASSES if len(members) <= _MOST_EXACT_MEMBERS else _MAX_PASSES
            payments, settled = _settle_by_passes(cycle, passes)
        if not settled:
            if len(members) > _MOST_EXACT_MEMBERS:
                raise ArithmeticError("payments in a cycle of debts that leak too little to settle")
            payments = _settle_exactly(cycle)
        for k, member in enumerate(members):
            debts.payment[member] = payments[k]
    else:
        payment = debts.realised[party] + beta * receipts(debts, party)
        debts.payment[party] = min(max(payment, 0.0), debts.payment[party])
    for party in members:
        if debts.obligation[party] > 0.0:
            debts.share[party] = debts.payment[party] / debts.obligation[party]
