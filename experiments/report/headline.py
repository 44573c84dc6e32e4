"""The run in two sentences and a dozen numbers, from its summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..look import words

if TYPE_CHECKING:
    from ..results.results import Results


def headline(results: Results) -> str:
    """Who fails, what it costs, and what the collateral was worth."""
    summary = results.summary
    failed, lost = summary["defaults"], summary["loss_usd"]["total"]
    span = words.times(summary["days"], "day")
    if failed["miner"] + failed["neocloud"]:
        who = words.listed([words.times(failed[kind], kind) for kind in results.borrower_kinds])
        first = f"{words.capital(who)} default in {span}"
    else:
        first = f"Nobody defaults in {span}"
    cost = f"lenders lose {on_loans(results)}" if lost > 0 else "lenders lose nothing on loans"
    text = " ".join(filter(None, [f"{first}; {cost}.", lenders_gone(results)]))
    if words.is_number(summary["ltv"]["realisable"]):
        text += f" On the worst day loans stand at {ltv_in_words(results)}."
    return text


def ltv_in_words(results: Results) -> str:
    """The three loan-to-value ratios of the worst day, and of the opening."""
    ltv, open_ = results.summary["ltv"], results.series.iloc[0]
    return (
        f"{words.percent(ltv['reported'])} of collateral as lenders report it, "
        f"{words.percent(ltv['second_hand'])} at second-hand prices and "
        f"{words.percent(ltv['realisable'])} if all were sold at once (opening "
        f"{words.percent(float(open_['reported_ltv']))}, "
        f"{words.percent(float(open_['second_hand_ltv']))}, "
        f"{words.percent(float(open_['realisable_ltv']))})"
    )


def key_numbers(results: Results) -> list[tuple[str, str]]:
    """What a reader wants to know first, as label and value."""
    summary = results.summary
    failed, population = summary["defaults"], summary["population"]
    cascade, ltv, sold = summary["cascade"], summary["ltv"], summary["liquidation"]
    lots = [("GPUs", "", sold)] * results.has_gpus + [("Rigs", ", TH/s", sold["asic"])]
    prices = [f"{name} {words.percent(lot['price_to_paper'])}" for name, _, lot in lots]
    reported, traded, at_once, patient = (
        words.percent(ltv[name])
        for name in ("reported", "second_hand", "realisable", "realisable_90_days")
    )
    known = [
        f"{words.RECOVERIES[k]} {words.percent(v)}"
        for k, v in summary["recovery"].items()
        if v is not None
    ]
    return [
        *(
            (f"{words.capital(kind)}s in default", f"{failed[kind]:,} of {population[kind]:,}")
            for kind in results.borrower_kinds
        ),
        (
            "Lenders failed · closed · else below minimum",
            f"{failed['lender']:,} · {len(summary['sleeves_closed']):,} · "
            f"{len(results.impaired):,} of {population['lender']:,}",
        ),
        ("Lenders' loss", on_loans(results)),
        *(
            (f"Lenders' loss {where}", words.money(usd))
            for where, usd in list(results.lost_usd.items())[1:]
        ),
        ("Lenders' loss without the largest borrower", without_largest(results)),
        ("Loss by instrument", _by_instrument(summary["loss_usd"]["by_instrument"])),
        ("Recovery", ", ".join(known) or "nothing resolved yet"),
        (
            "Largest cascade",
            f"{words.times(cascade['largest'], 'failure')}, depth {cascade['depth']}",
        ),
        ("Failures caused per failure", f"{cascade['reproduction_number'] or 0.0:.2f}"),
        (
            "Loan to value, worst day",
            f"{reported} reported · {traded} second-hand · {at_once} sold at once · "
            f"{patient} within 90 days",
        ),
        *((f"{name} seized · sold · unsold{unit}", _lots(lot)) for name, unit, lot in lots),
        ("Price at sale over mark at seizure", ", ".join(prices)),
        ("Conservation error", f"{summary['conservation_error']:.1e} (relative, worst day)"),
    ]


def on_loans(results: Results) -> str:
    """What lenders lose on loans to borrowers, of how much capital, and how final that is."""
    lost = results.summary["loss_usd"]["total"]
    capital = float(results.lenders["capital_open_usd"].sum())
    share = f", {words.percent(lost / capital, 1)} of their capital" if capital > 0 else ""
    open_ = f" ({results.settled})" if results.settled else ""
    return f"{words.money(lost)} on loans{share}{open_}"


def without_largest(results: Results) -> str:
    """What lenders lose on loans to all but the largest borrower, and what becomes of that one."""
    without = results.summary["largest_borrower"]
    fate = "fails" if without["fails"] else "does not fail"
    defaults = words.times(without["defaults_without"], "other borrower")
    text = (
        f"{words.money(without['loss_without_usd'])} with loans to {results.name(without['id'])} "
        f"left out, which {fate}; {defaults} in default"
    )
    if "resolved_loss_without_usd" in without:
        text += f"; {words.money(without['resolved_loss_without_usd'])} once claims are settled"
    return text


def lenders_gone(results: Results) -> str:
    """Which lenders fail or are closed, and what the failures cost others; empty if all stand."""
    failed, closed = results.lenders_of("failed"), results.lenders_of("closed")
    lost = results.summary["lenders"]
    text = ""
    if failed:
        text = f"{words.capital(words.times(len(failed), 'lender fails', 'lenders fail'))}"
        text += f" ({words.listed(failed, 3)})"
        costs = [
            f"{who} {words.money(lost[key])}"
            for who, key in (
                ("other lenders", "interlender_loss_usd"),
                ("depositors and other funders", "depositor_loss_usd"),
            )
            if lost[key] > 0
        ]
        text += f", which costs {words.listed(costs)}." if costs else "."
    if closed:
        arms = words.times(len(closed), "lending arm is", "lending arms are")
        text += f" {words.capital(arms)} closed ({words.listed(closed, 3)})."
    return text.strip()


def _by_instrument(lost: dict[str, float]) -> str:
    most = sorted((item for item in lost.items() if item[1] > 0), key=lambda item: -item[1])
    return ", ".join(f"{words.instrument(n)} {words.money(v)}" for n, v in most[:4]) or "none"


def _lots(lots: dict[str, Any]) -> str:
    return " · ".join(words.count(lots[k]) for k in ("seized_units", "sold_units", "unsold_units"))
