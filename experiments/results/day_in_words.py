"""What happened on a day, in plain sentences: the most important first, small things counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...agents.party import Outside
from ..look import words
from .facts import number
from .results import rows

if TYPE_CHECKING:
    import pandas as pd

    from .results import Results

MOST_NAMED = 2  # events of a kind on a day that are told one by one
INVESTORS = Outside.INVESTORS.name  # who pay where no buyer is named
LEAST_FALL = 0.1  # of a price since the opening, to be told
RECENT_DAYS = 35
LOW_PRICE = 0.7  # of the mark: below it a sale is a fire sale
LEAST_USD = 1e6  # of a kind on a day; what is less is not news

# In order of weight; {who} {other} {usd} {why} are filled in, events not listed are small print.
# What names of lenders are the subject of stands in the past: it fits one firm and a pool of them.
SENTENCES = {
    "shock": "A shock from outside strikes {who}.",
    "lender_failed": "{who} failed: losses have eaten its capital, {usd} of claims on it are open.",
    "sleeve_closed": "Closed by its parent firm, no new credit: {who}.",
    "default": "{who} defaults on {usd}: {why}.",
    "perimeter_default": "A project vehicle of {who} defaults on {usd}: {why}.",
    "lender_impaired": "{who} fell below its minimum capital and stopped lending.",
    "funding_run": "Funders take {usd} out of {who}.",
    "interlender_loss": "{who} lost {usd} on {other}, a failed lender.",
    "reorganised": "{who} reorganises: {usd} of debt is exchanged for shares or lost; it goes on.",
    "line_called": "Lines to {who} are called: {usd} beyond what its collateral carries.",
    "amortises_early": "{who} amortises early: its notes take all its cash.",
    "surrendered": "{who} hands over the keys: its machines are worth less than the debt.",
    "seizure": "{other} seized collateral of {who}, worth {usd} at marks.",
    "hardware_sale": "{who}: machines sold to {other} for {usd}.",
    "taken_in_kind": "{who} took machines of {other} in kind for {usd}: no buyer came in time.",
    "btc_liquidation": "{other} sold pledged bitcoin of {who} for {usd}.",
    "margin_call": "{other} called {who} for {usd} of margin: {why}.",
    "missed_payment": "{who} misses a payment of {usd} to {other}: {why}.",
    "covenant_breach": "{who} breaks a covenant with {other} ({why}); {usd} would cure it.",
    "not_refinanced": "{other} refused to roll {usd} of {who}: {why}.",
    "line_stopped": "{other} lets {who} draw no more of {usd} it had promised: {why}.",
    "tenant_failed": "{who} stops paying its rents: {usd} a year are gone.",
    "tenant_left": "A tenant of {who} leaves, {usd} of rent is gone.",
    "entered": "{who} enters: its owners pay in {usd}, {other} lends.",
    "hazard": "{who} has an operating accident.",
    "forced_sale": "{who} sells {usd} of its own coins to pay its bills.",
    "listed": "{who} puts machines worth {usd} on sale.",
    "order_cancelled": "{who} cancels a hardware order of {usd}.",
    "waived": "{other} waived a breach of {who}.",
    "extended": "{other} gave {who} more time.",
}
OWING_NOTHING = {
    "default": "{who} fails, owing nothing in this market: {why}.",
    "perimeter_default": "A project vehicle of {who} fails, owing nothing: {why}.",
}
PLURALS = {
    "default": "{n} borrowers default on {usd}",
    "perimeter_default": "{n} project vehicles default on {usd}",
    "seizure": "{n} seizures of collateral, worth {usd} at marks",
    "hardware_sale": "{n} sales of seized or listed machines for {usd}",
    "btc_liquidation": "{n} sales of pledged bitcoin for {usd}",
    "margin_call": "{n} margin calls for {usd}",
    "missed_payment": "{n} missed payments of {usd}",
    "covenant_breach": "{n} covenants broken; {usd} would cure them",
    "not_refinanced": "{n} loans not rolled over, {usd}",
    "line_stopped": "{n} committed lines stopped, {usd} not drawn",
    "forced_sale": "{n} sales of own coins for {usd}",
    "listed": "{n} listings of machines, worth {usd}",
    "order_cancelled": "{n} orders cancelled, {usd}",
    "interlender_loss": "{n} lenders lose {usd} on failed lenders",
}
GRAVE = (
    "lender_failed",
    "sleeve_closed",
    "default",
    "perimeter_default",
    "lender_impaired",
    "funding_run",
)


@dataclass(frozen=True)
class Line:
    """One sentence: of which day, and whether somebody fails in it."""

    day: int
    text: str
    grave: bool


def ticker(results: Results, most: int = 12, back_days: int = 60) -> list[Line]:
    """The latest sentences, newest day first and within a day the gravest first."""
    log = results.events
    log = log[log["kind"].isin(SENTENCES) & (log["day"] > results.last_day - back_days)]
    lines: list[Line] = []
    for day in sorted(set(log["day"].tolist()), reverse=True):
        lines += day_lines(results, log[log["day"] == day])
        if len(lines) >= most:
            break
    return lines[:most]


def day_lines(results: Results, log: pd.DataFrame) -> list[Line]:
    """The events of one day as sentences."""
    lines = []
    for kind, sentence in SENTENCES.items():
        own = log[log["kind"] == kind]
        usd = float(own["amount_usd"].sum())
        if own.empty or ("{usd}" in sentence and usd < LEAST_USD and kind not in GRAVE):
            continue
        day = int(own["day"].iloc[0])
        many = PLURALS.get(kind)
        if many and len(own) > MOST_NAMED:
            text = many.format(n=f"{len(own):,}", usd=words.money(float(own["amount_usd"].sum())))
            first = results.name(str(own.nlargest(1, "amount_usd")["party"].iloc[0]))
            lines.append(
                Line(day, f"{text}; the largest: {words.short(first, 36)}.", kind in GRAVE)
            )
            continue
        columns = ("party", "counterparty", "amount_usd", "cause")
        for party, other, amount, cause in rows(own, *columns):
            said = OWING_NOTHING.get(kind, sentence) if amount <= 0.0 else sentence
            text = said.format(
                who=words.short(results.name(party), 36) or "the market",
                other=_other(results, party, other),
                usd=words.money(amount),
                why=words.cause(cause),
            )
            lines.append(Line(day, words.capital(text), kind in GRAVE))
    return lines


def _other(results: Results, party: str, other: str) -> str:
    """The counterparty's name; an estate takes its own machines, investors buy for nobody named."""
    if other == party:
        return "the estate"
    if other == INVESTORS:
        return "outside investors"
    return words.short(results.name(other), 36) if other else "the market"


def stage(results: Results) -> str:
    """Where the market stands today on the way from calm to fire sale, in a sentence or two."""
    names = [("bitcoin", "btc_change"), *[("rents", "rent_change")] * results.has_rents]
    falls = [
        f"{name} {words.against(number(results, key))} the opening"
        for name, key in names
        if number(results, key) <= -LEAST_FALL
    ]
    since = f" ({words.listed(falls)})" if falls else ""
    failed, called = int(number(results, "borrowers_in_default")), number(results, "called_so_far")
    gone, pressed = int(number(results, "lenders_gone")), int(number(results, "pressed"))
    down = f"{words.times(failed, 'borrower')} defaulted"
    forced = results.forced_trades
    forced = forced[forced["day"] > results.last_day - RECENT_DAYS]
    low = float(forced["ratio"].median()) if len(forced) else 1.0
    if gone:
        return f"Lenders fall too: {words.times(gone, 'lender')} failed or closed, {down}{since}."
    if low < LOW_PRICE:
        return (
            f"Fire sale: auctions of the last {RECENT_DAYS} days bring {words.percent(low)} of the "
            f"mark of the day before (median); {down}{since}."
        )
    if failed:
        return f"Defaults: {down}{since}."
    if pressed:
        who = words.times(pressed, "borrower is", "borrowers are")
        return f"Under pressure: {who} called for margin or in cure today{since}."
    if called:
        who = words.times(int(called), "borrower has", "borrowers have")
        return f"Calls met: {who} been called for margin so far, nobody is today{since}."
    if falls:
        return f"Prices have fallen{since}; nobody has been called for margin yet."
    return "Calm: loans are paid, nobody is called."
