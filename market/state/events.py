"""The log of events: each names its kind, its cause and its parent.

The *parent* is mechanical: the event whose outcome the next one reacted to, as a margin call reacts
to the sale that set a mark. It says what touched what, not that the later event would not have
happened without the earlier one: other sales may have set the same mark a week later. The *cause*
is the rule or obligation by which it happened, not whose fault it is.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...agents.columns import Column, OneCount, OneOrNone, OneReal


class Event(IntEnum):
    """Kinds of events."""

    SHOCK = 0
    MARGIN_CALL = 1
    MARGIN_MET = 2
    FORCED_SALE = 3  # free BTC or ETH sold because cash ran short
    BTC_LIQUIDATION = 4  # pledged BTC sold by the lender
    COVENANT_BREACH = 5
    LOCK_UP = 6
    CASH_SWEEP = 7
    MISSED_PAYMENT = 8
    CURED = 9
    DEFAULT = 10  # of a party
    LOAN_DEFAULT = 11
    PERIMETER_DEFAULT = 12  # a non-recourse loan: the parent stands
    SEIZURE = 13
    OFFERED = 14  # a seized lot first comes to market
    HARDWARE_SALE = 15
    WRITE_DOWN = 16
    ROLLED_OVER = 17
    NOT_REFINANCED = 18
    DRAW = 19
    ORDER_CANCELLED = 20
    ESTATE_PAID = 21
    LENDER_IMPAIRED = 22
    HAZARD = 23
    EQUITY_ISSUED = 24
    FUNDING_RUN = 25  # redeemable money leaves a lender
    SLEEVE_CLOSED = 26  # of a larger firm: no new credit; the parent pays its debts
    LENDER_FAILED = 27
    INTERLENDER_LOSS = 28  # on a claim on a failed lender
    WAIVED = 29  # a covenant breach, for a while
    EXTENDED = 30  # missed payments are rescheduled
    SURRENDERED = 31  # a non-recourse borrower hands over the keys
    LISTED = 32  # a distressed owner puts machines on sale
    RENEGOTIATED = 33  # a tenant pays the spot rent from now on
    TENANT_LEFT = 34
    CONVERTED = 35  # a note becomes shares
    PUT = 36  # holders of a note ask for their money before maturity
    ORDERED = 37  # machines beyond what was signed at the opening
    HOSTED = 38  # a lender keeps seized machines and has them run
    TENANT_FAILED = 39  # a tenant outside the books: all its contracts break
    TAKEN_IN_KIND = 40  # machines that found no buyer in time, by their lender for its claim
    REORGANISED = 41  # a borrower defaults, owes less, and goes on
    LINE_CALLED = 42  # lenders of a lender's lines ask for money: their collateral lost value
    AMORTISES_EARLY = 43  # a securitisation: its notes take all its cash
    ENTERED = 44  # a new firm: its owners pay in, a lender has agreed to lend
    LINE_STOPPED = 45  # a committed line to a borrower, until its lender lets it draw again


class Cause(IntEnum):
    """By which rule or obligation it happened."""

    NONE = 0
    BTC_PRICE = 1
    HARDWARE_MARK = 2
    DSCR = 3
    INTEREST = 4
    AMORTISATION = 5
    MATURITY = 6
    OPERATING_COSTS = 7
    HAZARD = 8
    CROSS_DEFAULT = 9  # a clause: another loan of the borrower was called
    DEFICIENCY = 10
    UNDERWRITING = 11
    APPETITE = 12
    FUNDING = 13
    LOSSES = 14
    SCENARIO = 15
    COLLATERAL_SALE = 16
    SIGNED_GROWTH = 17
    TREASURY = 18
    CREDIT_SUPPLY = 19  # the lender has no capital to lend against
    SURRENDER = 20  # the machines are worth less to the borrower than the debt
    SPOT_RENT = 21  # the contract was dear
    TENANT_FAILED = 22
    SHARE_PRICE = 23
    RETURNS = 24  # machines earn more than they cost
    PARENT_FAILED = 25
    INSOLVENCY = 26  # the borrower failed as a whole: all it owes is due
    DEMAND = 27  # tenants sell less: demand for compute, or hashprice, and money


EVENT_DTYPE = np.dtype(
    [
        ("day", np.int32),
        ("round", np.int16),
        ("kind", np.int8),
        ("cause", np.int8),
        ("party", np.int32),
        ("counterparty", np.int32),
        ("loan", np.int32),
        ("amount_usd", np.float64),
        ("parent", np.int64),
    ]
)


Events = Annotated[NDArray[np.void], Column(dtype=EVENT_DTYPE)]


class Log(NamedTuple):
    """Where kernels write what happened: the event log and the day's forced sales of BTC."""

    events: Events
    count: OneCount  # type: ignore[assignment]  # hides tuple.count
    forced_usd: OneReal  # sold today
    forced_event: OneOrNone  # the last forced sale, -1 if none yet
