"""How to read each figure of the report: a sentence on the drawing, and one on what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..look import words
from .headline import lenders_gone
from .story import impairment

if TYPE_CHECKING:
    from ..results.results import Results


def captions(results: Results) -> dict[str, str]:
    """The caption of each figure by its name."""
    return {
        "1-shock": _shock(results),
        "2-defaults": _defaults(results),
        "3-cascade": _cascade(results),
        "4-liquidation": _liquidation(results),
        "5-marks": _marks(results),
        "6-order-book": _order_book(results),
        "7-collateral-illusion": _illusion(results),
        "8-lender-losses": _losses(results),
        "9-lender-failure": _failure(results),
        "10-lenders": _lenders(results),
        "11-network": _network(results),
    }


def _shock(results: Results) -> str:
    crypto = results.scenario.crypto
    text = "All lines start at 100. "
    if crypto.path == "crash":
        start, end = crypto.crash_start_day, crypto.crash_start_day + crypto.crash_days
        text += (
            f"Script: bitcoin loses {words.percent(crypto.crash_depth)} from "
            f"{words.date(results.date(start))} to {words.date(results.date(end))}, with ordinary "
            "volatility on top. "
        )
    text += "Bitcoin is moved further by forced sales"
    moved = results.summary.get("btc_impact_worst")
    if words.is_number(moved):
        text += f": by {words.percent(moved, 1)} on the worst day"
    prices = "Hashprice and rents also answer" if results.has_rents else "Hashprice also answers"
    return f"{text}. {prices} to machines that are switched off or seized."


def _defaults(results: Results) -> str:
    text = (
        "Each step is a failure, its colour the first obligation that could not be met once cash, "
        "coins, credit lines and equity were used up."
    )
    days = results.defaults["day"].sort_values()
    if len(days) > 3:
        half = words.date(results.date(days.iloc[(len(days) - 1) // 2]))
        text += f" Half of the failures have happened by {half}."
    return text


def _cascade(results: Results) -> str:
    number = results.summary["cascade"]["reproduction_number"]
    return (
        "Read it like a folder tree: whatever hangs from a line was triggered by it. On the right, "
        "when it happened; the larger the dot, the more money. On average a failure causes "
        f"{number or 0.0:.2f} others: below 1 a cascade dies out. Cascades count borrowers and "
        "lenders; a project vehicle that defaults is shown and not counted."
    )


def _liquidation(results: Results) -> str:
    left = [
        f"{words.count(results.final(seized) - results.final(sold))} {unit}"
        for unit, seized, sold, _ in results.families
    ]
    days = words.times(results.scenario.liquidation.legal_days, "day")
    return (
        "The distance from green up to grey is hardware in lenders' or estates' hands: "
        f"{words.listed(left)} at the end. Possession takes {days}, then it waits for a buyer."
    )


def _marks(results: Results) -> str:
    text = "Where red lies below the line, books promise more than buyers pay"
    forced = results.forced_trades
    if len(forced):
        below = int((forced["ratio"] < 1).sum())
        text += f", as in {below:,} of {len(forced):,} auctions in which seized lots were sold"
    return f"{text}. Without trades a mark drifts back to its depreciation schedule."


def _order_book(results: Results) -> str:
    text = (
        "A sale needs blocks above the black line; what lies right of them finds no buyer. Bids "
        "below scrap value are not shown."
    )
    offers = results.offers
    if len(offers):
        none = int((offers["wanted"] <= 0).sum())
        text += f" In {none:,} of {len(offers):,} auctions of seized lots nobody met the price."
    return text


def _illusion(results: Results) -> str:
    gpus = "GPUs at the cost of the system, depreciated by the book; " if results.has_gpus else ""
    text = (
        f"As lenders report it: {gpus}rigs at lenders' marks. Second-hand: what a single machine "
        "last traded at. All at once: one sale of all that is pledged, in which each buyer's money "
        "and racks are spent once, less legal and removal cost, the rest as scrap; within 90 days: "
        "with what buyers earn meanwhile; classes are sold in the order of an auction day, so "
        "those sold first take the money of those behind; "
        "each alone: one lender sells while the others wait. Phantom liquidity is second-hand "
        "value over the money that bids for the class; as a buyer's money may stand behind several "
        "classes, it is at least that. Above 100 % a sale would not repay the loans. Measured "
        "every four weeks."
    )
    series = results.series
    known = series["realisable_ltv"].notna()
    if known.any():
        share = float((series.loc[known, "realisable_ltv"] > 1.0).mean())
        text += f" All at once, that is so on {words.percent(share)} of all days."
    return text


def _losses(results: Results) -> str:
    text = "Left, dollars; right, the same loss against the capital that has to bear it."
    if results.lenders_of("failed"):
        text += (
            " What a failed lender's loans lose later falls on those who bought them; it still "
            "stands beside its name. A failure from outside takes what its creditors lose, too."
        )
    return " ".join(filter(None, [text, impairment(results.impaired)]))


def _lenders(results: Results) -> str:
    lowest = results.series["credit_supply"].min() if "credit_supply" in results.series else None
    return (
        "A lender gives less credit once half of its headroom over minimum capital is lost, and "
        f"none at the minimum; all together gave {words.percent(lowest)} of their usual credit on "
        "the worst day. Black bars: below minimum capital, closed or failed."
    )


def _network(results: Results) -> str:
    right = ", neoclouds right" * ("neocloud" in results.borrower_kinds)
    return (
        f"Parties keep their places: miners left, lenders in the middle{right}, those "
        "with most debt on top. Lines in colour are owed by whoever has that colour. A lender "
        "below its minimum capital is drawn as called."
    )


def _failure(results: Results) -> str:
    text = lenders_gone(results) or "All lenders stand."
    if results.lenders_of("closed"):
        text += " What lending arms owe is paid by their parents."
    withdrawn = results.summary["lenders"]["withdrawn_usd"]
    if withdrawn > 0:
        text += f" Funders withdrew {words.money(withdrawn)} from lenders they heard bad news of."
    return text
