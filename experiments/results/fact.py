"""One figure that people are shown: what it is, where it is read, how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...agents.party import Kind
from ...market.record.dictionary import day_meaning
from ...market.record.meanings import meaning_of
from ...market.state.series import Means
from ..look import words

if TYPE_CHECKING:
    from .results import Results

Number = float | int | None


@dataclass(frozen=True)
class Fact:
    """One figure: ``read`` finds it in a run, ``write`` puts it into words.

    ``source`` says where: an entry of ``summary.json``, a column of ``series.parquet``, or how it
    is computed from these and other frames.
    """

    name: str
    unit: str
    meaning: str
    source: str
    read: Callable[[Results], Number]
    write: Callable[[Any], str]


def share(part: Number) -> str:
    """A share as per cent."""
    return words.percent(part)


def fine_share(part: Number) -> str:
    """A share as per cent, with one decimal."""
    return words.percent(part, 1)


def ratio(number: Number) -> str:
    """A plain number with two decimals."""
    return "–" if number is None else f"{number:.2f}"


def whole(count: Number) -> str:
    """A number of things; what is not known is none."""
    return f"{int(count or 0):,}"


def _meaning(column: str) -> Means:
    """The same of one that has a meaning."""
    means = day_meaning(column)
    assert means is not None, column
    return means


def of_summary(name: str, entry: str, write: Callable[[Any], str]) -> Fact:
    """A figure that the summary holds."""

    def read(results: Results) -> Number:
        found: Any = results.summary
        for step in entry.split("."):
            found = found.get(step) if found else None
        return len(found) if isinstance(found, list) else found

    means = meaning_of(entry)
    return Fact(name, means.unit, means.meaning, f"summary: {entry}", read, write)


def last(name: str, column: str, write: Callable[[Any], str]) -> Fact:
    """A figure of the last day."""
    means = _meaning(column)
    return Fact(
        name,
        means.unit,
        f"{means.meaning}; on the last day",
        f"series: {column}",
        lambda results: results.final(column),
        write,
    )


def first(name: str, column: str, write: Callable[[Any], str]) -> Fact:
    """A figure of the opening."""
    means = _meaning(column)
    return Fact(
        name,
        means.unit,
        f"{means.meaning}; at the opening",
        f"series: {column}",
        lambda results: float(results.series[column].iloc[0]),
        write,
    )


def change(name: str, column: str, what: str) -> Fact:
    """A price on the last day over that of the opening, less one."""

    def read(results: Results) -> Number:
        opening, now = results.series[column].iloc[[0, -1]].tolist()
        return now / opening - 1.0 if opening else None

    means = f"{what} on the last day against the opening"
    return Fact(name, "1", means, f"series: {column}, last ÷ first − 1", read, share)


def lowest(results: Results) -> Number:
    """Bitcoin at its lowest so far over the opening, less one."""
    btc = results.series["btc_usd"]
    return float(btc.min() / btc.iloc[0] - 1.0)


def standing(*levels: str) -> Callable[[Results], Number]:
    """How many borrowers or lenders stand so on the last day."""

    def read(results: Results) -> Number:
        if results.network is None:
            return None
        from .network import Standing

        counted = results.network.of_kind(Kind.MINER, Kind.NEOCLOUD)
        return sum(int(counted[Standing[level]]) for level in levels)

    return read


def going_on(results: Results) -> Number:
    """Borrowers that defaulted and are not in default on the last day: they have reorganised."""
    in_default = standing("DEFAULTED")(results)
    defaulted = sum(results.summary["defaults"][kind] for kind in ("miner", "neocloud"))
    return None if in_default is None else defaulted - in_default


def lost(where: str) -> Callable[[Results], Number]:
    """What all lenders lose, by a column of their frame [USD]."""
    return lambda results: float(results.lenders[where].sum())


def lost_share(results: Results) -> Number:
    """Lost on loans over the opening capital of all lenders."""
    capital = float(results.lenders["capital_open_usd"].sum())
    return results.summary["loss_usd"]["total"] / capital if capital > 0.0 else None


def all_lost_share(results: Results) -> Number:
    """All that lenders lose over their opening capital."""
    capital = float(results.lenders["capital_open_usd"].sum())
    return float(results.lenders["lost_usd"].sum()) / capital if capital > 0.0 else None


def at_auction(is_rig: bool) -> Callable[[Results], Number]:
    """Price over the mark of the day before, mean of all lots sold at auctions, by value."""

    def read(results: Results) -> Number:
        forced = results.forced_trades
        own = forced[forced["hardware"].map(words.is_asic).astype(bool) == is_rig]
        if own.empty:
            return None
        units = own["forced_units"]
        return float((units * own["price_usd"]).sum() / (units * own["mark_usd"]).sum())

    return read


def auctions(**state: bool) -> Callable[[Results], Number]:
    """How many auctions in distress ended so; names are columns of ``Results.auctions``."""

    def read(results: Results) -> Number:
        own = results.auctions
        for column, wanted in state.items():
            own = own[own[column] == wanted]
        return len(own)

    return read


def hurt(results: Results) -> Number:
    """Lenders that have lost over a tenth of their opening capital."""
    table = results.lenders
    return int((table["lost_usd"] > 0.1 * table["capital_open_usd"]).sum())


def events(kind: str) -> Callable[[Results], Number]:
    """How many events of a kind the log holds."""
    return lambda results: len(results.events_of(kind))
