"""One party looked at closely: balance sheet, loans, covenants and their headroom, contracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...agents.party import Kind, Status
from ...market.state.contracts import ContractKind
from ...market.state.events import Cause
from ...market.state.loans import Collateral, Instrument, LoanStatus
from ...market.state.sites import pledged_site_usd
from ..look import words
from .network import borrower_assets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...market.simulation import Simulation
    from ...market.state.market import Market

MOST_ROWS = 12
LEAST_USD = 1.0


@dataclass(frozen=True)
class Sheet:
    """Tables of texts about one party; the first row of each is its head."""

    name: str
    standing: str
    balance: Sequence[tuple[str, ...]]
    loans: Sequence[tuple[str, ...]]
    contracts: Sequence[tuple[str, ...]]


def party_sheet(simulation: Simulation, party: str) -> Sheet | None:
    """The sheet of a borrower or lender, ``None`` if there is no such party."""
    s = simulation.market
    try:
        row = s.names.parties.index(party, 0, s.first_buyer)
    except ValueError:
        return None
    if row < s.borrower_count:
        return _borrower(simulation, row)
    return _lender(s, row - s.first_lender)


def _borrower(simulation: Simulation, b: int) -> Sheet:
    s, day = simulation.market, simulation.day
    loans = s.loans
    mine = range(int(loans.first[b]), int(loans.first[b + 1]))
    debt = float(loans.principal_usd[list(mine)].sum()) if len(mine) else 0.0
    unpaid = float(s.parties.payables_usd[b])
    assets = {item: float(values[b]) for item, values in borrower_assets(s).items()}
    total = sum(assets.values())
    balance: list[tuple[str, ...]] = [("Balance sheet", "USD")]
    balance += [(item, words.money(value)) for item, value in assets.items() if value >= LEAST_USD]
    balance += [
        ("Assets", words.money(total)),
        ("Debt", words.money(debt)),
        *([("Unpaid bills", words.money(unpaid))] if unpaid > 0 else []),
        ("Assets less debt", words.money(total - debt - unpaid)),
        ("Operating cash flow a month", words.money(30 * float(s.borrowers.cash_flow_usd_day[b]))),
    ]
    standing = Kind(int(s.parties.kind[b])).name.lower()
    if s.parties.status[b] == Status.PROSPECT:
        standing += ", may still enter"
    elif s.parties.status[b] != Status.ACTIVE:
        standing += f", in default since day {int(s.parties.default_day[b])}"
    else:
        standing += ", standing"
    return Sheet(
        name=words.party(s.names.titles[b]),
        standing=standing,
        balance=balance,
        loans=_loans(s, day, [loan for loan in mine if loans.principal_usd[loan] > 0]),
        contracts=_contracts(s, b),
    )


def _loans(s: Market, day: int, mine: list[int]) -> list[tuple[str, ...]]:
    """Loans of a borrower, the largest first, and how far each is from its next trigger."""
    table: list[tuple[str, ...]] = [("Loan", "Lender", "Owed", "Matures", "Loan to value", "DSCR")]
    if not mine:
        return table
    loans = s.loans
    for loan in sorted(mine, key=lambda loan: -loans.principal_usd[loan])[:MOST_ROWS]:
        table.append(
            (
                f"{words.instrument(Instrument(int(loans.instrument[loan])).name.lower())}, "
                f"{_state(s, day, loan)}",
                s.names.titles[s.first_lender + loans.lender[loan]],
                words.money(float(loans.principal_usd[loan])),
                f"in {int(loans.maturity_day[loan]) - day:,} days"
                if loans.maturity_day[loan] > day
                else "now",
                _ltv(s, loan),
                _dscr(s, loan),
            )
        )
    return table


def _ltv(s: Market, loan: int) -> str:
    """Loan to value today, the level at which margin is called, and what may fall until then."""
    loans = s.loans
    kind, k = loans.collateral[loan], loans.hardware[loan]
    value = 0.0
    if kind == Collateral.BTC:
        value = float(loans.collateral_btc[loan]) * s.prices.btc_usd
    elif kind == Collateral.HARDWARE:
        value = float(loans.collateral_units[loan] * s.marks_usd[k])
    elif kind == Collateral.SITE:
        value = float(pledged_site_usd(s, loan))
    if value <= 0:
        if kind == Collateral.GENERAL_LIEN:
            return "lien on all that is not pledged"
        return "unsecured" if kind == Collateral.NONE else "no value left"
    ltv = float(loans.principal_usd[loan]) / value
    limit = float(loans.sheets.margin_call_ltv[loans.sheet[loan]])
    if not np.isfinite(limit):
        return f"{words.ltv(ltv)}, not tested"
    room = 1 - ltv / limit
    text = f"{words.ltv(ltv)}, called at {words.percent(limit)}"
    return f"{text}: value may fall {words.percent(room)}" if room > 0 else f"{text}: called"


def _dscr(s: Market, loan: int) -> str:
    """Debt service coverage at the last test against its minimum, with the headroom."""
    least, row = float(s.loans.sheets.min_dscr[s.loans.sheet[loan]]), int(s.loans.perimeter[loan])
    if not np.isfinite(least) or row < 0:
        return "none"
    last = float(s.perimeters.dscr[row])
    if np.isnan(last):
        return f"at least {least:.2f}, not tested yet"
    room = 1 - least / last if last > 0 else -1.0
    text = (
        f"{last:.2f}, at least {least:.2f}"
        if np.isfinite(last)
        else f"no debt service, {least:.2f}"
    )
    return f"{text}: cash flow may fall {words.percent(room)}" if room > 0 else f"{text}: broken"


def _state(s: Market, day: int, loan: int) -> str:
    """How a loan stands: performing, in cure for so long, in default."""
    loans = s.loans
    if loans.status[loan] == LoanStatus.DEFAULTED:
        return "in default"
    if loans.breach[loan] != Cause.NONE:
        cure_days = int(loans.sheets.cure_days[loans.sheet[loan]])
        left = int(loans.breach_day[loan]) + cure_days - day
        return f"in cure, {max(left, 0)} days left: " + words.cause(
            Cause(int(loans.breach[loan])).name.lower()
        )
    return "cash locked up" if loans.lock_up[loan] else "performing"


def _contracts(s: Market, party: int) -> list[tuple[str, ...]]:
    """Contracts in which a party rents something out, the largest first."""
    table: list[tuple[str, ...]] = [("Contract", "Tenant", "Rent a year", "Ends")]
    c = s.contracts
    mine = np.flatnonzero(c.landlord == party)
    for row in mine[np.argsort(-c.usd_day[mine], kind="stable")][:MOST_ROWS]:
        gpus = c.kind[row] == ContractKind.COMPUTE
        name = s.names.hardware[c.hardware[row]] if gpus else ""
        what = f"{words.count(float(c.gpus[row]))} {words.hardware(name)}" if gpus else "halls"
        ends = f"day {int(c.end_day[row]):,}"
        if c.broken_day[row] >= 0:
            ends = f"tenant left on day {int(c.broken_day[row]):,}"
        rent = 365.0 * float(c.usd_day[row] * c.rent_share[row])
        tenant = words.short(words.party(s.names.titles[c.tenant[row]]), 28)
        table.append((what, tenant, words.money(rent), ends))
    return table


def _lender(s: Market, row: int) -> Sheet:
    lenders, party = s.lenders, s.first_lender + row
    capital, funding = float(lenders.capital_usd[row]), float(lenders.funding_usd[row])
    book, lost = float(lenders.book_usd[row]), float(lenders.written_down_usd[row])
    assets, least = capital + funding, float(lenders.min_capital_ratio[row])
    ratio = capital / assets if assets > 0 else float("nan")
    standing = "lender, "
    if s.parties.status[party] != Status.ACTIVE:
        standing += "failed"
    elif lenders.closed_event[row] >= 0:
        standing += "closed by its parent"
    else:
        standing += f"gives {words.percent(float(lenders.supply[row]))} of its usual credit"
    room = capital - least * assets
    balance = [
        ("Balance sheet", "USD"),
        ("Loans in this market, net of write-downs", words.money(book - lost)),
        ("Other loans", words.money(float(lenders.other_loans_usd[row]))),
        ("Cash", words.money(float(s.parties.cash_usd[party]))),
        ("Funding", words.money(funding)),
        ("Capital", words.money(capital)),
        ("Capital ratio", f"{words.percent(ratio, 1)}, at least {words.percent(least, 1)}"),
        ("Losses it can still bear above the minimum", words.money(max(room, 0.0))),
        ("Lost so far", words.money(float(lenders.loss_usd[row]))),
        ("Withdrawn by funders", words.money(float(lenders.run_usd[row]))),
    ]
    owed = s.loans.principal_usd * (s.loans.lender == row)
    largest = np.argsort(-owed, kind="stable")[:MOST_ROWS]
    table: list[tuple[str, ...]] = [("Loan to", "Owed", "Matures on day", "Loan to value", "DSCR")]
    table += [
        (
            words.short(words.party(s.names.titles[s.loans.borrower[loan]]), 28),
            words.money(float(owed[loan])),
            f"{int(s.loans.maturity_day[loan]):,}",
            _ltv(s, int(loan)),
            _dscr(s, int(loan)),
        )
        for loan in largest
        if owed[loan] > 0
    ]
    name = words.party(s.names.titles[party])
    return Sheet(name, standing, balance, table, [("Contract", "Tenant", "Rent a year", "Ends")])
