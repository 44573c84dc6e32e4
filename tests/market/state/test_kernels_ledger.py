"""Double entry: transfers conserve, and a leak of any asset is seen the same day."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from by_hand import GPU, RIG, Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.market.debt.claims import carry_at, close_claim
from firesale.market.state import money
from firesale.market.state.ledger import Flow
from firesale.market.state.loans import Collateral
from firesale.market.state.market import Market
from firesale.market.state.money import conservation_error, draw, pay_interest, repay


def market() -> Bench:
    """Two borrowers, two lenders, coins free, lent and pledged, machines held and seized."""
    bench = Bench(
        [
            dict(principal_usd=500.0, collateral=Collateral.BTC, collateral_btc=8.0),
            dict(
                borrower=1,
                lender=1,
                principal_usd=300.0,
                undrawn_usd=1e9,
                collateral=Collateral.HARDWARE,
                hardware=GPU,
                collateral_units=6.0,
            ),
        ],
        borrowers=2,
        lenders=2,
        fleets=[(0, RIG, 40.0), (1, GPU, 10.0)],
        cash=[200.0, 100.0],
        btc=[5.0, 0.0],
    )
    bench.s.parties.btc_lent[0] = 3.0
    bench.s.parties.payables_usd[1] = 50.0
    bench.s.ledger.outside_btc[0] = -4.0
    bench.s.ledger.outside_units[GPU] = -2.0
    bench.s.lots.count[0] = 1
    bench.s.lots.hardware[0] = RIG
    bench.s.lots.units[0] = 7.0
    return bench


def error(bench: Bench, change: Callable[[Market], None]) -> float:
    """The conservation error of a day on which only ``change`` happened."""
    before = bench.stocks()
    bench.s.ledger.flows[:] = 0.0
    change(bench.s)
    return conservation_error(before, bench.stocks(), bench.s.ledger.flows)


def test_a_day_without_transfers_has_no_error() -> None:
    assert error(market(), lambda s: None) == 0.0


def lender_cash(s: Market) -> None:
    """Cash from nowhere that the lender's own books explain by capital."""
    s.parties.cash_usd[s.first_lender] += 1.0
    s.lenders.capital_usd[0] += 1.0


def claim_and_book(s: Market) -> None:
    """A claim from nowhere that the lender's book explains, and its capital too."""
    s.loans.principal_usd[0] += 1.0
    s.lenders.book_usd[0] += 1.0
    s.lenders.capital_usd[0] += 1.0


def journal(s: Market) -> None:
    """An entry without a transfer."""
    s.ledger.flows[Flow.CLAIM_REPAID] += 1.0


def swap(s: Market) -> None:
    """A machine of one class turned into another."""
    s.holdings.units[0] -= 1.0
    s.holdings.units[1] += 1.0


def add(table: str, column: str, row: int, amount: float = 1.0) -> Callable[[Market], None]:
    def change(s: Market) -> None:
        getattr(getattr(s, table), column)[row] += amount

    change.__name__ = f"{table}.{column}"
    return change


LEAKS = [
    add("parties", "cash_usd", 0),
    add("parties", "cash_usd", 0, -1.0),
    add("parties", "cash_usd", -1),
    lender_cash,
    add("parties", "btc", 0, 0.01),
    add("parties", "btc_lent", 0, -0.01),
    add("loans", "collateral_btc", 0, 0.01),
    add("ledger", "outside_btc", 0, 0.01),
    add("holdings", "units", 0, 0.01),
    add("holdings", "units", 1, -0.01),
    add("lots", "units", 0, 0.01),
    add("ledger", "outside_units", GPU, 0.01),
    swap,
    add("loans", "principal_usd", 0),
    add("loans", "principal_usd", 1, -1.0),
    add("lenders", "book_usd", 0),
    claim_and_book,
    add("lenders", "capital_usd", 1),
    add("lenders", "funding_usd", 1, -1.0),
    add("lenders", "other_loans_usd", 0),
    add("lenders", "written_down_usd", 0),
    add("parties", "payables_usd", 1),
    add("parties", "payables_usd", 1, -1.0),
    journal,
]


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.__name__)
def test_every_leak_is_detected(leak: Callable[[Market], None]) -> None:
    # A dollar in two million, a hundredth of a coin in sixteen: all far above 1e-9.
    assert error(market(), leak) > 1e-9


@pytest.mark.parametrize(
    ("leak", "share"),
    [
        (add("parties", "cash_usd", 0), 1 / 2_000_301),  # 2e6 with lenders, 300 with borrowers
        (add("parties", "btc", 0), 1 / 21),  # 5 free, 3 lent, 8 pledged, 4 sold and the new one
        (add("holdings", "units", 1), 1 / 13),  # 10 held, 2 delivered and the new one
        (claim_and_book, 1 / 800),
        (add("lenders", "book_usd", 0), 1 / 800),
        (add("parties", "payables_usd", 1), 1 / 51),
        (add("lenders", "capital_usd", 0), 1 / 4_000_800),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_error_is_relative_to_the_gross_stock(
    leak: Callable[[Market], None], share: float
) -> None:
    assert error(market(), leak) == pytest.approx(share, rel=1e-6)


steps = st.lists(
    st.tuples(
        st.sampled_from(["pay_interest", "draw", "repay", "write_off"]),
        st.integers(0, 1),
        st.floats(0.0, 2.0),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(steps)
def test_transfers_conserve_whatever_their_order(moves: list[tuple[str, int, float]]) -> None:
    bench = market()
    s = bench.s
    total = s.parties.cash_usd.sum()
    before = bench.stocks()
    s.ledger.flows[:] = 0.0
    for kind, loan, size in moves:
        b, row = int(s.loans.borrower[loan]), int(s.loans.lender[loan])
        lender = bench.lender(row)
        if kind == "pay_interest":
            held = bench.cash(lender)
            pay_interest(s, loan, 10.0 * size)
            assert bench.cash(lender) == pytest.approx(held)  # passed on to its owners
        elif kind == "draw":
            had = bench.cash(b)
            draw(s, loan, 1e6 * size)
            assert bench.cash(b) == pytest.approx(had + 1e6 * size)
            assert bench.cash(lender) >= -1e-6  # it sold outside loans rather than overdraw
        elif kind == "repay":
            amount = min(1.0, size) * float(s.loans.principal_usd[loan])
            repay(s, loan, b, amount)
        else:
            bench.kernel(close_claim, loan=loan, parent=-1)
            assert s.loans.principal_usd[loan] == 0.0
    assert s.parties.cash_usd.sum() == pytest.approx(total, rel=1e-12)
    assert conservation_error(before, bench.stocks(), s.ledger.flows) < 1e-10
    claims = s.loans.principal_usd.sum()
    assert claims == pytest.approx(s.lenders.book_usd.sum(), rel=1e-9, abs=1e-6)


def test_a_lender_short_of_cash_sells_outside_loans_at_par() -> None:
    bench = market()
    s = bench.s
    draw(s, 1, 1.3e6)
    assert bench.cash(bench.lender(1)) == pytest.approx(0.0, abs=1e-6)
    assert s.lenders.other_loans_usd[1] == pytest.approx(1e6 - 0.3e6)
    assert s.lenders.capital_usd[1] == 0.5e6  # no loss: at par
    assert bench.cash(1) == pytest.approx(100.0 + 1.3e6)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0.0, 800.0), min_size=1, max_size=6))
def test_a_claim_is_lost_once_however_often_it_was_remarked(marks: list[float]) -> None:
    bench = market()
    s = bench.s
    s.loans.claim[0] = 0
    s.loans.claims.claim_usd[0] = 500.0
    for expected in marks:
        bench.kernel(carry_at, loan=0, expected_usd=expected, parent=-1)
        lost = 500.0 - min(500.0, expected)
        assert s.lenders.loss_usd[0] == pytest.approx(lost)
        assert s.lenders.capital_usd[0] == pytest.approx(0.5e6 - lost)
        assert s.lenders.written_down_usd[0] == pytest.approx(lost)
    bench.kernel(close_claim, loan=0, parent=-1)
    assert s.lenders.loss_usd[0] == pytest.approx(500.0)
    assert s.lenders.written_down_usd[0] == pytest.approx(0.0, abs=1e-9)
    assert s.lenders.book_usd[0] == pytest.approx(0.0, abs=1e-9)
    assert bench.stocks().lender_gap_usd < 1e-6


def test_cash_moves_by_transfers_and_nowhere_else() -> None:
    """So the balance of every party is its opening cash, what it was paid, less what it paid."""
    project = Path(money.__file__).resolve().parents[2]
    found = set()
    for path in [*project.glob("agents/**/*.py"), *project.glob("market/**/*.py")]:
        module = ".".join(path.relative_to(project).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.AugAssign | ast.Assign):
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    if all(ast.unparse(target).startswith("series.") for target in targets):
                        continue  # a figure of the day
                    text = " ".join(map(ast.unparse, targets))
                    if "cash_usd[" in text or text.startswith("cash["):
                        found.add(f"{module}.{function.name}")
    transfers = {"market.state.money.pay"}
    opening = {name for name in found if name.startswith(("market.opening.", "market.first_day."))}
    assert found - opening == transfers
    assert opening  # the search finds what there is
