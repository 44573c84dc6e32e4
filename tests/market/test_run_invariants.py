"""What must hold at the end of every day, whatever happens in the market."""

from __future__ import annotations

from collections.abc import Callable

import baseline
import numpy as np
import pytest
import runs
from runs import REFERENCE_RUNS, RULES, Watch, fresh, watched

from firesale.agents.party import Outside, Status
from firesale.market.day import run_day
from firesale.market.scenario.errors import BooksError
from firesale.market.simulation import Simulation
from firesale.market.state.events import Event
from firesale.market.state.journal import make_room
from firesale.market.state.loans import LoanStatus, of_claims


@pytest.fixture(scope="session", params=REFERENCE_RUNS)
def reference(request: pytest.FixtureRequest) -> str:
    """The name of a reference run."""
    return str(request.param)


@pytest.fixture(scope="session")
def watch(reference: str) -> Watch:
    return watched(*REFERENCE_RUNS[reference])


def test_results_are_the_stored_ones_to_the_last_bit(reference: str, watch: Watch) -> None:
    changed = baseline.differences(baseline.stored(reference), baseline.record(watch.sim))
    assert not changed, (
        f"{reference}: {'; '.join(changed)}. If that is meant, run "
        "'uv run python tests/baseline.py --write' and say why in CHANGELOG.md, under Results."
    )


@pytest.mark.parametrize("rule", RULES)
def test_every_day(watch: Watch, rule: str) -> None:
    assert not watch.broken.get(rule), "; ".join(watch.broken[rule])


def test_the_runs_are_not_idle() -> None:
    """Invariants of a market in which nothing happens would prove nothing."""
    seen: set[str] = set()
    for run in REFERENCE_RUNS.values():
        seen |= set(watched(*run).sim.events()["kind"])
    # From December 2026 on, once in a century and tenant, or with entry on: they have own tests.
    later = {"converted", "put", "tenant_failed", "entered"}
    assert seen >= {kind.name.lower() for kind in Event} - {"draw"} - later


def test_series_has_one_row_per_day(watch: Watch) -> None:
    series = watch.sim.series()
    assert series["day"].tolist() == list(range(watch.sim.scenario.days + 1))
    steps = series["date"].diff().dropna()
    assert all(step.days == 1 for step in steps)


def test_counters_never_fall(watch: Watch) -> None:
    series = watch.sim.series()
    for name in ("defaults_miner", "defaults_neocloud", "margin_calls", "gpus_seized", "gpus_sold"):
        assert (series[name].diff().dropna() >= -runs.DUST).all(), name


def test_losses_add_up_over_loans_lenders_and_the_summary(watch: Watch) -> None:
    """Written down and spent on enforcement, loan by loan = capital lost, lender by lender."""
    sim = watch.sim
    s, loans = sim.market, sim.market.loans
    claims = loans.claims
    # What is spent on a claim: nothing in a reorganisation, after which the loan performs again.
    last = loans.claim
    went_on = s.parties.reorganised_day[loans.borrower] == claims.default_day[last]
    failed = (last >= 0) & ~went_on
    principal_at_default = claims.claim_usd[last] - loans.accrued_usd - loans.arrears_interest_usd
    # A closed claim has been repaid down to what was lost; an open one to what is still owed.
    repaid = principal_at_default - np.where(
        loans.status == LoanStatus.CLOSED, claims.written_down_usd[last], loans.principal_usd
    )
    spent = np.where(failed, repaid - claims.recovered_usd[last], 0.0)
    loss = of_claims("written_down_usd", loans) + spent
    by_lender = np.bincount(loans.lender, loss, len(s.lenders.kind))
    gross = float(np.abs(of_claims("claim_usd", loans)).sum()) + 1.0
    np.testing.assert_allclose(by_lender, s.lenders.loss_usd, atol=1e-9 * gross)
    lenders = s.lenders
    elsewhere = lenders.interlender_loss_usd + lenders.market_loss_usd + lenders.redeemed_usd
    lost = lenders.capital_open_usd - lenders.capital_usd - elsewhere
    lost += lenders.earned_usd - (lenders.provision_usd - watch.provision_open)
    standing = s.parties.status[s.first_lender : s.first_buyer] == Status.ACTIVE
    assert standing.sum() > 0.4 * len(standing)
    np.testing.assert_allclose(lost[standing], lenders.loss_usd[standing], rtol=1e-9, atol=1.0)
    summary = sim.summary()["loss_usd"]
    assert summary["total"] == pytest.approx(float(lenders.loss_usd.sum()), rel=1e-9, abs=1.0)
    assert sum(summary["by_instrument"].values()) == pytest.approx(summary["total"], abs=1.0)
    assert summary["by_instrument"]["enforcement_cost"] == pytest.approx(
        float(spent[failed].sum()), rel=1e-9, abs=1e-9 * gross
    )


def test_a_claim_recovers_no_more_than_itself(watch: Watch) -> None:
    """Each dollar of a claim is repaid or written off, none twice."""
    loans = watch.sim.loans()
    done = loans[loans["recovery"].notna()]
    assert (done["recovery"] <= 1.0 + 1e-9).all()
    assert (done["recovery"] >= 0.0).all()
    assert (done["recovered_usd"] <= done["claim_at_default_usd"] + 1.0).all()


def test_every_seized_machine_is_sold_or_waiting(watch: Watch) -> None:
    summary = watch.sim.summary()["liquidation"]
    for part in (summary, summary["asic"]):
        assert part["seized_units"] == pytest.approx(
            part["sold_units"] + part["ended_units"] + part["unsold_units"], rel=1e-9, abs=1e-6
        )
        assert part["sold_units"] >= 0.0 and part["unsold_units"] >= 0.0


def test_every_lot_has_machines_to_sell(watch: Watch) -> None:
    """A lot of dust never finds a buyer and keeps its estate open for ever."""
    lots = watch.sim.market.lots
    used = slice(0, int(lots.count[0]))
    assert np.all(lots.seized_units[used] > runs.DUST)


def test_summary_agrees_with_state_and_log(watch: Watch) -> None:
    sim = watch.sim
    summary, events, series = sim.summary(), sim.events(), sim.series()
    failed = events.loc[events["kind"] == "default", "party"]
    named = summary["defaulted"]["miner"] + summary["defaulted"]["neocloud"]
    assert sorted(set(failed)) == sorted(named)  # who reorganised may fail once more
    assert summary["defaults"]["miner"] == len(summary["defaulted"]["miner"])
    assert summary["defaults"]["miner"] == series["defaults_miner"].iloc[-1]
    assert summary["defaults"]["neocloud"] == series["defaults_neocloud"].iloc[-1]
    assert sum(summary["defaults_by_cause"].values()) == len(named)
    assert summary["conservation_error"] == pytest.approx(series["conservation_error"].max())
    calls = events[events["kind"] == "margin_call"]
    assert set(summary["margin_called"]) == set(calls["party"])
    assert series["margin_calls"].iloc[-1] == len(calls)


def test_time_and_company_move_what_a_sale_brings_one_way(watch: Watch) -> None:
    """Ninety days bring no less than today, all in all; coins bring no more than their price.

    Not to the last per cent: who has more money also takes racks that others would pay more for.
    """
    columns = ["realisable_value_usd", "realisable_90_days_value_usd"]
    by_day = watch.sim.absorption().groupby("day")[columns].sum()
    assert (by_day[columns[1]] >= 0.95 * by_day[columns[0]]).all()
    for frame in (watch.sim.illusion(), watch.sim.absorption()):
        assert (frame[columns] >= 0.0).all(axis=None)
        coins = frame[frame["hardware"] == "BTC"]
        assert (coins["realisable_value_usd"] <= coins["second_hand_value_usd"] * (1 + 1e-12)).all()


# ------------------------------------------------------------------ the watch can see


def spoil_cash(sim: Simulation) -> None:
    sim.market.parties.cash_usd[0] += 1e6


def spoil_overdraft(sim: Simulation) -> None:
    sim.market.parties.cash_usd[runs.outside(sim, Outside.COURTS)] += (
        sim.market.parties.cash_usd[0] + 1.0
    )
    sim.market.parties.cash_usd[0] = -1.0


def spoil_coins(sim: Simulation) -> None:
    sim.market.parties.btc[0] += 1.0


def spoil_machines(sim: Simulation) -> None:
    sim.market.holdings.units[0] += 1e3


def spoil_book(sim: Simulation) -> None:
    sim.market.lenders.book_usd[0] += 1e6


def spoil_capital(sim: Simulation) -> None:
    sim.market.lenders.capital_usd[0] -= 1e6


def spoil_number(sim: Simulation) -> None:
    sim.market.borrowers.site_usd[3] = np.nan


def spoil_slots(sim: Simulation) -> None:
    sim.market.buyers.slots[5, 1] = -1.0


def spoil_arrears(sim: Simulation) -> None:
    loan = int(np.argmax(sim.market.loans.principal_usd))
    sim.market.loans.arrears_principal_usd[loan] = sim.market.loans.principal_usd[loan] + 1.0


def spoil_pledge(sim: Simulation) -> None:
    sim.market.holdings.pledged[int(np.argmax(sim.market.holdings.pledged))] *= 0.5


def spoil_lots(sim: Simulation) -> None:
    sim.market.loans.claim[0] = 0
    sim.market.claims.open_lots[0] += 1


def spoil_closed(sim: Simulation) -> None:
    sim.market.loans.collateral_btc[0] = 1.0


def spoil_lender(sim: Simulation) -> None:
    sim.market.lenders.other_loans_usd[0] = -1e6


def spoil_mark(sim: Simulation) -> None:
    sim.market.marks_usd[1] *= 10.0


def spoil_status(sim: Simulation) -> None:
    sim.market.loans.status[0] = LoanStatus.PERFORMING


def spoil_failed(sim: Simulation) -> None:
    sim.market.parties.status[0] = Status.DEFAULTED
    sim.market.parties.default_day[0] = sim.day - 1
    sim.market.miners.hashrate_online_th[0] = 1.0


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (spoil_cash, "cash is conserved"),
        (spoil_overdraft, "cash is not negative"),
        (spoil_coins, "coins are conserved"),
        (spoil_machines, "machines are conserved"),
        (spoil_book, "each book is the sum of its loans"),
        (spoil_capital, "each lender's assets are its funding and capital"),
        (spoil_capital, "lost capital is the loss"),
        (spoil_number, "numbers are finite"),
        (spoil_slots, "nothing is negative"),
        (spoil_arrears, "arrears are part of the debt"),
        (spoil_pledge, "pledges are the collateral of performing loans"),
        (spoil_lots, "open lots are counted"),
        (spoil_closed, "closed loans hold nothing"),
        (spoil_lender, "lenders lend what they have"),
        (spoil_mark, "marks have a floor and a ceiling"),
        (spoil_status, "status moves one way"),
        (spoil_failed, "the failed are idle"),
    ],
)
def test_the_watch_sees_broken_books(spoil: Callable[[Simulation], None], rule: str) -> None:
    sim = fresh("calm", ("days=2",))
    loans = sim.market.loans
    sim.market.parties.btc[loans.borrower[0]] += loans.collateral_btc[0]
    sim.market.lenders.book_usd[loans.lender[0]] -= loans.principal_usd[0]
    sim.market.lenders.funding_usd[loans.lender[0]] -= loans.principal_usd[0]
    loans.collateral_btc[0] = loans.principal_usd[0] = loans.undrawn_usd[0] = 0.0
    loans.status[0] = LoanStatus.CLOSED  # so that one test can turn it back
    watch = Watch(sim)
    make_room(sim.market)
    run_day(sim.market)  # a step would refuse these books
    watch.look()
    assert not watch.broken[rule]
    spoil(sim)
    watch.look()
    assert watch.broken[rule]


def test_the_engine_notices_a_missing_dollar_by_itself() -> None:
    """The daily conservation check of the record phase is not a formality."""
    for spoil in (spoil_cash, spoil_coins, spoil_machines, spoil_book, spoil_capital):
        sim = fresh("calm", ("days=3",))
        sim.step()
        assert sim.summary()["conservation_error"] <= 1e-9
        spoil(sim)
        with pytest.raises(BooksError, match="Day 2: the books do not balance"):
            sim.step()
        assert sim.summary()["conservation_error"] > 1e-9, spoil.__name__


@pytest.mark.parametrize("spoiled_day", [1, 6, 9])
def test_a_dollar_that_appears_at_a_buyer_shows_on_the_next_day_of_auctions(
    spoiled_day: int,
) -> None:
    """Buyers are counted when they buy, and on the last day: in between nothing of theirs moves."""
    sim = fresh("calm", ("days=10",))
    window_days = sim.scenario.liquidation.window_days
    counted = min(-(-spoiled_day // window_days) * window_days, sim.scenario.days)
    for _ in range(spoiled_day - 1):
        sim.step()
    sim.market.parties.cash_usd[sim.market.today.first_buyer] += 1e6
    for _ in range(spoiled_day, counted):
        sim.step()
        assert sim.summary()["conservation_error"] <= 1e-9
    with pytest.raises(BooksError, match=f"Day {counted}: the books do not balance"):
        sim.step()
