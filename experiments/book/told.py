"""What is said of a tape before anything is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..look import words

if TYPE_CHECKING:
    from ...market.opening.tape.join import JoinedBook


def told_of_tape(joined: JoinedBook) -> str:
    """A tape in lines: what it holds, whom the market knows, what was filled and why."""
    own = set(joined.loans)
    rows = [loan for loan in joined.books.loans if loan.loan_id in own]
    debt = 1e6 * sum(loan.drawn_usd_m for loan in rows)
    borrowers = len({loan.borrower_id for loan in rows})
    lines = [
        f"{joined.tape.file}: {words.times(len(rows), 'loan')} to "
        f"{words.times(borrowers, 'borrower')}, {words.money(debt)} drawn; no mistakes."
    ]
    if joined.tape.raw.formulas:
        lines.append(
            f"{words.times(joined.tape.raw.formulas, 'formula')} not run: last values were taken."
        )
    for known in joined.recognised:
        said = (
            "is the market's"
            if known.merged
            else "stands apart from the market's; --merge makes them one"
        )
        lines.append(f"{known.name}: the market knows {known.id} by this name; the {known.what} "
                     f"{said}.")  # fmt: skip
    lines += warnings_of(joined)
    lines += [
        f"{words.class_title(name)}: the tape adds {units:,.0f} {words.unit(name)} to the "
        f"{there:,.0f} of the market "
        f"({words.percent(units / there, 1) if there else 'none there'})."
        for name, (units, there) in joined.added.items()
    ]
    lines.append(f"{words.times(len(joined.filled), 'cell')} filled:")
    lines += [
        f"  {cell.of} · {cell.cell}: {cell.value} [{cell.confidence}: {cell.source}]"
        for cell in joined.filled
    ]
    return "\n".join(lines)


def warnings_of(joined: JoinedBook) -> list[str]:
    """What a reader should know before running: loans whose test is broken on the first day."""
    own, books = set(joined.loans), joined.books
    price = {row.id: row.used_price_usd for row in books.hardware}
    price["BTC"] = books.quotes["btc_usd"]
    lines = []
    for loan in books.loans:
        value = loan.collateral_units * (price.get(loan.collateral_class or "") or 0.0)
        if loan.loan_id not in own or loan.margin_call_ltv is None or value <= 0.0:
            continue
        ltv = 1e6 * loan.drawn_usd_m / value
        if ltv > loan.margin_call_ltv:
            lines.append(
                f"{loan.loan_id}: stands at {words.ltv(ltv)} of its collateral at market "
                f"prices, above the {words.percent(loan.margin_call_ltv)} of its margin call: it "
                "is called on the first day. Give the LTV that you report to test by that."
            )
    return lines
