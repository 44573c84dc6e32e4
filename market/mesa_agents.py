"""Thin Mesa agents: each is a view on a row of the state's tables, with nothing of its own.

They exist so that Mesa's tools (``model.agents``, ``AgentSet.select``, a ``DataCollector`` with
agent reporters, the browser view) can look at a market. Rows act through kernels; reading an
attribute reads the table. They are made for populations small enough to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mesa

from ..agents.borrower import share_price_usd
from ..agents.lender import LenderKind, capital_ratio
from ..agents.party import Kind, Status
from .debt.service import borrower_debt_usd
from .state.events import Cause
from .state.loans import LoanStatus

if TYPE_CHECKING:
    from .model import CreditMarket
    from .state.market import State

MOST_AGENTS = 20_000


class PartyAgent(mesa.Agent):
    """Any party: what all of them have."""

    def __init__(self, model: CreditMarket, party: int) -> None:
        super().__init__(model)
        self.party = party

    @property
    def state(self) -> State:
        """The market's tables."""
        state: State = self.model.state
        return state

    @property
    def name(self) -> str:
        """Id as in the opening tables."""
        return self.state.names.parties[self.party]

    @property
    def title(self) -> str:
        """Display name."""
        return self.state.names.titles[self.party]

    @property
    def cash_usd(self) -> float:
        """Cash."""
        return float(self.state.parties.cash_usd[self.party])

    @property
    def stands(self) -> bool:
        """Whether it is a going concern."""
        return bool(self.state.parties.status[self.party] == Status.ACTIVE)


class BorrowerAgent(PartyAgent):
    """A miner or neocloud as borrower."""

    @property
    def loans(self) -> range:
        """Its rows in the loans' table."""
        first = self.state.loans.first
        return range(int(first[self.party]), int(first[self.party + 1]))

    @property
    def debt_usd(self) -> float:
        """Principal owed in this market."""
        return float(borrower_debt_usd(self.party, self.state.loans))

    @property
    def btc(self) -> float:
        """Free coins; pledged ones sit in the loans they secure."""
        return float(self.state.parties.btc[self.party])

    @property
    def fleet(self) -> dict[str, float]:
        """Units by hardware class: machines, and TH/s of rigs."""
        held = self.state.holdings
        rows = range(int(held.first[self.party]), int(held.first[self.party + 1]))
        names = self.state.names.hardware
        return {names[held.hardware[row]]: float(held.units[row]) for row in rows}

    @property
    def cash_flow_usd_day(self) -> float:
        """Operating cash flow a day, over the last quarter."""
        return float(self.state.borrowers.trailing_cash_flow_usd[self.party])

    @property
    def share_usd(self) -> float:
        """Price of a share, zero if none are listed."""
        table = self.state.borrowers
        return float(share_price_usd(table.equity_usd[self.party], table.shares[self.party]))

    @property
    def creditworthy(self) -> bool:
        """Whether it passed underwriting this week."""
        return bool(self.state.borrowers.creditworthy[self.party])

    @property
    def breaches(self) -> list[str]:
        """Open breaches of its loans, by cause."""
        loans = self.state.loans
        return [
            Cause(int(loans.breach[loan])).name.lower()
            for loan in self.loans
            if loans.breach[loan] != Cause.NONE and loans.status[loan] == LoanStatus.PERFORMING
        ]


class MinerAgent(BorrowerAgent):
    """A miner."""

    @property
    def hashrate_online_th(self) -> float:
        """Hashrate that runs [TH/s]."""
        return float(self.state.miners.hashrate_online_th[self.party])

    @property
    def power_usd_mwh(self) -> float:
        """Price of its power."""
        return float(self.state.miners.power_usd_mwh[self.party])


class NeocloudAgent(BorrowerAgent):
    """A neocloud operator."""

    @property
    def gpus_online(self) -> float:
        """GPUs that run."""
        return float(self.state.neoclouds.gpus_online[self.party])


class LenderAgent(PartyAgent):
    """A lender."""

    def __init__(self, model: CreditMarket, party: int, row: int) -> None:
        super().__init__(model, party)
        self.row = row

    @property
    def kind(self) -> str:
        """Kind of lender."""
        return LenderKind(int(self.state.lenders.kind[self.row])).name.lower()

    @property
    def capital_usd(self) -> float:
        """Capital after losses."""
        return float(self.state.lenders.capital_usd[self.row])

    @property
    def capital_ratio(self) -> float:
        """Capital over assets."""
        table = self.state.lenders
        return float(capital_ratio(table.capital_usd[self.row], table.funding_usd[self.row]))

    @property
    def book_usd(self) -> float:
        """Principal owed to it in this market."""
        return float(self.state.lenders.book_usd[self.row])

    @property
    def loss_usd(self) -> float:
        """Losses on this market's loans so far."""
        return float(self.state.lenders.loss_usd[self.row])

    @property
    def supply(self) -> float:
        """Share of its usual credit it gives."""
        return float(self.state.lenders.supply[self.row])


class BuyerAgent(PartyAgent):
    """A buyer of second-hand machines."""

    def __init__(self, model: CreditMarket, party: int, row: int) -> None:
        super().__init__(model, party)
        self.row = row

    @property
    def segment(self) -> str:
        """Segment as in the opening tables."""
        return self.state.names.segments[self.state.buyers.segment[self.row]]

    @property
    def budget_usd(self) -> float:
        """Money it can spend now."""
        return float(self.state.buyers.budget_usd[self.row])

    @property
    def slots(self) -> float:
        """Free rack slots of all kinds."""
        return float(self.state.buyers.slots[self.row].sum())


def add_agents(model: CreditMarket) -> int:
    """One agent for each borrower, lender and buyer, in the order of party ids.

    Returns how many were made: none for a population too large to look at.
    """
    s = model.state
    if s.first_outside > MOST_AGENTS:
        return 0
    for party in range(s.borrower_count):
        miner = s.parties.kind[party] == Kind.MINER
        (MinerAgent if miner else NeocloudAgent)(model, party)
    for row in range(s.first_buyer - s.first_lender):
        LenderAgent(model, s.first_lender + row, row)
    for row in range(s.first_outside - s.first_buyer):
        BuyerAgent(model, s.first_buyer + row, row)
    return s.first_outside
