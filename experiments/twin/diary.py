"""What the books know by date: outside shocks, hosts, ether, agreed money, rigs on order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...agents.miner import MWH_PER_KW_DAY
from ...agents.party import Status
from ...market.dated.day import HOSTED_CLASS, IN_KIND_DAYS, OUTFLOW_DAYS
from ...market.dated.rig_deliveries import SMALLEST_TH
from ...market.operators.purchases import BUFFER_DAYS, CANCEL_AFTER_DAYS
from ...market.state.events import Cause, Event
from ...market.state.facts import MWH_PER_MW_DAY, NEW_RIGS, power_drift
from ...market.state.ledger import DUST_USD
from ...market.state.loans import Collateral, LoanStatus
from ...market.state.units import TH_PER_PH
from .borrower import Borrower
from .rules import online_share, rest_to_pay_usd

if TYPE_CHECKING:
    from ...market.state.market import State
    from .lender import Lender
    from .loan import Loan
    from .model import TwinMarket
    from .party import Party
    from .things import HardwareClass


@dataclass(eq=False)
class Tranche:
    """Rigs due on a date; amounts are of what is still open."""

    borrower: Borrower
    due_day: int
    th: float
    deposit_usd: float
    payment_usd: float

    def take(self, share: float) -> None:
        """So much of it is no longer open."""
        self.th *= 1.0 - share
        self.deposit_usd *= 1.0 - share
        self.payment_usd *= 1.0 - share


@dataclass(eq=False)
class Standing:
    """What a borrower has beside its fleet: power as at the opening, ether, a host."""

    power_usd_mwh: float
    capacity: float
    eth_revenue_usd_day: float
    eth_cost_usd_day: float
    hosted_share: float
    goodwill_usd: float
    power_factor: float = 1.0


@dataclass(eq=False)
class Hosting:
    """Rigs of a tenant with a host; without a tenant, power let to tenants without a name."""

    host: Borrower
    tenant: Borrower | None
    share: float
    mw: float
    usd_mwh: float


@dataclass(eq=False)
class Happening:
    """A shock, a draw or new shares on a day."""

    day: int
    kind: str
    amount: float
    party: Party | None = None
    counterparty: Party | None = None
    loan: Loan | None = None
    rigs_th: float = 0.0


@dataclass(eq=False)
class Diary:
    """Dated facts of a market."""

    standing: dict[Borrower, Standing]
    hostings: list[Hosting]
    shocks: list[Happening]
    draws: list[Happening]
    equity: list[Happening]
    tranches: list[Tranche]
    coins_lent: list[tuple[Borrower, Lender, float]]
    in_kind: list[tuple[Loan, float]]
    eth_open_usd: float
    rigs_due_th: dict[Loan, float]
    outflows: list[tuple[Lender, float, int]] = field(default_factory=list)


def open_diary(market: TwinMarket, state: State) -> Diary | None:
    """Copy the engine's diary of the opening day into objects."""
    book = state.diary
    if book is None:
        return None
    borrowers, loans, orders = market.borrowers, market.loans, book.orders
    parties: dict[int, Party] = {p.number: p for p in (*borrowers, *market.lenders)}
    standing = {
        borrower: Standing(*(float(column[b]) for column in (
            book.power_usd_mwh, book.capacity, book.eth_revenue_usd_day, book.eth_cost_usd_day,
            book.hosted_share, state.borrowers.goodwill_open_usd,
        )))
        for b, borrower in enumerate(borrowers)
    }  # fmt: skip
    hostings = [
        Hosting(
            borrowers[link.host],
            borrowers[link.tenant] if link.tenant >= 0 else None,
            link.share,
            link.mw,
            link.usd_mwh,
        )
        for link in book.links
    ]
    columns = (orders.borrower, orders.due_day, orders.th, orders.deposit_usd, orders.payment_usd)
    return Diary(
        standing=standing,
        hostings=hostings,
        shocks=[
            Happening(
                shock.day,
                shock.kind,
                shock.amount,
                parties[shock.party],
                parties.get(shock.counterparty),
            )
            for shock in book.shocks
        ],
        draws=[
            Happening(
                draw.day, "draw", draw.amount_usd, loan=loans[draw.loan], rigs_th=draw.rigs_th
            )
            for draw in book.draws
        ],
        equity=[
            Happening(one.day, "equity", one.amount_usd, borrowers[one.borrower])
            for one in book.equity
        ],
        tranches=[
            Tranche(borrowers[b], day, th, deposit, payment)
            for b, day, th, deposit, payment in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ],
        coins_lent=[
            (borrowers[b], market.lenders[lender - state.first_lender], btc)
            for b, lender, btc in book.coins_lent
        ],
        in_kind=[
            (loan, float(rate))
            for loan, rate in zip(loans, book.in_kind_rate, strict=True)
            if rate > 0.0
        ],
        eth_open_usd=book.eth_open_usd,
        rigs_due_th={
            loan: float(th) for loan, th in zip(loans, book.rigs_due_th, strict=True) if th > 0.0
        },
    )


def open_day(market: TwinMarket) -> None:
    """Before prices: shocks of the day, power prices, income that does not come from rigs."""
    diary = market.diary
    if diary is None:
        return
    for shock in diary.shocks:
        if shock.day == market.day and shock.party and shock.party.status is Status.ACTIVE:
            _strike(market, diary, shock)
    _lose_lent_coins(market, diary)
    _pay_outflows(market, diary)
    _set_business(market, diary)
    if market.settings.facts.shares_follow_rigs:
        kind = _new_rigs(market)
        price = kind.used_open_usd if kind.clearing_usd is None else kind.clearing_usd
        for borrower, own in diary.standing.items():
            worth = own.goodwill_usd * min(1.0, price / kind.used_open_usd)
            borrower.goodwill_open_usd = worth


def give_credit(market: TwinMarket) -> None:
    """After roll-overs: interest in kind, agreed money comes, ordered rigs are delivered."""
    diary = market.diary
    if diary is None:
        return
    if market.day % IN_KIND_DAYS == 0:
        for loan, rate in diary.in_kind:
            if loan.status is LoanStatus.PERFORMING:
                amount = loan.principal_usd * rate * IN_KIND_DAYS / 365
                loan.draw(amount)
                loan.pay_interest(amount)
    for injection in diary.equity:
        if injection.day == market.day and injection.party:
            if injection.party.status is Status.ACTIVE:
                market.investors.pay(injection.party, injection.amount)
    for draw in diary.draws:
        if draw.day == market.day:
            _draw(market, diary, draw)
    for tranche in diary.tranches:
        if tranche.th > SMALLEST_TH and tranche.due_day <= market.day:
            _fall_due(market, diary, tranche)


# ---------------------------------------------------------------- a day's business


def _set_business(market: TwinMarket, diary: Diary) -> None:
    drift = power_drift(market.settings.miners.power_drift_per_year, market.day)
    ether = market.prices.eth_usd / diary.eth_open_usd
    for borrower, own in diary.standing.items():
        borrower.power_usd_mwh = own.power_usd_mwh * own.power_factor * drift
        borrower.energised = own.capacity
        borrower.other_revenue_usd_day = own.eth_revenue_usd_day * ether
        borrower.other_cost_usd_day = own.eth_cost_usd_day * drift
    for hosting in diary.hostings:
        _host(market, diary, hosting, drift)


def _host(market: TwinMarket, diary: Diary, hosting: Hosting, drift: float) -> None:
    """A failed tenant pays nothing; rigs of a failed host stand still until they are moved."""
    host, tenant = hosting.host, hosting.tenant
    if host.status is not Status.ACTIVE:
        moved = host.default_day + market.settings.facts.move_days
        if tenant is not None and market.day < moved:
            tenant.energised *= 1.0 - hosting.share
        return
    price = hosting.usd_mwh * drift
    if tenant is None:
        rig = next(kind for kind in market.hardware if kind.name == HOSTED_CLASS)
        hashprice = market.prices.hashprice_usd_ph_day
        mw = hosting.mw * float(online_share(hashprice, price, rig.lo_j_th, rig.hi_j_th))
    elif tenant.status is Status.ACTIVE:
        mw = hosting.share * rigs_kw(tenant) / 1000.0
        price *= diary.standing[tenant].power_factor
    else:
        return
    host.other_revenue_usd_day += mw * MWH_PER_MW_DAY * price
    host.other_cost_usd_day += mw * MWH_PER_MW_DAY * host.power_usd_mwh


def _lose_lent_coins(market: TwinMarket, diary: Diary) -> None:
    for borrower, lender, btc in diary.coins_lent:
        if lender.status is not Status.ACTIVE:
            lost = min(btc, borrower.btc_lent)
            borrower.btc_lent -= lost
            market.outside_btc += lost
    diary.coins_lent = [one for one in diary.coins_lent if one[1].status is Status.ACTIVE]


def _pay_outflows(market: TwinMarket, diary: Diary) -> None:
    for lender, usd_day, last_day in diary.outflows:
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


def _strike(market: TwinMarket, diary: Diary, shock: Happening) -> None:
    event = market.note(
        Event.SHOCK, Cause.SCENARIO, shock.party, shock.counterparty, None, shock.amount, None
    )
    party, amount = shock.party, shock.amount
    if isinstance(party, Borrower):
        own = diary.standing[party]
        party.trail_event = event
        if shock.kind == "capacity_loss":
            own.capacity *= 1.0 - amount
        elif shock.kind == "power_price":
            own.power_factor = amount
        elif shock.kind == "eth_ends":
            own.eth_revenue_usd_day *= 1.0 - amount
            own.eth_cost_usd_day *= 1.0 - amount
        else:
            _never_delivered(diary, party, amount)
        return
    lender = next(one for one in market.lenders if one is party)
    if shock.kind == "outflow":
        pace = amount * lender.runnable_share * lender.funding_usd / OUTFLOW_DAYS
        diary.outflows.append((lender, pace, market.day + OUTFLOW_DAYS))
    elif shock.kind == "new_exposure":
        debtor = next(one for one in market.lenders if one is shock.counterparty)
        for claim in debtor.debts:
            if claim.creditor is lender:
                claim.amount_usd += amount
    else:
        if shock.kind == "failure":
            left = market.settings.facts.imposed_recovery_share * lender.funding_usd
            amount = max(lender.capital_usd + lender.funding_usd - left, 0.0)
        lender.other_loans_usd -= amount
        lender.market_loss_usd += amount
        lender.remember_loss(amount, event)
        lender.charge_capital(amount, event)


def _never_delivered(diary: Diary, party: Party | None, th: float) -> None:
    mine = [one for one in diary.tranches if one.borrower is party and one.th > 0.0]
    for tranche in sorted(mine, key=lambda one: one.due_day):
        share = min(1.0, th / tranche.th)
        th -= share * tranche.th
        tranche.borrower.deposits_usd -= share * tranche.deposit_usd
        tranche.take(share)


# ---------------------------------------------------------------- money and rigs


def _draw(market: TwinMarket, diary: Diary, draw: Happening) -> None:
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
        loan.site_value_usd = amount
    if draw.rigs_th > 0.0:
        diary.rigs_due_th[loan] = draw.rigs_th
        _pledge_new(market, diary, borrower)


def _fall_due(market: TwinMarket, diary: Diary, tranche: Tranche) -> None:
    """Pay for a tranche as far as money goes, take the rigs, or give it up."""
    borrower, facts = tranche.borrower, market.settings.facts
    if borrower.status is not Status.ACTIVE:
        tranche.th = 0.0
        return
    kind = _new_rigs(market)
    price = kind.used_open_usd if kind.clearing_usd is None else kind.clearing_usd
    worth = price * tranche.th
    rest = rest_to_pay_usd(tranche.payment_usd, worth, facts.order_repriced_share)
    if rest > worth:
        _cancel(market, diary, tranche, Cause.RETURNS)
        return
    own = diary.standing[borrower]
    site = (1.0 - own.hosted_share) * facts.site_usd_per_kw * tranche.th * kind.kw
    cost = rest + site
    share = min(1.0, _money_usd(market, tranche, kind) / cost) if cost > 0.0 else 1.0
    if share > 0.0:
        _pay(market, borrower, share * cost)
        borrower.site_usd += share * site
        _deliver(market, diary, tranche, kind, share)
    if tranche.th > SMALLEST_TH and market.day >= tranche.due_day + CANCEL_AFTER_DAYS:
        _cancel(market, diary, tranche, Cause.FUNDING)


def _new_rigs(market: TwinMarket) -> HardwareClass:
    return next(kind for kind in market.hardware if kind.name == NEW_RIGS)


def _money_usd(market: TwinMarket, tranche: Tranche, kind: HardwareClass) -> float:
    """Liquid means beyond a quarter's overhead and a year's gap, and new shares [USD]."""
    borrower = tranche.borrower
    power = kind.kw * MWH_PER_KW_DAY * borrower.power_usd_mwh
    earns = max(0.0, market.prices.hashprice_usd_ph_day / TH_PER_PH - power) * tranche.th
    flow = 365.0 * (borrower.trailing_cash_flow_usd + earns)
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
    market: TwinMarket, diary: Diary, tranche: Tranche, kind: HardwareClass, share: float
) -> None:
    borrower = tranche.borrower
    th = share * tranche.th
    borrower.deposits_usd -= share * tranche.deposit_usd
    tranche.take(share)
    holding = borrower.holdings[kind]
    running = holding.online * holding.units + borrower.energised * th
    holding.units += th
    holding.online = running / holding.units
    kind.outside_units -= th
    _pledge_new(market, diary, borrower)


def _pledge_new(market: TwinMarket, diary: Diary, borrower: Borrower) -> None:
    """Free rigs become collateral that its loans are still due."""
    holding = borrower.holdings[_new_rigs(market)]
    for loan in borrower.loans:
        due = diary.rigs_due_th.get(loan, 0.0)
        live = loan.status is LoanStatus.PERFORMING and loan.principal_usd > 0.0
        if due <= 0.0 or not live:
            continue
        th = min(due, max(0.0, holding.units - holding.pledged))
        holding.pledged += th
        loan.collateral_units += th
        loan.holding = holding
        diary.rigs_due_th[loan] = due - th


def _cancel(market: TwinMarket, diary: Diary, tranche: Tranche, cause: Cause) -> None:
    """An order is given up; its deposit is lost."""
    borrower = tranche.borrower
    lost = tranche.deposit_usd
    market.note(
        Event.ORDER_CANCELLED, cause, borrower, market.supplier, None, lost, borrower.trail_event
    )
    borrower.deposits_usd -= lost
    tranche.th = 0.0
    if not any(one.th > 0.0 for one in diary.tranches if one.borrower is borrower):
        for loan in borrower.loans:
            diary.rigs_due_th.pop(loan, None)


def set_hold_share(market: TwinMarket, borrower: Borrower) -> None:
    """Coins are kept while cash covers the outlays ahead."""
    days = market.settings.miners.hold_buffer_days
    if days <= 0 or borrower.hold_policy <= 0.0:
        return
    mined = borrower.hashrate_online_th / TH_PER_PH * market.prices.hashprice_usd_ph_day
    power = max(mined - borrower.margin_usd_day, 0.0)
    overhead = borrower.fixed_cost_usd_day + borrower.other_cost_usd_day
    outlays = days * (power + overhead + borrower.lease_cost_usd_day)
    outlays += days / 365.0 * borrower.yearly_service_usd()
    if market.diary is not None:
        for tranche in market.diary.tranches:
            soon = tranche.due_day <= market.day + days and tranche.th > 0.0
            if soon and tranche.borrower is borrower:
                outlays += tranche.payment_usd
    covered = min(1.0, max(0.0, borrower.cash_usd / max(outlays, 1e-9)))
    borrower.hold_share = borrower.hold_policy * covered


def rigs_kw(borrower: Borrower) -> float:
    """Power that its rigs draw [kW]; the most efficient of each class run first."""
    total = 0.0
    for holding in borrower.rigs:
        rig, share = holding.hardware, holding.online
        mean = rig.lo_j_th + 0.5 * share * (rig.hi_j_th - rig.lo_j_th)
        total += holding.units * share * mean / 1000.0
    return total
