"""The opening: tables of the engine's first day copied into agents and objects, once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from ...agents.buyer import Rack
from ...agents.lender import LenderKind
from ...agents.party import Kind, Status
from ...market.opening.open_market import LISTINGS
from ...market.simulation import Simulation
from ...market.state.contracts import ContractKind
from ...market.state.hardware import Family
from ...market.state.ledger import Account
from ...market.state.loans import ANY_GROWTH, Amortisation, Collateral, Instrument, LoanStatus
from ...market.state.market import Market, Prices
from ...market.state.randomness import Stream
from ...market.state.site_classes import SITE
from .borrower import Borrower, Miner, Neocloud
from .contract import Contract
from .dated_facts import open_facts
from .lender import Lender
from .loan import Loan
from .party import Buyer, Endowment, Outsider, Party
from .rules import normal
from .things import HardwareClass, Holding, LenderClaim, Order, Perimeter

if TYPE_CHECKING:
    from .model import TwinMarket

BUYER_VIEW = int(Stream.BUYER_VIEW)
DEALER_VIEW_SHARE = 0.25
TERMS_NOT_ALL_HAVE = (
    "initial_ltv", "margin_call_ltv", "liquidation_ltv", "min_dscr", "conversion_usd"
)  # fmt: skip


def open_twin(market: TwinMarket) -> None:
    """Open the books and fill the market; nothing of the engine's state is kept."""
    simulation = Simulation(market.settings, market.seed)
    state = simulation.market
    market.settings = simulation.scenario  # with what was drawn
    market.terms, market.opening = state.terms, state.opening
    market.planned_supply = state.planned_supply
    market.work_price_ahead = state.work_price_ahead.tolist()
    market.outside_arrivals = {}

    market.crypto, market.compute, market.macro = state.crypto, state.compute, state.macro
    market.prices = Prices.from_buffer_copy(state.prices)
    market.outside_btc = float(state.ledger.outside_btc[0])
    market.accounts[Account.CAPITAL] = float(state.ledger.policy_usd[Account.CAPITAL])
    market.smallest_cluster = float(state.opening.smallest_cluster)
    market.hardware = _hardware(market, state)
    market.borrowers = _borrowers(market, state)
    market.lenders = _lenders(market, state)
    market.buyers = _buyers(market, state)
    names = state.names.parties
    market.outsiders = [
        Outsider(market, p, names[p], float(state.parties.cash_usd[p]))
        for p in range(state.first_outside, len(names))
    ]
    parties: list[Party] = [
        *market.borrowers, *market.lenders, *market.buyers, *market.outsiders
    ]  # fmt: skip
    for borrower, owner in zip(market.borrowers, state.parties.parent.tolist(), strict=False):
        borrower.parent = parties[owner] if owner >= 0 else None
    holdings = _holdings(state, parties, market.hardware)
    market.listing_room = (LISTINGS - 1) * int(state.holdings.first[state.first_lender])
    market.contracts = _contracts(state, parties, market.hardware, holdings)
    _loans(market, state, holdings)
    _interlender(state, market.lenders)
    _bidders(market)
    market.dated_facts = open_facts(market, state)


def _rows(table: NamedTuple, leave: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries of plain numbers."""
    names = [name for name in table._fields if name not in leave]
    columns = [getattr(table, name).tolist() for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _given(number: float) -> float | None:
    """A term, or None where a table has NaN."""
    return None if math.isnan(number) else number


def _hardware(market: TwinMarket, state: Market) -> list[HardwareClass]:
    result = []
    for number, row in enumerate(_rows(state.hardware)):
        row["family"], row["rack"] = Family(row["family"]), Rack(row["rack"])
        result.append(
            HardwareClass(
                number=number,
                name=state.names.hardware[number],
                buyer_view=float(state.buyer_view[number]),
                routine_units_year=float(state.routine_units_year[number]),
                mark_usd=float(state.marks_usd[number]),
                hold_usd=float(state.hold_usd[number]),
                schedule_usd=float(state.hardware.used_open_usd[number]),
                outside_units=float(state.ledger.outside_units[number]),
                **row,
            )
        )
    assert result[-1].name == SITE
    return result


def _fill(party: Party, *rows: dict[str, Any]) -> None:
    """Set attributes from rows of tables; events are still to come."""
    for row in rows:
        for name, value in row.items():
            if not name.endswith("_event"):
                setattr(party, name, value)


def _borrowers(market: TwinMarket, state: Market) -> list[Borrower]:
    parties = _rows(state.parties, leave=("kind", "status", "parent"))
    tables = [_rows(table) for table in (state.borrowers, state.miners, state.neoclouds)]
    result: list[Borrower] = []
    for b in range(state.borrower_count):
        kind = Miner if state.parties.kind[b] == Kind.MINER else Neocloud
        borrower = kind(market, b, state.names.parties[b])
        borrower.status = Status(int(state.parties.status[b]))
        _fill(borrower, parties[b], *(table[b] for table in tables))
        borrower.orders = {}
        result.append(borrower)
    return result


def _lenders(market: TwinMarket, state: Market) -> list[Lender]:
    result = []
    for i, row in enumerate(_rows(state.lenders)):
        p = state.first_lender + i
        lender = Lender(market, p, state.names.parties[p])
        row["kind"] = LenderKind(row["kind"])
        _fill(lender, row, {"cash_usd": float(state.parties.cash_usd[p])})
        result.append(lender)
    return result


def _buyers(market: TwinMarket, state: Market) -> list[Buyer]:
    first = state.first_buyer
    rows = _rows(state.buyers, leave=("slots_open", "accepts", "private_view"))
    buyers = [
        Buyer(market, first + i, state.names.parties[first + i], Endowment(**row))
        for i, row in enumerate(rows)
    ]
    for buyer, slots in zip(buyers, state.buyers.slots_open.tolist(), strict=True):
        buyer.slots_open = slots
    market.open_slots = [0.0] * len(Rack)
    market.hosted_slots = [0.0] * len(Rack)
    for buyer in buyers:
        for rack in Rack:
            market.open_slots[rack] += buyer.slots_open[rack]
    return buyers


def _holdings(state: Market, parties: list[Party], hardware: list[HardwareClass]) -> list[Holding]:
    rows = _rows(state.holdings, leave=("first",))
    result = []
    for number, row in enumerate(rows):
        row["hardware"] = hardware[row["hardware"]]
        holding = Holding(number=number, **row)
        holding.hardware.holdings.append(holding)
        result.append(holding)
    first = state.holdings.first.tolist()
    for party in parties:
        for holding in result[first[party.number] : first[party.number + 1]]:
            if isinstance(party, Borrower):
                party.own(holding)
            else:
                party.holdings[holding.hardware] = holding
    return result


def _contracts(
    state: Market, parties: list[Party], hardware: list[HardwareClass], holdings: list[Holding]
) -> list[Contract]:
    result = []
    for number, row in enumerate(_rows(state.contracts)):
        row["kind"] = ContractKind(row["kind"])
        row["landlord"], row["tenant"] = parties[row["landlord"]], parties[row["tenant"]]
        row["hardware"] = hardware[row["hardware"]] if row["hardware"] >= 0 else None
        row["holding"] = holdings[row["holding"]] if row["holding"] >= 0 else None
        row["guarantor"] = parties[row["guarantor"]] if row["guarantor"] >= 0 else None
        row["unit_cost_usd_day"] = _given(row["unit_cost_usd_day"])
        contract = Contract(number=number, name=state.names.contracts[number], **row)
        if isinstance(contract.landlord, Borrower):
            contract.landlord.contracts.append(contract)
        result.append(contract)
    for contract, cap in zip(result, state.contracts.guaranteed_with.tolist(), strict=True):
        contract.guaranteed_with = result[cap] if cap >= 0 else None
    return result


def _loans(market: TwinMarket, state: Market, holdings: list[Holding]) -> None:
    """Loans in the order of their borrowers, and the perimeters they are tested in."""
    market.perimeters = [
        Perimeter(number, market.borrowers[b])
        for number, b in enumerate(state.perimeters.borrower.tolist())
    ]
    market.loans = []
    happened = [name for name in state.loans._fields if name in Loan.__dataclass_fields__]
    history = happened[happened.index("arrears_interest_usd") :]
    leave = ("first", "claim", "claims", "sheets", *history)
    sheets = _rows(state.loans.sheets)
    for number, row in enumerate(_rows(state.loans, leave=leave)):
        row |= sheets[row.pop("sheet")]
        for name in TERMS_NOT_ALL_HAVE:
            row[name] = _given(row[name])
        k, growth = row["hardware"], row["growth"]
        row["hardware"] = market.hardware[k] if k >= 0 else None
        row["holding"] = holdings[row["holding"]] if row["holding"] >= 0 else None
        row["growth"] = market.contracts[growth] if growth >= 0 else None
        later = growth == ANY_GROWTH
        row["perimeter"] = market.perimeters[row["perimeter"]] if row["perimeter"] >= 0 else None
        row["borrower"] = market.borrowers[row["borrower"]]
        row["lender"] = market.lenders[row["lender"]]
        row["instrument"] = Instrument(row["instrument"])
        row["status"] = LoanStatus(row["status"])
        row["collateral"] = Collateral(row["collateral"])
        loan = Loan(market=market, number=number, name=state.names.loans[number], **row)
        market.loans.append(loan)
        loan.borrower.loans.append(loan)
        loan.lender.loans.append(loan)
        if loan.perimeter is not None:
            loan.perimeter.loans.append(loan)
        if isinstance(loan.growth, Contract):
            loan.growth.facility.append(loan)
        elif later:
            _grant_facility(loan)


def _grant_facility(loan: Loan) -> None:
    """A facility for what its borrower may order later."""
    assert loan.hardware is not None
    order = Order(facility=loan, holding=loan.borrower.holdings[loan.hardware])
    loan.borrower.orders[loan.hardware] = order
    loan.growth = order


def _interlender(state: Market, lenders: list[Lender]) -> None:
    first = state.interlender.first.tolist()
    for row, lender in enumerate(lenders):
        for entry in range(first[row], first[row + 1]):
            creditor = lenders[int(state.interlender.creditor[entry])]
            amount = float(state.interlender.amount_usd[entry])
            margined = bool(state.interlender.margined[entry])
            lender.debts.append(LenderClaim(creditor, amount, margined))


def _bidders(market: TwinMarket) -> None:
    """Who bids for what: buyers hold a row for each class they accept, and keep their view of it.

    Dealers, who resell at once, differ less in what they think and only downwards.
    """
    for i, buyer in enumerate(market.buyers):
        for kind in buyer.holdings:
            deviation = market.settings.liquidation.buyer_view_deviation
            if kind.family is Family.SITE:
                deviation = market.settings.sites.view_deviation
            draw = normal(market.seed, BUYER_VIEW, 0, 64 * i + kind.number)
            view = math.exp(deviation * draw)
            if not buyer.needs_slots:
                view = math.exp(-DEALER_VIEW_SHARE * deviation * abs(draw))
            bidders = kind.in_place_bidders if buyer.in_place_only else kind.removed_bidders
            bidders.append((buyer, view))


def sort_loans(market: TwinMarket) -> None:
    """Loans by the test they are under, so that no test looks at others."""
    on_call = [loan for loan in market.loans if loan.margin_call_ltv is not None]
    market.coin_loans = [loan for loan in market.loans if loan.collateral is Collateral.BTC]
    market.machine_loans = [loan for loan in on_call if loan.collateral is Collateral.HARDWARE]
    market.covered_loans = [loan for loan in market.loans if loan.perimeter and loan.min_dscr]
    market.bullets = [loan for loan in market.loans if loan.amortisation == Amortisation.BULLET]
    market.convertibles = [
        loan for loan in market.loans if loan.instrument is Instrument.CONVERTIBLE
    ]
    market.undelivered = [one for one in market.contracts if one.ordered > 0.0]


# ------------------------------------------------------------ the day
