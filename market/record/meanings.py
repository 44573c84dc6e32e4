"""What each entry of ``summary.json`` means: unit and meaning, declared once.

Those of a day are in :mod:`market.state.series`, beside the columns. A name that ends in ``*`` has
an entry for each party, cause, instrument or kind of collateral.
"""

from __future__ import annotations

from ..state.series import Means

_PRICE = "what buyers paid over the mark on the day of seizure, mean of all units sold"
_COUNTED = {"borrowers": "borrowers", "lenders": "lenders", "loss_usd": "USD"}
_ROUNDS = {
    "first_round": "failed, or lost on loans, in every companion of the run too",
    "later": "of these, a month or more later in some companion",
    "further": "that would not be without some interaction: contagion",
    "through.*": "of these, by the family of interactions through which they came",
    "spared": "only where all interactions are held still; in no total",
    "multiplier": "all over first-round",
}
"""Entries of ``contagion``, which runs have whose companions were made."""
_BUYER, _LENDER = "policy.buyer_of_last_resort", "policy.lender_of_last_resort"
SUMMARY = {
    "scenario": Means("name", "the scenario that ran"),
    "seed": Means("number", "the seed of all its random numbers"),
    "days": Means("days", "simulated after the opening"),
    "start": Means("date", "of the opening books, day 0"),
    "population.miner": Means("miners", "in the opening books"),
    "population.neocloud": Means("neoclouds", "in the opening books"),
    "population.lender": Means("lenders", "in the opening books"),
    "population.buyer": Means("buyers", "of second-hand machines"),
    "population.loans": Means("loans", "of the opening, and facilities signed since"),
    "standing.miner": Means("miners", "in business on the last day, new ones too"),
    "standing.neocloud": Means("neoclouds", "in business on the last day, new ones too"),
    "entered.*": Means("names", "of new firms, also of those that have failed since"),
    "defaults.miner": Means("miners", "failed as a whole or reorganised; vehicles apart"),
    "defaults.neocloud": Means("neoclouds", "failed as a whole or reorganised"),
    "defaults.lender": Means("lenders", "failed outright; lending arms of firms close instead"),
    "defaulted.*": Means("names", "of those"),
    "reorganised": Means("names", "of these borrowers, those that exchanged debt and went on"),
    "sleeves_closed": Means("names", "lending arms that their firms have closed"),
    "lenders.withdrawn_usd": Means("USD", "redeemable money that has left lenders"),
    "lenders.earned_usd": Means("USD", "net interest that lenders have kept"),
    "lenders.provision_usd": Means("USD", "set aside for losses that are expected"),
    "lenders.unrealised_usd": Means(
        "USD", "below par that traded bonds and convertibles are marked, of borrowers that stand"
    ),
    "lenders.interlender_loss_usd": Means("USD", "lost by lenders on claims on failed lenders"),
    "lenders.depositor_loss_usd": Means("USD", "lost by depositors and funders of the failed"),
    "lenders.loan_price_worst": Means("1", "lowest price of lenders' other loans, 1 at par"),
    "lenders.credit_supply_worst": Means("1", "lowest share of usual credit that all gave"),
    "investment.ordered_usd": Means("USD", "machines ordered beyond signed growth"),
    "investment.on_credit_usd": Means("USD", "drawn under facilities for such machines"),
    "investment.lending_ease": Means("1", "what lenders have learnt from losses, -1 to 1"),
    "notes.converted_usd": Means("USD", "convertible notes that became shares"),
    "notes.put_usd": Means("USD", "notes whose holders asked for par before maturity"),
    "defaults_by_cause.*": Means(
        "borrowers", "failed, by the first obligation that was not met (not by whose fault)"
    ),
    "margin_called": Means("names", "borrowers called for margin at some time, first call first"),
    "breached_covenant": Means("names", "borrowers that broke a covenant at some time"),
    "missed_payment": Means("names", "borrowers that missed a payment at some time"),
    "perimeter_defaults": Means("names", "borrowers of which a project vehicle defaulted"),
    "impaired_lenders": Means("names", "lenders below their minimum capital at some time"),
    "linked.largest": Means(
        "failures",
        "in the largest tree of linked failures, each touched by the one above it in the log: what "
        "came after what, not what would not have happened without it",
    ),
    "linked.mean_size": Means("failures", "in a tree, mean of all trees, lone failures too"),
    "linked.depth": Means("failures", "in the longest line of a tree"),
    "linked.per_failure": Means(
        "1", "failures that were touched by an earlier one in the log, over all failures"
    ),
    **{
        f"contagion.{what}.{name}": Means("1" if name == "multiplier" else unit, meaning)
        for what, unit in _COUNTED.items()
        for name, meaning in _ROUNDS.items()
    },
    "contagion.handed_on": Means(
        "failures", "of others that came through those who failed, in shares of their causes"
    ),
    "contagion.reproduction_number": Means(
        "1", "the same over all failures of borrowers and lenders: what one hands on, on average"
    ),
    "loss_usd.total": Means(
        "USD", "lost on loans to borrowers: written down so far, net, and cost of enforcement"
    ),
    "loss_usd.by_instrument.*": Means("USD", "of that, by the kind of loan"),
    "loss_usd.unresolved": Means("USD", "of that, on claims that are not settled: an estimate"),
    "loss_usd.unresolved_share": Means("1", "claims not settled over all claims, at default"),
    "loss_usd.resolved_total": Means("USD", "lost on loans once all open claims are settled"),
    "loss_usd.resolved_day": Means("day", "on which they are"),
    "largest_borrower.id": Means("name", "who owes most at the opening, drawn, with its group"),
    "largest_borrower.fails": Means("yes or no", "whether it fails or reorganises"),
    "largest_borrower.loss_usd": Means("USD", "lost on loans to it and its group"),
    "largest_borrower.loss_without_usd": Means("USD", "lost on loans to all others"),
    "largest_borrower.resolved_loss_usd": Means(
        "USD", "lost on loans to it and its group once all open claims are settled"
    ),
    "largest_borrower.resolved_loss_without_usd": Means(
        "USD", "the same once all open claims are settled"
    ),
    "largest_borrower.defaults_without": Means("borrowers", "failed, outside its group"),
    "lender_loss_share_of_capital.*": Means("1", "lost on loans over opening capital, by lender"),
    "recovery.*": Means(
        "1", "present value recovered over claim at default, of settled claims, by collateral"
    ),
    "ltv.reported": Means(
        "1", "loans over their collateral as lenders report it, on the worst day for realisable"
    ),
    "ltv.second_hand": Means("1", "the same at what a single machine last traded at"),
    "ltv.realisable": Means(
        "1", "the same at what one sale of everything would bring, each buyer's money spent once"
    ),
    "ltv.realisable_90_days": Means("1", "the same with what buyers earn in 90 days"),
    "ltv.gpu.*": Means("1", "the four ratios of loans on GPUs alone, on the same day"),
    "ltv.day": Means("day", "on which the realisable ratio is highest"),
    "liquidation.seized_units": Means("GPU", "taken by lenders or estates"),
    "liquidation.sold_units": Means("GPU", "of these sold to buyers"),
    "liquidation.ended_units": Means(
        "GPU", "of these no buyer took in time: to the lender in kind, or scrap"
    ),
    "liquidation.unsold_units": Means("GPU", "of these still held"),
    "liquidation.listed_by_owners_units": Means("GPU", "put on sale by owners in distress"),
    "liquidation.median_days_to_sale": Means("days", "from seizure to sale, median unit sold"),
    "liquidation.price_to_paper": Means("1", _PRICE),
    "liquidation.asic.seized_units": Means("TH/s", "rigs taken by lenders or estates"),
    "liquidation.asic.sold_units": Means("TH/s", "of these sold to buyers"),
    "liquidation.asic.ended_units": Means(
        "TH/s", "of these no buyer took in time: to the lender in kind, or scrap"
    ),
    "liquidation.asic.unsold_units": Means("TH/s", "of these still held"),
    "liquidation.asic.listed_by_owners_units": Means("TH/s", "put on sale by owners in distress"),
    "liquidation.asic.median_days_to_sale": Means("days", "from seizure to sale, median unit sold"),
    "liquidation.asic.price_to_paper": Means("1", _PRICE),
    "liquidation.site_mw.seized_units": Means("MW", "sites and halls taken by project lenders"),
    "liquidation.site_mw.sold_units": Means("MW", "of these sold to buyers"),
    "liquidation.site_mw.ended_units": Means(
        "MW", "of these taken by their lender in kind, when the court's time was up"
    ),
    "liquidation.site_mw.unsold_units": Means("MW", "of these still held"),
    "liquidation.site_mw.listed_by_owners_units": Means("MW", "none: owners list machines only"),
    "liquidation.site_mw.median_days_to_sale": Means(
        "days", "from seizure to sale, median MW sold"
    ),
    "liquidation.site_mw.price_to_paper": Means("1", _PRICE),
    "btc_forced_sale_usd": Means("USD", "coins sold by force or for want of cash"),
    "btc_impact_worst": Means("1", "by which forced sales have lowered bitcoin, worst day"),
    "policy.net_cost_usd": Means(
        "USD", "public money spent and lent, less what came back, is held or is owed"
    ),
    "policy.resolved_net_cost_usd": Means("USD", "the same once all open claims are settled"),
    f"{_BUYER}.available_usd": Means("USD", "money of the buyer of last resort"),
    f"{_BUYER}.spent_usd": Means("USD", "of that, on machines, and on keeping them idle"),
    f"{_BUYER}.machines_usd": Means("USD", "of that, on machines"),
    f"{_BUYER}.storage_usd": Means("USD", "of that, on keeping them idle"),
    f"{_BUYER}.held_units.*": Means("machines or TH/s", "that it holds, by class"),
    f"{_BUYER}.held_scheduled_usd": Means("USD", "these at scheduled values"),
    f"{_BUYER}.held_usd": Means("USD", "at what one sale of them brings today, net"),
    f"{_BUYER}.held_90_days_usd": Means("USD", "with what buyers earn in 90 days"),
    f"{_BUYER}.net_cost_usd": Means("USD", "spent, less what one sale would bring today"),
    f"{_LENDER}.available_usd": Means("USD", "money of the lender of last resort"),
    f"{_LENDER}.lent_usd": Means("USD", "lent to lenders whose funders left"),
    f"{_LENDER}.got_back_usd": Means("USD", "repaid, and paid in interest"),
    f"{_LENDER}.interest_usd": Means("USD", "of that, interest"),
    f"{_LENDER}.owed_usd": Means("USD", "owed by lenders that stand, at par"),
    f"{_LENDER}.lost_usd": Means("USD", "lost with lenders that failed"),
    f"{_LENDER}.net_cost_usd": Means("USD", "lent, less what came back and is owed"),
    "policy.haircut_floor.withheld_credit_usd": Means(
        "USD", "advances it took away on machines that were bought all the same"
    ),
    "policy.tenor_cap.shortened_credit_usd": Means(
        "USD", "credit that was given for a shorter term than agreed"
    ),
    "policy.standstill.suspended_claims_usd": Means(
        "USD", "loans in breach on which nobody might act, on the day of most of them"
    ),
    "policy.capital_buffer.required_capital_usd": Means(
        "USD", "capital at the opening beyond what lenders had"
    ),
    "policy.mark_rule.raises_marks_usd": Means(
        "USD", "marks of pledged machines on the last day, less those without the rule"
    ),
    "conservation_error": Means("1", "worst unexplained change of a stock, relative"),
    "caveat": Means("text", "what this is"),
}
"""By name in ``summary.json``, levels joined by a dot."""


def meaning_of(name: str) -> Means:
    """What an entry of the summary means; ``name`` as in ``defaults.miner``.

    Raises:
        KeyError: there is no such entry.
    """
    return SUMMARY.get(name) or SUMMARY[f"{name.rpartition('.')[0]}.*"]
