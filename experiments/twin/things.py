"""What agents own, sign and remember: machines, perimeters, claims, entries of the event log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...agents.buyer import Rack
from ...agents.neocloud import HOURS_PER_DAY
from ...market.liquidation.custody import CARRY_USD_KWH, IDLE_RIG_SHARE
from ...market.state.events import Cause, Event
from ...market.state.hardware import Family
from ...market.state.loans import ANY_GROWTH

if TYPE_CHECKING:
    from .borrower import Borrower
    from .lender import Lender
    from .loan import Loan
    from .lot import Lot
    from .model import TwinMarket
    from .party import Buyer, Party


@dataclass(slots=True, eq=False)
class Entry:
    """One event of the event log; it points to the entry it reacted to."""

    number: int
    day: int
    round: int
    kind: Event
    cause: Cause
    party: Party | None
    counterparty: Party | None
    loan: Loan | None
    amount_usd: float
    parent: Entry | None


@dataclass(slots=True, eq=False)
class HardwareClass:
    """A class of machines, and the second-hand market for it."""

    number: int
    name: str
    family: Family
    launch_day: int  # of a class that comes after the opening; 0: it is there
    age_years: float  # since launch, at the opening
    kw: float
    quality: float  # rent over the H100's, GPUs
    lo_j_th: float
    hi_j_th: float
    rack: Rack
    slots_per_unit: float
    scrap_usd: float
    relocation_days: int
    new_usd: float
    replacement_usd: float
    used_open_usd: float
    annual_depreciation: float
    buyer_view: float  # share of listed income that buyers expect
    routine_units_year: float  # ordinary second-hand trade
    mark_usd: float
    schedule_usd: float
    hold_usd: float = 0.0  # of a unit to a lender that keeps it, at the last window
    clearing_usd: float | None = None
    clearing_day: int = 0
    clearing_event: Entry | None = None
    outside_online: float = 0.0  # sold by force and running for their new owners
    outside_units: float = 0.0  # sold to the outside less delivered from there
    authority_units: float = 0.0  # bought as a last resort
    strips: dict[int, float] = field(default_factory=dict)  # by segment, as last valued
    lots: list[Lot] = field(default_factory=list)  # unsold
    holdings: list[Holding] = field(default_factory=list)  # everybody's
    # who bids for it, with each buyer's private view of its value
    removed_bidders: list[tuple[Buyer, float]] = field(default_factory=list)
    in_place_bidders: list[tuple[Buyer, float]] = field(default_factory=list)

    def idle_usd_day(self, market: TwinMarket) -> float:
        """What an idle unit costs a day [USD]: a GPU in storage, a TH/s of rigs in its shed."""
        terms = market.terms.liquidation
        if self.family is Family.GPU:
            return terms.storage_usd_per_gpu_day
        running = self.kw * HOURS_PER_DAY * CARRY_USD_KWH
        return terms.idle_cost_share * running * IDLE_RIG_SHARE


@dataclass(slots=True, eq=False)
class Holding:
    """Machines of one class in one hand."""

    number: int
    hardware: HardwareClass
    units: float
    pledged: float
    cost_usd_unit_day: float
    online: float = 1.0  # share of rigs running
    waiting_units: float = 0.0  # rigs delivered that have no power yet
    spot_units: float = 0.0  # GPUs ordered after the opening, without a contract
    contract_units: float = 0.0  # bought for contracts signed at the opening
    contract_usd_day: float = 0.0
    contract_cost_usd_day: float = 0.0
    income_usd_unit_day: float = 0.0
    premium_usd_unit_day: float = 0.0  # of which contracts pay beyond spot

    def pooled_units(self) -> float:
        """GPUs that serve the contracts of the opening, or spot."""
        return max(0.0, self.units - self.contract_units - self.spot_units)


@dataclass(slots=True, eq=False)
class Perimeter:
    """Loans whose coverage is tested together."""

    number: int
    borrower: Borrower
    loans: list[Loan] = field(default_factory=list)
    cash_flow_usd: float = 0.0
    service_usd: float = 0.0
    dscr: float | None = None  # of the last test
    surplus_usd: float = 0.0
    days: int = 0


@dataclass(slots=True, eq=False)
class Order:
    """A borrower's machines ordered after the opening; without units nothing is on order."""

    facility: Loan | None = None  # that may pay for them
    holding: Holding | None = None  # where they will be
    units: float = 0.0
    unit_usd: float = 0.0  # agreed price
    debt_usd: float = 0.0  # that the lender has agreed to
    due_day: int = -1
    unfunded_days: int = 0
    number: int = ANY_GROWTH  # as the books call what such a facility pays for


@dataclass(slots=True, eq=False)
class LenderClaim:
    """What one lender owes another."""

    creditor: Lender
    amount_usd: float
    margined: bool  # called when what secures it loses value


@dataclass(slots=True)
class Journal:
    """Flows of a day that create or end claims, counted independently of the stocks."""

    drawn_usd: float = 0.0
    repaid_usd: float = 0.0
    written_off_usd: float = 0.0
    payables_raised_usd: float = 0.0
    payables_settled_usd: float = 0.0
