"""The auctions against a naive twin, unit by unit, and what must hold of any clearing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from by_hand import GPU, RIG, Bench
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firesale.agents.party import Outside
from firesale.market.liquidation.auctions import auction_in_place, auction_removed
from firesale.market.liquidation.bid_heap import make_heap, take_highest
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Collateral, of_claims
from firesale.market.state.lots import LotState
from firesale.market.state.money import conservation_error

SCRAP = 5.0
PATIENCE = 100.0  # days, of lenders who can wait; others must sell at scrap
ESTATE_PATIENCE = 180.0
RIGS = 9.0

# --- a small market -------------------------------------------------------------------------------


@dataclass
class Lot:
    """A seized lot: machines, the claim behind it, how long it waited, and whether it can wait."""

    units: int
    claim: float = 1e5
    waited: int = 0
    patient: bool = True
    estate: bool = False  # nobody's collateral: the borrower's own

    def reserve(self, hold: float, estate: bool = False) -> float:
        """From the value of holding down in a straight line, to scrap; callable money: scrap."""
        if estate or self.estate:
            return max(SCRAP, hold * max(0.0, 1.0 - self.waited / ESTATE_PATIENCE))
        if not self.patient:
            return SCRAP
        return max(SCRAP, hold * max(0.0, 1.0 - self.waited / PATIENCE))


@dataclass
class Bid:
    """A buyer's bid: price, machines wanted."""

    price: float
    units: int
    needs_slots: bool = True


@dataclass
class Market:
    """A bench with the lots seized and offered, and what an auction of it did."""

    lots: list[Lot]
    bids: list[Bid]
    hold: float = 50.0
    routine: int = 0
    fee: float = 0.0
    in_place: bool = False
    cluster: float = 1e9
    min_lots: list[float] = field(default_factory=list)
    slots: list[float] = field(default_factory=list)
    budgets: list[float] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)  # borrower of each lot, ascending
    order: list[int] = field(default_factory=list)  # in which the lots stand in the table

    def __post_init__(self) -> None:
        owners = self.owners = self.owners or [0] * len(self.lots)
        count = max(owners, default=0) + 1
        bids = self.bids
        budgets = self.budgets or [bid.price * bid.units for bid in bids]
        slots = self.slots or [float(bid.units) for bid in bids]
        min_lots = self.min_lots or [0.0] * len(bids)
        self.bench = Bench(
            [
                dict(
                    borrower=owner,
                    lender=row,
                    principal_usd=lot.claim,
                    collateral=Collateral.HARDWARE,
                    hardware=GPU,
                    collateral_units=float(lot.units),
                    breach=Cause.MATURITY,
                    breach_day=0,
                )
                for row, (lot, owner) in enumerate(zip(self.lots, owners, strict=True))
            ],
            borrowers=count,
            lenders=max(1, len(self.lots)),
            fleets=[
                (b, GPU, float(sum(x.units for x, o in zip(self.lots, owners) if o == b)))
                for b in range(count)
            ]
            + [(count - 1, RIG, RIGS)],
            patience=[(0.0, PATIENCE) if lot.patient else (1.0, PATIENCE) for lot in self.lots]
            or ((0.0, PATIENCE),),
            buyers=[
                dict(budget=m, slots=s, needs_slots=b.needs_slots, min_lot=n)
                for b, m, s, n in zip(bids, budgets, slots, min_lots, strict=True)
            ],
            scrap=[SCRAP, 0.0, 0.0],
            marks=[20.0, 10.0, 0.0],
            legal_cost_share=self.fee,
            cluster_gpus=self.cluster,
        )
        bench = self.bench
        bench.day(1, "default")
        lots = bench.s.lots
        n = len(self.lots)
        assert lots.count[0] == n + (n > 0)  # and the estate's rigs, which nobody may touch
        order = self.order or list(range(n))
        for column in lots[1:]:
            column[:n] = column[order]
        self.lots = [self.lots[i] for i in order]
        self.owners = [owners[i] for i in order]
        bench.market.today.day = 1000
        lots.state[n] = LotState.IN_PLACE if self.in_place else LotState.REMOVED
        for i, lot in enumerate(self.lots):
            assert lots.units[i] == lot.units
            lots.state[i] = LotState.IN_PLACE if self.in_place else LotState.REMOVED
            lots.offered_day[i] = 1000 - lot.waited
            if lot.estate:
                lots.loan[i], lots.owner[i] = -1, lots.borrower[i]
        self.before = bench.stocks()
        bench.s.ledger.flows[:] = 0.0
        self.budget = bench.s.buyers.budget_usd.copy()
        self.free = bench.s.buyers.slots[:, bench.s.hardware.rack[GPU]].copy()
        self.cash = bench.s.parties.cash_usd.copy()
        self.loans = lots.loan[:n].copy()
        self.owed = bench.s.loans.principal_usd[order]
        bench.market.hold_usd[GPU] = self.hold
        prices = np.array([bid.price for bid in bids], float)
        if self.in_place:
            self.price, self.total, _ = bench.kernel(auction_in_place, k=GPU, bids=prices)
            self.forced = self.total
        else:
            self.price, self.total, self.forced, _ = bench.kernel(
                auction_removed,
                k=GPU,
                bids=prices,
                bid_units=np.array([bid.units for bid in bids], float),
                routine_units=float(self.routine),
            )

    @property
    def bought(self) -> np.ndarray:
        """Machines now held by each buyer."""
        bench = self.bench
        first = bench.s.holdings.first
        rows = [first[bench.first_buyer + j] for j in range(len(self.bids))]
        return bench.s.holdings.units[rows] if rows else np.zeros(0)

    @property
    def sold(self) -> np.ndarray:
        """Machines sold from each lot."""
        lots = self.bench.s.lots
        return np.array([lot.units for lot in self.lots]) - lots.units[: len(self.lots)]

    @property
    def spent(self) -> np.ndarray:
        return self.budget - self.bench.s.buyers.budget_usd

    def check_books(self) -> None:
        """Machines, money and claims add up, whatever the auction did."""
        bench, s = self.bench, self.bench.s
        error = conservation_error(self.before, bench.stocks(), s.ledger.flows)
        assert error < 1e-10
        assert np.all(s.buyers.budget_usd >= -1e-6)
        assert np.all(s.buyers.slots >= -1e-6)
        n = len(self.lots)
        assert np.all(s.lots.units[:n] >= 0.0)
        assert n == 0 or s.lots.units[n] == RIGS
        state = LotState.IN_PLACE if self.in_place else LotState.REMOVED
        open_ = np.where(s.lots.units[:n] > 0, state, LotState.SOLD)
        assert list(s.lots.state[:n]) == list(open_)
        # Each lender gets its lot's net proceeds up to its claim, the borrower what is beyond.
        net = s.lots.proceeds_usd[:n] * (1.0 - self.fee)
        repaid = np.minimum(net, self.owed)
        assert self.owed - s.loans.principal_usd[self.loans] == pytest.approx(repaid, abs=1e-6)
        lenders = bench.first_lender + s.loans.lender[self.loans]
        assert s.parties.cash_usd[lenders] - self.cash[lenders] == pytest.approx(repaid, abs=1e-6)
        surplus = (s.parties.cash_usd - self.cash)[: bench.first_lender].sum()
        assert surplus == pytest.approx((net - repaid).sum(), abs=1e-6)
        courts = bench.outside(Outside.COURTS)
        assert s.parties.cash_usd[courts] - self.cash[courts] == pytest.approx(
            s.lots.proceeds_usd[:n].sum() * self.fee, abs=1e-6
        )


# --- the call auction -----------------------------------------------------------------------------


def twin(
    lots: list[Lot], bids: list[Bid], hold: float, routine: int
) -> tuple[float, list[int], list[int], int]:
    """Match machine by machine: price (NaN: no trade), bought, sold by lot, sold by others."""
    demand = [(bid.price, j) for j, bid in enumerate(bids) for _ in range(bid.units)]
    demand = sorted((d for d in demand if d[0] > 0), key=lambda d: -d[0])
    supply = [(lot.reserve(hold), i) for i, lot in enumerate(lots) for _ in range(lot.units)]
    supply = sorted(supply + [(SCRAP, len(lots))] * routine, key=lambda a: a[0])
    trades = 0
    while trades < min(len(demand), len(supply)) and demand[trades][0] >= supply[trades][0]:
        trades += 1
    bought, sold = [0] * len(bids), [0] * (len(lots) + 1)
    for n in range(trades):
        bought[demand[n][1]] += 1
        sold[supply[n][1]] += 1
    if trades == 0:
        return math.nan, bought, sold[:-1], 0
    next_bid = demand[trades][0] if trades < len(demand) else 0.0
    return max(supply[trades - 1][0], next_bid), bought, sold[:-1], sold[-1]


a_lot = st.builds(
    Lot,
    units=st.integers(1, 12),
    claim=st.sampled_from([20.0, 150.0, 1e5]),
    waited=st.integers(0, 120),
    patient=st.booleans(),
)
a_bid = st.builds(
    Bid,
    price=st.integers(0, 80).map(float),
    units=st.integers(1, 12),
    needs_slots=st.booleans(),
)
many = settings(deadline=None, max_examples=120)


@many
@given(
    st.lists(a_lot, max_size=5),
    st.lists(a_bid, max_size=6),
    st.integers(0, 70).map(float),
    st.integers(0, 10),
    st.sampled_from([0.0, 0.03]),
)
def test_the_call_auction_equals_its_twin(
    lots: list[Lot], bids: list[Bid], hold: float, routine: int, fee: float
) -> None:
    market = Market(lots, bids, hold, routine, fee)
    price, bought, sold, others = twin(lots, bids, hold, routine)
    assert market.total == pytest.approx(sum(bought))
    assert market.forced == pytest.approx(sum(sold))
    if math.isnan(price):
        assert math.isnan(market.price)
    else:
        assert market.price == pytest.approx(price, rel=1e-12)
    assert market.bought == pytest.approx(bought)
    assert market.sold == pytest.approx(sold)
    if sum(bought):
        assert market.spent == pytest.approx([units * price for units in bought])
        assert market.bench.s.lots.proceeds_usd[: len(lots)] == pytest.approx(
            [units * price for units in sold]
        )
    market.check_books()
    # Racks: machines bought out of forced sales take a slot, ordinary ones replace an old machine.
    used = self_used = market.free - market.bench.s.buyers.slots[:, 1]
    for j, bid in enumerate(bids):
        if not bid.needs_slots:
            assert used[j] == 0.0
        assert -1e-9 <= used[j] <= bought[j] + 1e-9
    if all(bid.needs_slots for bid in bids):
        assert self_used.sum() == pytest.approx(sum(sold))
    assert others == pytest.approx(market.total - market.forced)
    ordinary = market.bench.outside(Outside.OWNERS)
    assert market.bench.cash(ordinary) == pytest.approx(others * price if others else 0.0)


@many
@given(
    st.lists(a_lot, min_size=1, max_size=5),
    st.lists(a_bid, min_size=1, max_size=6),
    st.integers(0, 70).map(float),
    st.integers(0, 10),
)
def test_nobody_trades_against_its_will(
    lots: list[Lot], bids: list[Bid], hold: float, routine: int
) -> None:
    market = Market(lots, bids, hold, routine)
    if market.total == 0.0:
        assert math.isnan(market.price)
        # Nobody was there at any reserve.
        cheapest = min([lot.reserve(hold) for lot in lots] + ([SCRAP] if routine else []))
        assert max(bid.price for bid in bids) < cheapest or max(b.price for b in bids) == 0
        return
    price = market.price
    for j, bid in enumerate(bids):
        if market.bought[j] > 0:
            assert price <= bid.price
        if bid.price > price and market.bought[j] < bid.units:
            pytest.fail("a buyer above the price was left without machines")
        assert market.bought[j] <= bid.units + 1e-9
    for i, lot in enumerate(lots):
        if market.sold[i] > 0:
            assert price >= lot.reserve(hold)
        if lot.reserve(hold) < price and market.sold[i] < lot.units:
            left = [b for j, b in enumerate(bids) if market.bought[j] < b.units]
            assert all(b.price <= price for b in left)
    assert price >= SCRAP
    assert market.bought.sum() == pytest.approx(market.total)


def test_two_bids_and_one_lot_by_hand() -> None:
    # Ten machines that must be sold; 30 for six, 20 for six. All ten go, at the 20 left unserved.
    market = Market([Lot(10, patient=False)], [Bid(20.0, 6), Bid(30.0, 6)])
    assert market.price == 20.0
    assert list(market.bought) == [4.0, 6.0]
    assert list(market.spent) == [80.0, 120.0]
    assert of_claims("recovered_usd", market.bench.s.loans)[0] == pytest.approx(200.0)


def test_no_bids_no_trade_not_a_low_price() -> None:
    for bids in ([], [Bid(0.0, 5)], [Bid(4.9, 5)], [Bid(49.0, 5)]):
        lot = Lot(10, patient=bool(bids) and bids[0].price > 5.0)
        market = Market([lot], bids, hold=50.0)
        assert math.isnan(market.price)
        assert market.total == 0.0
        assert market.bench.s.lots.units[0] == 10.0


def test_without_supply_nothing_happens() -> None:
    market = Market([], [Bid(30.0, 5)])
    assert math.isnan(market.price) and market.total == 0.0
    assert market.spent[0] == 0.0


def test_endless_demand_pays_the_highest_bid() -> None:
    bids = [Bid(p, 10**6) for p in (22.0, 41.0, 35.0)]
    market = Market([Lot(500), Lot(300, patient=False)], bids, hold=30.0)
    assert market.price == 41.0
    assert market.total == 800.0


def test_waiting_brings_a_sale() -> None:
    # Holding is worth 50; 30 is bid. After 39 days the reserve is 30.5, after 41 it is 29.5.
    assert math.isnan(Market([Lot(10, waited=39)], [Bid(30.0, 20)]).price)
    assert Market([Lot(10, waited=41)], [Bid(30.0, 20)]).price == 30.0


@pytest.mark.parametrize(("waited", "sells"), [(60, False), (80, True)])
def test_an_estate_waits_half_a_year(waited: int, sells: bool) -> None:
    # 50 x (1 - 60/180) = 33.3 and 50 x (1 - 80/180) = 27.8 against a bid of 30.
    market = Market([Lot(10, waited=waited, estate=True)], [Bid(30.0, 12)])
    assert (market.total > 0) == sells
    if sells:
        assert market.price == 30.0
        assert market.bench.cash(0) == pytest.approx(300.0)


@many
@given(
    st.lists(a_lot, min_size=1, max_size=3),
    st.lists(a_bid, min_size=1, max_size=6),
    st.integers(0, 70).map(float),
    st.data(),
)
def test_splitting_a_lot_changes_nothing(
    lots: list[Lot], bids: list[Bid], hold: float, data: st.DataObject
) -> None:
    assume(lots[-1].units > 1)
    last = lots[-1]
    part = data.draw(st.integers(1, last.units - 1))
    split = [
        *lots[:-1],
        Lot(part, last.claim, last.waited, last.patient),
        Lot(last.units - part, last.claim, last.waited, last.patient),
    ]
    whole, parts = Market(lots, bids, hold), Market(split, bids, hold)
    assert parts.price == pytest.approx(whole.price, nan_ok=True)
    assert parts.bought == pytest.approx(whole.bought)
    assert parts.sold[-2] + parts.sold[-1] == pytest.approx(whole.sold[-1])


@many
@given(
    st.lists(a_lot, min_size=1, max_size=4),
    st.lists(a_bid, min_size=1, max_size=6),
    st.integers(0, 70).map(float),
    a_lot,
)
def test_more_supply_never_raises_the_price(
    lots: list[Lot], bids: list[Bid], hold: float, more: Lot
) -> None:
    before = Market(lots, bids, hold)
    after = Market([*lots, more], bids, hold)
    assert after.total >= before.total
    if before.total > 0:
        assert after.price <= before.price + 1e-9


@many
@given(
    st.lists(a_lot, min_size=1, max_size=4),
    st.lists(a_bid, min_size=1, max_size=6),
    st.integers(0, 70).map(float),
    a_bid,
)
def test_more_demand_never_lowers_the_price(
    lots: list[Lot], bids: list[Bid], hold: float, more: Bid
) -> None:
    before = Market(lots, bids, hold)
    after = Market(lots, [*bids, more], hold)
    assert after.total >= before.total
    if before.total > 0:
        assert after.price >= before.price - 1e-9


@settings(deadline=None, max_examples=60)
@given(st.lists(a_lot, min_size=2, max_size=4), st.lists(a_bid, min_size=2, max_size=5), st.data())
def test_the_order_of_lots_and_buyers_does_not_matter(
    lots: list[Lot], bids: list[Bid], data: st.DataObject
) -> None:
    assume(len({lot.reserve(60.0) for lot in lots}) == len(lots))
    assume(len({bid.price for bid in bids}) == len(bids))
    lot_order = data.draw(st.permutations(range(len(lots))))
    bid_order = data.draw(st.permutations(range(len(bids))))
    one = Market(lots, bids, 60.0)
    two = Market([lots[i] for i in lot_order], [bids[j] for j in bid_order], 60.0)
    assert two.price == pytest.approx(one.price, nan_ok=True)
    assert two.bought == pytest.approx(one.bought[list(bid_order)])
    assert two.sold == pytest.approx(one.sold[list(lot_order)])


def test_a_bid_without_money_or_racks_does_not_set_the_price() -> None:
    # Ten for sale, ten wanted at 40; the next bid that could take one is 10, 30 has no racks.
    market = Market([Lot(10, waited=85)], [Bid(40.0, 10), Bid(30.0, 0), Bid(10.0, 5)])
    assert market.total == 10.0
    assert market.price == 10.0  # above the reserve of 7.50


def test_dust_is_no_trade_and_sets_no_price() -> None:
    """What rounding leaves of a budget or a rack is nobody's demand."""
    assert math.isnan(Market([Lot(10, patient=False)], [Bid(40.0, 1e-9)]).price)
    market = Market([Lot(10, waited=85)], [Bid(40.0, 10), Bid(30.0, 1e-9), Bid(10.0, 5)])
    assert market.total == 10.0 and market.price == 10.0


def test_surplus_of_a_sale_is_the_estates_and_the_rest_of_the_lot_too() -> None:
    # The claim of 45 is met after five of ten machines at 10; the rest goes on as the estate's.
    market = Market([Lot(10, claim=45.0, patient=False)], [Bid(10.0, 5)], fee=0.0)
    s = market.bench.s
    assert market.price == SCRAP  # the last reserve served
    market = Market([Lot(10, claim=45.0, patient=False)], [Bid(10.0, 5), Bid(10.0, 9)])
    s = market.bench.s
    assert market.price == 10.0
    assert market.total == 10.0
    assert s.loans.principal_usd[0] == pytest.approx(0.0, abs=1e-9)
    assert market.bench.cash(0) == pytest.approx(100.0 - 45.0)
    assert s.lenders.loss_usd[0] == pytest.approx(0.0, abs=1e-9)


def test_a_repaid_claim_gives_the_unsold_rest_back() -> None:
    market = Market([Lot(10, claim=20.0, patient=False)], [Bid(10.0, 5), Bid(9.0, 1)])
    s = market.bench.s
    assert market.total == 6.0 and market.price == SCRAP
    assert s.loans.principal_usd[0] == pytest.approx(0.0, abs=1e-9)
    assert market.bench.cash(0) == pytest.approx(30.0 - 20.0)
    assert s.lots.units[0] == 4.0
    assert s.lots.owner[0] == 0 and s.lots.loan[0] == -1  # now the estate's to sell
    assert of_claims("open_lots", s.loans)[0] == 0


def test_a_sale_names_the_seizure_it_comes_from() -> None:
    market = Market([Lot(10, patient=False)], [Bid(30.0, 12)])
    events = market.bench.events(Event.HARDWARE_SALE)
    assert len(events) >= 1
    assert set(events["parent"]) == {int(market.bench.s.lots.event[0])}
    assert events["amount_usd"].sum() == pytest.approx(300.0)


# --- clusters in place ----------------------------------------------------------------------------


def cluster_twin(market: Market) -> tuple[float, float, list[float], list[float], list[int]]:
    """Clusters one by one, second price: mean price, units, lots left, budgets, winners."""
    left = [float(lot.units) for lot in market.lots]
    owed = [lot.claim for lot in market.lots]  # once repaid, the rest of a lot is the estate's
    owners = market.owners
    budget, free = list(market.budget), list(market.free)
    winners: list[int] = []
    value, total = 0.0, 0.0
    for start in range(len(left)):
        if left[start] <= 0:
            continue
        while True:
            group = [
                i for i in range(start, len(left)) if owners[i] == owners[start] and left[i] > 0
            ]
            if not group:
                break
            size = min(sum(left[i] for i in group), market.cluster)
            reserve = max(market.lots[i].reserve(market.hold, owed[i] <= 1e-6) for i in group)
            offers = [
                (min(bid.price, budget[j] / size), -j)
                for j, bid in enumerate(market.bids)
                if bid.price > 0 and market.bench.s.buyers.min_lot_gpus[j] <= size <= free[j]
            ]
            offers = sorted((offer for offer in offers if offer[0] > 0), reverse=True)
            if not offers or offers[0][0] < reserve:
                break
            second = offers[1][0] if len(offers) > 1 else 0.0
            price = max(second, reserve)
            winner = -offers[0][1]
            winners.append(winner)
            budget[winner] -= size * price
            free[winner] -= size
            total += size
            value += size * price
            for i in group:
                taken = min(left[i], size)
                left[i] -= taken
                owed[i] -= min(owed[i], taken * price)
                size -= taken
    return value / total if total > 0 else math.nan, total, left, budget, winners


@many
@given(
    st.lists(st.tuples(a_lot, st.integers(0, 1)), min_size=1, max_size=5),
    st.lists(
        st.tuples(
            st.integers(0, 80).map(float),
            st.integers(0, 40),
            st.integers(0, 1500).map(float),
            st.sampled_from([0.0, 4.0, 9.0]),
        ),
        max_size=5,
    ),
    st.integers(0, 70).map(float),
    st.sampled_from([3.0, 8.0, 1e9]),
    st.data(),
)
def test_the_sale_of_clusters_equals_its_twin(
    lots: list[tuple[Lot, int]],
    buyers: list[tuple[float, int, float, float]],
    hold: float,
    cluster: float,
    data: st.DataObject,
) -> None:
    lots = sorted(lots, key=lambda pair: pair[1])
    owners = [owner - lots[0][1] for _, owner in lots]
    market = Market(
        [lot for lot, _ in lots],
        [Bid(price, 0) for price, *_ in buyers],
        hold,
        in_place=True,
        cluster=cluster,
        owners=owners,
        order=data.draw(st.permutations(range(len(lots)))),
        slots=[float(slots) for _, slots, _, _ in buyers],
        budgets=[budget for *_, budget, _ in buyers],
        min_lots=[least for *_, least in buyers],
    )
    price, total, left, budget, winners = cluster_twin(market)
    s = market.bench.s
    assert market.price == pytest.approx(price, nan_ok=True)
    assert market.total == pytest.approx(total)
    assert s.lots.units[: len(lots)] == pytest.approx(left)
    assert s.buyers.budget_usd == pytest.approx(budget, abs=1e-6)
    assert np.flatnonzero(market.bought > 0).tolist() == sorted(set(winners))
    assert market.bought.sum() == pytest.approx(total)
    market.check_books()
    if total > 0:
        assert SCRAP <= market.price <= max(bid.price for bid in market.bids)


def test_a_cluster_goes_at_the_second_bid() -> None:
    plenty = dict(slots=[1e4] * 3, budgets=[1e9] * 3, in_place=True)
    bids = [Bid(40.0, 0), Bid(60.0, 0), Bid(55.0, 0)]
    market = Market([Lot(100, waited=90)], bids, hold=50.0, **plenty)  # reserve 5
    assert market.price == 55.0
    assert list(market.bought) == [0.0, 100.0, 0.0]
    reserved = Market([Lot(100, waited=0)], bids, hold=58.0, **plenty)
    assert reserved.price == 58.0
    alone = Market([Lot(100, waited=90)], bids[:1], slots=[1e4], budgets=[1e9], in_place=True)
    assert alone.price == SCRAP


def test_a_bid_of_just_the_reserve_is_a_sale() -> None:
    lots = [Lot(100, patient=False)]
    assert Market(lots, [Bid(SCRAP, 200)]).price == SCRAP
    plenty = dict(slots=[1e4], budgets=[1e9], in_place=True)
    assert Market(lots, [Bid(SCRAP, 0)], **plenty).price == SCRAP


def test_rigs_are_sold_where_they_stand_and_taken_out_at_the_sellers_cost() -> None:
    # 100 TH/s at 4 a TH/s; 3 % to the court and 0.25 a TH/s to take them out.
    loan = dict(principal_usd=1000.0, collateral=Collateral.HARDWARE, hardware=RIG)
    bench = Bench(
        [loan | dict(collateral_units=100.0, breach=Cause.MATURITY, breach_day=0)],
        fleets=[(0, RIG, 100.0)],
        buyers=[dict(budget=1e6, slots=80.0)],
        legal_cost_share=0.03,
        removal_usd_per_th=0.25,
        legal_days=3,
    )
    for day in range(1, 5):
        bench.day(day, "default", "lenders", "liquidate")
    assert bench.s.lots.state[0] == LotState.IN_PLACE
    before = bench.cash(bench.lender())
    price, total, forced, _ = bench.kernel(
        auction_removed,
        k=RIG,
        bids=np.array([4.0]),
        bid_units=np.array([1e3]),
        routine_units=0.0,
    )
    assert (price, total, forced) == (4.0, 100.0, 100.0)
    assert bench.cash(bench.lender()) - before == pytest.approx(400.0 * 0.97 - 25.0)
    assert bench.s.buyers.slots[0, bench.s.hardware.rack[RIG]] == pytest.approx(30.0)  # half a slot


def test_a_lot_sold_on_two_days_makes_two_events() -> None:
    market = Market([Lot(10, patient=False)], [Bid(30.0, 4)])
    bench = market.bench
    bench.market.today.day += 7
    bench.kernel(
        auction_removed,
        k=GPU,
        bids=np.array([20.0]),
        bid_units=np.array([3.0]),
        routine_units=0.0,
    )
    sales = bench.events(Event.HARDWARE_SALE)
    assert sales["day"].tolist() == [1000, 1007]
    assert sales["amount_usd"].tolist() == [4 * SCRAP, 3 * SCRAP]


def test_a_cluster_is_not_cut_up_for_a_small_buyer() -> None:
    lot = [Lot(100, patient=False)]
    for change in (dict(slots=[99.0]), dict(min_lots=[101.0]), dict(budgets=[499.0])):
        terms = dict(slots=[1e4], budgets=[1e9], min_lots=[0.0]) | change
        market = Market(lot, [Bid(40.0, 0)], in_place=True, **terms)
        assert math.isnan(market.price) and market.total == 0.0


# --- the order of bids ----------------------------------------------------------------------------


@given(st.lists(st.sampled_from([0.5, 1.0, 2.0, 2.5, 7.0]), min_size=1, max_size=40))
def test_bidders_are_taken_in_the_order_of_a_stable_sort(prices: list[float]) -> None:
    bids = np.array(prices)
    heap = np.arange(len(bids))
    make_heap(bids, heap)
    taken = [int(take_highest(bids, heap, t)) for t in range(len(bids))]
    assert taken == np.argsort(-bids, kind="stable").tolist()
    assert heap[::-1].tolist() == taken
