"""Clearing vectors: published ones, some by hand, a naive twin, and what must hold of any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from firesale.market.clearing.vector import Clearing, clearing_vector

many = settings(max_examples=250)
Vector = NDArray[np.float64]


class Rows(NamedTuple):
    """Compressed sparse rows, without scipy."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    data: Vector
    shape: tuple[int, int]


def rows(debtor: ArrayLike, creditor: ArrayLike, debt: ArrayLike, parties: int) -> Rows:
    order = np.argsort(debtor, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(debtor, minlength=parties))])
    return Rows(
        start.astype(np.int64),
        np.asarray(creditor, np.int64)[order],
        np.asarray(debt, float)[order],
        (parties, parties),
    )


# --- the naive twin -------------------------------------------------------------------------------


@dataclass
class Case:
    """A network of debts in dense arrays."""

    debts: Vector
    assets: Vector
    outside: Vector
    alpha: float = 1.0
    beta: float = 1.0

    def clear(self, debts: Any = None) -> Clearing:
        return clearing_vector(
            self.debts if debts is None else debts,
            self.assets,
            external_liabilities=self.outside,
            alpha=self.alpha,
            beta=self.beta,
        )

    @property
    def owed(self) -> Vector:
        return self.debts.sum(axis=1) + self.outside

    def receipts(self, payments: Vector) -> Vector:
        share = np.divide(payments, self.owed, out=np.zeros(len(self.owed)), where=self.owed > 0)
        return self.debts.T @ share

    def short(self, payments: Vector) -> NDArray[np.bool_]:
        """Who owns less than it owes, to 1e-12 of what it owes, senior claims included."""
        senior = np.maximum(-self.assets, 0.0)
        owns = np.maximum(self.assets, 0.0) + self.receipts(payments)
        return owns < (self.owed + senior) * (1.0 - 1e-12)

    def recovered(self, payments: Vector) -> Vector:
        """What each would pay in default."""
        realised = np.where(self.assets > 0.0, self.alpha * self.assets, self.assets)
        return np.maximum(realised + self.beta * self.receipts(payments), 0.0)

    def respond(self, payments: Vector) -> Vector:
        """What each pays if the others pay so much (Rogers & Veraart 2013, definition 2.6)."""
        return np.where(self.short(payments), self.recovered(payments), self.owed)

    def iterate(self, payments: Vector) -> Vector:
        """Picard's iteration, until nothing changes."""
        for _ in range(20_000):
            answer = self.respond(payments)
            if np.array_equal(answer, payments):
                break
            payments = answer
        return payments


@st.composite
def cases(draw: st.DrawFn, largest: int = 6) -> Case:
    """Small whole numbers, so that ties, circles, islands and parties without debts are common."""
    parties = draw(st.integers(1, largest))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    debts = rng.integers(1, 6, (parties, parties)) * (
        rng.random((parties, parties)) < draw(st.sampled_from([0.2, 0.5, 0.9]))
    )
    np.fill_diagonal(debts, 0)
    lowest = draw(st.sampled_from([-6, -1, 0]))
    assets = rng.integers(lowest, draw(st.sampled_from([1, 3, 8])), parties)
    outside = rng.integers(0, 5, parties) * (rng.random(parties) < draw(st.sampled_from([0, 0.5])))
    fractions = st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0, 1.0])
    return Case(
        debts.astype(float),
        assets.astype(float),
        outside.astype(float),
        draw(fractions),
        draw(fractions),
    )


def sparse(case: Case) -> Rows:
    debtor, creditor = np.nonzero(case.debts)
    return rows(debtor, creditor, case.debts[debtor, creditor], len(case.assets))


# --- published results ----------------------------------------------------------------------------


def test_eisenberg_and_noe() -> None:
    debts = np.array([[0.0, 20.0, 10.0], [5.0, 0.0, 24.0], [10.0, 0.0, 0.0]])
    case = Case(debts, np.full(3, 10.0), np.zeros(3))
    result = case.clear()
    assert result.payments == pytest.approx([270 / 11, 290 / 11, 10.0], rel=1e-14)
    assert result.defaulted.tolist() == [True, True, False]
    assert result.rounds == 2  # the second is short only of what the first cannot pay
    equity = case.assets + case.receipts(result.payments) - case.owed
    assert equity == pytest.approx([-5.4545, -2.6364, 30.0], abs=5e-5)


@pytest.mark.parametrize(
    ("alpha", "payments", "equity", "defaults"),
    [
        (1.0, [25.0, 25.0, 10.0], [-5.0, 5.0, 15.0], 1),
        (0.4, [18.0, 20.0, 10.0], [-6.0, -2.0, 11.0], 2),
    ],
)
def test_rogers_and_veraart(
    alpha: float, payments: list[float], equity: list[float], defaults: int
) -> None:
    debts = np.array([[0.0, 30.0, 0.0], [5.0, 0.0, 20.0], [10.0, 0.0, 0.0]])
    case = Case(debts, np.array([10.0, 5.0, 5.0]), np.zeros(3), alpha)
    result = case.clear()
    assert result.payments == pytest.approx(payments, rel=1e-14)
    assert result.defaulted.sum() == result.rounds == defaults
    value = case.assets + case.receipts(result.payments) - case.owed
    assert value == pytest.approx(equity)


# --- by hand --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.0, 0.0)])
def test_of_all_clearing_vectors_the_greatest(alpha: float, beta: float) -> None:
    # Nobody paying anything clears as well.
    result = clearing_vector([[0, 1], [1, 0]], [0, 0], alpha=alpha, beta=beta)
    assert result.payments.tolist() == [1.0, 1.0]
    assert not result.defaulted.any()
    assert result.rounds == 0


def test_a_shortfall_of_rounding_is_no_default() -> None:
    # Default would halve the payment.
    for missing, pays in ((0.0, 8.0), (1e-13, 8.0), (1e-11, 4.0)):
        result = clearing_vector([[0, 8], [0, 0]], [8 * (1 - missing), 0], alpha=0.5)
        assert result.payments[0] == pytest.approx(pays, rel=1e-10)
        assert result.defaulted.tolist() == [pays == 4.0, False]


def test_only_positive_external_assets_lose_value() -> None:
    # It receives 3, of which 1 goes to senior creditors: alpha has nothing to shrink.
    result = clearing_vector(
        [[0, 3], [0, 0]], [5, -1], external_liabilities=[0, 4], alpha=0.5, beta=1.0
    )
    assert result.payments.tolist() == [3.0, 2.0]
    # With beta = 1/2 it realises 1.5 of the 3.
    result = clearing_vector([[0, 3], [0, 0]], [5, -1], external_liabilities=[0, 4], beta=0.5)
    assert result.payments.tolist() == [3.0, 0.5]


def test_creditors_outside_rank_equally() -> None:
    # 6 for 4 + 8: a half of each, so 2 of 4 reach the second, who owes 3 outside.
    result = clearing_vector([[0, 4], [0, 0]], [6, 0], external_liabilities=[8, 3])
    assert result.payments.tolist() == [6.0, 2.0]
    assert result.defaulted.all()
    assert result.rounds == 2


def test_senior_claims_come_first_and_nobody_pays_less_than_nothing() -> None:
    # -5 and 3 received; the last owes nobody, but its senior creditors lack 2 all the same.
    debts = [[0, 3, 0, 0], [0, 0, 7, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    result = clearing_vector(debts, [3, -5, 0, -2])
    assert result.payments.tolist() == [3.0, 0.0, 0.0, 0.0]
    assert result.defaulted.tolist() == [False, True, False, True]


def test_a_large_senior_claim_that_is_just_covered_is_no_default() -> None:
    # It lacks 1e-7 of 3e8, which is rounding, and owes nothing else.
    debts = np.zeros((3, 3))
    debts[0, 2], debts[1, 2] = 0.1e9, 0.2e9
    result = clearing_vector(debts, [1e9, 1e9, -0.1e9 - 0.2e9 - 1e-7], external_liabilities=None)
    assert not result.defaulted.any()


def test_no_debts_at_all() -> None:
    result = clearing_vector(np.zeros((3, 3)), [1, 0, 2])
    assert result.payments.tolist() == [0.0, 0.0, 0.0]
    assert not result.defaulted.any()
    assert len(clearing_vector(np.zeros((0, 0)), []).payments) == 0


@pytest.mark.parametrize("parties", [3, 50, 1000])
def test_dominoes_fall_one_a_round(parties: int) -> None:
    # Each owes the next 1 and has nothing else; the first keeps half.
    debts = rows(np.arange(parties - 1), np.arange(1, parties), np.ones(parties - 1), parties)
    assets = np.zeros(parties)
    assets[0] = 0.5
    result = clearing_vector(debts, assets)
    assert result.payments.tolist() == [0.5] * (parties - 1) + [0.0]
    assert result.rounds == parties - 1
    # With beta = 1/2 each passes on half of what it gets.
    result = clearing_vector(debts, assets, beta=0.5)
    assert result.payments[:2].tolist() == [0.5, 0.25]


# --- circles; those of more than 400 parties are not solved by elimination ------------------------


def ring(parties: int, debt: float, seed: int = 0) -> tuple[Rows, NDArray[np.int64]]:
    """Each owes the next in a random order, which is returned."""
    order = np.random.default_rng(seed).permutation(parties)
    return rows(order, np.roll(order, -1), np.full(parties, debt), parties), order


@pytest.mark.parametrize("parties", [2, 300, 500, 100_000])
def test_a_circle_in_which_everyone_defaults(parties: int) -> None:
    # Each owes the next 1 and 1 outside, and has 1/2: p = 1/2 + p/2.
    debts, _ = ring(parties, 1.0)
    result = clearing_vector(
        debts, np.full(parties, 0.5), external_liabilities=np.ones(parties), alpha=1.0
    )
    np.testing.assert_allclose(result.payments, 1.0, rtol=1e-13)
    assert result.defaulted.all()
    assert result.rounds == 1
    # With default costs p = 0.2 + 0.45 p.
    result = clearing_vector(
        debts, np.full(parties, 0.5), external_liabilities=np.ones(parties), alpha=0.4, beta=0.9
    )
    np.testing.assert_allclose(result.payments, 0.2 / 0.55, rtol=1e-13)


@pytest.mark.parametrize("parties", [3, 300, 1000])
@pytest.mark.parametrize("leak", [1e-2, 1e-9])
def test_a_circle_from_which_hardly_anything_leaks(parties: int, leak: float) -> None:
    # Each owes the next 1, the first also x outside, and the second has x/2:
    # p = x/2 + p/(1 + x) all around, so p = (1 + x)/2.
    debts, order = ring(parties, 1.0)
    assets, outside = np.zeros(parties), np.zeros(parties)
    outside[order[0]], assets[order[1]] = leak, leak / 2
    result = clearing_vector(debts, assets, external_liabilities=outside)
    np.testing.assert_allclose(result.payments, (1 + leak) / 2, rtol=1e-13)
    assert result.defaulted.all()
    assert result.rounds == parties


@pytest.mark.parametrize(("size", "leak", "link"), [(30, 1e-6, 1e-5), (600, 1e-6, 1e-5)])
def test_two_circles_that_hardly_leak_to_each_other(size: int, leak: float, link: float) -> None:
    # In each, the first owes x outside and y to the sixth of the other circle, and 1 to the next.
    # Seconds have x/2 and x/8. With w = 1 + x + y, firsts pay p = p/w + x/2 + q y/w, and q alike
    # with x/8; hence p + q = 5/8 w and p - q = 3/8 w x/(x + 2y). Sixth to last pay p as well.
    one = np.arange(size)
    debtor = np.concatenate([one, size + one, [0, size]])
    creditor = np.concatenate([np.roll(one, -1), size + np.roll(one, -1), [size + 5, 5]])
    debt = np.concatenate([np.ones(2 * size), [link, link]])
    assets, outside = np.zeros(2 * size), np.zeros(2 * size)
    assets[[1, size + 1]] = leak / 2, leak / 8
    outside[[0, size]] = leak
    result = clearing_vector(
        rows(debtor, creditor, debt, 2 * size), assets, external_liabilities=outside
    )
    w = 1 + leak + link
    total, gap = 5 / 8 * w, 3 / 8 * w * leak / (leak + 2 * link)
    for first, p, own in (
        (0, (total + gap) / 2, leak / 2),
        (size, (total - gap) / 2, leak / 8),
    ):
        expected = np.full(size, p)
        expected[1:5] = p / w + own
        np.testing.assert_allclose(result.payments[first : first + size], expected, rtol=1e-12)


@pytest.mark.parametrize("parties", [3, 300, 600])
@pytest.mark.parametrize("lack", [0.5, 1e-9])
def test_a_closed_circle_that_lacks_something_sinks_to_the_bottom(
    parties: int, lack: float
) -> None:
    # Turn by turn everybody pays ``lack`` less, until the second's senior creditors take it all.
    debts, order = ring(parties, 10.0)
    assets = np.zeros(parties)
    assets[order[0]], assets[order[1]] = 3.0, -3.0 - lack
    result = clearing_vector(debts, assets)
    expected = np.zeros(parties)
    expected[order[0]] = 3.0
    np.testing.assert_allclose(result.payments, expected, atol=1e-14)
    assert result.defaulted.all()


@pytest.mark.parametrize("parties", [2, 300, 600])
def test_a_closed_circle_that_lacks_nothing_turns_for_ever(parties: int) -> None:
    # One owes more than the others: it passes on what it gets, and they are paid in full.
    debts, order = ring(parties, 1.0)
    heavy = int(order[0])
    debts.data[debts.indptr[heavy]] = 2.0
    result = clearing_vector(debts, np.zeros(parties))
    assert result.payments.tolist() == [1.0] * parties
    assert np.flatnonzero(result.defaulted).tolist() == [heavy]


def test_a_long_ring_falls_like_dominoes() -> None:
    parties = 100_000
    debts, order = ring(parties, 1.0)
    assets = np.zeros(parties)
    assets[order[0]] = -1.0
    result = clearing_vector(debts, assets)
    assert not result.payments.any()
    assert result.defaulted.all()
    assert result.rounds == parties


# --- the twin -------------------------------------------------------------------------------------


@many
@given(cases())
def test_as_the_naive_twin(case: Case) -> None:
    result = case.clear()
    twin = case.iterate(case.owed)
    np.testing.assert_allclose(result.payments, twin, rtol=1e-10, atol=1e-10)
    assert np.array_equal(result.defaulted, case.short(twin))
    assert (result.rounds == 0) == (not result.defaulted.any())
    assert result.rounds <= result.defaulted.sum()


@pytest.mark.parametrize(
    ("level", "alpha", "beta"),
    [(0.6, 1.0, 1.0), (0.2, 0.7, 0.9), (-0.1, 1.0, 1.0), (0.3, 0.5, 0.99)],
)
@pytest.mark.compiled
def test_large_networks_as_the_naive_twin(level: float, alpha: float, beta: float) -> None:
    parties = 1500
    rng = np.random.default_rng(1)
    debts = rng.lognormal(size=(parties, parties)) * (rng.random((parties, parties)) < 3 / parties)
    np.fill_diagonal(debts, 0.0)
    outside = rng.lognormal(size=parties) * (rng.random(parties) < 0.3)
    case = Case(debts, rng.normal(level, 1.0, parties), outside, alpha, beta)
    result = case.clear(sparse(case))
    assert result.defaulted.sum() > 800  # a cycle of more than 400 among them
    twin = case.iterate(case.owed)
    np.testing.assert_allclose(result.payments, twin, rtol=1e-11, atol=1e-13)
    assert np.array_equal(result.defaulted, case.short(twin))


# --- what must hold of any ------------------------------------------------------------------------


@many
@given(cases())
def test_limited_liability_and_priority_of_debts(case: Case) -> None:
    payments, defaulted, _ = case.clear()
    assert np.all((payments >= 0.0) & (payments <= case.owed))
    assets = np.maximum(case.assets + case.receipts(payments), 0.0)
    assert np.all(payments <= assets + 1e-11)  # none pays more than it owns
    assert np.array_equal(payments[~defaulted], case.owed[~defaulted])  # in full, or all it has
    assert payments[defaulted] == pytest.approx(case.recovered(payments)[defaulted], abs=1e-11)


@many
@given(cases(), st.floats(0.0, 1.0))
def test_no_other_clearing_vector_is_greater(case: Case, share: float) -> None:
    payments = case.clear().payments
    for begin in (np.zeros(len(payments)), share * case.owed):
        other = case.iterate(begin)
        if np.array_equal(other, case.respond(other)):
            assert np.all(other <= payments + 1e-10)


@many
@given(cases())
def test_dense_and_sparse_alike(case: Case) -> None:
    dense, compressed = case.clear(), case.clear(sparse(case))
    assert np.array_equal(dense.payments, compressed.payments)
    assert np.array_equal(dense.defaulted, compressed.defaulted)
    assert dense.rounds == compressed.rounds


def test_sparse_arrays_of_scipy_in_any_format() -> None:
    scipy_sparse = pytest.importorskip("scipy.sparse")
    debts = np.array([[0.0, 20.0, 10.0], [5.0, 0.0, 24.0], [10.0, 0.0, 0.0]])
    for form in ("csr", "csc", "coo", "bsr"):
        array = scipy_sparse.coo_array(debts).asformat(form)
        payments = clearing_vector(array, [10, 10, 10]).payments
        assert payments == pytest.approx([270 / 11, 290 / 11, 10.0], rel=1e-14), form


@many
@given(cases(), st.randoms(use_true_random=False))
def test_names_do_not_matter(case: Case, random: Any) -> None:
    order = list(range(len(case.assets)))
    random.shuffle(order)
    renamed = Case(
        case.debts[order][:, order], case.assets[order], case.outside[order], case.alpha, case.beta
    )
    one, two = case.clear(), renamed.clear()
    np.testing.assert_allclose(two.payments, one.payments[order], rtol=1e-12, atol=1e-12)
    assert np.array_equal(two.defaulted, one.defaulted[order])
    assert two.rounds == one.rounds


@many
@given(cases(), cases())
def test_disconnected_parts_do_not_touch_each_other(one: Case, two: Case) -> None:
    first = len(one.assets)
    debts = np.zeros((first + len(two.assets),) * 2)
    debts[:first, :first], debts[first:, first:] = one.debts, two.debts
    both = Case(
        debts,
        np.concatenate([one.assets, two.assets]),
        np.concatenate([one.outside, two.outside]),
        one.alpha,
        one.beta,
    )
    two.alpha, two.beta = one.alpha, one.beta
    together, alone, other = both.clear(), one.clear(), two.clear()
    assert np.array_equal(together.payments, np.concatenate([alone.payments, other.payments]))
    assert np.array_equal(together.defaulted, np.concatenate([alone.defaulted, other.defaulted]))
    assert together.rounds == max(alone.rounds, other.rounds)


@many
@given(cases(), st.sampled_from([1e-9, 0.3, 7.0, 1e12]))
def test_units_do_not_matter(case: Case, unit: float) -> None:
    scaled = Case(unit * case.debts, unit * case.assets, unit * case.outside, case.alpha, case.beta)
    one, two = case.clear(), scaled.clear()
    np.testing.assert_allclose(two.payments, unit * one.payments, rtol=1e-11, atol=1e-12 * unit)
    assert np.array_equal(two.defaulted, one.defaulted)
    assert two.rounds == one.rounds


@many
@given(cases())
def test_more_assets_never_hurt(case: Case) -> None:
    richer = Case(case.debts, case.assets + 1.0, case.outside, case.alpha, case.beta)
    poor, rich = case.clear(), richer.clear()
    assert np.all(rich.payments >= poor.payments - 1e-11)
    assert np.all(rich.defaulted <= poor.defaulted)


# --- what is refused ------------------------------------------------------------------------------

PAIR = [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("debts", "assets", "options", "message"),
    [
        ([[0.0, 1.0]], [1, 1], {}, r"liabilities have shape \(1, 2\); they must be \(parties, par"),
        ([0.0, 1.0], [1, 1], {}, r"liabilities have shape \(2,\); they must be \(parties, parties"),
        (PAIR, [1, 1, 1], {}, r"external_assets have shape \(3,\); they must be \(2,\)"),
        (PAIR, 1.0, {}, r"external_assets have shape \(\); they must be \(2,\)"),
        (
            PAIR,
            [1, 1],
            dict(external_liabilities=[1]),
            r"external_liabilities have shape \(1,\); they must be \(2,\)",
        ),
        (PAIR, [1, np.nan], {}, r"external_assets\[1\] is nan; it must be a finite number"),
        (
            PAIR,
            [1, 1],
            dict(external_liabilities=[np.inf, 1]),
            r"external_liabilities\[0\] is inf; it must be a finite number",
        ),
        (
            PAIR,
            [1, 1],
            dict(external_liabilities=[1, -2]),
            r"external_liabilities contain -2.0; they must be finite and not negative",
        ),
        ([[0, -3], [1, 0]], [1, 1], {}, r"liabilities contain -3.0; they must be finite and not"),
        ([[0, np.nan], [1, 0]], [1, 1], {}, r"liabilities contain nan; they must be finite and"),
        ([[0, 1], [1, 2]], [1, 1], {}, r"liabilities\[1, 1\] is not 0; nobody can owe itself"),
        (PAIR, [1, 1], dict(alpha=1.5), r"alpha is 1.5; it must lie between 0 and 1"),
        (PAIR, [1, 1], dict(beta=-0.1), r"beta is -0.1; it must lie between 0 and 1"),
        (PAIR, [1, 1], dict(beta=np.nan), r"beta is nan; it must lie between 0 and 1"),
        (
            Rows(np.array([0, 1, 2]), np.array([1, 2]), np.ones(2), (2, 2)),
            [1, 1],
            {},
            r"liabilities are not valid CSR: indptr, indices and data must agree",
        ),
    ],
)
def test_what_is_refused(debts: Any, assets: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        clearing_vector(debts, assets, **options)


def test_arguments_stay_as_they_were() -> None:
    debts, assets, outside = np.array(PAIR), np.array([-1.0, 0.5]), np.array([0.5, 0.5])
    copies = debts.copy(), assets.copy(), outside.copy()
    clearing_vector(debts, assets, external_liabilities=outside, alpha=0.5)
    for now, then in zip((debts, assets, outside), copies, strict=True):
        assert np.array_equal(now, then)
