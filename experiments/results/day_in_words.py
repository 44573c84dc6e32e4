"""What happened on a day, in plain sentences: the most important first, small things counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..look import words
from .results import rows

if TYPE_CHECKING:
    import pandas as pd

    from .results import Results

MOST_NAMED = 2  # events of a kind on a day that are told one by one
LEAST_USD = 1e6  # of a kind on a day; what is less is not news

# In order of weight; {who} {other} {usd} {why} are filled in, events not listed are small print.
SENTENCES = {
    "shock": "A shock from outside strikes {who}.",
    "lender_failed": "{who} fails: losses have eaten its capital, {usd} of claims on it are open.",
    "sleeve_closed": "{who} is closed by its parent firm: no new credit, inventory is sold.",
    "default": "{who} defaults on {usd}: {why}.",
    "perimeter_default": "A project vehicle of {who} defaults on {usd}: {why}.",
    "lender_impaired": "{who} falls below its minimum capital and stops lending.",
    "funding_run": "Funders take {usd} out of {who}.",
    "interlender_loss": "{who} loses {usd} on {other}, a failed lender.",
    "reorganised": "{who} reorganises: {usd} of debt is exchanged for shares or lost; it goes on.",
    "surrendered": "{who} hands over the keys: its machines are worth less than the debt.",
    "seizure": "{other} seizes collateral of {who}, worth {usd} on paper.",
    "hardware_sale": "{other} buys machines from {who} for {usd}.",
    "btc_liquidation": "{other} sells pledged bitcoin of {who} for {usd}.",
    "margin_call": "{other} calls {who} for {usd} of margin: {why}.",
    "missed_payment": "{who} misses a payment of {usd} to {other}: {why}.",
    "covenant_breach": "{who} breaks a covenant with {other} ({why}); {usd} would cure it.",
    "not_refinanced": "{other} refuses to roll {usd} of {who}: {why}.",
    "tenant_failed": "{who} stops paying its rents: {usd} a year are gone.",
    "tenant_left": "A tenant of {who} leaves, {usd} of rent is gone.",
    "hazard": "{who} has an operating accident.",
    "forced_sale": "{who} sells {usd} of its own coins to pay its bills.",
    "listed": "{who} puts machines worth {usd} on sale.",
    "order_cancelled": "{who} cancels a hardware order of {usd}.",
    "waived": "{other} waives a breach of {who}.",
    "extended": "{other} gives {who} more time.",
}
PLURALS = {
    "default": "{n} borrowers default on {usd}",
    "perimeter_default": "{n} project vehicles default on {usd}",
    "seizure": "{n} seizures of collateral, worth {usd} on paper",
    "hardware_sale": "{n} sales of seized or listed machines for {usd}",
    "btc_liquidation": "{n} sales of pledged bitcoin for {usd}",
    "margin_call": "{n} margin calls for {usd}",
    "missed_payment": "{n} missed payments of {usd}",
    "covenant_breach": "{n} covenants broken; {usd} would cure them",
    "not_refinanced": "{n} loans not rolled over, {usd}",
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
            text = sentence.format(
                who=words.short(results.name(party), 36) or "the market",
                other=_other(results, party, other),
                usd=words.money(amount),
                why=words.cause(cause),
            )
            lines.append(Line(day, words.capital(text), kind in GRAVE))
    return lines


def _other(results: Results, party: str, other: str) -> str:
    """The counterparty's name; an estate takes its own machines."""
    if other == party:
        return "the estate"
    return words.short(results.name(other), 36) if other else "the market"


def stage(results: Results) -> str:
    """Where the market is on the way from calm to fire sale, in a sentence or two."""
    series = results.series
    fall = 1 - float(series["btc_usd"].iloc[-1] / series["btc_usd"].iloc[0])
    rents = series["rent_h100_usd_h"].iloc[[0, -1]].tolist()
    rent = 1 - rents[1] / rents[0] if results.has_rents else 0.0
    falls = [
        f"{name} down {words.percent(share)}"
        for name, share in (("bitcoin", fall), ("rents", rent))
        if share >= 0.1
    ]
    since = f" ({words.listed(falls)})" if falls else ""
    failed = int(results.final("defaults_miner") + results.final("defaults_neocloud"))
    lenders = len(results.events_of("lender_failed", "sleeve_closed")["party"].unique())
    forced = results.forced_trades
    forced = forced[forced["day"] > results.last_day - 35]
    if lenders:
        text = f"Contagion: {words.times(failed, 'borrower')} down, and "
        text += f"{words.times(lenders, 'lender')} failed or closed{since}."
    elif len(forced) and float(forced["ratio"].median()) < 0.7:
        text = (
            f"Fire sale: seized machines clear at {words.percent(float(forced['ratio'].median()))}"
        )
        text += f" of what the books say; {words.times(failed, 'borrower')} down{since}."
    elif failed:
        text = f"Defaults: {words.times(failed, 'borrower')} could not pay; "
        text += f"lenders seize machines and look for buyers{since}."
    elif results.final("margin_calls") > 0:
        text = f"Margin calls: borrowers must find collateral or sell coins{since}."
    elif falls:
        text = f"The shock is on{since}; nobody has been called yet."
    else:
        text = "Calm: loans are paid, nobody is called."
    return text
