"""Opening on the books of 2021: to the last rig and coin; every draw of them balances."""

from __future__ import annotations

import numpy as np
import pytest
import runs

from firesale.market.opening.beliefs import Belief, beliefs_of
from firesale.market.opening.books import CONFIDENCE_SD
from firesale.market.opening.books_2021.read import REST, Books2021
from firesale.market.opening.books_2021.rows import ASIC_SHARES
from firesale.market.opening.books_2021.sample import CELLS, sample_books_2021
from firesale.market.simulation import Simulation
from firesale.market.state.facts import NEW_RIGS
from firesale.market.state.loans import Collateral, of_sheets

TABLES = runs.tables_2021()
MILLION = 1e6
SEEDS = range(1, 16)


def opened(*settings: str, seed: int = 1) -> Simulation:
    return runs.fresh("backtest-2022", settings, seed, "2021")


@pytest.fixture(scope="module")
def market() -> Simulation:
    return opened()


def test_everybody_in_the_tables_is_there_with_what_it_has(market: Simulation) -> None:
    s = market.market
    rows = (*TABLES.named, *TABLES.private)
    assert s.names.parties[: s.borrower_count] == [row.id for row in rows]
    assert s.parties.cash_usd[: len(rows)].tolist() == [MILLION * row.cash_usd_m for row in rows]
    assert s.parties.btc[: len(rows)].tolist() == [row.btc_free for row in rows]
    lenders = s.names.parties[s.first_lender : s.first_buyer]
    assert lenders == [row.id for row in TABLES.lenders]
    for b, row in enumerate(rows):
        held = {
            s.names.hardware[s.holdings.hardware[h]]: float(s.holdings.units[h])
            for h in range(s.holdings.first[b], s.holdings.first[b + 1])
        }
        assert {k: th for k, th in held.items() if th > 0} == pytest.approx(
            {k: th for k, th in row.fleet().items() if th > 0}
        )


def balances(market: Simulation, tables: Books2021) -> None:
    """What must hold of any opening books."""
    s = market.market
    loans = s.loans
    drawn = np.zeros(len(s.lenders.kind))
    np.add.at(drawn, loans.lender, loans.principal_usd)
    np.testing.assert_allclose(drawn, s.lenders.book_usd, atol=1.0)
    cash = s.parties.cash_usd[s.first_lender : s.first_buyer]
    assets = cash + s.lenders.book_usd + s.lenders.other_loans_usd - s.lenders.provision_usd
    np.testing.assert_allclose(assets, s.lenders.funding_usd + s.lenders.capital_usd, rtol=1e-9)
    assert np.all(s.lenders.capital_usd > 0.0)
    pledged = np.zeros(len(s.holdings.units))
    rigs = (loans.collateral == Collateral.HARDWARE) & (loans.holding >= 0)
    np.add.at(pledged, loans.holding[rigs], loans.collateral_units[rigs])
    np.testing.assert_allclose(pledged, s.holdings.pledged, rtol=1e-9, atol=1e-6)
    assert np.all(s.holdings.pledged <= s.holdings.units * (1 + 1e-9) + 1e-6)
    owes = (loans.principal_usd > 0.0) & (of_sheets("initial_ltv", loans) > 0.0)
    for kind, price in ((Collateral.BTC, s.prices.btc_usd), (Collateral.HARDWARE, 0.0)):
        mine = owes & (loans.collateral == kind)
        if kind == Collateral.HARDWARE:
            price = float(s.hardware.used_open_usd[s.names.hardware.index(NEW_RIGS)])
            units = loans.collateral_units[mine] + s.dated.rigs_due_th[mine]
            mine_rate = loans.rate_or_spread[mine]
            ltv = loans.principal_usd[mine] / (units * price)
            inside = mine_rate == 0.0  # a lender and its own miner
            assert np.all((ltv <= 1.03 * of_sheets("initial_ltv", loans)[mine]) | inside)
        else:
            ltv = loans.principal_usd[mine] / (loans.collateral_btc[mine] * price)
            assert np.all(ltv <= 1.001 * of_sheets("initial_ltv", loans)[mine])
    online = float(s.miners.hashrate_online_th.sum()) / 1e6
    rest = tables.network_eh_s - online
    assert 0.0 <= rest <= 0.06 * tables.network_eh_s  # what is left for others is small


def test_the_opening_books_balance(market: Simulation) -> None:
    balances(market, TABLES)


def test_every_drawn_book_balances() -> None:
    for seed in SEEDS:
        balances(opened("opening.sample=true", seed=seed), TABLES)


def test_rigs_of_a_loan_are_pledged_or_due_on_delivery(market: Simulation) -> None:
    s = market.market
    wanted = {}
    for borrower, terms, principal, _ in TABLES.debts():
        name = terms.loan_id
        name += f"-{borrower.rpartition('_')[2]}" if terms.borrower_id == REST else ""
        if terms.collateral_kind == "rigs":
            wanted[name] = terms.collateral_eh_s * 1e6 * principal / terms.principal_usd_m
    found = {
        name: float(s.loans.collateral_units[row] + s.dated.rigs_due_th[row])
        for row, name in enumerate(s.names.loans)
        if name in wanted
    }
    assert found == pytest.approx(wanted)


def test_private_miners_terms_lie_evenly_around_those_of_the_table(market: Simulation) -> None:
    s = market.market
    for terms in TABLES.terms:
        if terms.borrower_id == REST:
            mine = [n for n, name in enumerate(s.names.loans) if name.startswith(terms.loan_id)]
            share = s.loans.maturity_day[mine] / (terms.maturity_months * 365.0 / 12.0)
            assert 0.48 < share.min() <= share.max() < 1.52
            if len(mine) > 10:
                assert share.mean() == pytest.approx(1.0, abs=0.1)


def test_what_was_seen_is_not_drawn_and_the_rest_stays_within_its_confidence() -> None:
    certainty = {row.id: row for row in TABLES.certainty}
    logs: dict[str, list[float]] = {name: [] for name in CONFIDENCE_SD}
    for seed in SEEDS:
        for before, after in zip(TABLES.named, sample_books_2021(TABLES, seed).named, strict=True):
            for column, name in CELLS.items():
                given, drawn = getattr(before, column), getattr(after, column)
                if not given or column == "hashrate_eh_s":  # held up by pledges
                    continue
                logs[getattr(certainty[before.id], name)].append(np.log(drawn / given))
    assert set(logs["seen"]) == {0.0}
    for name, deviation in CONFIDENCE_SD.items():
        if deviation > 0.0:
            draws = np.array(logs[name])
            assert np.std(draws) == pytest.approx(deviation, rel=0.15)
            assert np.abs(draws).max() < 6.0 * deviation


def test_private_miners_share_the_error_of_the_row_they_were_split_from() -> None:
    drawn = sample_books_2021(TABLES, None, {f"books.miners.{REST}.cash_usd_m": 1.0})
    factor = np.exp(0.35 - 0.35**2 / 2)  # an estimate, one deviation up
    for before, after in zip(TABLES.private, drawn.private, strict=True):
        assert after.cash_usd_m == pytest.approx(before.cash_usd_m * factor)
        assert after.btc_free == before.btc_free


def test_tranches_of_one_order_err_together() -> None:
    drawn = sample_books_2021(TABLES, None, {"books.orders.MARA.payment_usd_m": -1.0})
    factor = np.exp(-0.2 - 0.2**2 / 2)  # from memory, one deviation down
    for before, after in zip(TABLES.rig_orders, drawn.rig_orders, strict=True):
        share = factor if before.miner_id == "MARA" else 1.0
        assert after.payment_usd_m == pytest.approx(before.payment_usd_m * share)
        assert after.hashrate_eh_s == before.hashrate_eh_s


def test_a_host_passes_the_price_of_power_on() -> None:
    drawn = sample_books_2021(TABLES, None, {"books.miners.CORZ.power_usd_mwh": 2.0})
    before, after = (next(r for r in t.named if r.id == "CORZ") for t in (TABLES, drawn))
    rise = after.power_usd_mwh - before.power_usd_mwh
    assert rise > 10.0
    assert after.hosting_usd_mwh - before.hosting_usd_mwh == pytest.approx(rise)


def test_shocks_err_in_size_alone_and_stay_possible() -> None:
    for seed in SEEDS:
        for before, after in zip(
            TABLES.shocks, sample_books_2021(TABLES, seed).shocks, strict=True
        ):
            assert (after.date, after.kind, after.party_id) == (
                before.date,
                before.kind,
                before.party_id,
            )
            type(after).model_validate(after.model_dump())
            assert after.amount == before.amount or before.confidence != "seen"
            assert before.kind != "power_price" or after.amount > 1.0


@pytest.mark.parametrize(
    "belief", [pytest.param(row, id=row.parameter) for row in beliefs_of("2021") if row.is_cell]
)
def test_each_belief_about_the_books_is_of_a_cell_moves_it_and_keeps_it_valid(
    belief: Belief,
) -> None:
    place = {"miners": "named", "private_miners": "private", "quotes": "quote_rows"}
    _, table, *name, column = belief.parameter.split(".")
    rows = getattr(TABLES, place.get(table, table))
    assert all(hasattr(row, column) for row in rows)
    own = [getattr(row, column) for row in rows if row.row_name in name]
    assert belief.central == (own[0] if name else 1.0)
    plain = sample_books_2021(TABLES, None)
    for score in (-8.0, 8.0):
        drawn = sample_books_2021(TABLES, None, {belief.parameter: score})
        assert drawn != plain
        for line in (*drawn.named, *drawn.private, *drawn.margins, *drawn.hardware):
            type(line).model_validate(line.model_dump(by_alias=True))


def test_the_networks_hashrate_closes_in_every_draw() -> None:
    def online(tables: Books2021) -> float:
        named = sum(row.hashrate_eh_s * row.energised_share for row in tables.named)
        return named + sum(row.hashrate_eh_s for row in tables.private)

    for seed in SEEDS:
        drawn = sample_books_2021(TABLES, seed)
        assert online(drawn) == pytest.approx(online(TABLES), rel=1e-9)
        assert all(row.hashrate_eh_s >= 0.0 for row in drawn.private)
        assert drawn == sample_books_2021(TABLES, seed)
    assert sample_books_2021(TABLES, 1) != sample_books_2021(TABLES, 2)


def test_later_draws_change_nothing_at_the_opening() -> None:
    forecast, hindsight = opened().market, opened("facts.draws=all").market
    assert len(hindsight.names.loans) - len(forecast.names.loans) == 21  # and new shares once
    assert hindsight.loans.principal_usd.sum() == pytest.approx(forecast.loans.principal_usd.sum())
    for column in ("cash_usd", "btc", "btc_lent", "eth"):
        ours, theirs = getattr(forecast.parties, column), getattr(hindsight.parties, column)
        np.testing.assert_array_equal(ours, theirs)


def test_only_listed_miners_keep_coins(market: Simulation) -> None:
    s = market.market
    listed = s.borrowers.market_cap_open_usd > 0.0
    assert np.all(s.miners.hold_policy[~listed] == 0.0)
    assert np.any(s.miners.hold_policy[listed] == 0.8)


def test_classes_are_spread_over_the_range_of_their_name(market: Simulation) -> None:
    s = market.market
    for name in ASIC_SHARES:
        k = s.names.hardware.index(name)
        middle = 0.5 * (s.hardware.lo_j_th[k] + s.hardware.hi_j_th[k])
        assert 1000.0 * s.hardware.kw[k] == pytest.approx(middle, rel=0.05)
