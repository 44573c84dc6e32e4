"""The first day: what is read off the opening books before anything happens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .dated.day import set_business
from .debt.underwriting import underwrite
from .liquidation.bids import strips_today
from .opening.books import Books
from .opening.books_2025.signed_orders import spot_order_class
from .opening.implied_views import imply_views
from .operators.investment import value_to_price
from .operators.steps import operate
from .prices.steps import set_marks
from .state.contracts import ContractKind
from .state.hardware import Family, newest_rigs
from .state.loans import Collateral
from .state.market import Market, OpeningConstants
from .state.money import take_stock


def open_books(market: Market, books: Books) -> None:
    """Day 0: supply, pledged income and buyers' views are read off the opening books.

    Production of a day is computed to know incomes, and undone: nothing has been paid yet.
    """
    market.prices.rate_change = float(market.macro.rate_change[0])
    market.prices.spread_change = float(market.macro.spread_change[0])
    _set_constants(market, books)
    cash, btc = market.parties.cash_usd.copy(), market.parties.btc.copy()
    outside = market.ledger.outside_btc.copy()
    if market.dated_facts is not None:
        set_business(market)
    operate(market)
    market.parties.cash_usd[:] = cash
    market.parties.btc[:] = btc
    market.ledger.outside_btc[:] = outside
    market.borrowers.trailing_cash_flow_usd[:] = market.borrowers.cash_flow_usd_day
    market.planned_supply[:] = market.prices.effective_gpus + _planned_deliveries(market)
    loans = market.loans
    sites = np.where(
        loans.collateral == Collateral.SITE, market.neoclouds.hosting_usd_day[loans.borrower], 0.0
    )
    income = np.where(loans.holding >= 0, market.holdings.income_usd_unit_day[loans.holding], sites)
    loans.base_cash_flow_usd_day[:] -= loans.collateral_units * income
    set_marks(market)
    underwrite(market)
    imply_views(market, books)
    if market.opening.machine_class >= 0:
        market.opening.value_to_price = value_to_price(market)
    market.strips = strips_today(market)
    market.stocks = take_stock(market)


def _set_constants(market: Market, books: Books) -> None:
    """What buyers there are by class, ordinary trade, and the numbers that do not change."""
    hardware, buyers = market.hardware, market.buyers
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
    market.planned_supply = np.zeros(market.scenario.days + 1)
    market.opening = OpeningConstants(
        halving_blocks=books.quotes["halving_interval_blocks"],
        retarget_blocks=books.quotes["blocks_per_retarget"],
        network_eh_s=market.prices.network_hashrate_eh_s,
        rent_usd_h=market.prices.rent_h100_usd_h,
        smallest_cluster=float(lots.min()) if len(lots) else np.inf,
        growth_class=newest_rigs(hardware),
        other_loans_usd=float(market.lenders.other_loans_usd.sum()),
        machine_class=spot_order_class(market.names.hardware),
        value_to_price=1.0,  # known once views are
    )


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


def _planned_deliveries(market: Market) -> NDArray[np.float64]:
    """Effective GPUs that signed orders add by each day if all of them come."""
    days = market.scenario.days
    added = np.zeros(days + 1)
    ramp = market.scenario.credit.delivery_days
    signed = (market.contracts.kind == ContractKind.COMPUTE) & (market.contracts.ordered > 0)
    for c in np.flatnonzero(signed):
        share = np.clip((np.arange(days + 1) - market.contracts.start_day[c] + 1) / ramp, 0.0, 1.0)
        quality = market.hardware.quality[market.contracts.hardware[c]]
        added += market.contracts.ordered[c] * quality * share
    return added
