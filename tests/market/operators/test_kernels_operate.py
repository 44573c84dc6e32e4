"""A day of production and of contracts, counted by hand."""

import math

import numpy as np
import pytest
from by_hand import GPU, NAN, RIG, SITE, Bench
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firesale.agents.columns import empty
from firesale.agents.party import Outside, Status
from firesale.market.operators import production
from firesale.market.operators.leases import run_contracts
from firesale.market.prices.network import hashprice_usd
from firesale.market.state.contracts import ContractKind, Contracts
from firesale.market.state.money import conservation_error
from firesale.market.state.units import TH_PER_EH

NETWORK_TH = 1e6
BTC_DAY = 450.0  # 144 blocks of 3.125


def mining(units: float, power: float, hold: float = 0.0, online: float = 1.0) -> Bench:
    bench = Bench(fleets=[(0, RIG, units)], cash=[1000.0])
    bench.s.miners.power_usd_mwh[0] = power
    bench.s.miners.hold_share[0] = hold
    bench.s.holdings.online[0] = online
    return bench


def mine(bench: Bench, hashprice: float, btc_usd: float = 100.0) -> float:
    before = bench.stocks()
    prices = bench.s.prices
    prices.hashprice_usd_ph_day, prices.btc_usd = hashprice, btc_usd
    prices.difficulty_eh_s = NETWORK_TH / TH_PER_EH
    online: float = bench.kernel(production.run_rigs, btc_per_day=BTC_DAY)
    assert conservation_error(before, bench.stocks(), bench.s.ledger.flows) < 1e-12
    return online


# --- rigs -----------------------------------------------------------------------------------------


def test_a_day_of_mining_by_hand() -> None:
    # 1000 TH/s of 15 to 25 J/TH, 20 on average: 20 kW, 0.48 MWh a day at 50 USD: 24 USD.
    # A thousandth of the network's 450 coins: 0.45, of which 30 % are kept and the rest sold.
    bench = mining(1000.0, 50.0, hold=0.3)
    hashprice = BTC_DAY * 100.0 / (NETWORK_TH / 1000.0)
    assert mine(bench, hashprice) == pytest.approx(1000.0)
    assert bench.s.parties.btc[0] == pytest.approx(0.135)
    assert bench.cash(0) == pytest.approx(1000.0 + 31.5 - 24.0)
    assert bench.cash(bench.outside(Outside.EXCHANGE)) == pytest.approx(-31.5)
    assert bench.cash(bench.outside(Outside.UTILITY)) == pytest.approx(24.0)
    assert bench.s.miners.margin_usd_day[0] == pytest.approx(45.0 - 24.0)
    # A unit's income is its share of hashprice less its share of power.
    assert bench.s.holdings.income_usd_unit_day[0] == pytest.approx(0.021)


def test_coins_mined_are_worth_the_hashprice() -> None:
    # Two ways to count a day's revenue: coins found at a price, and hashrate times hashprice.
    price, subsidy, fees, difficulty = 112_092.0, 3.125, 0.0088, 1034.7
    hashprice = hashprice_usd(price, subsidy, fees, difficulty)
    bench = mining(5e6, 30.0)
    prices = bench.s.prices
    prices.hashprice_usd_ph_day, prices.btc_usd = hashprice, price
    prices.difficulty_eh_s = difficulty
    bench.kernel(production.run_rigs, btc_per_day=subsidy / (1 - fees) * 144.0)
    power = 5e6 * 20.0 / 1e6 * 24.0 * 30.0
    assert bench.s.miners.margin_usd_day[0] + power == pytest.approx(5e3 * hashprice, rel=1e-12)


def test_rigs_are_switched_over_about_two_weeks() -> None:
    # Break-even at 20 J/TH: half of the class is to run.
    power, hashprice = 50.0, 20.0 * 0.024 * 50.0
    bench = mining(1000.0, power)
    shares = [mine(bench, hashprice) / 1000.0 for _ in range(60)]
    assert shares[0] == pytest.approx(1.0 - 0.5 / 14)
    gap = np.array(shares) - 0.5
    assert gap[1:] / gap[:-1] == pytest.approx(np.full(59, 13 / 14))
    back = [mine(bench, 1e4) / 1000.0 for _ in range(60)]
    assert np.all(np.diff(back) > 0) and back[-1] == pytest.approx(1.0, abs=0.01)


def test_every_miner_mines_with_its_own_rigs() -> None:
    bench = Bench(borrowers=2, fleets=[(0, RIG, 1000.0), (1, RIG, 500.0)], cash=[0.0, 0.0])
    bench.s.miners.power_usd_mwh[:] = [50.0, 25.0]
    bench.s.holdings.online[:] = 1.0
    assert mine(bench, 45.0) == pytest.approx(1500.0)
    assert bench.s.miners.hashrate_online_th == pytest.approx([1000.0, 500.0])
    assert bench.cash(0) == pytest.approx(45.0 - 24.0)
    assert bench.cash(1) == pytest.approx(22.5 - 6.0)


def test_the_failed_do_not_mine() -> None:
    bench = mining(1000.0, 50.0)
    bench.s.parties.status[0] = Status.DEFAULTED
    assert mine(bench, 1e4) == 0.0
    assert bench.cash(0) == 1000.0
    assert bench.s.miners.hashrate_online_th[0] == 0.0


# --- GPUs -----------------------------------------------------------------------------------------


def rent_out(bench: Bench, rent: float) -> float:
    bench.s.prices.rent_h100_usd_h = rent
    supply: float = bench.kernel(production.run_gpus)
    return supply


def renting(units: float, cost: float, realisation: float) -> Bench:
    bench = Bench(fleets=[(0, GPU, units)])
    bench.s.holdings.cost_usd_unit_day[0] = cost
    bench.s.neoclouds.spot_realisation[0] = realisation
    return bench


def test_contracts_and_spot_by_hand() -> None:
    # Four of ten machines under contract for 60 a day; six earn 2.00 x 50 % x 24 = 24 a day.
    bench = renting(10.0, 4.0, 0.5)
    bench.s.neoclouds.contracted_gpus[0] = 4.0
    bench.s.neoclouds.contract_usd_day[0] = 60.0
    bench.s.outside_online[GPU] = 7.0
    supply = rent_out(bench, 2.0)
    assert supply == pytest.approx(17.0)
    assert bench.s.neoclouds.income_usd_day[0] == pytest.approx(60.0 + 6 * 24.0 - 10 * 4.0)
    assert bench.cash(0) == pytest.approx(164.0)
    assert bench.s.neoclouds.gpus_online[0] == pytest.approx(10.0)


def test_a_contract_is_spread_over_classes_by_what_they_rent_for() -> None:
    # Six of quality one and two of quality three, half of them under contract for 120 a day:
    # 20 a day for a unit of the first (6 x 1 + 2 x 3 = 12 units of quality, half covered), 60 for
    # the second. Spot brings 24 x 1.00 and 24 x 3.00. A second owner has its own.
    bench = Bench(
        borrowers=2, fleets=[(0, GPU, 6.0), (0, SITE, 2.0), (1, GPU, 5.0)], cash=[0.0, 0.0]
    )
    s = bench.s
    s.hardware.family[SITE], s.hardware.quality[SITE] = s.hardware.family[GPU], 3.0
    s.holdings.cost_usd_unit_day[:2] = [2.0, 4.0]
    s.neoclouds.spot_realisation[:] = 0.5
    s.neoclouds.contracted_gpus[0] = 4.0
    s.neoclouds.contract_usd_day[0] = 120.0
    supply = rent_out(bench, 2.0)
    assert supply == pytest.approx(6.0 + 2 * 3.0 + 5.0)
    assert s.holdings.income_usd_unit_day[:2] == pytest.approx(
        [0.5 * 20.0 + 0.5 * 24.0 - 2.0, 0.5 * 60.0 + 0.5 * 72.0 - 4.0]
    )
    assert bench.cash(0) == pytest.approx(120.0 + 3 * 24.0 + 1 * 72.0 - 6 * 2.0 - 2 * 4.0)
    assert bench.cash(1) == pytest.approx(5 * 24.0)


def test_machines_that_do_not_earn_their_cost_are_switched_off() -> None:
    bench = renting(10.0, 30.0, 0.5)
    bench.s.neoclouds.contracted_gpus[0] = 4.0
    bench.s.neoclouds.contract_usd_day[0] = 60.0
    assert rent_out(bench, 2.0) == pytest.approx(4.0)
    # The contract is served, at a loss here; the six others stand still.
    assert bench.s.neoclouds.income_usd_day[0] == pytest.approx(60.0 - 4 * 30.0)


def test_only_what_can_be_served_is_paid() -> None:
    bench = renting(10.0, 1.0, 0.5)
    bench.s.neoclouds.contracted_gpus[0] = 40.0
    bench.s.neoclouds.contract_usd_day[0] = 800.0
    rent_out(bench, 2.0)
    assert bench.s.neoclouds.income_usd_day[0] == pytest.approx(200.0 - 10.0)


@settings(max_examples=80)
@given(
    st.floats(1.0, 100.0),
    st.floats(0.0, 60.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 150.0).map(lambda machines: round(machines, 3)),
    st.floats(0.0, 500.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 4.0),
)
def test_units_earn_what_their_owner_earns(
    units: float,
    cost: float,
    realisation: float,
    contracted: float,
    paid: float,
    own: float,
    later: float,
    rent: float,
) -> None:
    assume(contracted > 0.0 or paid == 0.0)  # rent is paid for machines
    bench = renting(units, cost, realisation)
    s = bench.s
    s.neoclouds.contracted_gpus[0] = contracted
    s.neoclouds.contract_usd_day[0] = paid
    s.holdings.contract_units[0] = own * units
    s.holdings.contract_usd_day[0] = 7.0 * own * units
    s.holdings.contract_cost_usd_day[0] = 2.0 * own * units
    s.holdings.spot_units[0] = later * (1 - own) * units
    before = bench.stocks()
    rent_out(bench, rent)
    assert conservation_error(before, bench.stocks(), s.ledger.flows) < 1e-12
    # Bought for contracts at a cost of their own, under contract in the pool, spot where it pays.
    free = units * (1 - own) * (1 - later)
    pooled = min(contracted, free)
    margin = max(0.0, rent * realisation * 24 - cost)
    share = pooled / contracted if contracted > 0 else 0.0
    of_pool = paid * share - cost * pooled + (free - pooled) * margin
    income = 5.0 * own * units + of_pool + later * (1 - own) * units * margin
    assert s.neoclouds.income_usd_day[0] == pytest.approx(income, rel=1e-9, abs=1e-6)
    if free > 1e-6:  # the pool's result is its own, whatever else stands there
        by_unit = float(s.holdings.income_usd_unit_day[0])
        assert by_unit * free == pytest.approx(of_pool, rel=1e-6, abs=1e-6)


# --- overhead -------------------------------------------------------------------------------------


def test_cash_flow_is_everything_a_borrower_earns_and_spends() -> None:
    bench = Bench(cash=[100.0])
    s = bench.s
    s.miners.margin_usd_day[0] = 11.0
    s.neoclouds.income_usd_day[0] = 7.0
    s.neoclouds.hosting_usd_day[0] = 5.0
    s.neoclouds.lease_cost_usd_day[0] = 2.0
    s.borrowers.other_revenue_usd_day[0] = 3.0
    s.borrowers.other_cost_usd_day[0] = 1.0
    s.borrowers.fixed_cost_usd_day[0] = 4.0
    bench.kernel(production.settle_overhead)
    assert s.borrowers.cash_flow_usd_day[0] == pytest.approx(11 + 7 + 5 - 2 + 3 - 1 - 4)
    # Here only other revenue and overhead move; the rest has been paid where it arose.
    assert bench.cash(0) == pytest.approx(100.0 + 3.0 - 5.0)
    for _ in range(90):
        bench.kernel(production.settle_overhead)
    # A quarter's memory: after 91 days of 19 a day, 1 - 1/e of it.
    assert s.borrowers.trailing_cash_flow_usd[0] == pytest.approx(19 * (1 - math.exp(-1)), rel=0.01)


# --- contracts ------------------------------------------------------------------------------------


def contract(**changes: object) -> Contracts:
    columns: dict[str, object] = dict(
        kind=ContractKind.COMPUTE,
        landlord=0,
        tenant=0,
        hardware=GPU,
        gpus=10.0,
        delivered=10.0,
        usd_day=500.0,
        start_day=-100,
        end_day=1000,
        spot_ratio=0.8,
        holding=-1,
        unit_cost_usd_day=NAN,
        guarantor=-1,
        rent_share=1.0,
        broken_day=-1,
    )
    return empty(Contracts, 1, **{name: [value] for name, value in (columns | changes).items()})


def serve(bench: Bench, day: int, rent: float = 2.0) -> None:
    bench.market.today.day = day
    bench.s.prices.rent_h100_usd_h = rent
    bench.kernel(run_contracts)


def rented(bench: Bench, day: int, rent: float = 2.0) -> tuple[float, float]:
    serve(bench, day, rent)
    neoclouds = bench.s.neoclouds
    return float(neoclouds.contracted_gpus[0]), float(neoclouds.contract_usd_day[0])


def test_a_live_contract_pays_until_it_ends_and_then_follows_spot() -> None:
    bench = Bench(fleets=[(0, GPU, 10.0)])
    bench.s.contracts = contract(end_day=50)
    assert rented(bench, 49) == (10.0, 500.0)
    # 2.00 an hour for ten machines at 80 % of spot.
    assert rented(bench, 50)[1] == pytest.approx(10 * 2.0 * 24 * 0.8)
    assert rented(bench, 51, rent=1.0)[1] == pytest.approx(10 * 1.0 * 24 * 0.8)
    assert bench.s.contracts.rolled[0]


def test_a_contract_signed_for_later_waits_for_its_day_and_slips_with_its_building() -> None:
    bench = Bench(fleets=[(0, GPU, 10.0)])
    bench.s.contracts = contract(start_day=30, signed_later=True, delivered=4.0)
    assert rented(bench, 29) == (0.0, 0.0)
    assert rented(bench, 30) == (4.0, pytest.approx(200.0))  # what has been delivered is paid
    bench.s.borrowers.capex_unpaid_days[0] = 12.0
    assert rented(bench, 41) == (0.0, 0.0)
    assert rented(bench, 42)[0] == 4.0


def test_prepaid_rent_is_not_paid_again() -> None:
    bench = Bench(fleets=[(0, GPU, 10.0)])
    bench.s.contracts = contract(repaid_usd_day=60.0)
    assert rented(bench, 1) == (10.0, 440.0)


def test_a_failed_landlord_serves_nobody() -> None:
    bench = Bench(fleets=[(0, GPU, 10.0)])
    bench.s.contracts = contract()
    bench.s.parties.status[0] = Status.DEFAULTED
    assert rented(bench, 1) == (0.0, 0.0)


def hosting(bench: Bench, **changes: object) -> None:
    bench.s.contracts = contract(
        kind=ContractKind.HOSTING, usd_day=100.0, landlord=0, tenant=1, hardware=-1, **changes
    )


def test_site_rent_goes_from_tenant_to_landlord() -> None:
    bench = Bench(borrowers=2, cash=[0.0, 500.0])
    hosting(bench, cost_share=0.25)
    serve(bench, 1)
    assert bench.cash(0) == pytest.approx(75.0)
    assert bench.cash(1) == pytest.approx(400.0)
    assert bench.s.neoclouds.hosting_usd_day[0] == pytest.approx(75.0)
    assert bench.s.neoclouds.lease_cost_usd_day[1] == pytest.approx(100.0)
    # A failed tenant's successor pays on; a failed landlord gets nothing.
    bench.s.parties.status[1] = Status.DEFAULTED
    serve(bench, 2)
    assert bench.cash(0) == pytest.approx(150.0)
    assert bench.cash(1) == pytest.approx(400.0)
    bench.s.parties.status[0] = Status.DEFAULTED
    serve(bench, 3)
    assert bench.cash(0) == pytest.approx(150.0)


def test_a_landlord_outside_is_paid_while_its_tenant_stands() -> None:
    bench = Bench(borrowers=2, cash=[500.0, 0.0])
    owner = bench.outside(Outside.OWNERS)
    bench.s.contracts = contract(
        kind=ContractKind.HOSTING, usd_day=100.0, landlord=owner, tenant=0, hardware=-1
    )
    serve(bench, 1)
    assert bench.cash(0) == pytest.approx(400.0)
    assert bench.cash(owner) == pytest.approx(100.0)
    assert bench.s.neoclouds.lease_cost_usd_day[0] == pytest.approx(100.0)
    bench.s.parties.status[0] = Status.DEFAULTED
    serve(bench, 2)
    assert bench.cash(0) == pytest.approx(400.0)
    assert bench.cash(owner) == pytest.approx(100.0)


def test_rent_inside_the_tenants_cost_is_not_paid_twice() -> None:
    bench = Bench(borrowers=2, cash=[0.0, 500.0])
    hosting(bench, paid_in_tenant_cost=True)
    serve(bench, 1)
    assert bench.cash(0) == pytest.approx(100.0)
    assert bench.cash(1) == 500.0
    assert bench.s.neoclouds.lease_cost_usd_day[1] == 0.0
