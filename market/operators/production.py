"""A day of production: rigs and GPUs run where they pay, rents and bills are settled."""

from __future__ import annotations

from ...agents.borrower import QUARTER_DAYS
from ...agents.compiling.kernels import compiled, inlined
from ...agents.miner import adjusted_share, online_share, power_cost_usd_day, powered_share
from ...agents.neocloud import covered_share, served_share, spot_margin_usd_day, unit_income_usd_day
from ...agents.party import Outside, Status
from ..state.hardware import Family, Holdings
from ..state.market import Market
from ..state.money import pay
from ..state.units import TH_PER_EH, TH_PER_PH


@compiled
def run_rigs(market: Market, btc_per_day: float) -> float:
    """Mine for a day; returns hashrate online [TH/s].

    Each class runs down to its break-even efficiency. Coins come from the network, which pays out
    ``btc_per_day`` at the hashrate that its difficulty implies; the part of production that policy
    does not keep is sold to the exchange.
    """
    today, prices = market.today, market.prices
    parties, miners, hardware = market.parties, market.miners, market.hardware
    holdings, ledger = market.holdings, market.ledger
    total = 0.0
    network_th = prices.difficulty_eh_s * TH_PER_EH
    exchange = today.first_outside + Outside.EXCHANGE
    utility = today.first_outside + Outside.UTILITY
    for b in range(len(miners.power_usd_mwh)):
        miners.hashrate_online_th[b] = 0.0
        miners.margin_usd_day[b] = 0.0
        if parties.status[b] != Status.ACTIVE:
            continue
        online = 0.0
        power = 0.0
        price = miners.power_usd_mwh[b]
        for row in range(holdings.first[b], holdings.first[b + 1]):
            k = holdings.hardware[row]
            if hardware.family[k] != Family.ASIC:
                continue
            lo, hi = hardware.lo_j_th[k], hardware.hi_j_th[k]
            target = online_share(prices.hashprice_usd_ph_day, price, lo, hi) * miners.energised[b]
            powered = powered_share(holdings.units[row], holdings.waiting_units[row])
            target *= powered
            share = adjusted_share(holdings.online[row], target)
            holdings.online[row] = share
            online += holdings.units[row] * share
            cost = power_cost_usd_day(holdings.units[row], share, price, lo, hi)
            power += cost
            income = holdings.units[row] * share / TH_PER_PH * prices.hashprice_usd_ph_day - cost
            powered_th = powered * holdings.units[row]  # a rig that waits earns nothing yet
            holdings.income_usd_unit_day[row] = income / max(powered_th, 1e-9)
        if online <= 0.0:
            continue
        mined = btc_per_day * online / network_th
        kept = mined * miners.hold_share[b]
        ledger.outside_btc[0] -= kept
        parties.btc[b] += kept
        pay(market, exchange, b, (mined - kept) * prices.btc_usd)
        pay(market, b, utility, power)
        miners.hashrate_online_th[b] = online
        miners.margin_usd_day[b] = mined * prices.btc_usd - power
        total += online
    return total


@inlined
def _pooled_units(row: int, holdings: Holdings) -> float:
    """GPUs of a holding that serve the contracts of the opening, or spot."""
    return max(0.0, holdings.units[row] - holdings.contract_units[row] - holdings.spot_units[row])


@compiled
def run_gpus(market: Market) -> float:
    """Rent out GPUs for a day; returns effective supply online, in H100s by rent.

    Contracts of the opening are spread by rent quality over the fleet that served them. The rest,
    and what was ordered later without a contract, earns spot; a class whose spot rent does not
    cover its running cost is switched off.
    """
    parties, neoclouds, hardware = market.parties, market.neoclouds, market.hardware
    holdings, outside_online = market.holdings, market.outside_online
    first_outside, rent_h100_usd_h = market.today.first_outside, market.prices.rent_h100_usd_h
    supply = 0.0
    customers = first_outside + Outside.CUSTOMERS
    utility = first_outside + Outside.UTILITY
    for b in range(len(neoclouds.spot_realisation)):
        neoclouds.gpus_online[b] = 0.0
        neoclouds.income_usd_day[b] = 0.0
        if parties.status[b] != Status.ACTIVE:
            continue
        pooled = 0.0  # machines that no later contract has bought for itself
        quality = 0.0
        for row in range(holdings.first[b], holdings.first[b + 1]):
            k = holdings.hardware[row]
            if hardware.family[k] == Family.GPU:
                free = _pooled_units(row, holdings)
                pooled += free
                quality += free * hardware.quality[k]
        contracted = neoclouds.contracted_gpus[b]
        covered = covered_share(contracted, pooled)
        paid = neoclouds.contract_usd_day[b] * served_share(contracted, pooled)
        per_quality = paid / quality if quality > 0.0 else 0.0
        revenue = 0.0
        cost = 0.0
        for row in range(holdings.first[b], holdings.first[b + 1]):
            k = holdings.hardware[row]
            units = holdings.units[row]
            if hardware.family[k] != Family.GPU or units <= 0.0:
                continue
            own = min(units, holdings.contract_units[row])
            own_rent = 0.0
            own_cost = 0.0
            if own > 0.0:
                share = own / holdings.contract_units[row]
                own_rent = share * holdings.contract_usd_day[row]
                own_cost = share * holdings.contract_cost_usd_day[row]
            free = _pooled_units(row, holdings)
            later = units - own - free
            unit_cost = holdings.cost_usd_unit_day[row]
            rent = rent_h100_usd_h * hardware.quality[k]
            margin = spot_margin_usd_day(rent, neoclouds.spot_realisation[b], unit_cost)
            spot = (1.0 - covered) * free + later if margin > 0.0 else 0.0
            pooled_online = covered * free + spot
            revenue += own_rent + free * per_quality * hardware.quality[k]
            revenue += spot * (margin + unit_cost)
            cost += own_cost + pooled_online * unit_cost
            pool_income = unit_income_usd_day(
                covered, per_quality * hardware.quality[k], margin, unit_cost
            )
            holdings.income_usd_unit_day[row] = pool_income
            earned = own_rent - own_cost + free * pool_income + later * max(margin, 0.0)
            mean_income = earned / units
            holdings.premium_usd_unit_day[row] = max(0.0, mean_income - max(margin, 0.0))
            neoclouds.gpus_online[b] += own + pooled_online
            supply += (own + pooled_online) * hardware.quality[k]
        pay(market, customers, b, revenue)
        pay(market, b, utility, cost)
        neoclouds.income_usd_day[b] = revenue - cost
    for k in range(len(outside_online)):
        if hardware.family[k] == Family.GPU:
            supply += outside_online[k] * hardware.quality[k]
    return supply


@compiled
def settle_overhead(market: Market) -> None:
    """Other revenue and overhead; the day's operating cash flow and its trailing quarter."""
    parties, borrowers, miners = market.parties, market.borrowers, market.miners
    neoclouds, first_outside = market.neoclouds, market.today.first_outside
    customers = first_outside + Outside.CUSTOMERS
    utility = first_outside + Outside.UTILITY
    for b in range(len(borrowers.fixed_cost_usd_day)):
        if parties.status[b] != Status.ACTIVE:
            borrowers.cash_flow_usd_day[b] = 0.0
            continue
        pay(market, customers, b, borrowers.other_revenue_usd_day[b])
        overhead = borrowers.fixed_cost_usd_day[b] + borrowers.other_cost_usd_day[b]
        pay(market, b, utility, overhead)
        flow = (
            miners.margin_usd_day[b]
            + neoclouds.income_usd_day[b]
            + neoclouds.hosting_usd_day[b]
            - neoclouds.lease_cost_usd_day[b]
            + borrowers.other_revenue_usd_day[b]
            - overhead
        )
        borrowers.cash_flow_usd_day[b] = flow
        trailing = borrowers.trailing_cash_flow_usd[b]
        borrowers.trailing_cash_flow_usd[b] = trailing + (flow - trailing) / QUARTER_DAYS
