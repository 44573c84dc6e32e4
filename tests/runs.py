"""Runs that many tests look at, and a watch that checks the books at the end of every day.

A run is simulated once per process and shared: read, do not write.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from firesale.agents.party import Outside, Status
from firesale.market.opening.books import Books
from firesale.market.opening.books_2021.read import Books2021, load_books_2021
from firesale.market.opening.books_2025.read import load_books_2025
from firesale.market.scenario.scenario import Scenario
from firesale.market.scenario.sections import Channels
from firesale.market.simulation import Simulation
from firesale.market.state.loans import Collateral, LoanStatus, of_claims
from firesale.market.state.lots import LotState
from firesale.market.state.market import Market

DUST = 1e-6  # of a dollar, a coin, a machine
DUST_USD = 1e-4  # of a sum of billions that came and went
ROUNDING = 1e-9  # relative, of sums

RULES = (
    "conservation",
    "cash is conserved",
    "coins are conserved",
    "machines are conserved",
    "each book is the sum of its loans",
    "each lender's assets are its funding and capital",
    "lost capital is the loss",
    "numbers are finite",
    "nothing is negative",
    "lenders lend what they have",
    "cash is not negative",
    "arrears are part of the debt",
    "pledges are the collateral of performing loans",
    "open lots are counted",
    "closed loans hold nothing",
    "marks have a floor and a ceiling",
    "status moves one way",
    "the failed are idle",
)

# Columns that are NaN where a loan has no such term, or before a first test.
MAY_BE_NAN = {
    ("loans", "conversion_usd"),
    ("perimeters", "dscr"),
    ("lenders", "pool_ltv"),  # no machines in the pool
    ("hardware", "replacement_usd"),  # of a site: what a hall costs is in its value
    ("contracts", "unit_cost_usd_day"),
}
NOT_NEGATIVE = {
    "parties": ("btc", "btc_lent", "eth", "payables_usd", "lease_claims_usd"),
    "borrowers": (
        "fixed_cost_usd_day",
        "capex_usd_day",
        "capex_unpaid_days",
        "committed_equity_usd",
        "site_usd",
        "halls_kept",
        "deposits_usd",
    ),
    "miners": ("hashrate_online_th", "hold_share"),
    "neoclouds": ("spot_realisation", "contracted_gpus", "contract_usd_day", "gpus_online"),
    "lenders": ("book_usd", "funding_usd"),  # write-downs: those of its loans
    "buyers": ("budget_usd", "slots"),
    "holdings": ("units", "pledged"),
    "loans": (
        "principal_usd",
        "undrawn_usd",
        "accrued_usd",
        "collateral_units",
        "collateral_btc",
        "site_mw",
        "hall_mw",
        "arrears_interest_usd",
        "arrears_principal_usd",
    ),
    "claims": ("written_down_usd", "open_lots"),
    "contracts": (
        "ordered",
        "delivered",
        "usd_day",
        "repaid_usd_day",
        "claim_usd",
        "empty_days",
        "relet_usd_day",
    ),
    "lots": ("units", "seized_units", "proceeds_usd", "unit_days", "hosted_units"),
    "orders": ("units", "debt_usd", "unfunded_days"),
}
TABLES = (
    "parties",
    "borrowers",
    "miners",
    "neoclouds",
    "lenders",
    "buyers",
    "hardware",
    "holdings",
    "loans",
    "claims",
    "perimeters",
    "contracts",
    "lots",
    "orders",
    "ledger",
)

CHANNELS = tuple(Channels.model_fields)

# Invariants hold on every day of them, and tests/baseline keeps their bits.
REFERENCE_RUNS: dict[str, tuple[str, tuple[str, ...], int, str]] = {
    "calm": ("calm", (), 1, "packaged"),
    "baseline": ("baseline", ("days=365",), 2, "packaged"),
    "crypto-crash": ("crypto-crash", (), 1, "packaged"),
    "joint-crash": ("joint-crash", (), 3, "packaged"),
    "rental-deflation": ("rental-deflation", ("days=365",), 1, "packaged"),
    "without recourse": (
        "joint-crash",
        ("days=400", "crypto.crash_days=120", "liquidation.site_days=60"),
        2,
        "without recourse",
    ),
    "hard and hazardous": (
        "joint-crash",
        (
            "days=400",
            "crypto.crash_depth=0.9",
            "crypto.crash_days=60",
            "compute.rent_change_per_year=-0.7",
            "credit.hazard_per_year=0.5",
            "credit.refinancing_appetite=0.3",
            "liquidation.legal_days=0",
            "liquidation.site_days=30",
            "credit.bankruptcy_days=60",
        ),
        5,
        "packaged",
    ),
    "sampled and scaled": (
        "crypto-crash",
        ("days=300", "opening.sample=true", "opening.scale=0.3", "crypto.impact_law=linear"),
        8,
        "packaged",
    ),
    "tightening": ("tightening", ("days=400",), 6, "packaged"),
    "books of 2021": ("backtest-2022", (), 1, "2021"),
    "lenders fail": (
        "joint-crash",
        (
            "days=240",
            "crypto.crash_days=90",
            "lenders.run_threshold=0",
            "lenders.run_speed=50",
            "lenders.similar_failure_news=2",
        ),
        7,
        "packaged",
    ),
    "levers": (
        "joint-crash",
        (
            "days=240",
            "crypto.crash_days=90",
            "policy.buyer_of_last_resort_usd=1e9",
            "policy.lender_of_last_resort_usd=1e9",
            "policy.haircut_floor=0.4",
            "policy.tenor_cap_years=1.0",
            "policy.standstill_days=60",
            "policy.capital_buffer=0.1",
            "policy.mark_rule=market",
        ),
        4,
        "packaged",
    ),
    **{
        f"{channel} off": (
            "joint-crash",
            ("days=240", "crypto.crash_days=90", f"channels.{channel}=false"),
            4,
            "packaged",
        )
        for channel in CHANNELS
    },
}


def columns(state: Market, table: str) -> dict[str, np.ndarray]:
    """Columns of a table by name, without tables in it."""
    named = getattr(state, table)._asdict()
    return {name: column for name, column in named.items() if isinstance(column, np.ndarray)}


@dataclass
class Watch:
    """Looks at the books at the end of every day and notes what is broken, by rule."""

    sim: Simulation
    broken: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        s = self.sim.market
        self._noted: set[tuple[str, str]] = set()
        self.provision_open = s.lenders.provision_usd.copy()
        self.cash = float(s.parties.cash_usd.sum())
        self.coins = self._coins()
        self.units = self._units()
        self.status = (s.parties.status.copy(), s.loans.status.copy(), s.lots.state.copy())
        self.default_day = s.parties.default_day.copy()
        self.highest = s.hardware.used_open_usd.copy()
        self.look()

    def run(self) -> Watch:
        """Simulate to the end, looking at every day."""
        while not self.sim.finished:
            self.sim.step()
            self.look()
        return self

    def note(self, rule: str, what: str) -> None:
        assert rule in RULES, rule
        subject = (rule, what.split(" ", maxsplit=1)[0])
        if subject not in self._noted:  # the first day of each is enough
            self._noted.add(subject)
            self.broken[rule].append(f"day {self.sim.day}: {what}")

    def _coins(self) -> float:
        s = self.sim.market
        held = s.parties.btc.sum() + s.parties.btc_lent.sum() + s.loans.collateral_btc.sum()
        return float(held + s.ledger.outside_btc[0])

    def _units(self) -> np.ndarray:
        s = self.sim.market
        classes = len(s.names.hardware)
        lots = slice(0, int(s.lots.count[0]))
        return (
            np.bincount(s.holdings.hardware, s.holdings.units, classes)
            + np.bincount(s.lots.hardware[lots], s.lots.units[lots], classes)
            + s.ledger.outside_units
            + s.ledger.authority_units
        )

    def look(self) -> None:
        """Check every rule on the state as it stands."""
        self._stocks()
        self._numbers()
        self._consistency()
        self._marks()
        self._transitions()

    def _stocks(self) -> None:
        s = self.sim.market
        error = s.kept.series.conservation_error[s.day]
        if not error <= ROUNDING:
            self.note("conservation", f"error {error}")
        gross = float(np.abs(s.parties.cash_usd).sum())
        change = float(s.parties.cash_usd.sum()) - self.cash
        if not abs(change) <= ROUNDING * gross:
            self.note("cash is conserved", f"{change:,.2f} USD appeared")
        change = self._coins() - self.coins
        if not abs(change) <= ROUNDING * max(self.coins, 1.0):
            self.note("coins are conserved", f"{change} BTC appeared")
        change = np.abs(self._units() - self.units)
        scale = np.maximum(self.units, 1.0) + np.abs(s.ledger.outside_units)
        if not np.all(change <= ROUNDING * scale):
            k = int(np.argmax(change / scale))
            self.note("machines are conserved", f"{change[k]} {s.names.hardware[k]} appeared")
        lenders = s.lenders
        count = len(lenders.kind)
        owed = np.bincount(s.loans.lender, s.loans.principal_usd, count)
        if not np.allclose(lenders.book_usd, owed, rtol=1e-9, atol=1.0):
            row = int(np.argmax(np.abs(lenders.book_usd - owed)))
            self.note(
                "each book is the sum of its loans",
                f"{s.names.parties[s.first_lender + row]} {lenders.book_usd[row]} {owed[row]}",
            )
        open_claims = s.loans.status == LoanStatus.DEFAULTED
        of_claim = s.loans.claims.written_down_usd[s.loans.claim[open_claims]]
        written = np.bincount(s.loans.lender[open_claims], of_claim, count)
        if not np.allclose(lenders.written_down_usd, written, rtol=1e-9, atol=1.0):
            self.note("each book is the sum of its loans", "written down")
        cash = s.parties.cash_usd[s.first_lender : s.first_lender + count]
        net_book = lenders.book_usd - lenders.written_down_usd - lenders.provision_usd
        assets = cash + net_book + lenders.other_loans_usd
        claims = lenders.funding_usd + lenders.capital_usd
        if not np.allclose(assets, claims, rtol=1e-9, atol=1.0):
            row = int(np.argmax(np.abs(assets - claims)))
            self.note(
                "each lender's assets are its funding and capital",
                f"{s.names.parties[s.first_lender + row]}: {assets[row]} against {claims[row]}",
            )
        elsewhere = lenders.interlender_loss_usd + lenders.market_loss_usd + lenders.redeemed_usd
        lost = lenders.capital_open_usd - lenders.capital_usd - elsewhere + lenders.earned_usd
        lost -= lenders.provision_usd - self.provision_open
        standing = s.parties.status[s.first_lender : s.first_buyer] == Status.ACTIVE
        lost = np.where(standing, lost, lenders.loss_usd)  # who failed has no capital to lose
        if not np.allclose(lost, lenders.loss_usd, rtol=1e-9, atol=1.0):
            self.note("lost capital is the loss", f"{lost.sum()} {lenders.loss_usd.sum()}")

    def _numbers(self) -> None:
        s = self.sim.market
        for table in TABLES:
            for name, column in columns(s, table).items():
                if column.dtype.kind != "f" or (table, name) in MAY_BE_NAN:
                    continue
                if not np.isfinite(column).all():
                    self.note("numbers are finite", f"{table}.{name}")
        for name, value in s.prices.items():
            if not math.isfinite(value):
                self.note("numbers are finite", f"prices.{name}")
        for table, names in NOT_NEGATIVE.items():
            for name in names:
                column = getattr(getattr(s, table), name)
                dust = DUST_USD if name.endswith("_usd") else DUST
                if column.size and not column.min() >= -dust:
                    where = np.unravel_index(int(np.argmin(column)), column.shape)
                    self.note("nothing is negative", f"{table}.{name}{where} {column.min()}")
        for name in (
            "btc_usd",
            "eth_usd",
            "hashprice_usd_ph_day",
            "difficulty_eh_s",
            "subsidy_btc",
        ):
            if not getattr(s.prices, name) > 0.0:
                self.note("nothing is negative", f"prices.{name}")
        short = np.flatnonzero(s.lenders.other_loans_usd < -1.0)  # money lent that nobody gave
        for row in short:
            lender = s.names.parties[s.first_lender + row]
            if lender == s.scenario.knock_out.party:
                continue  # it is made to lose its whole capital: what is beyond them it owes
            self.note(
                "lenders lend what they have", f"{lender} {s.lenders.other_loans_usd[row]:,.0f}"
            )
        inside = s.parties.cash_usd[: s.first_outside]
        if not inside.min() >= -DUST:
            party = s.names.parties[int(np.argmin(inside))]
            self.note("cash is not negative", f"{party} {inside.min()}")

    def _consistency(self) -> None:
        s, loans = self.sim.market, self.sim.market.loans
        performing = loans.status == LoanStatus.PERFORMING
        over = performing & (loans.arrears_principal_usd > loans.principal_usd + DUST)
        for loan in np.flatnonzero(over):
            self.note("arrears are part of the debt", s.names.loans[loan])
        holds = (loans.collateral == Collateral.HARDWARE) & performing & (loans.holding >= 0)
        pledged = np.bincount(
            loans.holding[holds], loans.collateral_units[holds], len(s.holdings.units)
        )
        active = np.zeros(len(s.holdings.units), bool)
        active[: s.holdings.first[s.borrower_count]] = True
        tolerance = ROUNDING * np.maximum(pledged, 1.0) + DUST
        if not np.all(np.abs(pledged - s.holdings.pledged)[active] <= tolerance[active]):
            row = int(np.argmax(np.abs(pledged - s.holdings.pledged)))
            self.note(
                "pledges are the collateral of performing loans",
                f"row {row}: {pledged[row]} {s.holdings.pledged[row]}",
            )
        if not np.all(s.holdings.pledged <= s.holdings.units * (1 + ROUNDING) + DUST):
            self.note("pledges are the collateral of performing loans", "more than is held")
        closed = loans.status == LoanStatus.CLOSED
        open_lots = of_claims("open_lots", loans)
        kept = loans.principal_usd + loans.undrawn_usd + loans.collateral_btc + open_lots
        for loan in np.flatnonzero(closed & (kept > DUST)):
            self.note("closed loans hold nothing", f"{s.names.loans[loan]} {kept[loan]}")
        lots = slice(0, int(s.lots.count[0]))
        unsold = (s.lots.state[lots] != LotState.SOLD) & (s.lots.loan[lots] >= 0)
        counted = np.bincount(s.lots.loan[lots][unsold], minlength=len(loans.status))
        if not np.array_equal(counted, open_lots):
            self.note("open lots are counted", f"{counted.sum()} {open_lots.sum()}")
        n = s.borrower_count
        failed = s.parties.status[:n] != Status.ACTIVE
        idle = (
            s.miners.hashrate_online_th[:n][failed].sum()
            + s.neoclouds.gpus_online[:n][failed].sum()
            + s.parties.btc[:n][failed].sum()
        )
        # A party that fails today has worked today.
        before = failed & (s.parties.default_day[:n] < self.sim.day)
        worked = s.miners.hashrate_online_th[:n] + s.neoclouds.gpus_online[:n]
        if worked[before].sum() > 0.0 or (idle > 0.0 and s.parties.btc[:n][before].sum() > DUST):
            self.note("the failed are idle", "production or coins after a default")

    def _marks(self) -> None:
        """A mark lies between scrap and the dearest of opening price and clearing prices."""
        s = self.sim.market
        traded = np.nan_to_num(s.clearing_usd, nan=0.0)
        self.highest = np.maximum(self.highest, traded)
        real = s.hardware.used_open_usd > 0
        floor = np.minimum(s.hardware.scrap_usd, s.hardware.used_open_usd)
        low = real & ~(s.marks_usd >= floor * (1 - ROUNDING))
        high = real & ~(s.marks_usd <= self.highest * (1 + ROUNDING))
        for k in np.flatnonzero(low | high):
            self.note(
                "marks have a floor and a ceiling",
                f"{s.names.hardware[k]} {s.marks_usd[k]} in {floor[k]} .. {self.highest[k]}",
            )

    def _transitions(self) -> None:
        s = self.sim.market
        now = (s.parties.status, s.loans.status, s.lots.state)
        for name, old, new in zip(("party", "loan", "lot"), self.status, now, strict=True):
            if np.any(new < old):
                self.note("status moves one way", f"{name} {int(np.argmax(new < old))}")
        dated = self.default_day >= 0
        if np.any(s.parties.default_day[dated] != self.default_day[dated]):
            self.note("status moves one way", "a default day changed")
        self.status = tuple(column.copy() for column in now)  # type: ignore[assignment]
        self.default_day = s.parties.default_day.copy()


@cache
def tables() -> Books:
    """The packaged opening tables."""
    return load_books_2025()


@cache
def tables_2021() -> Books2021:
    """The packaged opening tables of 2021."""
    return load_books_2021()


def without_debt() -> Books:
    """The tables as if every loan had been repaid and its coins and machines released."""
    nothing = {"drawn_usd_m": 0.0, "committed_usd_m": 0.0, "collateral_units": 0.0}
    lenders = tuple(
        row.model_copy(
            update={
                "book_usd_m": 0.0,
                "undrawn_commitments_usd_m": 0.0,
                "other_loans_usd_m": row.other_loans_usd_m + row.book_usd_m,
            }
        )
        for row in tables().lenders
    )
    loans = tuple(row.model_copy(update=nothing) for row in tables().loans)
    return replace(tables(), loans=loans, lenders=lenders)


def patient() -> Books:
    """The tables with a hundred years to cure every breach."""
    loans = tuple(row.model_copy(update={"cure_days": 36500}) for row in tables().loans)
    return replace(tables(), loans=loans)


def without_recourse() -> Books:
    """The tables with every secured loan in a vehicle of its own; sites have theirs."""
    loans = tuple(
        row.model_copy(
            update={
                "recourse": False,
                "perimeter": row.perimeter
                if row.collateral_kind.startswith("site")
                else f"{row.loan_id}-SPV",
            }
        )
        if row.collateral_kind not in ("unsecured", "general_lien")
        else row
        for row in tables().loans
    )
    return replace(tables(), loans=loans)


def full_capital() -> Books:
    """The tables with lenders who lend nothing but their own money."""
    lenders = tuple(
        row.model_copy(
            update={"capital_usd_m": row.capital_usd_m + row.funding_usd_m, "funding_usd_m": 0.0}
        )
        for row in tables().lenders
    )
    return replace(tables(), lenders=lenders)


BOOKS = {
    "packaged": tables,
    "without debt": without_debt,
    "patient": patient,
    "without recourse": without_recourse,
    "2021": tables_2021,
    "full capital": full_capital,
}


def fresh(
    name: str, settings: tuple[str, ...] = (), seed: int = 1, books: str = "packaged"
) -> Simulation:
    """A market that has not run yet, for tests that change it."""
    scenario = Scenario.load(name).with_settings(list(settings))
    return Simulation(scenario, seed=seed, books=BOOKS[books]())


@cache
def watched(
    name: str, settings: tuple[str, ...] = (), seed: int = 1, books: str = "packaged"
) -> Watch:
    """A finished run and what the watch saw; shared, do not change."""
    return Watch(fresh(name, settings, seed, books)).run()


@cache
def finished(
    name: str, settings: tuple[str, ...] = (), seed: int = 1, books: str = "packaged"
) -> Simulation:
    """A finished run that nobody watched; shared, do not change."""
    return fresh(name, settings, seed, books).run()


def row_id(party: str) -> str:
    """The table's row behind a party: that of the aggregate for a split one."""
    return party.rpartition("_")[0] if party.startswith("REST_") else party


def outside(sim: Simulation, end: Outside) -> int:
    """Party id of an end of flows."""
    return sim.market.first_outside + int(end)
