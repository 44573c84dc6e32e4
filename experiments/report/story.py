"""The story of a run in its order: shock, calls, breaches, defaults, seizures, sales, losses.

Each chapter is a sentence computed from the frames and, where there is something to list, a table.
Where there is no room for all rows, the heaviest are shown: see :meth:`Chapter.heaviest`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ..look import words
from ..results.results import rows, who_fails
from . import policy
from .chapter import Chapter, columns_of
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
            *policy.chapters(results),
            illusion(results),
        ]
    return _TOLD[results]


def shock(results: Results) -> Chapter:
    """What hits the market from outside."""
    series = results.series
    parts = []
    shown = [
        ("btc_usd", "bitcoin", "", 0),
        ("hashprice_usd_ph_day", "hashprice", " per PH/s a day", 1),
    ]
    shown += [("rent_h100_usd_h", "the rent of an H100", " an hour", 2)] * results.has_rents
    for column, name, unit, digits in shown:
        first, last = float(series[column].iloc[0]), float(series[column].iloc[-1])
        change = last / first - 1 if first else 0.0
        verb = "stays near" if abs(change) < 0.02 else "falls" if change < 0 else "rises"
        by = "" if verb == "stays near" else f" {words.percent(abs(change))} to"
        parts.append(f"{name} {verb}{by} ${last:,.{digits}f}{unit}")
    text = f"Over {words.times(results.last_day, 'day')} {words.listed(parts)}."
    return Chapter("The shock", text, figures=("1-shock",))


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
    for party, own in _by_party(calls):
        follows = []
        if party in sold:
            follows.append(f"{words.money(sold[party])} BTC sold")
        elif party in met:
            follows.append("met")
        if party in failed:
            follows.append("defaults")
        table.append(
            (
                *_when(results, own["day"].iloc[0]),
                results.name(party),
                words.cause(own["cause"].iloc[0]),
                f"{len(own):,}",
                words.money(own["amount_usd"].max()),
                ", ".join(follows) or "open",
            )
        )
    who = words.times(len(table), "borrower is", "borrowers are")
    text = (
        f"{words.capital(who)} called, {words.times(len(calls), 'time')} in all; "
        f"the first is {table[0][2]} on {table[0][1]}."
    )
    columns = columns_of("Day>", "Date", "Borrower", "Because of", "Calls>", "Largest>", "Then")
    weights = tuple(float(own["amount_usd"].max()) for _, own in _by_party(calls))
    return Chapter(title, text, columns, tuple(table), weights)


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
    for party, own in _by_party(broken):
        follows = ["cash swept"] if party in swept else ["cash locked up"] * (party in locked)
        follows += ["defaults"] if party in failed else ["cured"] * (party in cured)
        table.append(
            (
                *_when(results, own["day"].iloc[0]),
                results.name(party),
                words.listed([words.cause(cause) for cause in own["cause"].unique()]),
                f"{own['loan'].nunique():,}",
                ", ".join(follows) or "no action",
            )
        )
    who = words.times(len(table), "borrower breaks", "borrowers break")
    text = (
        f"{words.capital(who)} a covenant; "
        f"the first is {table[0][2]} on {table[0][1]} ({table[0][3]})."
    )
    columns = columns_of("Day>", "Date", "Borrower", "Covenant", "Loans>", "Then")
    owed = results.loans.groupby("borrower")["principal_open_usd"].sum().to_dict()
    weights = tuple(float(owed.get(party, 0.0)) for party, _ in _by_party(broken))
    return Chapter(title, text, columns, tuple(table), weights)


def defaults(results: Results) -> Chapter:
    """Who defaults, because of what, owing how much."""
    title, failed = "Who defaults, because of what", results.defaults
    figures = ("2-defaults", "11-network", "3-cascade")
    if failed.empty:
        return Chapter(title, "Nobody defaults.", figures=figures)
    table = tuple(
        (
            *_when(results, day),
            name,
            of if kind == "default" else "vehicle",
            words.cause(cause),
            words.money(debt),
        )
        for day, name, kind, of, cause, debt in rows(
            failed, "day", "name", "kind", "type", "cause", "debt_usd"
        )
    )
    largest = failed.iloc[int(failed["debt_usd"].to_numpy().argmax())]
    cascade = results.summary["cascade"]["largest"]
    verb = "defaults" if len(table) == 1 else "default"
    text = (
        f"{words.capital(who_fails(failed))} {verb} on {words.money(failed['debt_usd'].sum())} of "
        f"debt; the first is {table[0][2]} on {table[0][1]}, the largest {largest['name']} with "
        f"{words.money(largest['debt_usd'])}. "
    ) + (
        f"The largest cascade takes {cascade} borrowers or lenders down."
        if cascade > 1
        else "No default causes another: each failure stands alone."
    )
    columns = columns_of("Day>", "Date", "Borrower", "Kind", "Cause", "Debt>")
    return Chapter(title, text, columns, table, tuple(failed["debt_usd"]), figures)


def seizures(results: Results) -> Chapter:
    """What is taken, from whom."""
    title, figures = "What is seized", ("4-liquidation",)
    taken = results.events_of("seizure", "btc_liquidation")
    if taken.empty:
        return Chapter(title, "Nothing is seized.", figures=figures)
    classes = dict(rows(results.loans, "loan", "collateral_class"))
    table = []
    for party, own in _by_party(taken):
        what = dict.fromkeys(classes.get(loan) or "unpledged machines" for loan in own["loan"])
        table.append(
            (
                *_when(results, own["day"].iloc[0]),
                results.name(party),
                words.listed([words.class_title(c) for c in what], 3),
                f"{own['loan'].nunique():,}",
                words.money(own["amount_usd"].sum()),
            )
        )
    gpus, rigs = results.final("gpus_seized"), results.final("asic_th_seized")
    parts = [f"{words.count(gpus)} GPUs"] * (gpus > 0)
    parts += [f"{words.count(rigs)} TH/s of rigs"] * (rigs > 0)
    parts += ["bitcoin"] * bool((taken["kind"] == "btc_liquidation").any())
    what_all = words.listed(parts) or "collateral"
    text = f"Lenders and estates take {what_all} from {words.times(len(table), 'borrower')}."
    columns = columns_of("Day>", "Date", "From", "What", "Loans>", "Value>")
    weights = tuple(float(own["amount_usd"].sum()) for _, own in _by_party(taken))
    return Chapter(title, text, columns, tuple(table), weights, figures)


def sales(results: Results) -> Chapter:
    """Which hardware finds a buyer, at what share of its mark."""
    title, figures = "Who bids, at what price", ("5-marks", "6-order-book")
    offers, trades, bids = results.offers, results.forced_trades, results.book
    bids = bids[bids["side"] == "bid"]
    offered = [c for c in results.classes if (offers["hardware"] == c).any()]
    if not offered:
        return Chapter(title, "No hardware is auctioned in distress.", figures=figures)
    table, unsold = [], []
    for hardware in offered:
        own = trades[trades["hardware"] == hardware]
        wanted = bids[(bids["hardware"] == hardware) & (bids["price_usd"] > 0)]
        most = wanted.assign(usd=wanted["units"] * wanted["price_usd"]).groupby("segment")["usd"]
        if own.empty:
            most_offered = offers.loc[offers["hardware"] == hardware, "offered"].max()
            unsold.append(f"{words.hardware(hardware)} (at most {_amount(most_offered, hardware)})")
        table.append(
            (
                words.class_title(hardware),
                _amount(offers.loc[offers["hardware"] == hardware, "offered"].max(), hardware),
                f"{len(own):,}",
                _price(own["price_usd"].iloc[-1]) if len(own) else "–",
                _range(own["ratio"]) if len(own) else "–",
                words.segment(str(most.sum().idxmax())) if len(wanted) else "nobody",
            )
        )
    many = f"{len(offered)} classes" if len(offered) > 1 else words.hardware(offered[0])
    text = f"{words.capital(many)} come to market; "
    if trades.empty:
        text += "no auction of them clears: the inventory waits."
    else:
        low = trades.iloc[int(trades["ratio"].to_numpy().argmin())]
        text += (
            f"the lowest price is {words.percent(low['ratio'])} of the mark, for "
            f"{words.hardware(low['hardware'])} on {words.date(results.date(low['day']))}."
        )
        if unsold:
            text += f" {words.capital(words.listed(unsold))} find no buyer at all."
    columns = columns_of(
        "Class", "Most on offer>", "Auctions cleared>", "Last price>", "Price / mark>", "Top bidder"
    )
    most_usd = [n * results.mark(h, d) for d, h, n in rows(offers, "day", "hardware", "offered")]
    by_class = offers.assign(usd=most_usd).groupby("hardware")["usd"].max()
    weights = tuple(float(by_class[hardware]) for hardware in offered)
    return Chapter(title, text, columns, tuple(table), weights, figures)


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
    text = (
        f"{int((lost['lost_usd'] > 0).sum())} of {words.times(len(lenders), 'lender')} lose money: "
        f"all together {lost_by_source(results)}, net; the largest loss, "
        f"{words.money(worst['lost_usd'])} or {words.percent(share, 1)} of capital, falls on "
        f"{worst['name']}."
    )
    left = f"On loans: {results.settled}." if results.settled else ""
    text = " ".join(filter(None, [text, left, lenders_gone(results), impairment(results.impaired)]))
    head = columns_of(
        "Lender", "Kind", "On loans>", "Elsewhere>", "Of capital>", "Capital / minimum"
    )
    return Chapter(title, text, head, table, tuple(lost["lost_usd"]), figures)


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
    if not words.is_number(results.summary["ltv"]["realisable"]):
        return Chapter(title, "No secured loan was outstanding on any day.", figures=figures)
    series = results.series
    day = int(series["realisable_ltv"].fillna(-1.0).to_numpy().argmax())
    text = (
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
    columns = columns_of(
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
    return Chapter(title, text, columns, table, tuple(by_class["balance_usd"]), figures)


def _when(results: Results, day: float) -> tuple[str, str]:
    return f"{int(day):,}", words.date(results.date(day))


def _by_party(events: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Events by party, in the order of each party's first."""
    return [(str(party), own) for party, own in events.groupby("party", sort=False)]


def _amount(units: float, hardware: str) -> str:
    return f"{words.count(units)} {words.unit(hardware)}"


def _price(usd: float) -> str:
    return f"${usd:,.0f}" if usd >= 100 else f"${usd:,.2f}"


def _range(ratio: pd.Series[float]) -> str:
    low, high = words.percent(ratio.min()), words.percent(ratio.max())
    return low if low == high else f"{low}–{high}"
