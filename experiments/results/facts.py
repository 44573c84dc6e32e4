"""Every figure that people are shown: its name, unit, meaning, and the one place it is read from.

Terminal, report, titles of figures and the browser view take a figure from here, so that a fact has
one number and one name. ``firesale explain`` prints this table.

Example:
    ``text(results, "lost_on_loans")`` gives ``"$1.53bn"``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...market.record.meanings import meaning_of
from ..look import words
from .fact import (
    Fact,
    Number,
    all_lost_share,
    at_auction,
    auctions,
    change,
    events,
    fine_share,
    first,
    going_on,
    hurt,
    last,
    lost,
    lost_share,
    lowest,
    of_summary,
    ratio,
    share,
    standing,
    whole,
)

if TYPE_CHECKING:
    from .results import Results


_AT_AUCTION = (
    "what seized or listed lots brought over the mark of the day before the auction, mean by value"
)
_NETWORK = "the state on the last day"
FACTS = {
    "miners_in_default": of_summary("Miners defaulted", "defaults.miner", whole),
    "neoclouds_in_default": of_summary("Neoclouds defaulted", "defaults.neocloud", whole),
    "borrowers_in_default": Fact(
        "Borrowers defaulted",
        "borrowers",
        "miners and neoclouds that have failed as a whole or reorganised",
        "summary: defaults.miner + defaults.neocloud",
        lambda results: sum(results.summary["defaults"][k] for k in ("miner", "neocloud")),
        whole,
    ),
    "going_on": Fact(
        "Reorganised and going on",
        "borrowers",
        "borrowers that defaulted, exchanged debt and have not failed since",
        "borrowers defaulted, less those in default on the last day",
        going_on,
        whole,
    ),
    "miners": of_summary("Miners", "population.miner", whole),
    "neoclouds": of_summary("Neoclouds", "population.neocloud", whole),
    "borrowers": Fact(
        "Borrowers",
        "borrowers",
        "miners and neoclouds in the opening books",
        "summary: population.miner + population.neocloud",
        lambda results: sum(results.summary["population"][k] for k in ("miner", "neocloud")),
        whole,
    ),
    "lenders": of_summary("Lenders", "population.lender", whole),
    "vehicles_in_default": Fact(
        "Project vehicles in default",
        "defaults",
        "defaults of borrowers' project vehicles without recourse; the borrower may stand",
        "events: of kind perimeter_default",
        events("perimeter_default"),
        whole,
    ),
    "debt_in_default": Fact(
        "Debt in default",
        "USD",
        "principal and interest claimed from borrowers and vehicles on the day of their default",
        "events: amounts of kinds default and perimeter_default",
        lambda results: float(results.defaults["debt_usd"].sum()),
        words.money,
    ),
    "called_so_far": of_summary("Borrowers called for margin so far", "margin_called", whole),
    "calls_so_far": last("Margin calls so far", "margin_calls", whole),
    "pressed": Fact(
        "Called or in cure",
        "borrowers",
        "borrowers with a margin call, a broken covenant or a missed payment that is not cured yet",
        _NETWORK,
        standing("CALLED", "CURE"),
        whole,
    ),
    "lenders_failed": of_summary("Lenders failed", "defaults.lender", whole),
    "arms_closed": of_summary("Lending arms closed", "sleeves_closed", whole),
    "lenders_gone": Fact(
        "Lenders failed or closed",
        "lenders",
        "lenders that failed outright, and lending arms closed by their firms",
        "lenders: those with a fate",
        lambda results: int((results.lenders["fate"] != "").sum()),
        whole,
    ),
    "lenders_weakened": Fact(
        "Else below minimum at some time",
        "lenders",
        "lenders below their minimum capital at some time that neither failed nor closed",
        "summary: impaired_lenders, less those gone",
        lambda results: len(results.impaired),
        whole,
    ),
    "lenders_hurt": Fact(
        "Lenders hurt",
        "lenders",
        "lenders that have lost over a tenth of their opening capital",
        "lenders: lost_usd > capital_open_usd ÷ 10",
        hurt,
        whole,
    ),
    "lost_on_loans": of_summary("Lenders' loss on loans", "loss_usd.total", words.money),
    "loss_share": Fact(
        "Lenders' loss on loans, of their capital",
        "1",
        "lost on loans to borrowers over the opening capital of all lenders",
        "summary: loss_usd.total ÷ lenders: capital_open_usd",
        lost_share,
        fine_share,
    ),
    "lost_on_lenders": Fact(
        "Lenders' loss on failed lenders",
        "USD",
        meaning_of("lenders.interlender_loss_usd").meaning,
        "summary: lenders.interlender_loss_usd",
        lost("interlender_loss_usd"),
        words.money,
    ),
    "lost_on_assets": Fact(
        "Lenders' loss on other assets",
        "USD",
        "lost by lenders when other assets are sold in haste, or by an event from outside",
        "lenders: market_loss_usd",
        lost("market_loss_usd"),
        words.money,
    ),
    "lost_in_all": Fact(
        "Lenders' loss in all",
        "USD",
        "on loans, on failed lenders and on other assets",
        "lenders: lost_usd",
        lost("lost_usd"),
        words.money,
    ),
    "loss_share_in_all": Fact(
        "Lenders' loss in all, of their capital",
        "1",
        "all that lenders lose over their opening capital",
        "lenders: lost_usd ÷ capital_open_usd",
        all_lost_share,
        fine_share,
    ),
    "lost_by_funders": of_summary(
        "Loss of depositors and other funders", "lenders.depositor_loss_usd", words.money
    ),
    "unresolved": of_summary("Claims unresolved", "loss_usd.unresolved_share", share),
    "resolved_loss": of_summary("Loss once settled", "loss_usd.resolved_total", words.money),
    "withdrawn": of_summary("Withdrawn by funders", "lenders.withdrawn_usd", words.money),
    "credit": last("Credit that lenders give", "credit_supply", share),
    "credit_worst": of_summary("The same, worst day", "lenders.credit_supply_worst", share),
    "largest_tree": of_summary("Largest tree of linked failures", "linked.largest", whole),
    "longest_line": of_summary("Longest line of linked failures", "linked.depth", whole),
    "touched": of_summary("Failures touched per failure", "linked.per_failure", ratio),
    "first_round": of_summary(
        "Borrowers in default in any case", "contagion.borrowers.first_round", whole
    ),
    "multiplier": of_summary(
        "Defaults, all over first round", "contagion.borrowers.multiplier", ratio
    ),
    "loss_multiplier": of_summary(
        "Losses on loans, all over first round", "contagion.loss_usd.multiplier", ratio
    ),
    "reproduction": of_summary(
        "Failures that one hands on", "contagion.reproduction_number", ratio
    ),
    "ltv_reported": of_summary("LTV as reported, worst day", "ltv.reported", words.ltv),
    "ltv_second_hand": of_summary("LTV second-hand, worst day", "ltv.second_hand", words.ltv),
    "ltv_at_once": of_summary("LTV sold at once, worst day", "ltv.realisable", words.ltv),
    "ltv_in_90_days": of_summary(
        "LTV within 90 days, worst day", "ltv.realisable_90_days", words.ltv
    ),
    "ltv_reported_first": first("LTV as reported, opening", "reported_ltv", words.ltv),
    "ltv_second_hand_first": first("LTV second-hand, opening", "second_hand_ltv", words.ltv),
    "ltv_at_once_first": first("LTV sold at once, opening", "realisable_ltv", words.ltv),
    "ltv_reported_last": last("LTV as reported, today", "reported_ltv", words.ltv),
    "ltv_second_hand_last": last("LTV second-hand, today", "second_hand_ltv", words.ltv),
    "ltv_at_once_last": last("LTV sold at once, today", "realisable_ltv", words.ltv),
    "gpus_seized": of_summary("GPUs seized", "liquidation.seized_units", words.count),
    "gpus_sold": of_summary("GPUs sold", "liquidation.sold_units", words.count),
    "gpus_ended": of_summary("GPUs no buyer took", "liquidation.ended_units", words.count),
    "gpus_unsold": of_summary("GPUs unsold", "liquidation.unsold_units", words.count),
    "rigs_seized": of_summary("Rigs seized", "liquidation.asic.seized_units", words.count),
    "rigs_sold": of_summary("Rigs sold", "liquidation.asic.sold_units", words.count),
    "rigs_ended": of_summary("Rigs no buyer took", "liquidation.asic.ended_units", words.count),
    "rigs_unsold": of_summary("Rigs unsold", "liquidation.asic.unsold_units", words.count),
    "gpus_at_seizure": of_summary(
        "GPUs: price over mark at seizure", "liquidation.price_to_paper", share
    ),
    "rigs_at_seizure": of_summary(
        "Rigs: price over mark at seizure", "liquidation.asic.price_to_paper", share
    ),
    "gpus_at_auction": Fact(
        "GPUs: price over mark before the auction",
        "1",
        _AT_AUCTION,
        "sales: forced units × price ÷ (forced units × mark)",
        at_auction(False),
        share,
    ),
    "rigs_at_auction": Fact(
        "Rigs: price over mark before the auction",
        "1",
        _AT_AUCTION,
        "sales: forced units × price ÷ (forced units × mark)",
        at_auction(True),
        share,
    ),
    "auctions": Fact(
        "Auctions in distress",
        "auctions",
        "a class in a place on a day, with seized or listed lots on offer",
        "book: asks by day, class and place",
        auctions(),
        whole,
    ),
    "auctions_sold": Fact(
        "Auctions that cleared",
        "auctions",
        "those in which some of these lots were sold",
        "sales: with forced units",
        auctions(is_sold=True),
        whole,
    ),
    "auctions_without_bid": Fact(
        "Auctions without a bid",
        "auctions",
        "those in which nobody bid what a seller asked",
        "book: best bid below the lowest ask",
        auctions(is_bid=False),
        whole,
    ),
    "auctions_without_taker": Fact(
        "Auctions without a taker",
        "auctions",
        "those in which somebody bid what was asked and none was sold: for want of racks or money, "
        "because of a lot's size, or because ordinary sellers took less",
        "the others",
        auctions(is_bid=True, is_sold=False),
        whole,
    ),
    "btc_change": change("Bitcoin since opening", "btc_usd", "price of bitcoin"),
    "btc_lowest": Fact(
        "Bitcoin at its lowest",
        "1",
        "lowest price of bitcoin so far against the opening",
        "series: btc_usd, min ÷ first − 1",
        lowest,
        share,
    ),
    "hashprice_change": change(
        "Hashprice since opening", "hashprice_usd_ph_day", "revenue of hashrate"
    ),
    "rent_change": change("H100 rent since opening", "rent_h100_usd_h", "spot rent of an H100"),
    "btc_impact": of_summary("Bitcoin moved by forced sales", "btc_impact_worst", fine_share),
    "conservation_error": of_summary("Conservation error", "conservation_error", ratio),
}


def value(results: Results, key: str) -> Number:
    """A figure of a run; ``None`` if it is not known.

    Raises:
        KeyError: there is no such figure.
    """
    found = FACTS[key].read(results)
    return found if words.is_number(found) else None


def number(results: Results, key: str) -> float:
    """The same where an unknown one is as good as none."""
    return float(value(results, key) or 0.0)


def text(results: Results, key: str) -> str:
    """A figure of a run as it is written everywhere."""
    return FACTS[key].write(value(results, key))


def fallen(results: Results) -> str:
    """How many borrowers of each kind are in default: ``51 miners and 9 neoclouds``."""
    many = {kind: int(number(results, f"{kind}s_in_default")) for kind in results.borrower_kinds}
    return words.listed([words.times(n, kind) for kind, n in many.items() if n > 0])


def who_fails(results: Results) -> str:
    """How many borrowers default, and how many project vehicles of such or of others."""
    vehicles = int(number(results, "vehicles_in_default"))
    parts = [words.times(int(number(results, "borrowers_in_default")), "borrower")]
    return words.listed(parts + [words.times(vehicles, "project vehicle")] * (vehicles > 0))
