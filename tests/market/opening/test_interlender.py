"""Claims between lenders by relation, and the ranges that ensembles draw from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.columns import empty
from firesale.agents.lender import LenderKind, Lenders
from firesale.market.opening.books_2025.sample import sample_books
from firesale.market.opening.interlender import open_interlender
from firesale.market.opening.rows import InterlenderShare
from firesale.market.opening.sampling import within_range

IDS = ["FUND", "BANK", "DESK", "COINS"]


def lenders() -> Lenders:
    """A fund, a bank, an insurer's desk and a crypto lender that owe 100 each."""
    return empty(
        Lenders,
        4,
        kind=[
            LenderKind.PRIVATE_CREDIT_LOCKED,
            LenderKind.BANK,
            LenderKind.INSURER,
            LenderKind.CRYPTO_LENDER,
        ],
        funding_usd=np.full(4, 100.0),
        other_loans_usd=[500.0, 100.0, 500.0, 500.0],
        sleeve=[False, True, True, False],
    )


def relation(debtor: str, creditor: str, share: float, margined: bool = True) -> InterlenderShare:
    return InterlenderShare(
        debtor=debtor, creditor_id=creditor, share=share, share_low=share, share_high=1.0,
        margined=margined, confidence="estimated", source="",
    )  # fmt: skip


def claims(*relations: InterlenderShare, scale: float = 1.0) -> dict[tuple[str, str], float]:
    table = open_interlender(lenders(), IDS, relations, scale)
    debtor = np.repeat(np.arange(4), np.diff(table.first))
    return {
        (IDS[row], IDS[creditor]): float(amount)
        for row, creditor, amount in zip(debtor, table.creditor, table.amount_usd, strict=True)
    }


def test_a_relation_is_a_share_of_the_debtors_funding() -> None:
    by_kind = relation("private_credit_locked", "BANK", 0.3)
    by_name = relation("COINS", "FUND", 0.1, margined=False)
    assert claims(by_kind, by_name) == pytest.approx(
        {("FUND", "BANK"): 30.0, ("COINS", "FUND"): 10.0}
    )
    assert claims(by_kind, by_name, scale=0.5) == pytest.approx(
        {("FUND", "BANK"): 15.0, ("COINS", "FUND"): 5.0}
    )
    assert claims(by_kind, scale=0.0) == {}
    table = open_interlender(lenders(), IDS, (by_kind, by_name), 1.0)
    assert table.margined.tolist() == [True, False]


def test_sleeves_owe_nothing_and_nobody_owes_itself() -> None:
    assert claims(relation("insurer", "FUND", 0.5)) == {}
    assert claims(relation("crypto_lender", "COINS", 0.5)) == {}


def test_nobody_owes_more_than_it_has_or_lends_more_than_half_its_other_loans() -> None:
    many = (relation("FUND", "DESK", 0.9), relation("FUND", "COINS", 0.9))
    assert claims(*many) == pytest.approx({("FUND", "DESK"): 50.0, ("FUND", "COINS"): 50.0})
    both = (relation("FUND", "BANK", 0.8), relation("COINS", "BANK", 0.4))  # 120 of 50
    assert claims(*both) == pytest.approx({("FUND", "BANK"): 100 / 3, ("COINS", "BANK"): 50 / 3})


kinds = st.sampled_from(
    [LenderKind.BANK, LenderKind.INSURER, LenderKind.BOND_FUNDS, LenderKind.CRYPTO_LENDER]
)
table_rows = st.lists(
    st.tuples(kinds, st.floats(0, 1e9), st.floats(0, 1e9)), min_size=1, max_size=8
)


@given(table_rows, st.floats(0.01, 1.0), st.floats(0.01, 1.0), st.floats(0, 2))
def test_claims_fit_into_the_books(
    given_rows: list[tuple[LenderKind, float, float]], first: float, second: float, scale: float
) -> None:
    count = len(given_rows)
    kind, funding, other = (list(column) for column in zip(*given_rows, strict=True))
    sleeves = [one in (LenderKind.BANK, LenderKind.INSURER) for one in kind]
    table = empty(
        Lenders, count, kind=kind, funding_usd=funding, other_loans_usd=other, sleeve=sleeves
    )
    ids = [f"L{row}" for row in range(count)]
    relations = [relation("bond_funds", ids[0], first), relation("crypto_lender", ids[-1], second)]
    claims = open_interlender(table, ids, relations, scale)
    owed = np.zeros((count, count))
    owed[np.repeat(np.arange(count), np.diff(claims.first)), claims.creditor] = claims.amount_usd
    assert np.all(owed.sum(axis=1) <= table.funding_usd * (1 + 1e-9) + 1.0)
    assert np.all(owed.sum(axis=0) <= 0.5 * table.other_loans_usd * (1 + 1e-9) + 1.0)
    assert not owed.diagonal().any() and np.all(owed >= 0.0)
    assert not owed[table.sleeve].any()


def test_in_the_books_banks_finance_funds_and_no_stablecoin() -> None:
    market = runs.fresh("calm").market
    kinds, claims = market.lenders.kind, market.interlender
    debtor = np.repeat(np.arange(len(kinds)), np.diff(claims.first))
    ids = market.names.parties[market.first_lender :]
    assert "TETHER" not in {ids[row] for row in debtor}
    banks = kinds[claims.creditor] == LenderKind.BANK
    assert claims.margined[~banks].sum() == 0
    assert set(kinds[debtor[claims.margined]]) == {
        LenderKind.PRIVATE_CREDIT_LOCKED,
        LenderKind.PRIVATE_CREDIT_SEMI_LIQUID,
        LenderKind.CONVERT_FUNDS,
        LenderKind.CRYPTO_LENDER,  # one with a bank's line
    }
    vehicle = kinds[debtor] == LenderKind.SECURITISATION
    assert set(kinds[claims.creditor[vehicle]]) == {LenderKind.INSURER, LenderKind.BOND_FUNDS}


def test_nine_draws_in_ten_are_within_the_range() -> None:
    assert within_range(10.0, 5.0, 40.0, 0.0) == 10.0
    assert within_range(10.0, 5.0, 40.0, 1.6448536269514722) == pytest.approx(40.0)
    assert within_range(10.0, 5.0, 40.0, -1.6448536269514722) == pytest.approx(5.0)
    assert within_range(10.0, 5.0, 40.0, 1.0) == pytest.approx(10.0 * 4.0 ** (1 / 1.6448536))
    plain = runs.tables()
    draws = [sample_books(plain, seed) for seed in range(60)]
    for i, row in enumerate(plain.lenders):
        assert row.capital_low_usd_m is not None and row.capital_high_usd_m is not None
        inside = [
            row.capital_low_usd_m <= books.lenders[i].capital_usd_m <= row.capital_high_usd_m
            for books in draws
        ]
        assert 0.6 <= np.mean(inside) <= 1.0, row.id  # a common error comes on top
    for i, claim in enumerate(plain.interlender):
        shares = [books.interlender[i].share for books in draws]
        assert 0.75 <= np.mean([claim.share_low <= x <= claim.share_high for x in shares]) <= 1.0
        assert max(shares) <= 1.0 and len(set(shares)) > 50


def test_without_a_range_capital_errs_with_the_confidence_of_its_row() -> None:
    plain = runs.tables()
    first = plain.lenders[0].model_copy(
        update={"capital_low_usd_m": None, "capital_high_usd_m": None, "confidence": "seen"}
    )
    books = replace(plain, lenders=(first, *plain.lenders[1:]))
    assert sample_books(books, 3).lenders[0].capital_usd_m == first.capital_usd_m
    assert sample_books(books, 3).lenders[1].capital_usd_m != plain.lenders[1].capital_usd_m


def test_a_relation_may_be_named_as_an_error_of_the_books() -> None:
    plain = runs.tables()
    name = "books.interlender.private_credit_locked/JPM.share"
    drawn = sample_books(plain, None, {name: 1.6448536})
    assert drawn.interlender[0].share == pytest.approx(plain.interlender[0].share_high)
    assert drawn.interlender[1:] == plain.interlender[1:] and drawn.lenders == plain.lenders
