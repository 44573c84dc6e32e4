"""How to read each figure of the report: a sentence on the drawing, and one on what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..look import words
from ..results.facts import number, text
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
    told = "All lines start at 100. "
    if crypto.path == "crash":
        start, end = crypto.crash_start_day, crypto.crash_start_day + crypto.crash_days
        told += (
            f"The script alone takes {words.percent(crypto.crash_depth)} off bitcoin from "
            f"{words.date(results.date(start))} to {words.date(results.date(end))}; ordinary "
            "volatility comes on top, so that the lowest and the last price are others. "
        )
    told += f"Forced sales move bitcoin by {text(results, 'btc_impact')} on the worst day"
    prices = "Hashprice and rents also answer" if results.has_rents else "Hashprice also answers"
    return f"{told}. {prices} to machines that are switched off or seized."


def _defaults(results: Results) -> str:
    told = (
        "Each step is a failure, its colour the first obligation that could not be met once cash, "
        "coins, credit lines and equity were used up."
    )
    days = results.defaults["day"].sort_values()
    if len(days) > 3:
        half = words.date(results.date(days.iloc[(len(days) - 1) // 2]))
        told += f" Half of the failures have happened by {half}."
    return told


def _cascade(results: Results) -> str:
    if results.causes is not None and results.causes.shares:
        return (
            "A failure is here because it is missing in a companion of the run. Its causes are "
            "divided among those whose machines stood behind the prices it reacted to, who refused "
            "it, or whose claims it lost. A failure hands on "
            f"{text(results, 'reproduction')} failures of others, on average: below 1 it dies out."
        )
    return (
        "Read it like a folder tree: whatever hangs from a line reacted to it, and was touched by "
        "it. What would not have happened without it the log does not say. On the right, when it "
        "happened; the larger the dot, the more money. "
        f"{text(results, 'touched')} of a failure is touched per failure, on average. "
        "Trees count borrowers and lenders; a project vehicle that defaults is shown and not "
        "counted."
    )


def _liquidation(results: Results) -> str:
    left = []
    for family in results.families:
        held = [results.final(column) for column in (family.seized, family.sold, family.ended)]
        left.append(f"{words.count(held[0] - held[1] - held[2])} {family.unit}")
    days = words.times(results.scenario.liquidation.legal_days, "day")
    return (
        "What is neither sold nor taken for want of a buyer is in lenders' or estates' hands: "
        f"{words.listed(left)} at the end. Possession takes {days}, then it waits for a buyer."
    )


def _marks(results: Results) -> str:
    told = "Where red lies below the line, books promise more than buyers pay"
    forced = results.forced_trades
    if len(forced):
        below = int((forced["ratio"] < 1).sum())
        sold = text(results, "auctions_sold")
        told += f", as in {below:,} of the {sold} auctions that sold seized or listed lots"
    return f"{told}. Without trades a mark drifts back to its depreciation schedule."


def _order_book(results: Results) -> str:
    told = (
        "A sale needs blocks above the black line; what lies right of them finds no buyer. Bids "
        "below scrap value are not shown."
    )
    if number(results, "auctions"):
        told += (
            f" Of {text(results, 'auctions')} auctions of seized or listed lots "
            f"{text(results, 'auctions_sold')} sold some, in "
            f"{text(results, 'auctions_without_bid')} nobody bid what was asked, and in "
            f"{text(results, 'auctions_without_taker')} nobody took a lot at that price, for want "
            "of racks or money, because of its size, or because ordinary sellers took less."
        )
    return told


def _illusion(results: Results) -> str:
    gpus = "GPUs at the cost of the system, depreciated by the book; " if results.has_gpus else ""
    told = (
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
        told += f" All at once, that is so on {words.percent(share)} of all days."
    return told


def _losses(results: Results) -> str:
    told = "Left, dollars; right, the same loss against the capital that has to bear it."
    if results.lenders_of("failed"):
        told += (
            " What a failed lender's loans lose later falls on those who bought them; it still "
            "stands beside its name. A failure from outside takes what its creditors lose, too."
        )
    return " ".join(filter(None, [told, impairment(results.impaired)]))


def _lenders(results: Results) -> str:
    worst = text(results, "credit_worst")
    return (
        "A lender gives less credit once half of its headroom over minimum capital is lost, and "
        f"none at the minimum; all together gave {worst} of their usual credit on the worst day. "
        "Black bars: below minimum capital, closed or failed."
    )


def _network(results: Results) -> str:
    right = ", neoclouds right" * ("neocloud" in results.borrower_kinds)
    return (
        f"Parties keep their places: miners left, lenders in the middle{right}, those "
        "with most debt on top. Lines in colour are owed by whoever has that colour. A lender "
        "below its minimum capital is drawn as called."
    )


def _failure(results: Results) -> str:
    told = lenders_gone(results) or "All lenders stand."
    if results.lenders_of("closed"):
        told += " What lending arms owe is paid by their parents."
    if number(results, "withdrawn") > 0:
        told += (
            f" Funders withdrew {text(results, 'withdrawn')} from lenders they heard bad news of."
        )
    return told
