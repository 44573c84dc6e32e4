"""The run in two sentences and a dozen numbers, from its summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experiments import words

if TYPE_CHECKING:
    from experiments.results import Results


def headline(results: Results) -> str:
    """Who fails, what it costs, and what the collateral was worth."""
    summary = results.summary
    failed, lost, ltv = summary["defaults"], summary["loss_usd"]["total"], summary["ltv"]
    span = words.times(summary["days"], "day")
    if failed["miner"] + failed["neocloud"]:
        who = words.listed([words.times(failed[kind], kind) for kind in ("miner", "neocloud")])
        first = f"{words.capital(who)} default in {span}"
    else:
        first = f"Nobody defaults in {span}"
    cost = f"lenders lose {_loss(results)}" if lost > 0 else "lenders lose nothing"
    text = f"{first}; {cost}."
    if words.is_number(ltv["paper"]) and words.is_number(ltv["realisable"]):
        text += (
            f" On the worst day the books put loans at {words.percent(ltv['paper'])} of their "
            f"collateral; had all lenders sold at once, {words.percent(ltv['realisable'])}"
            f" ({words.percent(float(results.series['realisable_ltv'].iloc[0]))} at the opening)."
        )
    return text


def key_numbers(results: Results) -> list[tuple[str, str]]:
    """What a reader wants to know first, as label and value."""
    summary = results.summary
    failed, population = summary["defaults"], summary["population"]
    cascade, ltv, sold = summary["cascade"], summary["ltv"], summary["liquidation"]
    prices = f"GPUs {words.percent(sold['price_to_paper'])}, "
    prices += f"rigs {words.percent(sold['asic']['price_to_paper'])}"
    paper, real = words.percent(ltv["paper"]), words.percent(ltv["realisable"])
    known = [
        f"{words.RECOVERIES[k]} {words.percent(v)}"
        for k, v in summary["recovery"].items()
        if v is not None
    ]
    return [
        ("Miners in default", f"{failed['miner']:,} of {population['miner']:,}"),
        ("Neoclouds in default", f"{failed['neocloud']:,} of {population['neocloud']:,}"),
        (
            "Lenders failed · closed · below minimum",
            f"{failed['lender']:,} · {len(summary['sleeves_closed']):,} · "
            f"{len(results.impaired):,} of {population['lender']:,}",
        ),
        ("Lenders' loss", _loss(results)),
        ("Loss by instrument", _by_instrument(summary["loss_usd"]["by_instrument"])),
        ("Recovery", ", ".join(known) or "nothing resolved yet"),
        (
            "Largest cascade",
            f"{words.times(cascade['largest'], 'default')}, depth {cascade['depth']}",
        ),
        ("Defaults caused per default", f"{cascade['reproduction_number'] or 0.0:.2f}"),
        ("Loan to value, worst day", f"{paper} on paper, {real} all selling at once"),
        ("GPUs seized · sold · unsold", _lots(sold)),
        ("Rigs seized · sold · unsold, TH/s", _lots(sold["asic"])),
        ("Price at sale over paper value", prices),
        ("Conservation error", f"{summary['conservation_error']:.1e} (relative, worst day)"),
    ]


def _loss(results: Results) -> str:
    lost = results.summary["loss_usd"]["total"]
    capital = float(results.lenders["capital_open_usd"].sum())
    share = f", {words.percent(lost / capital, 1)} of their capital" if capital > 0 else ""
    return f"{words.money(lost)}{share}"


def _by_instrument(lost: dict[str, float]) -> str:
    most = sorted((item for item in lost.items() if item[1] > 0), key=lambda item: -item[1])
    return ", ".join(f"{words.instrument(n)} {words.money(v)}" for n, v in most[:4]) or "none"


def _lots(lots: dict[str, Any]) -> str:
    return " · ".join(words.count(lots[k]) for k in ("seized_units", "sold_units", "unsold_units"))
