"""What the diary does on a day: events from outside, power, hosts, ether, agreed money, rigs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...agents.miner import online_share
from ...agents.party import Outside, Status
from ..debt.losses import charge_capital
from ..debt.waterfall import draw_loan
from ..state.events import Cause, Event, log_event
from ..state.facts import (
    MWH_PER_MW_DAY,
    NEW_RIGS,
    DatedDraw,
    DatedShock,
    HostLink,
    Outflow,
    power_drift,
)
from ..state.hardware import Family, find_holding
from ..state.ledger import draw as draw_ledger
from ..state.ledger import pay, pay_interest
from ..state.loans import Collateral, LoanStatus
from .rig_deliveries import pledge_new, take_deliveries

if TYPE_CHECKING:
    from ..state.run import Run

OUTFLOW_DAYS = 28  # over which a dated outflow takes place
IN_KIND_DAYS = 30  # interest in kind is added to principal so often
HOSTED_CLASS = NEW_RIGS  # what tenants without a name run


def open_day(run: Run) -> None:
    """Before prices: shocks of the day, power prices, and income that does not come from rigs."""
    if run.state.diary is None:
        return
    for shock in run.state.diary.shocks:
        if shock.day == run.day:
            _strike(run, shock)
    _lose_lent_coins(run)
    _pay_outflows(run)
    set_business(run)
    if run.scenario.facts.shares_follow_rigs:
        _value_prospects(run)


def give_credit(run: Run) -> None:
    """After roll-overs: interest in kind, agreed money comes, ordered rigs are delivered."""
    diary = run.state.diary
    if diary is None:
        return
    if run.day % IN_KIND_DAYS == 0:
        _add_interest_in_kind(run)
    for injection in diary.equity:
        if injection.day == run.day:
            investors = run.state.first_outside + Outside.INVESTORS
            if run.state.parties.status[injection.borrower] == Status.ACTIVE:
                pay(run.state.parties, investors, injection.borrower, injection.amount_usd)
    for draw in diary.draws:
        if draw.day == run.day:
            _draw(run, draw)
    diary.delivered_th += take_deliveries(run)


def set_business(run: Run) -> None:
    """Power prices, powered shares, hosting and ether income of the day."""
    s, diary, scenario = run.state, run.state.diary, run.scenario
    assert diary is not None
    drift = power_drift(scenario.miners.power_drift_per_year, run.day)
    s.miners.power_usd_mwh[:] = diary.power_usd_mwh * diary.power_factor * drift
    s.miners.energised[:] = diary.capacity
    ether = s.prices.eth_usd / diary.eth_open_usd
    s.borrowers.other_revenue_usd_day[:] = diary.eth_revenue_usd_day * ether
    s.borrowers.other_cost_usd_day[:] = diary.eth_cost_usd_day * drift
    for link in diary.links:
        _host(run, link, drift)


def _value_prospects(run: Run) -> None:
    """What shares are worth beyond net assets: as at the opening, times the price of rigs since.

    It is paid for hashing that miners will do; a second-hand rig is a price of just that.
    """
    s, diary = run.state, run.state.diary
    assert diary is not None
    if len(diary.goodwill_usd) == 0:
        diary.goodwill_usd = s.borrowers.goodwill_open_usd.copy()
    s.borrowers.goodwill_open_usd[:] = diary.goodwill_usd * min(1.0, rig_price_ratio(run))


def _host(run: Run, link: HostLink, drift: float) -> None:
    """A day of hosting: the host is paid for power used and pays for it itself.

    A tenant that has failed pays nothing; rigs of a failed host stand still until they are moved.
    """
    s, diary = run.state, run.state.diary
    assert diary is not None
    if s.parties.status[link.host] != Status.ACTIVE:
        moved = s.parties.default_day[link.host] + run.scenario.facts.move_days
        if link.tenant >= 0 and run.day < moved:
            s.miners.energised[link.tenant] *= 1.0 - link.share
        return
    if link.tenant >= 0:
        if s.parties.status[link.tenant] != Status.ACTIVE:
            return
        mw = link.share * rigs_kw(run, link.tenant) / 1000.0
        price = link.usd_mwh * diary.power_factor[link.tenant] * drift
    else:
        k = s.names.hardware.index(HOSTED_CLASS)
        price = link.usd_mwh * drift
        mw = link.mw * float(
            online_share(
                s.prices.hashprice_usd_ph_day, price, s.hardware.lo_j_th[k], s.hardware.hi_j_th[k]
            )
        )
    s.borrowers.other_revenue_usd_day[link.host] += mw * MWH_PER_MW_DAY * price
    own = s.miners.power_usd_mwh[link.host]
    s.borrowers.other_cost_usd_day[link.host] += mw * MWH_PER_MW_DAY * own


def rig_price_ratio(run: Run) -> float:
    """Last clearing price of the class on order, over its price at the opening; 1 before."""
    s = run.state
    k = s.names.hardware.index(NEW_RIGS)
    if not np.isfinite(s.clearing_usd[k]):
        return 1.0
    return float(s.clearing_usd[k] / s.hardware.used_open_usd[k])


def rigs_kw(run: Run, b: int) -> float:
    """Power that a miner's rigs draw [kW]; the most efficient of each class run first."""
    s = run.state
    total = 0.0
    for row in range(int(s.holdings.first[b]), int(s.holdings.first[b + 1])):
        k = int(s.holdings.hardware[row])
        if s.hardware.family[k] == Family.ASIC:
            share = float(s.holdings.online[row])
            lo, hi = float(s.hardware.lo_j_th[k]), float(s.hardware.hi_j_th[k])
            total += float(s.holdings.units[row]) * share * (lo + 0.5 * share * (hi - lo)) / 1000.0
    return total


def _strike(run: Run, shock: DatedShock) -> None:
    """A shock happens and enters the causal log, if who it strikes still stands."""
    s, diary = run.state, run.state.diary
    assert diary is not None
    p = shock.party
    if s.parties.status[p] != Status.ACTIVE:
        return
    event = log_event(
        s.log, run.day, Event.SHOCK, Cause.SCENARIO, p, shock.counterparty, -1, shock.amount, -1
    )
    row = p - s.first_lender
    if row < 0:
        s.parties.trail_event[p] = event
    if shock.kind == "capacity_loss":
        diary.capacity[p] *= 1.0 - shock.amount
    elif shock.kind == "power_price":
        diary.power_factor[p] = shock.amount
    elif shock.kind == "eth_ends":
        diary.eth_revenue_usd_day[p] *= 1.0 - shock.amount
        diary.eth_cost_usd_day[p] *= 1.0 - shock.amount
    elif shock.kind == "non_delivery":
        _never_delivered(run, p, shock.amount)
    elif shock.kind == "asset_loss":
        _lose_assets(run, row, shock.amount, event)
    elif shock.kind == "outflow":
        callable_usd = s.lenders.runnable_share[row] * s.lenders.funding_usd[row]
        pace = shock.amount * float(callable_usd) / OUTFLOW_DAYS
        diary.outflows.append(Outflow(row, pace, run.day + OUTFLOW_DAYS))
    elif shock.kind == "failure":
        assets = float(s.lenders.capital_usd[row] + s.lenders.funding_usd[row])
        left = run.scenario.facts.imposed_recovery_share * float(s.lenders.funding_usd[row])
        _lose_assets(run, row, max(assets - left, 0.0), event)
    elif shock.kind == "new_exposure":
        _expose(run, row, shock.counterparty - s.first_lender, shock.amount)


def _lose_assets(run: Run, row: int, amount_usd: float, event: int) -> None:
    """Assets outside this market lose value; capital bears it and funders hear of it."""
    lenders = run.state.lenders
    lenders.other_loans_usd[row] -= amount_usd
    lenders.market_loss_usd[row] += amount_usd
    if amount_usd > lenders.worst_usd[row]:
        lenders.worst_usd[row] = amount_usd
        lenders.worst_event[row] = event
    charge_capital(run.today(), row, amount_usd, event, lenders, run.state.log)


def _expose(run: Run, row: int, debtor: int, amount_usd: float) -> None:
    """A lender turns other assets into a claim on another lender."""
    claims = run.state.interlender
    for entry in range(int(claims.first[debtor]), int(claims.first[debtor + 1])):
        if claims.creditor[entry] == row:
            claims.amount_usd[entry] += amount_usd


def _never_delivered(run: Run, b: int, th: float) -> None:
    """A supplier fails: the next rigs due never come and the deposit on them is lost."""
    s, diary = run.state, run.state.diary
    assert diary is not None
    orders = diary.orders
    mine = np.flatnonzero((orders.borrower == b) & (orders.th > 0.0))
    for i in mine[np.argsort(orders.due_day[mine], kind="stable")].tolist():
        share = min(1.0, th / float(orders.th[i]))
        th -= share * float(orders.th[i])
        s.borrowers.deposits_usd[b] -= share * float(orders.deposit_usd[i])
        for column in (orders.th, orders.deposit_usd, orders.payment_usd):
            column[i] *= 1.0 - share


def _lose_lent_coins(run: Run) -> None:
    """Coins lent to a lender that has failed are gone."""
    s, diary = run.state, run.state.diary
    assert diary is not None
    left = []
    for b, lender, btc in diary.coins_lent:
        if s.parties.status[lender] == Status.ACTIVE:
            left.append((b, lender, btc))
            continue
        lost = min(btc, float(s.parties.btc_lent[b]))
        s.parties.btc_lent[b] -= lost
        s.ledger.outside_btc[0] += lost
    diary.coins_lent = left


def _pay_outflows(run: Run) -> None:
    """Money that a dated outflow takes: from cash, then from other assets at par."""
    s, diary = run.state, run.state.diary
    assert diary is not None
    investors = s.first_outside + Outside.INVESTORS
    for flow in diary.outflows:
        party = s.first_lender + flow.lender
        if run.day > flow.last_day or s.parties.status[party] != Status.ACTIVE:
            continue
        cash = max(0.0, float(s.parties.cash_usd[party]))
        other = max(0.0, float(s.lenders.other_loans_usd[flow.lender]))
        paid = min(flow.usd_day, cash + other, float(s.lenders.funding_usd[flow.lender]))
        sold = max(0.0, paid - cash)
        s.lenders.other_loans_usd[flow.lender] -= sold
        pay(s.parties, investors, party, sold)
        pay(s.parties, party, investors, paid)
        s.lenders.funding_usd[flow.lender] -= paid
        s.lenders.run_usd[flow.lender] += paid


def _add_interest_in_kind(run: Run) -> None:
    """Interest that is not paid in cash becomes principal."""
    s, diary = run.state, run.state.diary
    assert diary is not None
    investors = s.first_outside + Outside.INVESTORS
    live = (s.loans.status == LoanStatus.PERFORMING) & (diary.in_kind_rate > 0.0)
    for loan in np.flatnonzero(live).tolist():
        b, row = int(s.loans.borrower[loan]), int(s.loans.lender[loan])
        lender = s.first_lender + row
        amount = float(s.loans.principal_usd[loan] * diary.in_kind_rate[loan]) * IN_KIND_DAYS / 365
        draw_ledger(
            s.parties,
            s.lenders,
            s.ledger,
            s.loans.principal_usd,
            loan,
            b,
            row,
            lender,
            investors,
            amount,
        )
        pay_interest(s.parties, b, lender, investors, amount)


def _draw(run: Run, dated: DatedDraw) -> None:
    """A dated draw comes if both sides stand, nothing is overdue and the lender lends."""
    s, diary = run.state, run.state.diary
    assert diary is not None
    loan = dated.loan
    b, row = int(s.loans.borrower[loan]), int(s.loans.lender[loan])
    mine = slice(int(s.loans.first[b]), int(s.loans.first[b + 1]))
    sound = s.parties.status[b] == Status.ACTIVE and not bool(np.any(s.loans.breach[mine]))
    amount = min(dated.amount_usd, float(s.loans.undrawn_usd[loan]))
    coins = 0.0
    if s.loans.collateral[loan] == Collateral.BTC:
        lent_on_coin = float(s.loans.sheets.initial_ltv[s.loans.sheet[loan]]) * s.prices.btc_usd
        coins = min(float(s.parties.btc[b]), amount / lent_on_coin)
        amount = coins * lent_on_coin
    if not sound or s.lenders.supply[row] <= 0.0 or amount <= 0.0:
        log_event(
            s.log,
            run.day,
            Event.NOT_REFINANCED,
            Cause.CREDIT_SUPPLY if sound else Cause.UNDERWRITING,
            b,
            s.first_lender + row,
            loan,
            dated.amount_usd,
            int(s.lenders.supply_event[row] if sound else s.parties.trail_event[b]),
        )
        s.loans.undrawn_usd[loan] = 0.0
        return
    s.parties.btc[b] -= coins
    s.loans.collateral_btc[loan] += coins
    s.loans.undrawn_usd[loan] = 0.0
    draw_loan(run.today(), loan, amount, s.parties, s.lenders, s.ledger, s.loans, s.log)
    if s.loans.collateral[loan] == Collateral.SITE:
        s.loans.site_value_usd[loan] = amount
    if dated.rigs_th > 0.0:
        diary.rigs_due_th[loan] = dated.rigs_th
        k = s.names.hardware.index(NEW_RIGS)
        pledge_new(run, b, int(find_holding(s.holdings, b, k)))
