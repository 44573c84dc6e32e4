"""The page of prices, in markdown: tables that say how sure each number is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..look import words
from ..look.pages import table
from .answer import INSTRUMENT, Answer, shown_prices
from .cohorts import CANNOT_TELL, Price
from .estimators import CAPITAL_CHARGE, Estimate
from .page_parts import (
    BP,
    NAMES,
    bp,
    grey,
    savings_lines,
    sensitive_lines,
    with_interval,
    would_tell,
)
from .pools import Pool

HEAD = (
    "loans", "drawn, $m", "contract, bp", "break-even, bp", "with capital, bp", "PD 1 y · 5 y",
    "LGD", "without · in a joint crash, bp", "fair odds of a joint crash", "verdict",
)  # fmt: skip


def percent(value: float, digits: int = 0) -> str:
    """A share."""
    return "–" if math.isnan(value) else f"{100 * value:.{digits}f} %"


def shares(one: Estimate) -> str:
    """A share and its interval."""
    digits = 1 if one.value < 0.1 else 0
    text = (
        f"{percent(one.value, digits)} ({100 * one.low:.{digits}f} to {100 * one.high:.{digits}f})"
    )
    return grey(text, one.is_vague)


def odds(one: Estimate) -> str:
    """The fair probability; a contract that pays for it for sure, or not even without it."""
    if math.isnan(one.value):
        return "–"
    if one.value >= 1.0 and one.low >= 1.0:
        return "any"
    if one.value <= 0.0 and one.high <= 0.0:
        return "none"
    return f"{percent(one.value)} ({100 * one.low:.0f} to {100 * one.high:.0f})"


def price_rows(prices: Sequence[Price], named: bool = False) -> list[list[str]]:
    """Rows of a table of prices."""
    return [
        [
            NAMES.get(one.name, one.name) if named else one.name,
            f"{one.balance_usd / 1e6:,.0f}",
            bp(one.contract),
            with_interval(one.break_even),
            bp(one.charged),
            f"{percent(one.pd[0])} · {percent(one.pd[-1])}",
            percent(one.lgd),
            f"{bp(one.without_crash)} · {bp(one.in_crash)}",
            odds(one.fair),
            one.verdict,
        ]
        for one in prices
    ]


def lines_of(found: Answer, spent: tuple[int, float], pictures: str = "pictures") -> list[str]:
    """The page."""
    grid, count = found.grid, len(found.panel.weight)
    lines = [
        "# What these loans should have cost",
        "",
        f"`firesale price {grid.name}`: {count:,} runs in {words.times(len(grid.cells), 'cell')}, "
        "about as many in each as it weighs; every run has a seed of its own, with books and "
        f"judgements drawn within beliefs. {spent[1] / max(spent[0], 1):.1f} s a run and core, "
        f"{spent[1] / 60:.0f} minutes of one core in all, on a "
        "machine with other work. "
        f"{found.panel.loans['balance_usd'].sum() / 1e9:.1f} $bn drawn on "
        f"{len(found.panel.loans):,} loans of the books of {_opening(found)}.",
        "",
        "**How to read it.** Break-even is the spread above the reference rate at which interest "
        "pays for expected losses and nothing else: discounted loss once all claims are settled "
        "over discounted performing balance, both means over all runs by weight, with a 95 % "
        "interval over runs of each cell. *With capital* adds "
        f"{100 * CAPITAL_CHARGE:.0f} % a year on the mean loss of the worst hundredth beyond the "
        "expected one, each row standing alone. PD is by balance and over survivors; LGD on the "
        "claim with interest. Fair odds: the probability of a joint crash in the first year at "
        "which the contract breaks even; *any*: it pays for itself even in one, *none*: not even "
        "without; in the interval lies every probability that runs cannot rule out. Numbers in "
        "grey brackets have an interval wider than themselves.",
        "",
        "It is a price under our weights and beliefs for losses alone. No liquidity, no fees paid "
        "at signing, no option: of a convertible the coupon stands here, and its option apart. "
        f"What is owed after {_years(found):.0f} years counts as repaid.",
        "",
        "## Instruments",
        "",
        *table(HEAD, price_rows(found.prices[INSTRUMENT], named=True)),
        "",
    ]
    for kind, title in (
        ("without the largest", f"Without loans to {found.largest}"),
        ("tenants", "By who pays the rent behind the loan"),
        ("named", f"DDTLs of {found.largest}"),
        ("vintage", "By year of signing"),
    ):
        if kind in found.prices:
            lines += [f"## {title}", "", *table(HEAD, price_rows(found.prices[kind])), ""]
        if kind == "tenants":
            lines += [f"![Contract, break-even and quote]({pictures}/prices-mispricing.png)", ""]
            lines += _tenants_said()
        if kind == "named":
            lines += _ladder(found)
    return [*lines, *_told(found), *_weights(found), *_convertibles(found),
            *_pools(found, pictures), *savings_lines(found), *sensitive_lines(found)]  # fmt: skip


def _opening(found: Answer) -> str:
    return "2025-09-30"


def _years(found: Answer) -> float:
    return float(found.grid.plan().base.days) / 365.0


def _tenants_said() -> list[str]:
    return [
        "*Rated*: at least two thirds of the rent contracted on that class of machines (or else on "
        "all) comes from tenants with an investment grade or a guarantor; *unrated*: less than one "
        "third; *none*: no contract.",
        "",
    ]


def _ladder(found: Answer) -> list[str]:
    """What the market charged beside what the model says."""
    by_name = {one.name: one for kind in found.prices.values() for one in kind}
    rows = []
    for quote in found.quotes:
        model = by_name.get(quote["compare"])
        paid = quote["spread_bp"] or f"{100 * float(quote['rate']):.2f} % fixed"
        rows.append(
            [
                f"{quote['borrower']}, {quote['what']}",
                quote["date"],
                paid,
                quote["rating"] or "–",
                quote["compare"] or "nothing like it in the books",
                with_interval(model.break_even) if model else "–",
                bp(model.charged) if model else "–",
            ]
        )
    head = ("quote", "date", "bp", "rating", "beside", "break-even, bp", "with capital, bp")
    return ["## What the market charged", "",
            "`experiments/pricing/quotes.csv`, with sources; never an input.", "",
            *table(head, rows), ""]  # fmt: skip


def _told(found: Answer) -> list[str]:
    """Which cohorts are over- and underpriced, and what would tell of the others."""
    lines = ["## Over- and underpriced", ""]
    everyone = shown_prices(found.prices)
    for verdict in ("pays less than it loses", "pays more than it loses"):
        rows = sorted(
            (one for one in everyone if one.verdict == verdict and one.name != "convertible"),
            key=lambda one: one.mispricing,
        )
        said = "; ".join(
            f"{NAMES.get(one.name, one.name)} {BP * one.mispricing:+,.0f} bp "
            f"({bp(one.contract - one.break_even.high)} to "
            f"{bp(one.contract - one.break_even.low)})"
            for one in rows
        )
        lines.append(f"- A lender {verdict} on: {said or 'none'}.")
    thin = [one for one in everyone if one.contract < one.charged and one.name != "convertible"]
    said = "; ".join(
        f"{NAMES.get(one.name, one.name)} {bp(one.contract)} against {bp(one.charged)}"
        for one in sorted(thin, key=lambda one: one.contract - one.charged)
    )
    lines.append(f"- With capital for the worst hundredth it is paid too little on: {said}.")
    lines += [
        f"- Cannot tell: {NAMES.get(one.name, one.name)}, {would_tell(found, one)}"
        for one in everyone
        if one.verdict == CANNOT_TELL
    ]
    return [*lines, ""]


def _weights(found: Answer) -> list[str]:
    """The grid, its weights and why; losses in each cell."""
    if len(found.grid.cells) < 2:
        return []
    panel, rows = found.panel, []
    for cell in found.grid.cells:
        mask = panel.cell == cell.name
        loss = panel.scalars["loss_usd"][mask].sum(axis=1) / 1e9
        years = panel.scalars["balance_years_usd"][mask].sum(axis=1) / 1e9
        fails = (panel.scalars["default_day"][mask][:, _largest(found)] >= 0).any(axis=1)
        rows.append(
            [cell.name, percent(cell.weight), f"{loss.mean():.1f}", f"{loss.std():.1f}",
             f"{BP * loss.sum() / years.sum():,.0f}", percent(float(fails.mean())), cell.reason]
        )  # fmt: skip
    head = ("cell", "weight", "loss, $bn", "deviation", "break-even of all, bp",
            f"{found.largest} fails", "why this weight")  # fmt: skip
    return ["## What may come", "", *table(head, rows), "",
            "![Odds of a joint crash at which each contract is fair](pictures/prices-odds.png)",
            ""]  # fmt: skip


def _largest(found: Answer) -> list[int]:
    loans = found.panel.loans
    return list(loans.index[loans["borrower"] == found.largest])


def _convertibles(found: Answer) -> list[str]:
    """Notes against their bond floor at the break-even spread."""
    from .estimators import bond_floor

    notes = found.panel.loans.query("instrument == 'convertible'")
    one = next((x for x in found.prices[INSTRUMENT] if x.name == "convertible"), None)
    if one is None or notes.empty:
        return []
    reference = float((notes["rate"] - notes["contract"]).iloc[0])
    total = floor = charged = 0.0
    for note in notes.itertuples():
        size, years = float(note.balance_usd), max(float(note.maturity_years), 0.0)  # type: ignore[arg-type]
        total += size
        floor += size * bond_floor(float(note.rate), reference, one.break_even.value, years)  # type: ignore[arg-type]
        charged += size * bond_floor(float(note.rate), reference, one.charged, years)  # type: ignore[arg-type]
    return [
        "## Convertibles",
        "",
        f"At the break-even spread of {bp(one.break_even.value)} bp their coupons and principal "
        f"are worth {percent(floor / total)} of par ({percent(charged / total)} with capital): "
        f"who paid par paid {percent(1 - floor / total)} of it for the option to convert. Whether "
        "that is dear depends on the shares, not on credit.",
        "",
    ]


def _pools(found: Answer, pictures: str) -> list[str]:
    lines = [
        "## Tranches",
        "",
        "A pool buys what is drawn at the opening. *Loss*: of the tranche, from the first dollar "
        "lost. *Unpaid*: of the note, after coupons, excess spread, the trigger and repayment from "
        "the top (`pools.toml`). *Promise*: a one-factor Gaussian copula with the same PD and loss "
        "of each firm, by exact recursion, and the asset correlation of calm runs. The loss of a "
        "firm that fails is its mean there, so that the promise can lose no more than all of them.",
        "",
    ]
    head = ("pool", "tranche", "loss", "unpaid", "chance of a loss on the note",
            "worst hundredth", "promise: loss", "promise: worst hundredth",
            "rating by PD", "promised")  # fmt: skip
    rows = [
        [cut.pool, f"{cut.tranche} {100 * cut.attach:.0f}–{100 * cut.detach:.0f}",
         shares(cut.loss), shares(cut.paid), percent(cut.pd), percent(cut.shortfall),
         percent(cut.promised_loss, 1), percent(cut.promised_shortfall),
         cut.rating, cut.promised_rating]
        for pool in found.pools for cut in reversed(pool.cuts)
    ]  # fmt: skip
    lines += [
        *table(head, rows),
        "",
        f"![Loss by tranche against promise]({pictures}/prices-tranches.png)",
        "",
    ]
    kinds = list(found.pools[0].correlations) if found.pools else []
    rows = [
        [pool.name, f"`{pool.query}`", f"{pool.balance_usd / 1e6:,.0f}", str(pool.firms),
         percent(pool.largest_share), f"{pool.asset_correlation:.2f}",
         percent(pool.promised_most, 1),
         *(_correlation(pool, kind) for kind in kinds)]
        for pool in found.pools
    ]  # fmt: skip
    named = ("pool", "loans", "$m", "firms", "largest", "asset correlation, calm",
            "most the promise can lose",
            *(f"default correlation, {kind}" for kind in kinds))  # fmt: skip
    return [
        *lines,
        *table(named, rows),
        "",
        f"![Default correlation]({pictures}/prices-correlation.png)",
        "",
    ]


def _correlation(pool: Pool, kind: str) -> str:
    one = pool.correlations.get(kind)
    if one is None or math.isnan(one.value):
        return "–"
    return grey(f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})", one.is_vague)
