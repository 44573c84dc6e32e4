"""Figures on made-up frames: each title states what the data say, and a calm run draws too."""

from __future__ import annotations

import copy
import datetime as dt
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from firesale.experiments.causes.causes import NOBODYS, Causes
from firesale.experiments.causes.labels import KEYS, Label, Split
from firesale.experiments.figures.all import FIGURES, defaults, shock
from firesale.experiments.figures.cascade import cascade
from firesale.experiments.figures.draw import Drawing
from firesale.experiments.figures.lender_failure import lender_failure
from firesale.experiments.figures.lenders import lender_losses, lenders
from firesale.experiments.figures.marks_and_sales import collateral_illusion, liquidation, marks
from firesale.experiments.figures.order_book import order_book, worst_book
from firesale.experiments.look import plots, words
from firesale.experiments.report import scenario_text, terminal
from firesale.experiments.report.page import report
from firesale.experiments.results.cascades import Node, cascades, forest, pick
from firesale.experiments.results.handed_on import lines_of_shares
from firesale.experiments.results.results import Results
from firesale.market.scenario.scenario import Scenario, scenario_names

DAYS = 400
CLASSES = {"A100": 6_000.0, "H100": 20_000.0, "GB200": 55_000.0, "LT18": 18.0, "J18_25": 10.5}
PRICES = ("mark", "clearing")
EVENT_COLUMNS = [
    *("event", "day", "round", "kind", "party", "counterparty"),
    *("loan", "amount_usd", "cause", "parent"),
]
NAMES = {
    "MARA": "MARA Holdings",
    "CRWV": "CoreWeave",
    "TENSORW": "TensorWave",
    "BX": "Blackstone Credit and Insurance",
    "TWOPRIME": "Two Prime",
}


def fake(crash: bool) -> Results:
    """A run on made-up frames: nothing happens, or bitcoin crashes and three borrowers fail."""
    events = _events() if crash else pd.DataFrame(columns=EVENT_COLUMNS)
    return Results(
        scenario=Scenario(name="crypto-crash" if crash else "calm", days=DAYS),
        seed=1,
        summary=_summary(crash),
        series=_series(crash),
        events=events,
        book=_book(crash),
        sales=_sales(crash),
        loans=_loans(crash),
        lenders=pd.DataFrame(
            {
                "lender": ["BX", "TWOPRIME"],
                "name": [NAMES["BX"], NAMES["TWOPRIME"]],
                "kind": ["private_credit_locked", "crypto_lender"],
                "capital_open_usd": [8e9, 1e8],
                "capital_usd": [7.4e9, 0.5e8] if crash else [8e9, 1e8],
                "book_usd": [3e9, 2e8],
                "loss_usd": [6e8, 0.5e8] if crash else [0.0, 0.0],
                "interlender_loss_usd": [0.0, 0.0],
                "market_loss_usd": [0.0, 0.0],
                "lost_usd": [6e8, 0.5e8] if crash else [0.0, 0.0],
                "fate": ["", ""],
                "capital_ratio": [0.7, 0.3],
                "min_capital_ratio": [0.4, 0.2],
                "supply": [1.0, 1.0],
                "inventory_usd": [0.0, 0.0],
            }
        ),
        illusion=_illusion(crash),
        absorption=_absorption(crash),
        names=NAMES,
    )


def _series(crash: bool) -> pd.DataFrame:
    day = np.arange(DAYS + 1)
    path = np.exp(np.log(0.23) * np.clip((day - 30) / 300, 0, 1)) if crash else np.ones(DAYS + 1)
    late = (day >= 250) * float(crash)
    columns: dict[str, Any] = {
        "day": day,
        "date": [dt.date(2025, 9, 30) + dt.timedelta(days=int(d)) for d in day],
        "btc_usd": 112_000 * path,
        "hashprice_usd_ph_day": 49.6 * path**0.9,
        "rent_h100_usd_h": np.full(DAYS + 1, 2.2),
        "gpus_seized": 12_000 * late,
        "gpus_sold": np.where(day > 300, 3_000 * late, 0.0),
        "gpus_ended": np.zeros(DAYS + 1),
        "gpus_for_sale": np.where(day > 300, 9_000 * late, 12_000 * late),
        "asic_th_seized": np.zeros(DAYS + 1),
        "asic_th_sold": np.zeros(DAYS + 1),
        "asic_th_ended": np.zeros(DAYS + 1),
        "asic_th_for_sale": np.zeros(DAYS + 1),
        "reported_ltv": np.full(DAYS + 1, 0.5),
        "second_hand_ltv": np.full(DAYS + 1, 0.6),
        "realisable_90_days_ltv": np.where(day > 100, 1.2 if crash else 0.65, 0.65),
        "realisable_ltv": np.where(day > 100, 1.4 if crash else 0.7, 0.7),
        "loss_usd": 6.5e8 * late,
        "margin_calls": np.where(day > 60, float(crash), 0.0),
        "credit_supply": np.ones(DAYS + 1),
        "lender_capital_usd": np.full(DAYS + 1, 8.1e9),
    }
    for name, price in CLASSES.items():
        columns[f"mark_{name}_usd"] = price * (1 - 0.3 * day / DAYS)
        columns[f"clearing_{name}_usd"] = np.full(DAYS + 1, np.nan)
    if crash:
        columns["clearing_H100_usd"][300:] = 0.43 * columns["mark_H100_usd"][299]
    return pd.DataFrame(columns)


def _events() -> pd.DataFrame:
    rows = [
        (0, 30, 0, "shock", "", "", "", 0.0, "scenario", -1),
        (1, 60, 0, "margin_call", "MARA", "TWOPRIME", "MARA-1", 2e8, "btc_price", 0),
        (2, 62, 0, "btc_liquidation", "MARA", "TWOPRIME", "MARA-1", 2e8, "btc_price", 1),
        (3, 63, 0, "default", "MARA", "TWOPRIME", "MARA-1", 3e8, "interest", 2),
        (4, 250, 0, "default", "CRWV", "", "", 9e9, "maturity", -1),
        (5, 250, 0, "seizure", "CRWV", "BX", "CRWV-1", 4e9, "maturity", 4),
        (6, 250, 0, "seizure", "CRWV", "BX", "CRWV-2", 1e9, "maturity", 4),
        (7, 305, 0, "hardware_sale", "BX", "", "CRWV-1", 3e8, "maturity", 5),
        (8, 305, 0, "write_down", "BX", "", "", 5e8, "losses", 7),
        (9, 306, 1, "default", "TENSORW", "BX", "T-1", 1.5e8, "maturity", 8),
    ]
    return pd.DataFrame(rows, columns=EVENT_COLUMNS)


def _book(crash: bool) -> pd.DataFrame:
    rows = [
        (300, "H100", "removed", "ask", "BX", 6_500.0, 9_000.0),
        (300, "H100", "removed", "bid", "SMALL_NEOCLOUDS", 8_000.0, 2_000.0),
        (300, "H100", "removed", "bid", "GPU_BROKERS", 6_000.0, 1_000.0),
        (310, "GB200", "in place", "ask", "BX", 30_000.0, 12_000.0),
    ]
    columns = ["day", "hardware", "place", "side", "segment", "price_usd", "units"]
    return pd.DataFrame(rows if crash else [], columns=columns)


def _sales(crash: bool) -> pd.DataFrame:
    """Seized H100s at 43 % of the mark of the day before, and ordinary trade the week after."""
    mark = 20_000.0 * (1 - 0.3 * 299 / DAYS)
    rows = [(300, "H100", "removed", 0.43 * mark, 2_000.0), (307, "H100", "removed", mark, 0.0)]
    columns = ["day", "hardware", "place", "price_usd", "forced_units"]
    return pd.DataFrame(rows if crash else [], columns=columns)


def _loans(crash: bool) -> pd.DataFrame:
    claim = [3e8, 8e9, 1e9, 1.5e8] if crash else [0.0] * 4
    loss = [0.5e8, 5e8, 1e8, 0.0] if crash else [0.0] * 4
    return pd.DataFrame(
        {
            "loan": ["MARA-1", "CRWV-1", "CRWV-2", "T-1"],
            "borrower": ["MARA", "CRWV", "CRWV", "TENSORW"],
            "borrower_kind": ["miner", "neocloud", "neocloud", "neocloud"],
            "lender": ["TWOPRIME", "BX", "BX", "BX"],
            "instrument": ["btc_loan", "gpu_loan", "gpu_loan", "vendor"],
            "principal_open_usd": [3e8, 8e9, 1e9, 1.5e8],
            "principal_usd": [0.0 if crash else 3e8, 8e9, 1e9, 1.5e8],
            "claim_at_default_usd": claim,
            "recovered_usd": [0.0] * 4,
            "loss_usd": loss,
            "recovery": [0.8 if crash else np.nan, np.nan, np.nan, np.nan],
            "default_day": [63, 250, 250, 306] if crash else [-1] * 4,
            "collateral_class": ["BTC", "H100", "GB200", "A100"],
        }
    )


def _illusion(crash: bool) -> pd.DataFrame:
    rows = [
        (day, lender, hardware, balance, *_values(used, 0.3 if crash and day else 0.9))
        for day in range(0, DAYS, 28)
        for lender, hardware, balance, used in (
            ("BX", "H100", 8e9, 12e9),
            ("BX", "GB200", 1e9, 2e9),
            ("TWOPRIME", "BTC", 3e8, 5e8),
        )
    ]
    if crash:
        rows.append((392, "BX", "A100", 1e8, *_values(2e8, 0.0)))
    return pd.DataFrame(rows, columns=["day", "lender", "hardware", *VALUES])


VALUES = (
    "balance_usd",
    "reported_value_usd",
    "second_hand_value_usd",
    "realisable_value_usd",
    "realisable_90_days_value_usd",
)


def _values(used_usd: float, share: float) -> tuple[float, ...]:
    """Reported, second-hand, in one sale, in one of 90 days."""
    return 1.5 * used_usd, used_usd, share * used_usd, 1.1 * share * used_usd


def _absorption(crash: bool) -> pd.DataFrame:
    rows = [
        (day, hardware, balance, *_values(used, 0.2 if crash and day else 0.8), bids)
        for day in range(0, DAYS, 28)
        for hardware, balance, used, bids in (("H100", 8e9, 12e9, 4e9), ("GB200", 1e9, 2e9, 0.0))
    ]
    return pd.DataFrame(rows, columns=["day", "hardware", *VALUES, "bids_usd"])


def _summary(crash: bool) -> dict[str, Any]:
    return {
        "scenario": "crypto-crash" if crash else "calm",
        "seed": 1,
        "days": DAYS,
        "population": {"miner": 20, "neocloud": 210, "lender": 34, "buyer": 400, "loans": 290},
        "defaults": {"miner": 1, "neocloud": 2, "lender": 0}
        if crash
        else {"miner": 0, "neocloud": 0, "lender": 0},
        "linked": {"largest": 2, "mean_size": 1.5, "depth": 2, "per_failure": 0.5}
        if crash
        else {"largest": 0, "mean_size": 0.0, "depth": 0, "per_failure": 0.0},
        "loss_usd": {
            "total": 6.5e8,
            "by_instrument": {"gpu_loan": 6e8, "btc_loan": 0.5e8},
            "unresolved_share": 0.7,
        }
        if crash
        else {"total": 0.0, "by_instrument": {}},
        "recovery": {"btc": 0.8 if crash else None, "asic": None, "gpu": None, "unsecured": None},
        "ltv": {
            "reported": 0.5,
            "second_hand": 0.6,
            "realisable": 1.4 if crash else 0.7,
            "realisable_90_days": 1.2 if crash else 0.65,
            "day": 101,
        },
        "liquidation": {
            "seized_units": 12_000.0 * crash,
            "sold_units": 3_000.0 * crash,
            "ended_units": 0.0,
            "unsold_units": 9_000.0 * crash,
            "median_days_to_sale": 50.0 if crash else None,
            "price_to_paper": 0.43 if crash else None,
            "asic": {
                "seized_units": 0.0,
                "sold_units": 0.0,
                "ended_units": 0.0,
                "unsold_units": 0.0,
                "median_days_to_sale": None,
                "price_to_paper": None,
            },
            "site_mw": {
                "seized_units": 40.0 * crash,
                "sold_units": 30.0 * crash,
                "ended_units": 0.0,
                "unsold_units": 10.0 * crash,
            },
        },
        "largest_borrower": {
            "id": "CRWV",
            "fails": crash,
            "loss_usd": 6e8 * crash,
            "loss_without_usd": 0.5e8 * crash,
            "defaults_without": 2 * crash,
        },
        "policy": {"net_cost_usd": 0.0},
        "conservation_error": 1e-13,
        "defaulted": {"miner": ["MARA"], "neocloud": ["CRWV", "TENSORW"], "lender": []}
        if crash
        else {"miner": [], "neocloud": [], "lender": []},
        "sleeves_closed": [],
        "lenders": {
            "withdrawn_usd": 2e6 if crash else 0.0,
            "interlender_loss_usd": 0.0,
            "depositor_loss_usd": 0.0,
            "credit_supply_worst": 1.0,
        },
        "btc_impact_worst": 0.006 * crash,
        "impaired_lenders": ["TWOPRIME"] if crash else [],
        "margin_called": ["MARA"] if crash else [],
        "breached": [],
        "first_defaults": ["MARA"] if crash else [],
        "caveat": "A model of a market, not a forecast about a company.",
    }


CRASH, CALM = fake(crash=True), fake(crash=False)


@pytest.mark.parametrize("results", [CALM, CRASH], ids=["calm", "crash"])
def test_every_figure_is_written_with_a_title(results: Results, tmp_path: Path) -> None:
    titles = Drawing(None).write(results, tmp_path / "figures")
    assert list(titles) == list(FIGURES)
    assert all(titles.values())
    for name in FIGURES:
        assert (tmp_path / "figures" / f"{name}.png").stat().st_size > 2_000


def test_figures_of_losses_say_how_much_is_unresolved() -> None:
    for draw in (lender_losses, lenders):
        drawn = " ".join(text.get_text() for text in draw(CRASH).texts)
        assert "70 % of claims unresolved" in " ".join(drawn.split()), draw.__name__
    drawn = " ".join(text.get_text() for text in lender_losses(CALM).texts)
    assert "unresolved" not in drawn


@pytest.mark.parametrize(
    ("draw", "calm", "crash"),
    [
        (
            shock,
            "No crash",
            "ends 77 % below its opening, at its lowest ($25,760, August",
        ),
        (
            defaults,
            "Nobody defaults",
            "3 borrowers default: not refinanced (2) and interest unpaid (1)",
        ),
        (
            cascade,
            "Nothing was forced",
            "1 other fails after CoreWeave, each touched by one",
        ),
        (liquidation, "Nothing is seized", "25 % of 12,000 GPUs found a buyer"),
        (
            marks,
            "Nothing is auctioned in distress",
            "clear GPUs at 43 % of the mark of the day before; no buyer for GB200s",
        ),
        (order_book, "No hardware is auctioned", "Bids for 2,000 of 9,000 H100s meet"),
        (
            collateral_illusion,
            "at 70 % if all is sold at once",
            "at 50 % of collateral as lenders report it, at 60 % second-hand, at 140 % if all is",
        ),
        (
            lender_losses,
            "No lender loses anything",
            "Lenders lose $650m on loans (8.0 % of their capital); hardest hit: Two Prime, 50.0 %",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_title_states_the_finding(draw: Any, calm: str, crash: str) -> None:
    assert calm in plots.title_of(draw(CALM))
    assert crash in plots.title_of(draw(CRASH))


def test_worst_book_is_the_largest_unwanted_value_for_which_somebody_bids() -> None:
    assert worst_book(CRASH) == (300, "H100")
    only_gb200 = replace(CRASH, book=CRASH.book[CRASH.book["hardware"] == "GB200"])
    assert worst_book(only_gb200) == (310, "GB200")
    assert "Nobody bids for 12,000 GB200s" in plots.title_of(order_book(only_gb200))


def test_loan_to_value_by_class_knows_all_at_once_and_each_alone() -> None:
    table = CRASH.ltv_by_class(DAYS)
    assert set(table["day"]) == {392}
    h100, gb200, btc = (table.loc[name] for name in ("H100", "GB200", "BTC"))
    assert h100["reported"] == pytest.approx(8 / (1.5 * 12))
    assert h100["second_hand"] == pytest.approx(8 / 12)
    assert h100["patient"] == pytest.approx(8 / (1.1 * 0.2 * 12))
    assert h100["together"] == pytest.approx(8 / (0.2 * 12))
    assert h100["alone"] == pytest.approx(8 / (0.3 * 12))
    assert h100["value_to_bids"] == pytest.approx(3.0)
    assert np.isinf(gb200["value_to_bids"])
    assert btc["together"] == btc["alone"] == pytest.approx(3 / (0.3 * 5))
    assert np.isnan(btc["value_to_bids"])


def test_a_trade_is_forced_if_seized_machines_are_sold_in_it_and_at_their_price() -> None:
    """A cluster sold in place and ordinary trade in removed machines, the same day, are two."""
    columns = CRASH.sales.columns
    cluster = pd.DataFrame([(307, "H100", "in place", 4_000.0, 8_000.0)], columns=columns)
    results = replace(CRASH, sales=pd.concat([CRASH.sales, cluster], ignore_index=True))
    assert CRASH.forced_trades["day"].tolist() == [300]
    assert results.forced_trades["price_usd"].tolist() == pytest.approx([6671.45, 4000.0])
    assert results.trades["forced"].tolist() == [True, False, True]
    assert "clear GPUs at 29 % of the mark of the day before" in plots.title_of(marks(results))
    none = CRASH.sales.assign(forced_units=0.0)
    assert replace(CRASH, sales=none).forced_trades.empty


def test_impaired_lenders_are_named_in_terminal_and_report() -> None:
    out = io.StringIO()
    terminal.show(CRASH, Path("out"), Console(file=out, highlight=False))
    for text in (" ".join(out.getvalue().split()), report(CRASH, {})):
        assert "minimum capital at some time: Two Prime. From then on" in text
    assert "minimum capital at some time" not in report(CALM, {})


def test_a_tree_needs_one_default_that_touches_another() -> None:
    (tree,) = cascades(forest(CRASH.events))
    assert [node.party for _, node in tree.walk() if node.is_default] == ["CRWV", "TENSORW"]
    alone = replace(CRASH, events=CRASH.events[CRASH.events["event"] < 9])
    assert cascades(forest(alone.events)) == []
    assert "No failure touches another one" in plots.title_of(cascade(alone))


def caused(label: Label, shares: dict[str, float]) -> Causes:
    """TensorWave failed like that, CoreWeave by itself."""
    through = dict.fromkeys(KEYS, 0.0)
    split = Split(1.0, through | dict.fromkeys(label.through, 1.0), 0.0)
    labels = {"CRWV": Label(()), "TENSORW": label}
    return Causes(labels, {"TENSORW": shares} if shares else {}, split, split, split)


def test_with_companions_the_tree_is_one_of_shares() -> None:
    shares = {"CRWV": 0.5, "A": 0.25, "B": 0.1, "C": 0.05, "D": 0.06, NOBODYS: 0.04}
    results = CRASH.with_causes(caused(Label(("hardware", "lenders")), shares))
    lines, hidden, title = lines_of_shares(results)
    assert [depth for depth, _ in lines] == [0, 1, 1, 1, 1, 1] and hidden == 0
    told = [node.told for _, node in lines]
    assert told[0].endswith("fails through sales of machines and lenders")
    assert told[1:3] == ["0.50 due to CoreWeave", "0.25 due to A"]
    assert told[-1] == "0.09 due to 2 others"  # so that they add up to one
    assert title.startswith("1 of 2 failures came through others; most is due to CoreWeave, 0.50")
    assert plots.title_of(cascade(results)) == title


def test_with_companions_and_nothing_through_others_links_are_no_causes() -> None:
    title = plots.title_of(cascade(CRASH.with_causes(caused(Label(()), {}))))
    assert title == "No failure came through others: 2 failures, all in any case"


def test_siblings_of_one_kind_are_merged_with_their_amounts() -> None:
    tree = cascades(forest(CRASH.events))[0]
    (seizure,) = tree.children
    assert (seizure.events, seizure.amount_usd) == (2, 5e9)


def test_pruning_keeps_defaults_and_what_leads_to_them() -> None:
    trees = cascades(forest(CRASH.events))
    lines, hidden = pick(trees, most=4)
    assert [node.kind for _, node in lines] == ["default", "seizure", "hardware_sale", "default"]
    assert hidden == 0
    lines, hidden = pick(trees, most=1)
    assert [node.party for _, node in lines] == ["CRWV"]
    assert hidden == 3


def test_the_tree_of_the_title_is_drawn_before_larger_failures() -> None:
    first = Node("default", "A", "interest", 1, 1, 1.0)
    first.children = [Node("default", "B", "interest", 2, 2, 1.0)]
    larger = Node("default", "C", "interest", 3, 3, 9.0)
    lines, hidden = pick([first, larger], most=2)
    assert [node.party for _, node in lines] == ["A", "B"]
    assert hidden == 1


@pytest.mark.parametrize("high", [3.0, 8.0, 21.5, 90.0])
def test_ticks_of_ratios_are_few_round_and_in_range(high: float) -> None:
    """Up to 2,150 %, where 1,000 and 2,000 touched: at least two, at most five."""
    ticks, labels = plots.ratio_ticks(0.35, high)
    assert 2 <= len(ticks) == len(labels) <= 5
    assert all(0.35 <= tick <= high for tick in ticks)
    assert all(label.lstrip("1235").replace(",", "").strip("0") == "" for label in labels)


def test_labels_keep_their_distance() -> None:
    places = plots.spread([0.0, 0.1, 0.2, 5.0], gap=1.0)
    assert np.diff(places).min() >= 1.0 - 1e-12
    assert places[-1] == 5.0


def shown(results: Results, titles: dict[str, str] | None = None) -> str:
    """All words of a run: of the terminal, and of the report with its figures' titles."""
    out = io.StringIO()
    terminal.show(results, Path("out"), Console(file=out, highlight=False))
    page = re.sub(
        r"<(?:style|script)>.*?</(?:style|script)>|<[^>]+>",
        " ",
        report(results, titles or {}, dict.fromkeys(titles or {}, b"")),
        flags=re.S,
    )
    return " ".join((out.getvalue() + page + " ".join((titles or {}).values())).split())


def rigs_only(results: Results) -> Results:
    """The same run on books of 2021: without GPUs, rents and neoclouds."""
    gpus = [c for c in CLASSES if not words.is_asic(c)]
    series = results.series.drop(columns=[f"{what}_{c}_usd" for c in gpus for what in PRICES])
    rename = dict.fromkeys(gpus, "LT18")
    summary = copy.deepcopy(results.summary)
    summary["population"]["neocloud"] = summary["defaults"]["neocloud"] = 0
    summary["defaulted"]["miner"] += summary["defaulted"]["neocloud"]
    summary["defaulted"]["neocloud"] = []
    summary["loss_usd"]["by_instrument"].pop("gpu_loan", None)
    summary["defaults"]["miner"] = len(summary["defaulted"]["miner"])
    summary["liquidation"] |= {"seized_units": 0.0, "sold_units": 0.0, "unsold_units": 0.0}
    return replace(
        results,
        scenario=results.scenario.with_settings(['opening.start="2021"']),
        summary=summary,
        series=series.assign(rent_h100_usd_h=0.0, gpus_seized=0.0, gpus_sold=0.0),
        book=results.book.replace(
            {"hardware": rename, "segment": {"GPU_BROKERS": "EXPORTERS"}}
        ).replace({"segment": {"SMALL_NEOCLOUDS": "LISTED_MINERS"}}),
        loans=results.loans.replace(
            {"collateral_class": rename, "borrower_kind": {"neocloud": "miner"}}
        ),
        sales=results.sales.replace({"hardware": rename}),
        illusion=results.illusion.replace({"hardware": rename}),
        absorption=results.absorption.replace({"hardware": rename}).drop_duplicates(
            ["day", "hardware"]
        ),
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("results", [CALM, CRASH], ids=["calm", "crash"])
def test_words_and_figures_follow_what_the_books_hold(results: Results, tmp_path: Path) -> None:
    titles = Drawing(None).write(rigs_only(results), tmp_path / "figures")
    words_2021 = shown(rigs_only(results), titles)
    assert not re.search(r"GPU|H100|neocloud|\brents?\b", words_2021, re.I)
    for name in ("Miners defaulted", "hashprice", "on the books of 2021"):
        assert name in words_2021
    assert "nan" not in words_2021.lower().split()
    assert all(word in shown(results) for word in ("GPUs", "H100", "Neoclouds defaulted"))


def test_figures_have_no_empty_panels_where_the_books_hold_no_gpus() -> None:
    only = rigs_only(CRASH)
    crash = only.series.assign(asic_th_seized=only.series["day"])
    seized = replace(only, series=crash)
    assert len(liquidation(seized).axes) == 1 < len(liquidation(CRASH).axes) == 2
    for results in (seized, CRASH):
        figure = marks(results)
        drawn = [axes for axes in figure.axes if axes.axison]
        below = {axes.get_subplotspec().colspan.start: axes for axes in drawn}  # the lowest of each
        assert all(axes.xaxis.get_tick_params()["labelbottom"] for axes in below.values())
        assert len(figure.axes) - len(drawn) < 3, "no empty row"


def test_a_label_at_a_line_s_end_stands_at_its_height_on_any_axis() -> None:
    for scale, low in (("linear", 0.0), ("log", 1.0)):
        _, (axes,) = plots.new_figure("title")
        axes.set_yscale(scale)
        axes.set_ylim(low, 100.0)
        plots.label_ends(axes, 1.0, [(10.0, "ten", plots.BLUE)])
        height = axes.texts[0].xy[1]  # a share of the panel
        assert height == pytest.approx(0.1 if scale == "linear" else 0.5)


def test_loan_to_value_far_above_one_is_drawn_where_it_is() -> None:
    far = replace(CRASH, series=CRASH.series.assign(realisable_ltv=10.83))
    axes = collateral_illusion(far).axes[0]
    assert axes.get_yscale() == "log"
    assert max(np.max(line.get_ydata()) for line in axes.lines) == pytest.approx(10.83)
    assert axes.get_ylim()[1] > 10.83
    assert collateral_illusion(CRASH).axes[0].get_yscale() == "linear"


def with_a_failed_lender() -> Results:
    """The crash, in which Two Prime fails from outside and Blackstone loses a claim on it."""
    shock = (10, 310, 0, "shock", "TWOPRIME", "", "", 1.0, "scenario", -1)
    failure = (11, 311, 0, "lender_failed", "TWOPRIME", "", "", 4e8, "losses", 10)
    claim = (12, 311, 0, "interlender_loss", "BX", "TWOPRIME", "", 3e8, "losses", 11)
    events = pd.DataFrame([shock, failure, claim], columns=EVENT_COLUMNS)
    summary = copy.deepcopy(CRASH.summary)
    summary["defaults"]["lender"] = 1
    summary["lenders"] |= {"interlender_loss_usd": 3e8, "depositor_loss_usd": 1e8}
    lenders = CRASH.lenders.assign(
        interlender_loss_usd=[3e8, 0.0],
        market_loss_usd=[0.0, 2e8],
        lost_usd=[9e8, 2.5e8],
        fate=["", "failed"],
        capital_ratio=[0.7, 0.0],
    )
    everything = pd.concat([CRASH.events, events], ignore_index=True)
    return replace(CRASH, events=everything, summary=summary, lenders=lenders)


def test_what_a_failed_lender_costs_is_told_everywhere() -> None:
    results = with_a_failed_lender()
    told = shown(results)
    assert "1 lender fails (Two Prime), which costs other lenders $300m and depositors" in told
    assert "$650m on loans, $300m on failed lenders and $200m on other assets" in told
    assert "minimum capital at some time" not in told, "it has failed, which is more"
    assert "$300m on failed lenders and $200m on other" in plots.title_of(lender_losses(results))
    assert "1 lender failed" in plots.title_of(lenders(results))
    figure = lender_failure(results)
    assert "Two Prime: failure on day 311; other lenders lose $300m" in plots.title_of(figure)
    text = " ".join(text.get_text() for text in figure.texts)
    assert "What struck it from outside" in text and "0 largest" not in text


def test_title_of_losses_and_its_bars_hold_the_same_money() -> None:
    """Small losses elsewhere are in the bars, so they are in the total of the title too."""
    lenders = CRASH.lenders.assign(
        market_loss_usd=[0.0, 4e6], lost_usd=[6e8, 0.54e8], loss_usd=[6e8, 0.5e8]
    )
    for table, total in ((lenders, 654), (with_a_failed_lender().lenders, 1150)):
        figure = lender_losses(replace(CRASH, lenders=table))
        bars = sum(bar.get_width() for bar in figure.axes[0].patches)
        assert bars == pytest.approx(total)
        said = words.money(1e6 * total)
        assert plots.title_of(figure).startswith(f"Lenders lose {said}")
    title = plots.title_of(lender_losses(replace(CRASH, lenders=lenders)))
    assert "$654m (8.1 % of their capital): $650m on loans and little elsewhere" in title


def test_borrowers_and_project_vehicles_are_counted_apart() -> None:
    vehicle = (10, 320, 0, "perimeter_default", "MARA", "BX", "MARA-SPV", 2e8, "interest", -1)
    more = pd.DataFrame([vehicle], columns=EVENT_COLUMNS)
    results = replace(CRASH, events=pd.concat([CRASH.events, more], ignore_index=True))
    assert "3 borrowers and 1 project vehicle default" in shown(results)
    figure = defaults(results)
    assert plots.title_of(figure).startswith("3 borrowers and 1 project vehicle default: ")
    panels = [axes.get_title(loc="left") for axes in figure.axes]
    assert panels == ["Miners: 1 of 20, and 1 project vehicle", "Neoclouds: 2 of 210"]
    assert "1 miner and 2 neoclouds default" in shown(results)


def test_who_defaults_again_is_one_borrower_and_two_steps() -> None:
    failed = CRASH.events[(CRASH.events["kind"] == "default") & (CRASH.events["party"] == "MARA")]
    again = failed.head(1).assign(day=failed["day"].iloc[0] + 60, event=10)
    results = replace(CRASH, events=pd.concat([CRASH.events, again], ignore_index=True))
    panels = [axes.get_title(loc="left") for axes in defaults(results).axes]
    assert panels == ["Miners: 1 of 20, 1 again later", "Neoclouds: 2 of 210"]


def test_a_title_says_which_books_were_run_and_what_was_changed() -> None:
    named = Scenario.load("crypto-crash")
    changed = named.with_settings(['opening.start="2021"', "days=60", "crypto.crash_depth=0.3"])
    what = scenario_text.changes(named, changed)
    assert what == ("days = 60", 'opening.start = "2021"', "crypto.crash_depth = 0.3")
    assert scenario_text.changes(named, named) == ()
    told = shown(replace(CRASH, scenario=changed, changes=what))
    assert "Crypto crash: 2022 again, on the books of 2021" in told
    assert "2025" not in scenario_text.full_title(changed)
    assert told.count("crypto.crash_depth = 0.3") == 2, "on the terminal and in the report"
    for name in scenario_names():
        assert "books" not in Scenario.load(name).title, "books are the run's, not the scenario's"
