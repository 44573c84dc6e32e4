"""A market small enough for pen and paper: a few borrowers, lenders, buyers and classes.

``Bench`` builds the engine's own tables with the columns a test names, and runs single phases of
a day on them. What is not named is zero, empty or off, so that a test can count every dollar.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from firesale.agents.borrower import Borrowers
from firesale.agents.buyer import Buyers, Rack
from firesale.agents.columns import empty
from firesale.agents.lender import LenderKind, Lenders
from firesale.agents.miner import Miners
from firesale.agents.neocloud import Neoclouds
from firesale.agents.party import Kind, Outside, Parties
from firesale.market.dated.day import give_credit
from firesale.market.debt.default import default
from firesale.market.debt.steps import pay, roll_over, service, test
from firesale.market.lenders.forbearance import decide
from firesale.market.lenders.reorganisation import reorganise
from firesale.market.lenders.steps import lenders
from firesale.market.liquidation.bids import set_private_views
from firesale.market.liquidation.steps import liquidate
from firesale.market.opening.interlender import interlender_of
from firesale.market.operators.steps import grow, operate
from firesale.market.prices.money import macro_paths
from firesale.market.prices.shocks import shock
from firesale.market.prices.steps import set_prices
from firesale.market.scenario.scenario import Scenario
from firesale.market.state.contracts import Contracts
from firesale.market.state.events import Cause, Event, Log
from firesale.market.state.hardware import Family, Hardware, Holdings
from firesale.market.state.interlender import Interlender
from firesale.market.state.journal import make_room
from firesale.market.state.ledger import Flow, Ledger, Stocks
from firesale.market.state.loans import (
    NO_GROWTH,
    Amortisation,
    Claims,
    Collateral,
    Instrument,
    Loans,
    LoanStatus,
    Perimeters,
    TermSheets,
)
from firesale.market.state.lots import Lots
from firesale.market.state.market import Market, Names, OpeningConstants, Prices, Today
from firesale.market.state.money import conservation_error, take_stock
from firesale.market.state.orders import Orders
from firesale.market.state.paths import ComputePaths, CryptoPaths
from firesale.market.state.series import nothing_kept
from firesale.market.state.terms import Terms, terms_of

NAN = float("nan")
GPU, RIG, SITE = 0, 1, 2  # classes of the bench
ROOM = 40  # lots

LOAN_DEFAULTS: dict[str, Any] = {
    "perimeter": -1,
    "instrument": Instrument.OTHER,
    "amortisation": Amortisation.BULLET,
    "interval_days": 30,
    "next_payment_day": 100_000,
    "maturity_day": 100_000,
    "term_days": 365,
    "collateral": Collateral.NONE,
    "hardware": -1,
    "initial_ltv": NAN,
    "margin_call_ltv": NAN,
    "liquidation_ltv": NAN,
    "min_dscr": NAN,
    "recourse": True,
    "growth": NO_GROWTH,
    "conversion_usd": NAN,
    "put_day": -1,
    "holding": -1,
    "due_cause": Cause.NONE,
    "breach": Cause.NONE,
    "breach_day": -1,
    "breach_event": -1,
    "roll_day": -1,
    "draw_event": -1,
    "stop_event": -1,
    "default_day": -1,
    "default_event": -1,
    "claim": -1,
}


PHASES = {
    name.__name__: name
    for name in (
        shock,
        set_prices,
        operate,
        service,
        pay,
        test,
        decide,
        reorganise,
        default,
        lenders,
        liquidate,
        roll_over,
        give_credit,
        grow,
    )
}


class Bench:
    """A hand-made market, and single phases of its days.

    Args:
        loans: one dict of columns per loan, grouped by borrower (ascending).
        fleets: ``(borrower, class, units)`` of machines held.
        buyers: one dict per buyer: ``budget``, ``slots`` (of its one rack kind), ``needs_slots``,
            ``in_place``, ``min_lot``.
        terms: terms to change by name, `section__name` where two sections have it; no hazard.
        quiet: fields of the scenario's sections, as in ``{"liquidation": {"legal_days": 5}}``.
    """

    def __init__(
        self,
        loans: Sequence[dict[str, Any]] = (),
        *,
        borrowers: int = 1,
        lenders: int = 1,
        fleets: Sequence[tuple[int, int, float]] = (),
        buyers: Sequence[dict[str, Any]] = (),
        cash: Sequence[float] = (),
        btc: Sequence[float] = (),
        lender_cash: float = 1e6,
        patience: Sequence[tuple[float, float]] = (),
        marks: Sequence[float] = (100.0, 10.0, 0.0),
        scrap: Sequence[float] = (5.0, 1.0, 0.0),
        btc_usd: float = 100.0,
        scenario: dict[str, Any] | None = None,
        **terms: Any,
    ) -> None:
        self.b, self.l = borrowers, lenders
        self.first_lender = borrowers
        self.first_buyer = borrowers + lenders
        self.first_outside = self.first_buyer + len(buyers)
        count = self.first_outside + len(Outside)
        settings = Scenario.recorded(
            {
                "name": "bench",
                "days": 3650,
                "liquidation": {"window_days": 365},
                "credit": {"hazard_per_year": 0.0, "max_waivers": 0, "surrender_ratio": 0.0},
                "investment": {"sensitivity": 0.0},
                "channels": {
                    "lender_capital": False,
                    "funding_run": False,
                    "counterparty": False,
                },
            }
            | (scenario or {}),
            "bench",
        )
        parties = empty(Parties, count)
        parties.kind[:borrowers] = Kind.NEOCLOUD
        parties.kind[self.first_lender : self.first_buyer] = Kind.LENDER
        parties.kind[self.first_buyer : self.first_outside] = Kind.BUYER
        parties.cash_usd[: len(cash)] = cash
        parties.btc[: len(btc)] = btc
        parties.cash_usd[self.first_lender : self.first_buyer] = lender_cash
        owed = self._loans(loans)
        book = np.bincount(owed.lender, weights=owed.principal_usd, minlength=lenders)
        waits = list(patience) or [(0.0, 100.0)] * lenders
        lender_table = empty(
            Lenders,
            lenders,
            kind=np.full(lenders, LenderKind.BANK),
            capital_open_usd=np.full(lenders, 0.5e6),
            capital_usd=np.full(lenders, 0.5e6),
            book_usd=book,
            other_loans_usd=np.full(lenders, 1e6),
            funding_usd=lender_cash + book + 1e6 - 0.5e6,
            runnable_share=[share for share, _ in waits],
            funding_maturity_days=[days for _, days in waits],
            target_leverage=np.full(lenders, 4.0),
            owners_share=np.ones(lenders),
            payout_share=np.ones(lenders),  # nothing is kept, unless a test says so
            supply=np.ones(lenders),
            supply_event=np.full(lenders, -1),
            run_event=np.full(lenders, -1),
            worst_event=np.full(lenders, -1),
            closed_event=np.full(lenders, -1),
            impaired_event=np.full(lenders, -1),
        )
        holdings = self._holdings(fleets, len(buyers), count)
        for loan in range(len(owed.status)):
            if owed.collateral[loan] == Collateral.HARDWARE:
                owner = owed.borrower[loan]
                rows = range(holdings.first[owner], holdings.first[owner + 1])
                owed.holding[loan] = next(
                    row for row in rows if holdings.hardware[row] == owed.hardware[loan]
                )
                holdings.pledged[owed.holding[loan]] += owed.collateral_units[loan]
        hardware = self._hardware(scrap, marks)
        perimeters = sorted({int(p) for p in owed.perimeter if p >= 0})
        quotes = {
            "btc_usd": btc_usd,
            "btc_exogenous_usd": btc_usd,
            "eth_usd": 10.0,
            "network_hashrate_eh_s": 1000.0,
            "difficulty_eh_s": 1000.0,
            "blocks_to_retarget": 2016.0,
            "subsidy_btc": 3.125,
            "appetite": 1.0,
            "loan_price": 1.0,
            "rig_q": 1.0,
            "q": 1.0,
            "hall_demand": 1.0,
            "hall_rent": 1.0,
            "rig_hall_demand": 1.0,
            "rig_hall_rent": 1.0,
        }
        self.market = Market(
            scenario=settings,
            names=Names(
                parties=[f"p{i}" for i in range(count)],
                titles=[f"Party {i}" for i in range(count)],
                loans=[f"loan{i}" for i in range(len(owed.status))],
                contracts=[],
                hardware=("GPU", "RIG", "SITE"),
                segments=["BUYERS"],
            ),
            parties=parties,
            borrowers=empty(Borrowers, borrowers),
            miners=empty(Miners, borrowers),
            neoclouds=empty(Neoclouds, borrowers),
            lenders=lender_table,
            buyers=self._buyers(buyers),
            hardware=hardware,
            holdings=holdings,
            loans=owed,
            perimeters=empty(
                Perimeters,
                len(perimeters),
                borrower=[owed.borrower[np.argmax(owed.perimeter == p)] for p in perimeters],
                dscr=np.full(len(perimeters), np.nan),
            ),
            contracts=empty(Contracts, 0),
            orders=empty(Orders, borrowers, borrower=np.arange(borrowers)),
            lots=empty(Lots, ROOM),
            interlender=interlender_of(np.zeros((lenders, lenders))),
            ledger=empty(Ledger, 3),
            prices=Prices(**quotes),
            today=Today(
                seed=1,
                valued_day=-1,
                shock_event=-1,
                first_lender=self.first_lender,
                first_buyer=self.first_buyer,
                first_outside=self.first_outside,
            ),
            terms=terms_of(settings),
            log=empty(Log, 4_000),
            marks_usd=np.array(marks, float),
            clearing_usd=np.full(3, np.nan),
            clearing_day=np.zeros(3, np.int32),
            clearing_event=np.full(3, -1, np.int64),
            buyer_view=np.ones(3),
            outside_online=np.zeros(3),
        )
        market = self.market
        set_private_views(market)
        in_place = np.array([bool(buyer.get("in_place")) for buyer in buyers])
        market.schedule_usd = np.array(marks, float)
        market.hold_usd = np.zeros(3)
        market.crypto = CryptoPaths(
            *(np.full(3651, price) for price in (btc_usd, 10.0, 1.0, 0.0)),
            start=date(2025, 9, 30),
        )
        market.compute = ComputePaths(np.ones(3651))
        market.macro = macro_paths(settings.macro, 3650, 1)
        market.routine_units_year = np.zeros(3)
        market.planned_supply = np.ones(3651)
        market.first_of_segment = np.zeros(1, np.int64)
        market.strips = np.full((1, 3), np.nan)
        market.kept = nothing_kept(3650, 3)
        make_room(market)
        market.has_removed_buyers = np.array([True, True, True])
        market.has_in_place_buyers = np.array([bool(in_place.any()), False, False])
        market.opening = OpeningConstants(
            halving_blocks=210_000.0,
            retarget_blocks=2016.0,
            network_eh_s=1000.0,
            rent_usd_h=2.0,
            hashprice_usd_ph_day=50.0,
            eth_usd=10.0,
            site_class=SITE,
            hall_class=SITE,
            smallest_cluster=100.0 if in_place.any() else np.inf,
            growth_class=RIG,
            new_rigs=RIG,
            other_loans_usd=1e6 * lenders,
            machine_class=GPU,
            value_to_price=1.0,
            rig_value_to_price=1.0,
        )
        for name, value in terms.items():
            self.set(name, value)
        self.opened = self.stocks()
        self.worst_error = 0.0

    # --- tables -----------------------------------------------------------------------------------

    def _loans(self, rows: Sequence[dict[str, Any]]) -> Loans:
        count = len(rows)
        names = set(LOAN_DEFAULTS).union(*rows)
        columns = {
            name: [row.get(name, LOAN_DEFAULTS.get(name, 0)) for row in rows] for name in names
        }
        claims = empty(Claims, 2 * count)
        of_loan = {name: columns.pop(name) for name in Claims._fields if name in columns}
        for loan, row in enumerate(rows):
            defaulted = row.get("status", LoanStatus.PERFORMING) == LoanStatus.DEFAULTED
            assert defaulted or not set(row).intersection(of_loan), "a claim needs a default"
            if defaulted:
                claim = columns["claim"][loan] = int(claims.count[0])
                claims.count[0] += 1
                claims.loan[claim] = loan
                for name, values in of_loan.items():
                    getattr(claims, name)[claim] = values[loan]
        columns.setdefault("vehicle", list(range(count)))  # each stands by itself
        owner = np.array(columns.get("borrower", [0] * count), np.int64)
        assert np.all(np.diff(owner) >= 0)
        terms = {name: columns.pop(name) for name in TermSheets._fields if name in columns}
        sheets = empty(TermSheets, count, **terms)
        loans = empty(Loans, count, claims=claims, sheets=sheets, sheet=range(count), **columns)
        return loans._replace(first=np.searchsorted(owner, np.arange(self.b + 1)).astype(np.int64))

    def _holdings(
        self, fleets: Sequence[tuple[int, int, float]], buyers: int, count: int
    ) -> Holdings:
        rows = sorted(fleets)
        rows += [(self.first_buyer + j, k, 0.0) for j in range(buyers) for k in (GPU, RIG)]
        owner = np.array([row[0] for row in rows], np.int64)
        holdings = empty(
            Holdings,
            len(rows),
            hardware=[row[1] for row in rows],
            units=[row[2] for row in rows],
        )
        return holdings._replace(
            first=np.searchsorted(owner, np.arange(count + 1)).astype(np.int64)
        )

    def _hardware(self, scrap: Sequence[float], used: Sequence[float]) -> Hardware:
        return empty(
            Hardware,
            3,
            family=[Family.GPU, Family.ASIC, Family.SITE],
            kw=[1.0, 0.02, 0.0],
            quality=[1.0, 0.0, 0.0],
            lo_j_th=[0.0, 15.0, 0.0],
            hi_j_th=[1.0, 25.0, 1.0],
            rack=[Rack.AIR_15_40, Rack.ASIC, Rack.SITE],
            slots_per_unit=[1.0, 0.5, 1.0],
            scrap_usd=scrap,
            relocation_days=[10, 4, 0],
            new_usd=2.0 * np.array(used),
            replacement_usd=[2.0 * used[GPU], 2.0 * used[RIG], np.inf],
            used_open_usd=used,
        )

    def _buyers(self, rows: Sequence[dict[str, Any]]) -> Buyers:
        n = len(rows)
        slots = np.zeros((n, len(Rack)))
        for j, row in enumerate(rows):
            slots[j, [Rack.AIR_15_40, Rack.ASIC, Rack.SITE]] = row.get("slots", 1e9)
        return empty(
            Buyers,
            n,
            budget_usd=[row.get("budget", 1e12) for row in rows],
            slots=slots,
            slots_open=slots.copy(),
            needs_slots=[row.get("needs_slots", True) for row in rows],
            accepts=np.ones((n, 3)),
            private_view=np.ones((n, 3)),
            in_place_only=[row.get("in_place", False) for row in rows],
            min_lot_gpus=[row.get("min_lot", 0.0) for row in rows],
            horizon_years=np.ones(n),
        )

    # --- looking ----------------------------------------------------------------------------------

    @property
    def s(self) -> Market:
        return self.market

    @property
    def terms(self) -> Terms:
        return self.market.terms

    def set(self, name: str, value: Any) -> None:
        """Change a term: ``legal_days``, or ``credit.legal_days`` where sections share a name."""
        section, _, leaf = name.rpartition("__")
        parts = [section] if section else [part for part, *_ in type(self.terms)._fields_]
        held = {part: getattr(self.terms, part) for part in parts}
        holders = [one for one in held.values() if hasattr(one, "_fields_") and hasattr(one, leaf)]
        derived = [held["derived"]] if held.get("derived") in holders else []
        (holder,) = derived or holders
        setattr(holder, leaf, value)

    def cash(self, party: int) -> float:
        return float(self.s.parties.cash_usd[party])

    def lender(self, row: int = 0) -> int:
        return self.first_lender + row

    def outside(self, party: Outside) -> int:
        return self.first_outside + party

    def events(self, kind: Event) -> np.ndarray:
        return self.s.events[self.s.events["kind"] == kind]

    def kinds(self) -> list[str]:
        """Names of all events so far, in order."""
        return [Event(int(kind)).name for kind in self.s.events["kind"]]

    def stocks(self) -> Stocks:
        return take_stock(self.market)

    def kernel(self, function: Any, **given: Any) -> Any:
        """Call a kernel with the market, its tables by name, and what is given."""
        known = {"market": self.market, **vars(self.market)}
        names = inspect.signature(getattr(function, "py_func", function)).parameters
        return function(*(given[name] if name in given else known[name] for name in names))

    # --- doing ------------------------------------------------------------------------------------

    def day(self, day: int, *names: str, btc_usd: float | None = None) -> None:
        """Run the named phases of a day, and check that nothing was lost."""
        make_room(self.market)
        self.market.today.day = day
        if btc_usd is not None:
            self.s.prices.btc_usd = btc_usd
        before = self.stocks()
        self.s.ledger.flows[:] = 0.0
        for name in names:
            PHASES[name](self.market)
        error = conservation_error(before, self.stocks(), self.s.ledger.flows)
        self.worst_error = max(self.worst_error, error)
        assert error <= 1e-9, f"day {day}: conservation error {error}"
        assert np.all(self.s.loans.principal_usd >= -1e-6)
        assert np.all(self.s.ledger.flows[[Flow.CLAIM_DRAWN, Flow.CLAIM_REPAID]] >= 0)

    # --- lenders ----------------------------------------------------------------------------------

    def balance(self, row: int, *, cash: float, other: float, owes: float, **columns: Any) -> None:
        """Give a lender a balance sheet: capital is what it does not owe, unless told otherwise."""
        lenders = self.s.lenders
        self.s.parties.cash_usd[self.lender(row)] = cash
        assets = cash + other + lenders.book_usd[row] - lenders.written_down_usd[row]
        capital = assets - owes
        new = dict(other_loans_usd=other, funding_usd=owes, capital_usd=capital) | columns
        new.setdefault("capital_open_usd", max(capital, 1.0))
        new.setdefault("target_leverage", assets / capital if capital > 0.0 else 10.0)
        for name, value in new.items():
            getattr(lenders, name)[row] = value

    def owing(self, claims: dict[tuple[int, int], float], margined: bool = False) -> None:
        """Claims between lenders, (debtor, creditor) -> USD; all of them margined, or none."""
        order = sorted(claims)
        debtors = [debtor for debtor, _ in order]
        self.s.interlender = Interlender(
            np.searchsorted(debtors, np.arange(self.l + 1)).astype(np.int64),
            np.array([creditor for _, creditor in order], np.int64),
            np.array([claims[pair] for pair in order], np.float64),
            np.full(len(order), margined),
        )
