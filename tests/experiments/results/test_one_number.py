"""One number per fact: summary, terminal, report, titles of figures and view say the same."""

from __future__ import annotations

import html
import io
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from firesale.experiments.causes.causes import find_causes
from firesale.experiments.figures.all import FIGURES
from firesale.experiments.look import plots, words
from firesale.experiments.report.page import report
from firesale.experiments.report.terminal import show
from firesale.experiments.results.day_in_words import day_lines, stage
from firesale.experiments.results.facts import FACTS, number, text, value
from firesale.experiments.results.results import Results, rows
from firesale.experiments.view.page import numbers_of
from firesale.experiments.view.pictures import PANELS, busiest_class
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

RUNS = (
    ("joint-crash", 1, ()),
    ("crypto-crash", 2, ("days=500",)),
    ("calm", 2, ("days=120",)),
    ("tightening", 3, ("days=600",)),
    ("backtest-2022", 1, ()),
)


@dataclass(frozen=True)
class Texts:
    """All that one run says, and its frames."""

    results: Results
    terminal: str
    report: str
    titles: dict[str, str]
    view: str
    panels: dict[str, str]


@cache
def said(name: str, seed: int, settings: tuple[str, ...]) -> Texts:
    scenario = Scenario.load(name).with_settings(list(settings))
    simulation = Simulation(scenario, seed=seed).run()
    results = Results.of(simulation, scenario, seed)
    results = results.with_causes(find_causes(simulation))
    titles = {one: plots.title_of(draw(results)) for one, draw in FIGURES.items()}
    out = io.StringIO()
    show(results, Path("out"), Console(file=out, width=100, highlight=False))
    page = re.sub(
        r"<(?:style|script)>.*?</(?:style|script)>",
        "",
        report(results, titles, dict.fromkeys(titles, b"")),
        flags=re.S,
    )
    page = re.sub(r"</dt><dd>", ": ", re.sub(r"</t[dh]><t[dh][^>]*>", " | ", page))
    live = Results.of(simulation, scenario, seed, loans=False)
    panels = {panel.name: panel.draw(live, busiest_class(live))[0] for panel in PANELS}
    numbers = "\n".join(f"{label}: {shown}" for label, shown in numbers_of(live))
    return Texts(
        results,
        _plain(out.getvalue()),
        _plain(html.unescape(re.sub(r"<[^>]+>", "\n", page))),
        titles,
        _plain(f"{stage(live)}\n{numbers}"),
        panels,
    )


def _plain(text: str) -> str:
    """Text on one line, so that a sentence can be found wherever it was broken."""
    return re.sub(r"[ \n\N{NO-BREAK SPACE}]+", " ", text)


@pytest.fixture(params=RUNS, ids=[f"{name}-{seed}" for name, seed, _ in RUNS])
def texts(request: pytest.FixtureRequest) -> Texts:
    name, seed, settings = request.param
    return said(name, seed, settings)


def found(pattern: str, *places: str) -> set[str]:
    """What a pattern's group matches in some texts, all of them together."""
    return {match for place in places for match in re.findall(pattern, place)}


def test_defaults_are_counted_the_same_everywhere(texts: Texts) -> None:
    summary, results = texts.results.summary, texts.results
    for kind in results.borrower_kinds:
        many = summary["defaults"][kind]
        assert number(results, f"{kind}s_in_default") == many
        assert int(results.series[f"defaults_{kind}"].iloc[-1]) == many
        assert found(rf"{kind.capitalize()}s defaulted: ([\d,]+)", texts.report) == {f"{many:,}"}
        headline = found(rf"([\d,]+) {kind}s?\b[^.]* defaults? in", texts.terminal, texts.report)
        assert headline == ({f"{many:,}"} if many else set())
    own = sum(summary["defaults"][kind] for kind in ("miner", "neocloud"))
    assert found(r"Defaulted, of [\d,]+ borrowers: ([\d,]+)", texts.view) == {f"{own:,}"}
    network = texts.titles["11-network"]
    assert network == texts.panels["Lending network"]
    counted = re.findall(r"([\d,]+) (?:in default|reorganised)", network)
    assert sum(int(many.replace(",", "")) for many in counted) == own
    counts = found(r"^([\d,]+) borrowers?", texts.titles["2-defaults"])
    who = r"([\d,]+) borrowers?(?: and \d+ project vehicles?)? defaults? on"
    counts |= found(who, texts.terminal, texts.report)
    assert counts == ({f"{own:,}"} if own else set())


def test_a_default_is_on_one_amount(texts: Texts) -> None:
    """Table, figure and ticker: what lenders claim on the day, principal and interest."""
    results = texts.results
    failed = results.defaults
    for party, name, day, debt, kind in rows(failed, "party", "name", "day", "debt_usd", "kind"):
        if kind != "default":
            continue
        log = results.events[(results.events["day"] == day) & (results.events["kind"] == kind)]
        own = log[log["party"] == party]
        (line,) = day_lines(results, own)
        wanted = f"on {words.money(debt)}" if debt > 0 else "owing nothing"
        assert wanted in line.text
        log = results.events_of("loan_default")
        claims = log[(log["party"] == party) & (log["day"] == day)]["amount_usd"]
        alone = failed[(failed["party"] == party) & (failed["day"] == day)]
        saved = results.events_of("reorganised")  # its coin loans are repaid before any claim
        if len(alone) == 1 and not ((saved["party"] == party) & (saved["day"] == day)).any():
            assert claims.sum() == pytest.approx(debt, rel=1e-9)
        assert name
    total = found(r"defaults? on (\$[\d.,]+[a-z]*) of debt", texts.terminal, texts.report)
    assert total == ({words.money(failed["debt_usd"].sum())} if len(failed) else set())


def test_losses_are_the_same_everywhere(texts: Texts) -> None:
    results = texts.results
    lost = text(results, "lost_on_loans")
    assert results.lenders["loss_usd"].sum() == pytest.approx(results.summary["loss_usd"]["total"])
    assert results.final("loss_usd") == pytest.approx(results.summary["loss_usd"]["total"])
    assert found(r"Lenders have lost on loans: (\$[\d.,]+[a-z]*)", texts.view) == {lost}
    said_ = found(r"lenders lose (\$[\d.,]+[a-z]*) on loans", texts.terminal, texts.report)
    said_ |= found(r"all together (\$[\d.,]+[a-z]*) on loans", texts.terminal, texts.report)
    said_ |= found(r"(\$[\d.,]+[a-z]*) (?:\([^)]*\) )?on loans", texts.titles["8-lender-losses"])
    assert said_ == ({lost} if number(results, "lost_on_loans") > 0 else set())
    parts = results.summary["loss_usd"]["by_instrument"]
    assert sum(parts.values()) == pytest.approx(results.summary["loss_usd"]["total"], abs=1.0)


def test_a_tree_of_linked_failures_has_one_size(texts: Texts) -> None:
    results = replace(texts.results, causes=None)
    largest = int(number(results, "largest_tree"))
    size = found(r"In the largest tree ([\d,]+) borrowers", texts.terminal, texts.report)
    title = found(r"^([\d,]+) others? fails? after", plots.title_of(FIGURES["3-cascade"](results)))
    assert size == ({f"{largest}"} if largest > 1 else set())
    assert title == ({f"{largest - 1}"} if largest > 1 else set())
    told = r"Largest tree of linked failures: (no|\d+) failure"
    assert found(told, texts.report) == {str(largest or "no")}


def test_as_many_came_through_others_everywhere(texts: Texts) -> None:
    results = texts.results
    assert results.causes is not None
    many = len(results.causes.shares)
    came = found(r"([\d,]+) failures? that came through others", texts.terminal, texts.report)
    title = found(r"^([\d,]+) of [\d,]+ failures? came", texts.titles["3-cascade"])
    assert came == title == ({f"{many}"} if many else set())
    said_ = found(r"hands on ([\d.]+) (?:of another|failures)", texts.terminal, texts.report)
    assert said_ == ({text(results, "reproduction")} if many else set())


def test_loan_to_value_of_the_worst_day_is_the_same_everywhere(texts: Texts) -> None:
    results = texts.results
    for key, words_ in (
        ("ltv_reported", r"of collateral as lenders report it|reported"),
        ("ltv_second_hand", r"at second-hand prices|second-hand"),
        ("ltv_at_once", r"if all (?:were|is) sold at once|sold at once"),
    ):
        shown = text(results, key)
        for place in (texts.terminal, texts.report, texts.titles["7-collateral-illusion"]):
            assert found(rf"([\d,]+ %) (?:{words_})", place) <= {shown}, key
            assert shown in place
        worst = results.series.iloc[results.summary["ltv"]["day"]]
        column = {"ltv_at_once": "realisable"}.get(key, key.removeprefix("ltv_")) + "_ltv"
        assert words.ltv(float(worst[column])) == shown


def test_one_is_no_bound_of_a_loan_to_value_ratio() -> None:
    assert words.ltv(0.996) == "100 %" and words.percent(0.996) == "over 99 %"
    assert words.ltv(3.324) == "332 %" and words.ltv(None) == "–"


def test_bitcoin_says_which_fall_is_meant(texts: Texts) -> None:
    """Script, lowest and last price are three facts; each says which it is."""
    results = texts.results
    btc = results.series["btc_usd"].to_numpy()
    assert number(results, "btc_change") == pytest.approx(btc[-1] / btc[0] - 1)
    assert number(results, "btc_lowest") == pytest.approx(btc.min() / btc[0] - 1)
    title = texts.titles["1-shock"]
    if number(results, "btc_lowest") <= -0.1:
        assert f"ends {words.against(value(results, 'btc_change'))} its opening" in title
        if text(results, "btc_lowest") != text(results, "btc_change"):
            assert f"at its lowest {words.against(value(results, 'btc_lowest'))}" in title
    assert f"bitcoin {words.against(value(results, 'btc_change'))} its opening" in texts.report
    assert found(r"Bitcoin since opening: (−?\d+ %)", texts.view) == {text(results, "btc_change")}
    for place in (texts.terminal, texts.report, title):
        assert not re.search(r"bitcoin (falls|loses) \d+ %", place)


def test_a_price_over_mark_says_over_which(texts: Texts) -> None:
    results, sold = texts.results, texts.results.summary["liquidation"]
    names = {"GPUs": sold, "Rigs": sold["asic"]} if results.has_gpus else {"Rigs": sold["asic"]}
    for name, lots in names.items():
        at = found(rf"Price over mark at seizure: [^:]*?{name} (–|[\d,]+ %)", texts.report)
        assert at == {words.percent(lots["price_to_paper"])}
    title = texts.titles["5-marks"]
    for name, key in (("GPUs", "gpus_at_auction"), ("rigs", "rigs_at_auction")):
        if value(results, key) is not None:
            assert f"{name} at {text(results, key)}" in title
            assert title.count("of the mark of the day before") == 1
            label = "GPUs" if name == "GPUs" else "Rigs"
            before = found(rf"before the auction: [^:]*?{label} ([\d,]+ %)", texts.report)
            assert before == {text(results, key)}


def test_what_no_buyer_took_is_not_sold(texts: Texts) -> None:
    results = texts.results
    for unit, lots in (("gpus", ()), ("asic_th", ("asic",))):
        part = results.summary["liquidation"]
        for step in lots:
            part = part[step]
        for column in ("seized", "sold", "ended"):
            assert results.final(f"{unit}_{column}") == pytest.approx(part[f"{column}_units"])
        taken = results.events_of("taken_in_kind")
        if len(taken) and unit == "asic_th":
            assert part["ended_units"] > 0 or results.final("gpus_ended") > 0
    title = texts.titles["4-liquidation"]
    for family in results.families:
        if results.final(family.seized) > 0:
            share = results.final(family.sold) / results.final(family.seized)
            seized = words.count(results.final(family.seized))
            assert f"{words.percent(share)} of {seized} {family.unit}" in title


def test_auctions_add_up(texts: Texts) -> None:
    results = texts.results
    held = [int(number(results, f"auctions{end}")) for end in ("", "_sold", "_without_bid")]
    rest = int(number(results, "auctions_without_taker"))
    assert held[0] == held[1] + held[2] + rest
    assert held[1] == len(results.forced_trades)
    shown = found(r"Of ([\d,]+) auctions of seized or listed lots", texts.report)
    assert shown == ({f"{held[0]:,}"} if held[0] else set())
    cleared = found(r"of the ([\d,]+) auctions that sold", texts.report)
    assert cleared == ({f"{held[1]:,}"} if held[1] else set())


def test_the_largest_stand_in_order_of_size(texts: Texts) -> None:
    from firesale.experiments.report import story

    for chapter in story.chapters(texts.results):
        if len(chapter.table) < 2:
            continue
        weight = dict(zip(chapter.table, chapter.weights, strict=True))
        shown = [weight[row] for row in chapter.heaviest(12)]
        assert shown == sorted(shown, reverse=True)
        assert chapter.by and chapter.order
        if len(chapter.table) > 12:
            assert f"The 12 largest of {len(chapter.table):,}, by {chapter.by}" in texts.report


def test_coins_are_not_seized_machines(texts: Texts) -> None:
    """What lenders sold of pledged coins stands beside what they seized, not in it."""
    events = texts.results.events
    seized = events.loc[events["kind"] == "seizure", "amount_usd"].sum()
    coins = events.loc[events["kind"] == "btc_liquidation", "amount_usd"].sum()
    at_marks = found(r"in all (\$[\d.,]+[a-z]*) at marks", texts.terminal, texts.report)
    sold = found(r"pledged bitcoin of [\d,]+ borrowers? for (\$[\d.,]+[a-z]*)", texts.report)
    assert at_marks == ({words.money(seized)} if seized else set())
    assert sold == ({words.money(coins).rstrip(".")} if coins else set())


def test_no_text_blames_a_parent(texts: Texts) -> None:
    everything = [texts.terminal, texts.report, texts.view, *texts.titles.values()]
    everything += [*texts.panels.values(), *(panel.reading for panel in PANELS)]
    everything += [panel.name for panel in PANELS]
    for place in everything:
        blame = r"because of whom|caused by|Because of|takes? \S+ (others )?down|causes \d"
        assert not re.search(blame, place), re.search(blame, place)


def test_one_thing_is_singular_and_many_are_plural(texts: Texts) -> None:
    nouns = "lender|borrower|loan|miner|neocloud|other|failure|day|order|auction|vehicle|time|arm"
    for place in (texts.terminal, texts.report, texts.view, *texts.titles.values()):
        assert not re.search(rf"(?<![\d,.#–])\b1 ({nouns}|GPU)s\b", place)
        assert not re.search(rf"\b(?!1 )\d[\d,]* ({nouns}) (is|fails|defaults|breaks)\b", place)


@pytest.mark.parametrize("day", [40, 60, 90, 120])
def test_the_view_does_not_contradict_itself(day: int) -> None:
    """Story, network and counts of one day: who is called today, and who has been."""
    scenario = Scenario.load("crypto-crash").with_settings([f"days={day}"])
    results = Results.of(Simulation(scenario, seed=1).run(), scenario, 1, loans=False)
    title = PANELS[0].draw(results, busiest_class(results))[0]
    pressed, failed = (int(number(results, key)) for key in ("pressed", "borrowers_in_default"))
    quiet = pressed == failed == 0
    assert ("Nobody is called" in title) == quiet
    story = stage(results)
    assert story.startswith(("Calm", "Prices", "Calls met")) == quiet, story
    if story.startswith("Calm"):
        assert number(results, "calls_so_far") == 0
    if pressed and not failed:
        assert f"{pressed:,} borrower" in story


def test_owing_nothing_is_not_a_default_on_nothing() -> None:
    results = said(*RUNS[0]).results
    first = results.defaults[results.defaults["kind"] == "default"].iloc[:1]
    (line,) = day_lines(results, first.assign(amount_usd=0.0))
    assert "owing nothing" in line.text and "$0" not in line.text
    nothing = replace(results, events=results.events.assign(amount_usd=0.0))
    page = report(nothing, {})
    assert "nothing owed" in page and "default on $0" not in page


def test_first_round_and_multipliers_are_the_same_everywhere(texts: Texts) -> None:
    results = texts.results
    if not number(results, "borrowers_in_default"):
        return
    told = (
        rf"Of {number(results, 'borrowers_in_default'):,.0f} borrowers? in default ([\d,]+) would"
    )
    assert found(told, texts.terminal, texts.report) == {text(results, "first_round")}
    row = r"All over first round \|? ?([\d.]+)"
    assert found(row, texts.terminal, texts.report) == {text(results, "multiplier")}
    for key in ("multiplier", "loss_multiplier"):
        assert f"{FACTS[key].name}: {text(results, key)}" in texts.report


def test_every_fact_is_told_and_said_what_it_means() -> None:
    names = [fact.name for fact in FACTS.values()]
    assert len(names) == len(set(names))
    for fact in FACTS.values():
        assert fact.unit and fact.meaning and fact.source
    results = said(*RUNS[0]).results
    unknown = [key for key in FACTS if value(results, key) is None]
    assert unknown == ["resolved_loss"]  # this run was not settled to the end
    assert all(np.isfinite(number(results, key)) for key in FACTS)
