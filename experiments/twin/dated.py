"""What the books know by date: outside shocks, hosts, ether, agreed money, rigs on order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.miner import MWH_PER_KW_DAY
from ...agents.party import Status
from ...market.dated.day import IN_KIND_DAYS
from ...market.dated.outside_shocks import OUTFLOW_DAYS
from ...market.dated.rig_deliveries import SMALLEST_TH
from ...market.operators.purchases import BUFFER_DAYS, CANCEL_AFTER_DAYS
from ...market.state.events import Cause, Event
from ...market.state.facts import MWH_PER_MW_DAY, NEW_RIGS, ShockKind
from ...market.state.ledger import DUST_USD
from ...market.state.loans import Collateral, LoanStatus
from ...market.state.units import TH_PER_PH
from .borrower import Borrower
from .dated_facts import DatedFacts, Happening, Hosting, Tranche
from .rules import online_share, power_drift, rest_to_pay_usd

if TYPE_CHECKING:
    from .model import TwinMarket
    from .party import Party
    from .things import HardwareClass


def open_day(market: TwinMarket) -> None:
    """Before prices: shocks of the day, power prices, income that does not come from rigs."""
    facts = market.dated_facts
    if facts is None:
        _knock_out(market)
        return
    for shock in facts.shocks:
        if shock.day == market.day and shock.party and shock.party.status is Status.ACTIVE:
            _strike(market, facts, shock)
    _knock_out(market)
    _lose_lent_coins(market, facts)
    _pay_outflows(market, facts)
    _set_business(market, facts)
    if market.settings.facts.shares_follow_rigs:
        kind = _new_rigs(market)
        price = kind.used_open_usd if kind.clearing_usd is None else kind.clearing_usd
        for borrower, own in facts.standing.items():
            worth = own.goodwill_usd * min(1.0, price / kind.used_open_usd)
            borrower.goodwill_open_usd = worth


def give_credit(market: TwinMarket) -> None:
    """After roll-overs: interest in kind, agreed money comes, ordered rigs are delivered."""
    facts = market.dated_facts
    if facts is None:
        return
    if market.day % IN_KIND_DAYS == 0:
        for loan, rate in facts.in_kind:
            if loan.status is LoanStatus.PERFORMING:
                amount = loan.principal_usd * rate * IN_KIND_DAYS / 365
                loan.draw(amount)
                loan.pay_interest(amount)
    for injection in facts.equity:
        if injection.day == market.day and injection.party:
            if injection.party.status is Status.ACTIVE:
                market.investors.pay(injection.party, injection.amount)
    for draw in facts.draws:
        if draw.day == market.day:
            _draw(market, facts, draw)
    for tranche in facts.tranches:
        if tranche.th > SMALLEST_TH and tranche.due_day <= market.day:
            _fall_due(market, facts, tranche)
    for tranche in facts.tranches:
        if tranche.waiting_th > 0.0 and tranche.powered_day <= market.day:
            _power_up(market, tranche)


# ---------------------------------------------------------------- a day's business


def _set_business(market: TwinMarket, facts: DatedFacts) -> None:
    drift = power_drift(market.settings.miners.power_drift_per_year, market.day)
    ether = market.prices.eth_usd / market.opening.eth_usd
    for borrower, own in facts.standing.items():
        borrower.power_usd_mwh = own.power_usd_mwh * own.power_factor * drift
        borrower.energised = own.capacity
        borrower.other_revenue_usd_day = own.eth_revenue_usd_day * ether
        borrower.other_cost_usd_day = own.eth_cost_usd_day * drift
    for hosting in facts.hostings:
        _host(market, facts, hosting, drift)


def _host(market: TwinMarket, facts: DatedFacts, hosting: Hosting, drift: float) -> None:
    """A failed tenant pays nothing; rigs of a failed host stand still until they are moved."""
    host, tenant = hosting.host, hosting.tenant
    if host.status is not Status.ACTIVE:
        moved = host.default_day + market.settings.facts.move_days
        if tenant is not None and market.day < moved:
            tenant.energised *= 1.0 - hosting.share
        return
    price = hosting.usd_mwh * drift
    if tenant is None:
        rig, hashprice = _new_rigs(market), market.prices.hashprice_usd_ph_day
        mw = hosting.mw * float(online_share(hashprice, price, rig.lo_j_th, rig.hi_j_th))
    elif tenant.status is Status.ACTIVE:
        mw = hosting.share * rigs_kw(tenant) / 1000.0
        price *= facts.standing[tenant].power_factor
    else:
        return
    host.other_revenue_usd_day += mw * MWH_PER_MW_DAY * price
    host.other_cost_usd_day += mw * MWH_PER_MW_DAY * host.power_usd_mwh


def _lose_lent_coins(market: TwinMarket, facts: DatedFacts) -> None:
    for borrower, lender, btc in facts.coins_lent:
        if lender.status is not Status.ACTIVE:
            lost = min(btc, borrower.btc_lent)
            borrower.btc_lent -= lost
            market.outside_btc += lost
    facts.coins_lent = [one for one in facts.coins_lent if one[1].status is Status.ACTIVE]


def _pay_outflows(market: TwinMarket, facts: DatedFacts) -> None:
    for lender, usd_day, last_day in facts.outflows:
        if market.day > last_day or lender.status is not Status.ACTIVE:
            continue
        cash = max(0.0, lender.cash_usd)
        has = cash + max(0.0, lender.other_loans_usd)
        paid = min(usd_day, has, lender.funding_usd)
        sold = max(0.0, paid - cash)
        lender.other_loans_usd -= sold
        market.investors.pay(lender, sold)
        lender.pay(market.investors, paid)
        lender.funding_usd -= paid
        lender.run_usd += paid


# ---------------------------------------------------------------- shocks


def _strike(market: TwinMarket, facts: DatedFacts, shock: Happening) -> None:
    event = market.note(
        Event.SHOCK, Cause.SCENARIO, shock.party, shock.counterparty, None, shock.amount, None
    )
    party, amount = shock.party, shock.amount
    if isinstance(party, Borrower):
        own = facts.standing[party]
        party.trail_event = event
        if shock.kind is ShockKind.CAPACITY_LOSS:
            own.capacity *= 1.0 - amount
        elif shock.kind is ShockKind.POWER_PRICE:
            own.power_factor = amount
        elif shock.kind is ShockKind.ETH_ENDS:
            own.eth_revenue_usd_day *= 1.0 - amount
            own.eth_cost_usd_day *= 1.0 - amount
        else:
            _never_delivered(facts, party, amount)
        return
    lender = next(one for one in market.lenders if one is party)
    if shock.kind is ShockKind.OUTFLOW:
        pace = amount * lender.runnable_share * lender.funding_usd / OUTFLOW_DAYS
        facts.outflows.append((lender, pace, market.day + OUTFLOW_DAYS))
    elif shock.kind is ShockKind.NEW_EXPOSURE:
        debtor = next(one for one in market.lenders if one is shock.counterparty)
        for claim in debtor.debts:
            if claim.creditor is lender:
                claim.amount_usd += amount
    else:
        if shock.kind is ShockKind.FAILURE:
            left = market.settings.facts.imposed_recovery_share * lender.funding_usd
            amount = max(lender.capital_usd + lender.funding_usd - left, 0.0)
        lender.other_loans_usd -= amount
        lender.market_loss_usd += amount
        lender.remember_loss(amount, event)
        lender.charge_capital(amount, event)


def _knock_out(market: TwinMarket) -> None:
    """Who fails by the scenario: a lender loses its capital, a borrower fails later that day."""
    script = market.settings.knock_out
    parties = (*market.borrowers, *market.lenders)
    party = next((one for one in parties if one.name == script.party), None)
    if party is None or market.day != script.day or party.status is not Status.ACTIVE:
        return
    event = market.note(Event.SHOCK, Cause.SCENARIO, party, None, None, 0.0, None)
    if isinstance(party, Borrower):
        party.trail_event = event
        return
    lost = max(party.capital_usd, 0.0)
    party.other_loans_usd -= lost
    party.market_loss_usd += lost
    party.remember_loss(lost, event)
    party.charge_capital(lost, event)


def _never_delivered(facts: DatedFacts, party: Party | None, th: float) -> None:
    mine = [one for one in facts.tranches if one.borrower is party and one.th > 0.0]
    for tranche in sorted(mine, key=lambda one: one.due_day):
        share = min(1.0, th / tranche.th)
        th -= share * tranche.th
        tranche.borrower.deposits_usd -= share * tranche.deposit_usd
        tranche.take(share)


# ---------------------------------------------------------------- money and rigs


def _draw(market: TwinMarket, facts: DatedFacts, draw: Happening) -> None:
    """It comes if both sides stand, nothing is overdue and the lender lends."""
    loan = draw.loan
    assert loan is not None
    borrower, lender = loan.borrower, loan.lender
    quiet = all(one.breach is Cause.NONE for one in borrower.loans)
    sound = borrower.status is Status.ACTIVE and quiet
    amount, coins = min(draw.amount, loan.undrawn_usd), 0.0
    if loan.collateral is Collateral.BTC:
        assert loan.initial_ltv is not None
        on_coin = loan.initial_ltv * market.prices.btc_usd
        coins = min(borrower.btc, amount / on_coin)
        amount = coins * on_coin
    loan.undrawn_usd = 0.0
    if not sound or lender.supply <= 0.0 or amount <= 0.0:
        market.note(
            Event.NOT_REFINANCED,
            Cause.CREDIT_SUPPLY if sound else Cause.UNDERWRITING,
            borrower,
            lender,
            loan,
            draw.amount,
            lender.supply_event if sound else borrower.trail_event,
        )
        return
    borrower.btc -= coins
    loan.collateral_btc += coins
    loan.draw_line(amount)
    if loan.collateral is Collateral.SITE:
        loan.site_mw = amount / max(1e3 * market.terms.investment.rig_site_usd_per_kw, 1.0)
    if draw.rigs_th > 0.0:
        facts.rigs_due_th[loan] = draw.rigs_th
        _pledge_new(market, facts, borrower)


def _fall_due(market: TwinMarket, facts: DatedFacts, tranche: Tranche) -> None:
    """Pay for a tranche as far as money goes, take the rigs, or give it up."""
    borrower, settings = tranche.borrower, market.settings.facts
    if borrower.status is not Status.ACTIVE:
        tranche.th = 0.0
        return
    kind = _new_rigs(market)
    price = kind.used_open_usd if kind.clearing_usd is None else kind.clearing_usd
    worth = price * tranche.th
    rest = rest_to_pay_usd(tranche.payment_usd, worth, settings.order_repriced_share)
    if rest > worth:
        _cancel(market, facts, tranche, Cause.RETURNS)
        return
    own = facts.standing[borrower]
    site = (1.0 - own.hosted_share) * settings.site_usd_per_kw * tranche.th * kind.kw
    cost = rest + site
    share = min(1.0, _money_usd(market, tranche, kind) / cost) if cost > 0.0 else 1.0
    if share > 0.0:
        _pay(market, borrower, share * cost)
        borrower.site_usd += share * site
        _deliver(market, facts, tranche, kind, share)
    if tranche.th > SMALLEST_TH and market.day >= tranche.due_day + CANCEL_AFTER_DAYS:
        _cancel(market, facts, tranche, Cause.FUNDING)


def _new_rigs(market: TwinMarket) -> HardwareClass:
    return next(kind for kind in market.hardware if kind.name == NEW_RIGS)


def _money_usd(market: TwinMarket, tranche: Tranche, kind: HardwareClass) -> float:
    """Liquid means beyond a quarter's overhead and a year's gap, and new shares [USD]."""
    borrower = tranche.borrower
    power = kind.kw * MWH_PER_KW_DAY * borrower.power_usd_mwh
    earns = max(0.0, market.prices.hashprice_usd_ph_day / TH_PER_PH - power) * tranche.th
    runs_days = max(0.0, 365.0 - market.settings.facts.energise_days)
    flow = 365.0 * borrower.trailing_cash_flow_usd + runs_days * earns
    gap = max(0.0, borrower.yearly_service_usd() - flow)
    buffer = BUFFER_DAYS * borrower.fixed_cost_usd_day + gap
    liquid = borrower.cash_usd + borrower.btc * market.prices.btc_usd
    return max(0.0, liquid - buffer) + borrower.equity_room_usd


def _pay(market: TwinMarket, borrower: Borrower, amount: float) -> None:
    """From cash, then coins, then new shares."""
    if amount > borrower.cash_usd:
        borrower.sell_treasury(amount - borrower.cash_usd)
        if amount - borrower.cash_usd > DUST_USD:
            borrower.issue_shares(amount - borrower.cash_usd)
    borrower.pay(market.supplier, amount)


def _deliver(
    market: TwinMarket, facts: DatedFacts, tranche: Tranche, kind: HardwareClass, share: float
) -> None:
    borrower = tranche.borrower
    th = share * tranche.th
    borrower.deposits_usd -= share * tranche.deposit_usd
    tranche.take(share)
    holding = borrower.holdings[kind]
    running = holding.online * holding.units
    holding.units += th
    holding.online = running / holding.units
    holding.waiting_units += th
    day = market.day + market.settings.facts.energise_days
    together = tranche.waiting_th + th
    tranche.powered_day = (tranche.waiting_th * tranche.powered_day + th * day) / together
    tranche.waiting_th = together
    kind.outside_units -= th
    _pledge_new(market, facts, borrower)


def _power_up(market: TwinMarket, tranche: Tranche) -> None:
    """Rigs of a tranche get power, as far as they are still there."""
    borrower = tranche.borrower
    holding = borrower.holdings[_new_rigs(market)]
    waited = tranche.waiting_th
    th = min(waited, holding.units)
    tranche.waiting_th = 0.0
    holding.waiting_units = max(0.0, holding.waiting_units - waited)
    if th > 0.0:
        holding.online += borrower.energised * th / holding.units


def _pledge_new(market: TwinMarket, facts: DatedFacts, borrower: Borrower) -> None:
    """Free rigs become collateral that its loans are still due."""
    holding = borrower.holdings[_new_rigs(market)]
    for loan in borrower.loans:
        due = facts.rigs_due_th.get(loan, 0.0)
        live = loan.status is LoanStatus.PERFORMING and loan.principal_usd > 0.0
        if due <= 0.0 or not live:
            continue
        th = min(due, max(0.0, holding.units - holding.pledged))
        holding.pledged += th
        loan.collateral_units += th
        loan.holding = holding
        facts.rigs_due_th[loan] = due - th


def _cancel(market: TwinMarket, facts: DatedFacts, tranche: Tranche, cause: Cause) -> None:
    """An order is given up; its deposit is lost."""
    borrower = tranche.borrower
    lost = tranche.deposit_usd
    market.note(
        Event.ORDER_CANCELLED, cause, borrower, market.supplier, None, lost, borrower.trail_event
    )
    borrower.deposits_usd -= lost
    tranche.th = 0.0
    if not any(one.th > 0.0 for one in facts.tranches if one.borrower is borrower):
        for loan in borrower.loans:
            facts.rigs_due_th.pop(loan, None)


def rigs_kw(borrower: Borrower) -> float:
    """Power that its rigs draw [kW]; the most efficient of each class run first."""
    total = 0.0
    for holding in borrower.rigs:
        rig, share = holding.hardware, holding.online
        mean = rig.lo_j_th + 0.5 * share * (rig.hi_j_th - rig.lo_j_th)
        total += holding.units * share * mean / 1000.0
    return total
