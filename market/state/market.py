"""A market: every table, every number, and what only Python needs of it.

This is the object that phases and kernels get. Compiled kernels see the tables and numbers of it
through :mod:`market.state.handle`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...agents.borrower import Borrowers
from ...agents.buyer import Buyers, Rack
from ...agents.columns import Flags, Ints, Longs, MatrixOrNone, Reals, RealsOrNone, empty
from ...agents.lender import Lenders
from ...agents.miner import Miners
from ...agents.neocloud import Neoclouds
from ...agents.party import Parties, Status
from ..scenario.scenario import Scenario
from .contracts import Contracts
from .events import Log
from .facts import DatedFacts, no_facts
from .handle import WORD, Numbers, layout_of, numbers, place, place_of, places
from .hardware import Hardware, Holdings
from .interlender import Interlender
from .ledger import Ledger
from .loans import Claims, Loans, Perimeters
from .lots import Lots
from .orders import Orders
from .paths import ComputePaths, CryptoPaths, MacroPaths
from .series import Kept, nothing_kept
from .terms import Terms


@dataclass
class Names:
    """What the rows of the tables are called."""

    parties: Sequence[str]  # ids
    titles: Sequence[str]  # display names
    loans: Sequence[str]
    contracts: Sequence[str]
    hardware: tuple[str, ...]
    segments: list[str]


@numbers
class Today(Numbers):
    """The day, and where lenders, buyers and outside parties begin among the parties."""

    __slots__ = ()

    day: int
    seed: int
    keeps_book: bool  # whether ladders and prices of auctions are kept to look at
    past_horizon: bool  # claims are being settled: nobody orders machines on new credit
    valued_day: int  # on which machines were last valued, -1: never
    shock_event: int  # the scripted shock, -1 before
    prospects: int  # the last borrowers: firms that were not there at the opening
    first_lender: int
    first_buyer: int
    first_outside: int


@numbers
class Prices(Numbers):
    """Prices and rates of a day; the market's scalar state."""

    __slots__ = ()

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
    rate_change: float  # of the reference rate since the opening
    spread_change: float  # of credit spreads since the opening
    spread_marked: float  # of that, what funds' other loans are marked at
    rent_h100_usd_h: float
    rent_planned_usd_h: float
    effective_gpus: float  # online, in H100s by rent
    outside_gpus: float  # of which in new classes of the rest of the market
    hall_demand: float  # for halls of GPUs, over the opening
    hall_rent: float  # of an empty one, over the opening
    rig_hall_demand: float  # for halls of miners, and the next the same
    rig_hall_rent: float
    receiver_gpus: float  # of which seized ones a receiver keeps rented
    receiver_th: float  # seized rigs a receiver keeps running
    growth_online: float  # share of the network's growth that runs
    grown_eh_s: float  # added to the network since the opening by who is not modelled
    bought_eh_s: float  # by modelled miners, not yet counted in the network's growth
    rigs_bought_usd: float  # new ones, by modelled miners, so far
    entered_h100: float  # work ordered by entrants, not yet counted in the growth of other fleets
    rig_q: float  # Tobin's q of new rigs over its opening value
    stress: float  # of the macro factor: zero in normal times
    appetite: float  # to refinance, over normal
    loan_price: float  # of lenders' other loans, 1 at par
    perceived_loss_rate: float  # a year, of loans: what lenders remember
    lost_usd: float  # by all lenders until yesterday
    depositor_loss_usd: float  # of failed lenders' creditors outside, so far
    ease: float  # of lending, -1 to 1: what lenders have learnt from their losses
    frontier: int  # class that new orders are for
    q: float  # Tobin's q of such machines over its opening value
    ordered_usd: float  # beyond signed growth, so far
    paid_out_usd: float  # by borrowers to their owners, so far


@numbers
class OpeningConstants(Numbers):
    """Numbers of the opening day that do not change."""

    __slots__ = ()

    CONSTANT = True
    ENDLESS = ("smallest_cluster",)

    halving_blocks: float
    retarget_blocks: float
    network_eh_s: float
    rent_usd_h: float
    hashprice_usd_ph_day: float
    eth_usd: float
    hall_rent_usd_mw_year: float  # of a MW for GPUs, in the leases of the books
    site_class: int  # powered sites
    hall_class: int  # halls that stand on them
    smallest_cluster: float  # that any buyer takes in place
    growth_class: int  # newest rigs: growth of the network outside the modelled fleets
    other_loans_usd: float  # of all lenders: the market their sales move
    new_rigs: int  # class on order in books of 2021, -1: there is none
    machine_class: int  # class that new investment buys until a better comes, -1: none is sold
    roadmap_end_day: int  # the last launch announced in the books, 0: none is dated
    value_to_price: float  # of such machines: what q is measured against
    rig_value_to_price: float  # the same, of rigs of the growth class
    largest_borrower: int  # who owes most at the opening, its group counted with it


def _array(dtype: Any = np.float64, *shape: int) -> Any:
    """A field that starts as zeros; empty unless a shape is given."""
    return field(default_factory=lambda: np.zeros(shape or 0, dtype))


def _table(kind: type) -> Any:
    """A field that starts as a table without rows."""
    return field(default_factory=lambda: empty(kind, 0))


@dataclass
class Market:
    """Tables, numbers, names, scenario and paths of one market.

    An attribute that kernels see may be replaced between kernels: the next one sees the new one.
    """

    _numba_type_: ClassVar[Any]

    scenario: Scenario
    names: Names
    # tables
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
    log: Log
    # numbers
    today: Today
    prices: Prices
    terms: Terms
    opening: OpeningConstants = field(default_factory=OpeningConstants)
    # by class
    marks_usd: Reals = _array()  # lenders' marks
    schedule_usd: Reals = _array()  # what depreciation schedules say
    clearing_usd: RealsOrNone = _array()  # last price, NaN: none yet
    clearing_day: Ints = _array(np.int32)
    clearing_event: Longs = _array(np.int64)  # the forced sale behind that price, -1: none
    buyer_view: Reals = _array()  # of income, over today's
    hold_usd: Reals = _array()  # a unit to a lender that keeps it, at the last auctions
    outside_online: Reals = _array()  # sold by force, running for new owners
    routine_units_year: Reals = _array()  # ordinary second-hand trade
    has_removed_buyers: Flags = _array(np.bool_)
    has_in_place_buyers: Flags = _array(np.bool_)
    # by rack, segment, day
    # racks let to lenders until the next auctions
    hosted_slots: Reals = _array(np.float64, len(Rack))
    first_of_segment: Longs = _array(np.int64)
    # value of the option to run, as of today.valued_day
    strips: MatrixOrNone = _array(np.float64, 0, 0)
    planned_supply: Reals = _array()  # effective GPUs if all signed orders come
    outside_arrivals: Reals = _array()  # new classes of the rest of the market, H100s by work
    work_price_ahead: Reals = _array()  # by month ahead: expected price of work over today's
    stocks: Reals = _array()  # of the day before (market.state.journal)
    kept: Kept = field(default_factory=lambda: nothing_kept(0, 0))
    dated: DatedFacts = field(default_factory=no_facts)
    # by day of the run
    crypto: CryptoPaths = _table(CryptoPaths)
    compute: ComputePaths = _table(ComputePaths)
    macro: MacroPaths = _table(MacroPaths)

    def __setattr__(self, name: str, value: Any) -> None:
        written = self.__dict__.get("_written")
        if written is not None and name in _LAYOUT:
            written.note(name, value)
        object.__setattr__(self, name, value)

    def copy(self) -> Market:
        """The same market with memory of its own; scenario and names, which never change, stay."""
        members = {name: _copied(value) for name, value in self.__getstate__().items()}
        return type(self)(**members)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy gets: it has memory of its own, and writes its own places down."""
        return {name: value for name, value in self.__dict__.items() if name != "_written"}

    @property
    def address(self) -> int:
        """Where the places of all that kernels see are written down."""
        written = self.__dict__.get("_written")
        if written is None:
            written = self.__dict__["_written"] = _Written(self)
        address: int = written.address
        return address

    @property
    def day(self) -> int:
        """Days since the opening."""
        return self.today.day

    @property
    def seed(self) -> int:
        """The seed."""
        return self.today.seed

    @property
    def date(self) -> date:
        """Calendar date of the current day."""
        return self.crypto.start + timedelta(days=self.day)

    @property
    def first_lender(self) -> int:
        """Party id of the first lender: borrowers are parties 0 .. this."""
        return self.today.first_lender

    @property
    def has_defaulted(self) -> NDArray[np.bool_]:
        """Which borrowers have failed, or have reorganised."""
        count = self.borrower_count
        failed = self.parties.status[:count] != Status.ACTIVE
        failed &= ~self.is_prospect
        return failed | (self.parties.reorganised_day[:count] >= 0)

    @property
    def is_prospect(self) -> NDArray[np.bool_]:
        """Which borrowers do not exist yet."""
        prospect: NDArray[np.bool_] = self.parties.status[: self.borrower_count] == Status.PROSPECT
        return prospect

    @property
    def borrower_count(self) -> int:
        """Miners and neoclouds."""
        return self.today.first_lender

    @property
    def first_buyer(self) -> int:
        """Party id of the first buyer."""
        return self.today.first_buyer

    @property
    def first_outside(self) -> int:
        """Party id of the first outside party."""
        return self.today.first_outside

    @property
    def events(self) -> NDArray[np.void]:
        """The event log so far, :data:`market.state.events.EVENT_DTYPE`."""
        return self.log.events[: int(self.log.count[0])]

    @property
    def claims(self) -> Claims:
        """Claims on loans in default, or once in default."""
        return self.loans.claims


def _copied(value: Any) -> Any:
    """Arrays and numbers anew, in a table column by column; anything else as it is."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Numbers):
        return type(value).from_buffer_copy(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_copied, value))
    return value


class _Written:
    """Places written down."""

    def __init__(self, market: Market) -> None:
        self.words = np.array(places(market, Market), np.int64)
        self.address: int = self.words.__array_interface__["data"][0]

    def note(self, name: str, value: Any) -> None:
        """One member was replaced."""
        member = _LAYOUT[name]
        words = place(value, member, name)
        self.words[member.at // WORD :][: len(words)] = words


_LAYOUT = layout_of(Market)
Market._numba_type_ = place_of(Market)
