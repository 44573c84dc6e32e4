"""The story of a run in its order: shock, calls, breaches, defaults, seizures, sales, losses.

Each chapter is a sentence computed from the frames and, where there is something to list, a table.
Where there is no room for all rows, the heaviest are shown: see :meth:`Chapter.heaviest`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ..look import words
from ..results.facts import number, text, value, who_fails
from ..results.handed_on import NONE, in_words
from ..results.results import rows
from . import causes, policy
from .chapter import Chapter, amount, by_party, first, heads, price, range_of, when
from .headline import lenders_gone, ltv_in_words

if TYPE_CHECKING:
    import pandas as pd

    from ..results.results import Results


_TOLD: WeakKeyDictionary[Results, list[Chapter]] = WeakKeyDictionary()


def chapters(results: Results) -> list[Chapter]:
    """The whole story; it is told once and read twice, on the page and on the terminal."""
    if results not in _TOLD:
        _TOLD[results] = [
            shock(results),
            margin_calls(results),
            breaches(results),
            defaults(results),
            seizures(results),
            sales(results),
            losses(results),
            *causes.chapters(results),
            *policy.chapters(results),
            illusion(results),
        ]
    return _TOLD[results]


def shock(results: Results) -> Chapter:
    """What hits the market from outside."""
    series = results.series
    shown = [
        ("btc", "btc_usd", "bitcoin", "", 0),
        ("hashprice", "hashprice_usd_ph_day", "hashprice", " per PH/s a day", 1),
    ]
    shown += [("rent", "rent_h100_usd_h", "the rent of an H100", " an hour", 2)] * results.has_rents
    parts = [
        f"{name} {words.against(value(results, f'{key}_change'))} its opening, at "
        f"${float(series[column].iloc[-1]):,.{digits}f}{unit}"
        for key, column, name, unit, digits in shown
    ]
    told = f"After {words.times(results.last_day, 'day')}: {words.listed(parts)}."
    if number(results, "btc_lowest") < min(number(results, "btc_change"), -0.02):
        told += (
            f" At its lowest, on {words.date(results.lowest_btc[0])}, bitcoin is "
            f"{words.against(value(results, 'btc_lowest'))} its opening."
        )
    return Chapter("The shock", told, figures=("1-shock",))


def margin_calls(results: Results) -> Chapter:
    """Who is called for margin, first call first, and what became of it."""
    title = "Who is called for margin"
    calls = results.events_of("margin_call")
    if calls.empty:
        return Chapter(title, "No lender calls margin.")
    sold = results.events_of("btc_liquidation").groupby("party")["amount_usd"].sum().to_dict()
    met = set(results.events_of("margin_met")["party"])
    failed = set(results.defaults["party"])
    table = []
    for party, own in by_party(calls):
        follows = []
        if party in sold:
            follows.append(f"{words.money(sold[party])} BTC sold")
        elif party in met:
            follows.append("met")
        if party in failed:
            follows.append("defaults")
        table.append(
            (
                *when(results, own["day"].iloc[0]),
                results.name(party),
                words.cause(own["cause"].iloc[0]),
                f"{len(own):,}",
                words.money(own["amount_usd"].max()),
                ", ".join(follows) or "open",
            )
        )
    who = words.times(int(number(results, "called_so_far")), "borrower is", "borrowers are")
    told = (
        f"{words.capital(who)} called, {words.times(int(number(results, 'calls_so_far')), 'time')} "
        f"in all; {first(table)}."
    )
    columns = heads("Day>", "Date", "Borrower", "Trigger", "Calls>", "Largest>", "Then")
    weights = tuple(float(own["amount_usd"].max()) for _, own in by_party(calls))
    return Chapter(title, told, columns, tuple(table), weights, "largest call")


def breaches(results: Results) -> Chapter:
    """Who breaks which covenant, and what lenders do about it."""
    title = "Who breaks which covenant"
    broken = results.events_of("covenant_breach")
    if broken.empty:
        return Chapter(title, "No covenant is broken.")
    swept = set(results.events_of("cash_sweep")["party"])
    locked = set(results.events_of("lock_up")["party"])
    cured = set(results.events_of("cured")["party"])
    failed = set(results.defaults["party"])
    table = []
    for party, own in by_party(broken):
        follows = ["cash swept"] if party in swept else ["cash locked up"] * (party in locked)
        follows += ["defaults"] if party in failed else ["cured"] * (party in cured)
        table.append(
            (
                *when(results, own["day"].iloc[0]),
                results.name(party),
                words.listed([words.cause(cause) for cause in own["cause"].unique()]),
                f"{own['loan'].nunique():,}",
                ", ".join(follows) or "no action",
            )
        )
    who = words.times(len(table), "borrower breaks", "borrowers break")
    told = f"{words.capital(who)} a covenant; {first(table)}."
    columns = heads("Day>", "Date", "Borrower", "Covenant", "Loans>", "Then")
    owed = results.loans.groupby("borrower")["principal_open_usd"].sum().to_dict()
    weights = tuple(float(owed.get(party, 0.0)) for party, _ in by_party(broken))
    return Chapter(title, told, columns, tuple(table), weights, "debt at the opening")


def defaults(results: Results) -> Chapter:
    """Who defaults, on what, owing how much."""
    title, failed = "Who defaults, and on what", results.defaults
    figures = ("2-defaults", "11-network", "3-cascade")
    if failed.empty:
        return Chapter(title, "Nobody defaults.", figures=figures)
    table: tuple[tuple[str, ...], ...] = tuple(
        (
            *when(results, day),
            name,
            of if kind == "default" else "vehicle",
            words.cause(cause),
            words.owing(debt),
        )
        for day, name, kind, of, cause, debt in rows(
            failed, "day", "name", "kind", "type", "cause", "debt_usd"
        )
    )
    largest = failed.iloc[int(failed["debt_usd"].to_numpy().argmax())]
    verb = "defaults" if len(table) == 1 else "default"
    debt = f"on {text(results, 'debt_in_default')} of debt"
    if not number(results, "debt_in_default"):
        debt = "owing nothing in this market"
    own = failed.loc[failed["kind"] == "default", "party"]
    if again := len(own) - own.nunique():
        debt += f" ({again:,} of them twice, having reorganised)"
    told = f"{words.capital(who_fails(results))} {verb} {debt}; {first(table)}"
    if len(table) > 1 and largest["debt_usd"] > 0:
        told += f"; the largest is {largest['name']} with {words.money(largest['debt_usd'])}"
    told += f". {_cascade(results)}"
    columns = heads("Day>", "Date", "Borrower", "Kind", "Trigger", "Debt>")
    if results.causes is not None:
        columns += heads("How it came about")
        labels = [
            in_words(results.causes.by_party.get(party)) if kind == "default" else NONE
            for party, kind in rows(failed, "party", "kind")
        ]
        table = tuple((*row, one) for row, one in zip(table, labels, strict=True))
    return Chapter(title, told, columns, table, tuple(failed["debt_usd"]), "debt", figures=figures)


def _cascade(results: Results) -> str:
    """How many fail one after another, each touched by the one before."""
    if number(results, "largest_tree") < 2:
        return "No failure touches another one that fails."
    return (
        f"In the largest tree {text(results, 'largest_tree')} borrowers or lenders fail, "
        "each touched by one before it: what came after what, not proof that the later ones would "
        "have stood."
    )


def seizures(results: Results) -> Chapter:
    """What is taken, from whom."""
    title, figures = "What is seized", ("4-liquidation",)
    taken = results.events_of("seizure", "btc_liquidation")
    if taken.empty:
        return Chapter(title, "Nothing is seized.", figures=figures)
    classes = dict(rows(results.loans, "loan", "collateral_class"))
    table, weights = [], []
    for party, own in by_party(taken):
        what = dict.fromkeys(classes.get(loan) or "unpledged machines" for loan in own["loan"])
        coins = float(own.loc[own["kind"] == "btc_liquidation", "amount_usd"].sum())
        seized = float(own.loc[own["kind"] == "seizure", "amount_usd"].sum())
        table.append(
            (
                *when(results, own["day"].iloc[0]),
                results.name(party),
                words.listed([words.class_title(c) for c in what], 3),
                f"{own['loan'].nunique():,}",
                words.money(seized) if seized else "–",
                words.money(coins) if coins else "–",
            )
        )
        weights.append(seized + coins)
    told = f"{words.capital('; '.join(_taken(results, taken)))}."
    columns = heads("Day>", "Date", "From", "What", "Loans>", "Seized, at marks>", "Coins sold>")
    by = "value seized and coins sold"
    return Chapter(title, told, columns, tuple(table), tuple(weights), by, figures=figures)


def _taken(results: Results, taken: pd.DataFrame) -> list[str]:
    """What is seized from how many, and apart from it the coins that lenders sell."""
    parts = []
    seized = taken[taken["kind"] == "seizure"]
    if len(seized):
        units = (("gpus_seized", "GPUs"), ("rigs_seized", "TH/s of rigs"))
        what = [f"{text(results, key)} {unit}" for key, unit in units if number(results, key) > 0]
        parts.append(
            f"lenders and estates seize {words.listed(what) or 'sites'} from "
            f"{words.times(seized['party'].nunique(), 'borrower')}, in all "
            f"{words.money(seized['amount_usd'].sum())} at marks"
        )
    coins = taken[taken["kind"] == "btc_liquidation"]
    if len(coins):
        parts.append(
            f"lenders sell pledged bitcoin of {words.times(coins['party'].nunique(), 'borrower')} "
            f"for {words.money(coins['amount_usd'].sum())}"
        )
    return parts


def sites(results: Results) -> str:
    """What becomes of sites and halls that project lenders take; empty if they take none."""
    mw = results.summary["liquidation"]["site_mw"]
    if mw["seized_units"] <= 0.0:
        return ""
    ends = (("sold", "sold"), ("ended", "kept by the lender in kind"), ("unsold", "still held"))
    told = [f"{mw[f'{end}_units']:,.0f} {what}" for end, what in ends if mw[f"{end}_units"] > 0.0]
    return f" Project lenders take {mw['seized_units']:,.0f} MW of sites: {words.listed(told)}."


def sales(results: Results) -> Chapter:
    """Which hardware finds a buyer, at what share of its mark."""
    title, figures = "Who bids, at what price", ("5-marks", "6-order-book")
    offers, trades, bids = results.offers, results.forced_trades, results.book
    bids = bids[bids["side"] == "bid"]
    offered = [c for c in results.classes if (offers["hardware"] == c).any()]
    if not offered:
        told = f"No hardware is auctioned in distress.{sites(results)}"
        return Chapter(title, told, figures=figures)
    table, unsold = [], []
    for hardware in offered:
        own = trades[trades["hardware"] == hardware]
        wanted = bids[(bids["hardware"] == hardware) & (bids["price_usd"] > 0)]
        most = wanted.assign(usd=wanted["units"] * wanted["price_usd"]).groupby("segment")["usd"]
        if own.empty:
            most_offered = offers.loc[offers["hardware"] == hardware, "offered"].max()
            unsold.append(f"{words.hardware(hardware)} (at most {amount(most_offered, hardware)})")
        table.append(
            (
                words.class_title(hardware),
                amount(offers.loc[offers["hardware"] == hardware, "offered"].max(), hardware),
                f"{len(own):,}",
                price(own["price_usd"].iloc[-1], hardware) if len(own) else "–",
                range_of(own["ratio"]) if len(own) else "–",
                words.segment(str(most.sum().idxmax())) if len(wanted) else "nobody",
            )
        )
    many = f"{len(offered)} classes" if len(offered) > 1 else words.hardware(offered[0])
    told = f"{words.capital(many)} come to market, seized or listed by owners in distress; "
    if trades.empty:
        told += "no auction of them clears: the inventory waits."
    else:
        low = trades.iloc[int(trades["ratio"].to_numpy().argmin())]
        told += (
            f"the lowest price is {words.percent(low['ratio'])} of the mark of the day before, for "
            f"{words.hardware(low['hardware'])} on {words.date(results.date(low['day']))}."
        )
        if unsold:
            told += f" {words.capital(words.listed(unsold))} find no buyer at all."
    told += sites(results)
    columns = heads(
        "Class", "Most on offer>", "Auctions cleared>", "Last price>", "Price / mark>", "Top bidder"
    )
    most_usd = [n * results.mark(h, d) for d, h, n in rows(offers, "day", "hardware", "offered")]
    by_class = offers.assign(usd=most_usd).groupby("hardware")["usd"].max()
    weights = tuple(float(by_class[hardware]) for hardware in offered)
    by = "largest offer at marks"
    return Chapter(title, told, columns, tuple(table), weights, by, "class", figures)


LENDER_FIGURES = ("8-lender-losses", "10-lenders", "9-lender-failure")


def losses(results: Results) -> Chapter:
    """What each lender loses, and who fails of it."""
    title, figures, lenders = "What lenders lose", LENDER_FIGURES, results.lenders
    lost = lenders[(lenders["lost_usd"] > 0) | (lenders["fate"] != "")]
    lost = lost.sort_values("lost_usd", ascending=False, kind="stable")
    if lost.empty:
        return Chapter(title, "No lender loses anything.", figures=figures)
    weak = set(results.summary.get("impaired_lenders") or [])
    columns = ("lender", "name", "kind", "loss_usd", "lost_usd", "capital_open_usd", "fate")
    table = tuple(
        (
            name,
            words.lender(kind),
            words.money(on_loans) if on_loans else "–",
            words.money(loss - on_loans) if loss > on_loans else "–",
            words.percent(loss / capital if capital > 0 else None, 1),
            fate or f"{100 * ratio:.1f} / {words.percent(least, 1)}" + " missed" * (lender in weak),
        )
        for lender, name, kind, on_loans, loss, capital, fate, ratio, least in rows(
            lost, *columns, "capital_ratio", "min_capital_ratio"
        )
    )
    worst = lost.iloc[0]
    share = worst["lost_usd"] / max(worst["capital_open_usd"], 1.0)
    losing = int((lost["lost_usd"] > 0).sum())
    told = (
        f"{losing} of {words.times(len(lenders), 'lender')} {'loses' if losing == 1 else 'lose'} "
        f"money: all together {lost_by_source(results)}, net; the largest loss, "
        f"{words.money(worst['lost_usd'])} or {words.percent(share, 1)} of capital, falls on "
        f"{worst['name']}."
    )
    left = f"On loans: {results.settled}." if results.settled else ""
    told = " ".join(filter(None, [told, left, lenders_gone(results), impairment(results.impaired)]))
    head = heads("Lender", "Kind", "On loans>", "Elsewhere>", "Of capital>", "Capital / minimum")
    return Chapter(title, told, head, table, tuple(lost["lost_usd"]), "loss", "loss", figures)


def lost_by_source(results: Results) -> str:
    """What all lenders lose, by where."""
    return words.listed([f"{words.money(usd)} {where}" for where, usd in results.lost_usd.items()])


def impairment(names: list[str]) -> str:
    """Which lenders that stand fell below their minimum capital, and what that means."""
    if not names:
        return ""
    names = [name.replace(", pooled", " (pooled)") for name in names]
    one = len(names) == 1
    then = "it lends nothing new and rolls" if one else "they lend nothing new and roll"
    return (
        f"Below {'its' if one else 'their'} minimum capital at some time: {words.listed(names)}. "
        f"From then on {then} nothing over."
    )


def illusion(results: Results) -> Chapter:
    """Loan to value as reported, second-hand and in one sale, by collateral on the worst day."""
    title, figures = "What lenders report, and what a sale would bring", ("7-collateral-illusion",)
    if value(results, "ltv_at_once") is None:
        return Chapter(title, "No secured loan was outstanding on any day.", figures=figures)
    day = int(results.summary["ltv"]["day"])
    told = (
        f"On the worst day, {words.date(results.date(day))}, loans stand at "
        f"{ltv_in_words(results)}. The gap between the first and the last is not a forecast of a "
        "loss, for nobody sells everything at once: it is what lenders could not do if they had to."
    )
    by_class = results.ltv_by_class(day).reset_index()
    names = ("hardware", "balance_usd", "second_hand_value_usd", "bids_usd", "value_to_bids")
    table = tuple(
        (
            words.class_title(hardware),
            words.money(balance),
            words.money(value),
            words.money(bids) if multiple != float("inf") else "none",
            words.multiple(multiple),
            *map(words.percent, ltvs),
        )
        for hardware, balance, value, bids, multiple, *ltvs in rows(
            by_class, *names, "reported", "second_hand", "alone", "together", "patient"
        )
    )
    columns = heads(
        "Collateral",
        "Loans>",
        "Second-hand>",
        "Money bidding>",
        "Value ÷ bids>",
        "LTV reported>",
        "second-hand>",
        "each alone>",
        "all at once>",
        "within 90 days>",
    )
    owed = tuple(by_class["balance_usd"])
    return Chapter(title, told, columns, table, owed, "loans", "loans", figures)
