"""Thin Mesa agents: each is a view on a row of the state's tables, with nothing of its own.

They exist so that Mesa's tools (``model.agents``, ``AgentSet.select``, a ``DataCollector`` with
agent reporters, the browser view) can look at a market. Rows act through kernels; reading an
attribute reads the table. They are made for populations small enough to look at.
"""

from __future__ import annotations

import mesa

from ..agents.borrower import share_price_usd
from ..agents.lender import LenderKind, capital_ratio
from ..agents.party import Kind, Status
from .debt.service import borrower_debt_usd
from .state.events import Cause
from .state.loans import LoanStatus
from .state.market import Market

MOST_AGENTS = 20_000


class PartyAgent(mesa.Agent):
    """Any party: what all of them have."""

    def __init__(self, model: mesa.Model, party: int) -> None:
        super().__init__(model)
        self.party = party

    @property
    def market(self) -> Market:
        """The market's tables."""
        market: Market = self.model.market
        return market

    @property
    def name(self) -> str:
        """Id as in the opening tables."""
        return self.market.names.parties[self.party]

    @property
    def title(self) -> str:
        """Display name."""
        return self.market.names.titles[self.party]

    @property
    def cash_usd(self) -> float:
        """Cash."""
        return float(self.market.parties.cash_usd[self.party])

    @property
    def stands(self) -> bool:
        """Whether it is a going concern."""
        return bool(self.market.parties.status[self.party] == Status.ACTIVE)


class BorrowerAgent(PartyAgent):
    """A miner or neocloud as borrower."""

    @property
    def loans(self) -> range:
        """Its rows in the loans' table."""
        first = self.market.loans.first
        return range(int(first[self.party]), int(first[self.party + 1]))

    @property
    def debt_usd(self) -> float:
        """Principal owed in this market."""
        return float(borrower_debt_usd(self.market, self.party))

    @property
    def btc(self) -> float:
        """Free coins; pledged ones sit in the loans they secure."""
        return float(self.market.parties.btc[self.party])

    @property
    def fleet(self) -> dict[str, float]:
        """Units by hardware class: machines, and TH/s of rigs."""
        held = self.market.holdings
        rows = range(int(held.first[self.party]), int(held.first[self.party + 1]))
        names = self.market.names.hardware
        return {names[held.hardware[row]]: float(held.units[row]) for row in rows}

    @property
    def cash_flow_usd_day(self) -> float:
        """Operating cash flow a day, over the last quarter."""
        return float(self.market.borrowers.trailing_cash_flow_usd[self.party])

    @property
    def share_usd(self) -> float:
        """Price of a share, zero if none are listed."""
        table = self.market.borrowers
        return float(share_price_usd(table.equity_usd[self.party], table.shares[self.party]))

    @property
    def creditworthy(self) -> bool:
        """Whether it passed underwriting this week."""
        return bool(self.market.borrowers.creditworthy[self.party])

    @property
    def breaches(self) -> list[str]:
        """Open breaches of its loans, by cause."""
        loans = self.market.loans
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
        return float(self.market.miners.hashrate_online_th[self.party])

    @property
    def power_usd_mwh(self) -> float:
        """Price of its power."""
        return float(self.market.miners.power_usd_mwh[self.party])


class NeocloudAgent(BorrowerAgent):
    """A neocloud operator."""

    @property
    def gpus_online(self) -> float:
        """GPUs that run."""
        return float(self.market.neoclouds.gpus_online[self.party])


class LenderAgent(PartyAgent):
    """A lender."""

    def __init__(self, model: mesa.Model, party: int, row: int) -> None:
        super().__init__(model, party)
        self.row = row

    @property
    def kind(self) -> str:
        """Kind of lender."""
        return LenderKind(int(self.market.lenders.kind[self.row])).name.lower()

    @property
    def capital_usd(self) -> float:
        """Capital after losses."""
        return float(self.market.lenders.capital_usd[self.row])

    @property
    def capital_ratio(self) -> float:
        """Capital over assets."""
        table = self.market.lenders
        return float(capital_ratio(table.capital_usd[self.row], table.funding_usd[self.row]))

    @property
    def book_usd(self) -> float:
        """Principal owed to it in this market."""
        return float(self.market.lenders.book_usd[self.row])

    @property
    def loss_usd(self) -> float:
        """Losses on this market's loans so far."""
        return float(self.market.lenders.loss_usd[self.row])

    @property
    def supply(self) -> float:
        """Share of its usual credit it gives."""
        return float(self.market.lenders.supply[self.row])


class BuyerAgent(PartyAgent):
    """A buyer of second-hand machines."""

    def __init__(self, model: mesa.Model, party: int, row: int) -> None:
        super().__init__(model, party)
        self.row = row

    @property
    def segment(self) -> str:
        """Segment as in the opening tables."""
        return self.market.names.segments[self.market.buyers.segment[self.row]]

    @property
    def budget_usd(self) -> float:
        """Money it can spend now."""
        return float(self.market.buyers.budget_usd[self.row])

    @property
    def slots(self) -> float:
        """Free rack slots of all kinds."""
        return float(self.market.buyers.slots[self.row].sum())


def add_agents(model: mesa.Model) -> int:
    """One agent for each borrower, lender and buyer, in the order of party ids.

    Returns how many were made: none for a population too large to look at.
    """
    market = model.market
    if market.first_outside > MOST_AGENTS:
        return 0
    for party in range(market.borrower_count):
        miner = market.parties.kind[party] == Kind.MINER
        (MinerAgent if miner else NeocloudAgent)(model, party)
    for row in range(market.first_buyer - market.first_lender):
        LenderAgent(model, market.first_lender + row, row)
    for row in range(market.first_outside - market.first_buyer):
        BuyerAgent(model, market.first_buyer + row, row)
    return market.first_outside
