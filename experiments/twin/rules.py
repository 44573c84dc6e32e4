"""The scalar rules the twin shares with the engine, in the form that is quickest from Python.

A compiled rule costs a quarter of a microsecond to call from Python. Short ones are faster as the
plain functions they were written as; those that loop or call other rules stay compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...agents import (
    borrower,
    buyer,
    commitment,
    entrant,
    funding,
    lender,
    miner,
    neocloud,
    note,
    site,
    tenant,
)
from ...market.prices import impact, network, rents
from ...market.state import facts, hardware, loans, randomness
from ...market.state import loans as claims


def _plain(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The Python function behind a compiled rule."""
    return getattr(rule, "py_func", rule)


BISECTIONS = 60  # of a price

# agents
debt_service_coverage = _plain(borrower.debt_service_coverage)
equity_cure_usd = _plain(borrower.equity_cure_usd)
equity_value_usd = _plain(borrower.equity_value_usd)
equity_room_usd = _plain(borrower.equity_room_usd)
share_price_usd = _plain(borrower.share_price_usd)
in_the_money = _plain(borrower.in_the_money)
puts = borrower.puts
desired_investment_share = _plain(borrower.desired_investment_share)
sized_debt_usd = borrower.sized_debt_usd
going_concern_usd = borrower.going_concern_usd
plan_usd = _plain(borrower.plan_usd)
affordable_machines = _plain(borrower.affordable_machines)
payout_usd = _plain(borrower.payout_usd)
unwound_share = _plain(borrower.unwound_share)
rest_to_pay_usd = _plain(borrower.rest_to_pay_usd)
cash_sweep_usd = _plain(borrower.cash_sweep_usd)
can_refinance = borrower.can_refinance
bid_usd = _plain(buyer.bid_usd)
affordable_units = _plain(buyer.affordable_units)
strip_value_usd = buyer.strip_value_usd
income_paths = buyer.income_paths
machine_value_usd = buyer.machine_value_usd
entries_per_year = _plain(entrant.entries_per_year)
chance_of_entry = _plain(entrant.chance_of_entry)
opening_equity_usd = _plain(entrant.opening_equity_usd)
vintage_rate = _plain(entrant.vintage_rate)
capital_ratio = _plain(lender.capital_ratio)
credit_supply = _plain(lender.credit_supply)
default_chance = lender.default_chance
loss_given_default_usd = _plain(lender.loss_given_default_usd)
paid_out_share = _plain(lender.paid_out_share)
funded_share = lender.funded_share
kept_interest_usd = _plain(lender.kept_interest_usd)
perceived_loss_rate = lender.perceived_loss_rate
lending_ease = _plain(lender.lending_ease)
advance_rate = _plain(lender.advance_rate)
hosts = _plain(lender.hosts)
in_kind_usd = _plain(lender.in_kind_usd)
redemption_share = lender.redemption_share
deleveraging_usd = _plain(lender.deleveraging_usd)
annuity_factor = lender.annuity_factor
continuing_value_usd = lender.continuing_value_usd
waives = _plain(lender.waives)
mark_usd = lender.mark_usd
patience_days = _plain(lender.patience_days)
reserve_price_usd = _plain(lender.reserve_price_usd)
expected_recovery_usd = _plain(lender.expected_recovery_usd)
estate_shares = _plain(lender.estate_shares)
liquidation_debt_usd = _plain(lender.liquidation_debt_usd)
fund_outflow_share = _plain(funding.fund_outflow_share)
fund_supply = _plain(funding.fund_supply)
stress_outflow_share = funding.stress_outflow_share
price_after_sales = funding.price_after_sales
stressed_advance = _plain(funding.stressed_advance)
stops_drawing = _plain(commitment.stops_drawing)
line_call_usd = _plain(funding.line_call_usd)
traps_cash = _plain(funding.traps_cash)
amortises_early = _plain(funding.amortises_early)
market_default_chance = note.market_default_chance
default_spread = _plain(note.default_spread)
bond_value = note.bond_value
conversion_value = note.conversion_value
note_mark = _plain(note.note_mark)
network_share = miner.network_share
online_share = miner.online_share
adjusted_share = _plain(miner.adjusted_share)
growth_answer = _plain(miner.growth_answer)
held_share = _plain(miner.held_share)
coins_sold_usd = _plain(miner.coins_sold_usd)
power_cost_usd_day = _plain(miner.power_cost_usd_day)
covered_share = _plain(neocloud.covered_share)
served_share = _plain(neocloud.served_share)
spot_margin_usd_day = _plain(neocloud.spot_margin_usd_day)
unit_income_usd_day = _plain(neocloud.unit_income_usd_day)
hall_usd_mw = site.hall_usd_mw
option_to_build_usd_mw = site.option_to_build_usd_mw
finished_usd_mw = _plain(site.finished_usd_mw)
rig_site_usd_mw = _plain(site.rig_site_usd_mw)
common_factor = _plain(tenant.common_factor)
failing_per_year = _plain(tenant.failing_per_year)
asking_per_year = _plain(tenant.asking_per_year)
chance_per_day = _plain(tenant.chance_per_day)
hall_demand = _plain(tenant.hall_demand)
hall_rent_index = _plain(tenant.hall_rent_index)
lease_claim_usd = _plain(tenant.lease_claim_usd)
empty_hall_damages_usd = _plain(tenant.empty_hall_damages_usd)

# market
annual_rate = _plain(loans.annual_rate)
payments_left = _plain(loans.payments_left)
scheduled_principal_usd = loans.scheduled_principal_usd
service_usd_day = loans.service_usd_day
loan_to_value = _plain(loans.loan_to_value)
schedule_usd = _plain(hardware.schedule_usd)
rent_after_supply = _plain(rents.rent_after_supply)
impact_log = _plain(impact.impact_log)
hashprice_usd = _plain(network.hashprice_usd)
advance_difficulty = _plain(network.advance_difficulty)
present_value_factor = _plain(claims.present_value_factor)

power_drift = _plain(facts.power_drift)

# draws
uniform = randomness.uniform
normal = randomness.normal
