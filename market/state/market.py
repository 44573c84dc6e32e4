"""The whole state of a market: tables of arrays, and the few numbers that are not arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...agents.borrower import Borrowers
from ...agents.buyer import Buyers, Rack
from ...agents.lender import Lenders
from ...agents.miner import Miners
from ...agents.neocloud import Neoclouds
from ...agents.party import Parties
from .contracts import Contracts
from .events import Log
from .facts import Diary
from .hardware import Hardware, Holdings
from .interlender import Interlender
from .ledger import Ledger
from .loans import Claims, Loans, Perimeters
from .lots import Lots
from .orders import Orders


@dataclass
class Names:
    """What the rows of the tables are called."""

    parties: Sequence[str]  # ids
    titles: Sequence[str]  # display names
    loans: Sequence[str]
    contracts: Sequence[str]
    hardware: tuple[str, ...]
    segments: list[str]


@dataclass
class Prices:
    """Prices and rates of a day; the market's scalar state."""

    btc_usd: float
    btc_exogenous_usd: float
    btc_impact_log: float  # what forced sales have done to the log price, decaying
    eth_usd: float
    hashprice_usd_ph_day: float
    network_hashrate_eh_s: float
    difficulty_eh_s: float  # hashrate the current difficulty implies
    blocks_to_retarget: float
    retarget_days: float  # days since the last retarget
    block_height: float
    subsidy_btc: float
    reference_rate: float
    rent_h100_usd_h: float
    rent_planned_usd_h: float
    effective_gpus: float  # online, in H100s by rent
    receiver_gpus: float  # of which seized ones a receiver keeps rented
    receiver_th: float  # seized rigs a receiver keeps running
    growth_online: float  # share of the network's growth that runs
    stress: float  # of the macro factor: zero in normal times
    appetite: float  # to refinance, over normal
    policy_bought_usd: float  # by the buyer of last resort, so far
    policy_lent_usd: float  # by the lender of last resort, so far
    loan_price: float  # of lenders' other loans, 1 at par
    perceived_loss_rate: float  # a year, of loans: what lenders remember
    lost_usd: float  # by all lenders until yesterday
    ease: float  # of lending, -1 to 1
    q: float  # Tobin's q of new machines over its opening value
    ordered_usd: float  # beyond signed growth, so far
    paid_out_usd: float  # by borrowers to their owners, so far


@dataclass
class State:
    """Tables, names and prices of one market."""

    names: Names
    parties: Parties
    borrowers: Borrowers
    miners: Miners
    neoclouds: Neoclouds
    lenders: Lenders
    buyers: Buyers
    hardware: Hardware
    holdings: Holdings
    loans: Loans
    perimeters: Perimeters
    contracts: Contracts
    orders: Orders
    lots: Lots
    interlender: Interlender
    ledger: Ledger
    prices: Prices
    first_lender: int
    first_buyer: int
    first_outside: int
    log: Log
    marks_usd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # [class]
    clearing_usd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # NaN: none yet
    clearing_day: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    clearing_event: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    buyer_view: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # [class]
    outside_online: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # [class]
    hosted_slots: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(Rack)))
    diary: Diary | None = None  # dated facts after the opening, where the books know any
    shock_event: int = -1
    depositor_loss_usd: float = 0.0  # of failed lenders' creditors outside

    @property
    def events(self) -> NDArray[np.void]:
        """The causal log so far, :data:`market.state.events.EVENT_DTYPE`."""
        return self.log.events[: int(self.log.count[0])]

    @property
    def claims(self) -> Claims:
        """Claims on loans in default, or once in default."""
        return self.loans.claims

    @property
    def borrower_count(self) -> int:
        """Miners and neoclouds; they are parties 0 .. count - 1."""
        return self.first_lender
