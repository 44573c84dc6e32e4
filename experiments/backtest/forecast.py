"""A forecast that nothing is known of yet, in sentences and tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..look import words
from .words import UNKNOWN, Table, number, seeds

if TYPE_CHECKING:
    from .findings import Band, Failure, Findings
    from .picture import Picture

LIKELY = 0.5
MANY = 25  # names in the first table
COLUMNS = (
    ("hashprice_usd_ph_day", "hashprice, USD/PH/s/day", ".1f"),
    ("network_eh_s", "network, EH/s", ",.0f"),
    ("h100_used_usd", "H100, USD", ",.0f"),
    ("b200_used_usd", "B200, USD", ",.0f"),
    ("btc_sold", "BTC sold", ",.0f"),
    ("btc_mined", "BTC mined", ",.0f"),
    ("btc_held", "BTC held", ",.0f"),
    ("margin_calls", "margin calls", ".0f"),
)
"""Figures by month: published name, heading, form."""
RIGS = "_used_usd_per_th"


def ranged(of: Band, month: int, form: str) -> str:
    """Median and 10 to 90 % of a month."""
    low, high = number(of.low[month], form), number(of.high[month], form)
    return f"{number(of.median[month], form)} ({low}–{high})"


def headline(picture: Picture) -> str:
    """The forecast in two sentences."""
    found = picture.found
    named = [f for name, f in found.borrowers.items() if name not in found.small]
    single = [f for f in named if f.stands_for == 1]
    likely = [f.id for f in single if f.probability.value >= LIKELY]
    mean = sum(f.probability.value for f in single)
    return (
        f"Of {len(single)} named borrowers {mean:.1f} default on average by "
        f"{found.date(found.days)}; in most runs {words.listed(likely) or 'none'} "
        f"{'do' if len(likely) != 1 else 'does'}. Prices of coins, rents and rates are imposed, "
        "all else is the model's; nothing here was compared with what happened."
    )


def facts(picture: Picture) -> list[str]:
    """What the forecast says beside who fails, one sentence each."""
    found = picture.found
    last = len(found.months) - 1
    loss, lines = found.loss_usd, []
    lines.append(
        f"Losses of all lenders: {words.money(loss.value)} (10 to 90 % of runs: "
        f"{words.money(loss.low)} to {words.money(loss.high)})."
    )
    for name, title, form in COLUMNS[:4]:
        if name in found.monthly:
            band = found.monthly[name]
            lines.append(
                f"{words.capital(title)}: {number(band.median[0], form)} in {found.months[0]}, "
                f"{ranged(band, last, form)} in {found.months[last]}."
            )
    failed = [f for f in found.lenders.values() if f.probability.value >= 0.05]
    lines.append(
        "Lenders that fail in one run of twenty or more: "
        + (words.listed([f"{f.id} ({f.probability.value:.0%})" for f in failed]) or "none")
        + "."
    )
    return lines


def failures_table(title: str, failures: list[Failure], found: Findings) -> Table:
    """Probability, date and cause, with what comes before a default."""
    rows: list[tuple[str, ...]] = []
    for f in failures:
        share = f.probability
        rows.append(
            (
                f.id,
                f"{share.value:.0%}",
                f"{share.low:.0%}–{share.high:.0%}",
                str(found.date(f.day()) or UNKNOWN),
                words.CAUSES.get(f.cause, f.cause) or UNKNOWN,
                *(
                    f"{of[f.id].probability.value:.0%}" if f.id in of else UNKNOWN
                    for of in found.troubles.values()
                ),
            )
        )
    return Table(
        title,
        "Share of runs, with its 95 % interval from the number of runs alone; median date of those "
        "in which it fails; share with a margin call, a breach, a reorganisation.",
        ("id", "P", "95 %", "median date", "mostly because", "called", "breach", "reorganised"),
        rows,
    )


def months_table(picture: Picture) -> Table:
    """Figures by month."""
    found = picture.found
    shown = [(name, title, form) for name, title, form in COLUMNS if name in found.monthly]
    shown += [
        (name, f"{name.removesuffix(RIGS).upper()}, USD/TH", ".1f")
        for name in found.monthly
        if name.endswith(RIGS)
    ]
    return Table(
        "Month by month",
        "Median (10 to 90 % of runs). Machines: last clearing price of the model's auctions, mean "
        "of the month. Coins are those of listed miners, held at its end.",
        ("month", *(title for _, title, _ in shown)),
        [
            (month, *(ranged(found.monthly[name], place, form) for name, _, form in shown))
            for place, month in enumerate(found.months)
        ],
    )


def issuers_table(picture: Picture) -> Table:
    """Spreads of issuers at the opening, at the widest and at the end."""
    found = picture.found
    rows: list[tuple[str, ...]] = []
    for name, of in found.spreads.items():
        known = [k for k, value in enumerate(of.median) if math.isfinite(value)]
        if known:
            widest = max(known, key=lambda k: of.median[k])
            cells = [
                f"{1e4 * of.median[k]:,.0f} ({1e4 * of.low[k]:,.0f}–{1e4 * of.high[k]:,.0f})"
                for k in (known[0], widest, known[-1])
            ]
            rows.append((name, *cells[:2], found.months[widest], cells[2]))
    return Table(
        "Spreads of issuers",
        "Basis points over the reference rate, of notes in funds, at the end of a month: median "
        "(10 to 90 %) of runs in which they are paid.",
        ("issuer", "opening", "widest", "month", "end"),
        rows,
    )


def tables(picture: Picture) -> list[Table]:
    """All tables of the page."""
    found = picture.found
    named = [f for f in found.borrowers.values() if f.id not in found.small]
    order = sorted(named, key=lambda f: (-f.probability.value, f.id))
    small = [f for f in found.borrowers.values() if f.id in found.small]
    return [
        failures_table("Who fails, when, and why", order[:MANY], found),
        months_table(picture),
        issuers_table(picture),
        failures_table("Lenders", list(found.lenders.values()), found),
        failures_table("All named borrowers", order, found),
        failures_table("Small borrowers", small, found),
    ]


def subtitle(picture: Picture) -> str:
    """How many runs, and over which days."""
    found = picture.found
    return f"{found.opening} to {found.date(found.days)} · {seeds(found.runs)}"
