"""The first day: what is read off the opening books before anything happens."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..agents.buyer import MIN_LIFE_YEARS, MONTHS_PER_YEAR
from ..agents.compiling.arrays import put
from ..agents.compiling.kernels import compiled, entrance
from .dated.day import set_business
from .debt.pledged_income import machines_income_usd_day
from .debt.underwriting import underwrite
from .lenders.earnings import set_margins
from .lenders.lines import open_advances
from .lenders.notes import open_notes
from .lenders.provisions import open_provisions
from .lenders.securitisation import open_pools
from .liquidation.bids import hold_values_usd, value_machines
from .opening.announcements import announce_changes
from .opening.books import Books
from .opening.books_2025.signed_orders import spot_order_class
from .opening.implied_views import foresee, imply_views
from .opening.knock_out import script_knock_out
from .operators.rigs import rig_value_to_price
from .operators.steps import operate
from .prices.marks import set_marks
from .record.largest_borrower import largest_borrower
from .record.steps import record
from .state.contracts import ContractKind
from .state.facts import NEW_RIGS
from .state.hardware import NEVER, Family, newest_rigs
from .state.journal import NUMBERS, keep_stocks, make_room
from .state.market import Market, OpeningConstants
from .state.money import take_stock
from .state.series import nothing_kept
from .state.site_classes import HALL, SITE


def open_books(market: Market, books: Books) -> None:
    """Day 0: supply, pledged income and buyers' views are read off the opening books.

    What the scenario changes about announced machines becomes known after that.
    """
    _set_constants(market, books)
    read_books(market)
    imply_views(market, books)
    announce_changes(market)
    script_knock_out(market)
    foresee(market)
    start_record(market)


@entrance
def read_books(market: Market) -> None:
    """Supply, pledged income, marks and who is creditworthy.

    Production of a day is computed to know incomes, and undone: nothing has been paid yet.
    """
    prices, parties, borrowers = market.prices, market.parties, market.borrowers
    prices.rate_change = market.macro.rate_change[0]
    prices.spread_change = prices.spread_marked = market.macro.spread_change[0]
    cash, btc = parties.cash_usd.copy(), parties.btc.copy()
    outside_btc = market.ledger.outside_btc[0]
    set_business(market)
    operate(market)
    put(parties.cash_usd, cash)
    put(parties.btc, btc)
    market.ledger.outside_btc[0] = outside_btc
    put(borrowers.trailing_cash_flow_usd, borrowers.cash_flow_usd_day)
    _plan_supply(market)
    loans = market.loans
    for loan in range(len(loans.status)):
        loans.base_cash_flow_usd_day[loan] -= machines_income_usd_day(market, loan)
    set_marks(market)
    underwrite(market)
    open_notes(market)
    open_provisions(market)
    open_advances(market)
    open_pools(market)
    set_margins(market)
    for b in range(len(market.dated.goodwill_usd)):
        market.dated.goodwill_usd[b] = borrowers.goodwill_open_usd[b]


@entrance
def start_record(market: Market) -> None:
    """What machines are worth, the stocks to check against, and the first row of the series.

    Marks are set anew: a scenario may have repriced what is to come.
    """
    if market.opening.growth_class >= 0:
        market.opening.rig_value_to_price = rig_value_to_price(market)
    set_marks(market)
    value_machines(market)
    put(market.hold_usd, hold_values_usd(market))
    keep_stocks(market, take_stock(market))
    record(market, 0.0)


@compiled
def _plan_supply(market: Market) -> None:
    """Effective GPUs by day if all signed orders come."""
    contracts, planned = market.contracts, market.planned_supply
    ramp = market.terms.credit.delivery_days
    added = np.zeros(len(planned))
    for c in range(len(contracts.kind)):
        if contracts.kind[c] != ContractKind.COMPUTE or contracts.ordered[c] <= 0:
            continue
        quality = market.hardware.quality[contracts.hardware[c]]
        for day in range(len(planned)):
            share = min(max((day - contracts.start_day[c] + 1) / ramp, 0.0), 1.0)
            added[day] += contracts.ordered[c] * quality * share
    for day in range(len(planned)):
        planned[day] = market.prices.effective_gpus + added[day]


def _set_constants(market: Market, books: Books) -> None:
    """What buyers there are by class, ordinary trade, and the numbers that do not change."""
    hardware, buyers, names = market.hardware, market.buyers, market.names.hardware
    classes = len(hardware.family)
    removed = np.array(
        [bool(np.any(buyers.accepts[:, k] & ~buyers.in_place_only)) for k in range(classes)]
    )
    in_place = np.array(
        [bool(np.any(buyers.accepts[:, k] & buyers.in_place_only)) for k in range(classes)]
    )
    lots = buyers.min_lot_gpus[buyers.in_place_only]
    firsts = [int(np.argmax(buyers.segment == g)) for g in range(len(market.names.segments))]
    market.has_removed_buyers = removed
    market.has_in_place_buyers = in_place
    market.routine_units_year = _routine_trade(books, market)
    market.first_of_segment = np.array(firsts, np.int64)
    days = market.scenario.days + market.scenario.longest_claim_days
    market.planned_supply = np.zeros(days + 1)
    market.outside_arrivals = np.zeros(days + 1)
    longest = max(market.scenario.liquidation.gpu_life_years, MIN_LIFE_YEARS)
    market.work_price_ahead = np.ones(math.ceil(longest * MONTHS_PER_YEAR))
    market.strips = np.zeros((len(firsts), classes))
    market.hold_usd = np.zeros(classes)
    market.stocks = np.zeros(NUMBERS + 2 * classes)
    market.kept = nothing_kept(market.scenario.days, classes)
    make_room(market)
    market.opening = OpeningConstants(
        halving_blocks=books.quotes["halving_interval_blocks"],
        retarget_blocks=books.quotes["blocks_per_retarget"],
        network_eh_s=market.prices.network_hashrate_eh_s,
        rent_usd_h=market.prices.rent_h100_usd_h,
        hashprice_usd_ph_day=market.prices.hashprice_usd_ph_day,
        eth_usd=market.prices.eth_usd,
        hall_rent_usd_mw_year=_hall_rent_usd_mw_year(books),
        site_class=names.index(SITE),
        hall_class=names.index(HALL),
        smallest_cluster=float(lots.min()) if len(lots) else np.inf,
        growth_class=newest_rigs(hardware),
        other_loans_usd=float(market.lenders.other_loans_usd.sum()),
        new_rigs=names.index(NEW_RIGS) if NEW_RIGS in names else -1,
        machine_class=spot_order_class(names),
        roadmap_end_day=int(hardware.launch_day[hardware.launch_day < NEVER].max()),
        value_to_price=1.0,  # known once views are
        rig_value_to_price=1.0,
        largest_borrower=largest_borrower(market),
    )


def _hall_rent_usd_mw_year(books: Books) -> float:
    """Mean rent of a MW for GPUs in the leases of the books, by MW; 0 in books without any.

    Rents inside a tenant's cost pay for power too; who passes a lease on adds its own margin.
    """
    miners = {row.id for row in books.miners}
    leases = [
        lease
        for lease in books.leases
        if lease.kind == "hosting"
        and not lease.cost_in_tenant_opex
        and lease.tenant_id not in miners
    ]
    lessees = {lease.tenant_id for lease in leases}
    direct = [lease for lease in leases if lease.landlord_id not in lessees]
    mw = sum(lease.mw for lease in direct)
    return 1e6 * sum(lease.usd_m_yr for lease in direct) / mw if mw > 0.0 else 0.0


def _routine_trade(books: Books, market: Market) -> NDArray[np.float64]:
    """Ordinary second-hand trade a year by class, in proportion to the fleets that may trade."""
    stock = np.zeros(len(market.hardware.family))
    np.add.at(stock, market.holdings.hardware, market.holdings.units)
    result = np.zeros(len(stock))
    for family, key in ((Family.GPU, "routine_gpu_units_yr"), (Family.ASIC, "routine_asic_th_yr")):
        mine = market.has_removed_buyers & (market.hardware.family == family)
        if stock[mine].sum() > 0:
            result[mine] = books.quotes[key] * stock[mine] / stock[mine].sum()
    return result
