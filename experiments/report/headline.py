"""The run in two sentences and a dozen numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..look import words
from ..results.facts import FACTS, fallen, number, text, value

if TYPE_CHECKING:
    from ..results.results import Results

LTVS = ("ltv_reported", "ltv_second_hand", "ltv_at_once")
MOST_INSTRUMENTS = 4
LEAST_USD = 0.5


def headline(results: Results) -> str:
    """Who fails, what it costs, and what the collateral was worth."""
    span = words.times(results.last_day, "day")
    first = f"Nobody defaults in {span}"
    if number(results, "borrowers_in_default"):
        first = f"{words.capital(fallen(results))} default in {span}"
        if number(results, "borrowers_in_default") == 1:
            first = f"{words.capital(fallen(results))} defaults in {span}"
    lost = number(results, "lost_on_loans") > 0
    cost = f"lenders lose {on_loans(results)}" if lost else "lenders lose nothing on loans"
    told = " ".join(filter(None, [f"{first}; {cost}.", lenders_gone(results)]))
    if value(results, "ltv_at_once") is not None:
        told += f" On the worst day loans stand at {ltv_in_words(results)}."
    return told


def ltv_in_words(results: Results) -> str:
    """The three loan-to-value ratios of the worst day, and of the opening."""
    reported, traded, sold = (text(results, key) for key in LTVS)
    opening = ", ".join(text(results, f"{key}_first") for key in LTVS)
    return (
        f"{reported} of collateral as lenders report it, {traded} at second-hand prices and "
        f"{sold} if all were sold at once (opening {opening})"
    )


def key_numbers(results: Results) -> list[tuple[str, str]]:
    """What a reader wants to know first, as label and value."""
    known = [
        f"{words.RECOVERIES[k]} {words.percent(v)}"
        for k, v in results.summary["recovery"].items()
        if v is not None
    ]
    lots = [("GPUs", "", "gpus")] * results.has_gpus + [("Rigs", ", TH/s", "rigs")]
    steps = ("seized", "sold", "ended", "unsold")
    ltvs = zip(
        (*LTVS, "ltv_in_90_days"),
        ("reported", "second-hand", "sold at once", "within 90 days"),
        strict=True,
    )
    failures = words.times(int(number(results, "largest_tree")), "failure")
    return [
        *(
            (
                FACTS[f"{kind}s_in_default"].name,
                f"{text(results, f'{kind}s_in_default')} of {text(results, f'{kind}s')}",
            )
            for kind in results.borrower_kinds
        ),
        (
            "Lenders failed · closed · else below minimum at some time",
            " · ".join(
                text(results, key) for key in ("lenders_failed", "arms_closed", "lenders_weakened")
            )
            + f" of {text(results, 'lenders')}",
        ),
        ("Lenders' loss", on_loans(results)),
        *(
            (FACTS[key].name, text(results, key))
            for key in ("lost_on_lenders", "lost_on_assets")
            if number(results, key) > LEAST_USD
        ),
        ("Lenders' loss without the largest borrower", without_largest(results)),
        ("Loss by instrument", _by_instrument(results.summary["loss_usd"]["by_instrument"])),
        ("Recovery of settled claims", ", ".join(known) or "none settled yet"),
        (
            FACTS["largest_tree"].name,
            f"{failures}, longest line {text(results, 'longest_line')}",
        ),
        (FACTS["touched"].name, text(results, "touched")),
        *(
            (FACTS[key].name, text(results, key))
            for key in ("multiplier", "loss_multiplier", "reproduction")
            if results.causes is not None
        ),
        (
            "Loan to value, worst day",
            " · ".join(f"{text(results, key)} {name}" for key, name in ltvs),
        ),
        *(
            (
                f"{name} seized · sold · no buyer in time · unsold{unit}",
                " · ".join(text(results, f"{lot}_{step}") for step in steps),
            )
            for name, unit, lot in lots
        ),
        (
            "Price over mark at seizure",
            ", ".join(f"{name} {text(results, f'{lot}_at_seizure')}" for name, _, lot in lots),
        ),
        (
            "Price over mark the day before the auction",
            ", ".join(f"{name} {text(results, f'{lot}_at_auction')}" for name, _, lot in lots),
        ),
        (
            "Conservation error",
            f"{number(results, 'conservation_error'):.1e} (relative, worst day)",
        ),
    ]


def on_loans(results: Results) -> str:
    """What lenders lose on loans to borrowers, of how much capital, and how final that is."""
    open_ = f" ({results.settled})" if results.settled else ""
    share = text(results, "loss_share")
    return f"{text(results, 'lost_on_loans')} on loans, {share} of their capital{open_}"


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
    told = ""
    if failed:
        told = f"{words.capital(words.times(len(failed), 'lender fails', 'lenders fail'))}"
        told += f" ({words.listed(failed, 3)})"
        costs = [
            f"{who} {text(results, key)}"
            for who, key in (
                ("other lenders", "lost_on_lenders"),
                ("depositors and other funders", "lost_by_funders"),
            )
            if number(results, key) > 0
        ]
        told += f", which costs {words.listed(costs)}." if costs else "."
    if closed:
        arms = words.times(len(closed), "lending arm is", "lending arms are")
        told += f" {words.capital(arms)} closed ({words.listed(closed, 3)})."
    return told.strip()


def _by_instrument(lost: dict[str, float]) -> str:
    """The largest losses by instrument, and what is left of the sum."""
    most = sorted((item for item in lost.items() if item[1] > 0), key=lambda item: -item[1])
    parts = [f"{words.instrument(n)} {words.money(v)}" for n, v in most[:MOST_INSTRUMENTS]]
    rest = sum(lost.values()) - sum(v for _, v in most[:MOST_INSTRUMENTS])
    parts += [f"the rest {words.money(rest)}"] * (len(most) > MOST_INSTRUMENTS)
    return ", ".join(parts) or "none"
