"""Bitcoin's past, replayed: a history file becomes paths."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..scenario.errors import InputError
from ..scenario.sections import Crypto
from ..scenario.text_files import read_text
from ..state.paths import CryptoPaths
from ..state.randomness import Stream, normals

DATA = Path(__file__).resolve().parent.parent / "data"
PACKAGED = {
    "packaged": DATA / "history" / "market_weekly.csv",
    "packaged-2026": DATA / "2026" / "market_weekly.csv",
}
HISTORY_VOLATILITY = 0.62  # of BTC between weekly closes, a year (realised 2020-2025)


@dataclass(frozen=True)
class HistoryRow:
    """A week of a history file; None where a cell is empty."""

    week_ending: date
    btc_usd_close: float
    btc_usd_low_close: float | None = None
    eth_usd_close: float | None = None
    network_hashrate_eh_s: float | None = None
    fee_share_of_reward: float | None = None
    hashprice_usd_per_ph_day: float | None = None


HISTORY_COLUMNS = tuple(HistoryRow.__dataclass_fields__)
PLAUSIBLE = {
    "btc_usd_close": (0.01, 1e9),
    "btc_usd_low_close": (0.01, 1e9),
    "eth_usd_close": (1e-3, 1e8),
    "network_hashrate_eh_s": (1e-6, 1e7),
    "fee_share_of_reward": (0.0, 0.99),
    "hashprice_usd_per_ph_day": (1e-4, 1e9),
}
"""Bounds of what a cell can mean."""


def _eth_path(
    settings: Crypto, btc_log: NDArray[np.float64], days: int, seed: int
) -> NDArray[np.float64]:
    """ETH relative to its opening: beta to BTC and noise of a third of BTC's volatility."""
    own = normals(seed, Stream.ETH_NOISE, days) * settings.volatility / 3.0 / math.sqrt(365.0)
    return np.exp(settings.eth_beta * btc_log + np.concatenate(([0.0], np.cumsum(own))))


def _planned_growth(settings: Crypto, days: int) -> NDArray[np.float64]:
    day = np.arange(days + 1, dtype=float)
    share = np.clip(
        (day - settings.hashrate_growth_start_day) / settings.hashrate_growth_days, 0.0, 1.0
    )
    return np.exp(share * math.log1p(settings.hashrate_growth))


class OpeningQuotes(NamedTuple):
    """Where paths begin: date and prices of the books."""

    date: date
    btc_usd: float
    eth_usd: float
    fee_share: float  # of the block reward
    quality: Mapping[str, float] = MappingProxyType({})  # rent of a class over an H100's


def _replay(settings: Crypto, days: int, seed: int, opening: OpeningQuotes) -> CryptoPaths:
    _, btc_usd, eth_usd, fee_share, _ = opening
    rows = read_history(history_file(settings))
    start = rows[0].week_ending
    length = (rows[-1].week_ending - start).days
    if days > length:
        raise InputError(
            f"crypto.history: {Path(settings.history or '').name} covers {length} days from "
            f"{start}; days = {days} is not allowed, at most {length}."
        )
    knots = np.array([(row.week_ending - start).days for row in rows])
    close = np.array([row.btc_usd_close for row in rows])
    path = np.exp(_bridge(knots, np.log(close), seed))
    for row, knot in zip(rows, knots, strict=True):
        _touch_low(path, row, int(knot), 0)
    scale = btc_usd / path[0] if settings.history_rescale else 1.0
    log_price = np.log(path / path[0])
    eth = _column(knots, [row.eth_usd_close for row in rows])
    if eth is None:
        eth_path = eth_usd * _eth_path(settings, log_price, length, seed)
    else:
        eth_path = np.exp(eth) * (eth_usd / math.exp(eth[0]) if settings.history_rescale else 1.0)
    hashrate = _column(knots, [row.network_hashrate_eh_s for row in rows])
    _insist_on_network(settings, hashrate)
    fees = _column(knots, [row.fee_share_of_reward for row in rows], log=False)
    note = ""
    if not settings.history_rescale and abs(path[0] / btc_usd - 1.0) > 0.2:
        note = (
            f"The history starts at {path[0]:,.0f} USD per BTC; the opening books are valued at "
            f"{btc_usd:,.0f}. Set crypto.history_rescale=true to replay its returns instead."
        )
    return CryptoPaths(
        btc_usd=(path * scale)[: days + 1],
        eth_usd=eth_path[: days + 1],
        hashrate_growth=(
            _planned_growth(settings, days)
            if hashrate is None
            else np.exp(hashrate - hashrate[0])[: days + 1]
        ),
        fee_share=np.full(days + 1, fee_share) if fees is None else fees[: days + 1],
        start=start,
        note=note,
    )


def _replay_from(settings: Crypto, days: int, seed: int, books: OpeningQuotes) -> CryptoPaths:
    """Replay from the date of the books: their prices are the first knot, then weekly closes."""
    opening, btc_usd, eth_usd, fee_share, _ = books
    name = history_file(settings).name
    weeks = read_history(history_file(settings))
    before = [row for row in weeks if row.week_ending <= opening]
    rows = [row for row in weeks if row.week_ending > opening]
    length = (rows[-1].week_ending - opening).days if rows else 0
    late = not before and (weeks[0].week_ending - opening).days > 7
    if late or days > length:
        raise InputError(
            f"crypto.history: {name} covers {weeks[0].week_ending} to {weeks[-1].week_ending}; "
            f"{days} days from the opening, {opening}, are not within it."
        )
    knots = np.array([0, *((row.week_ending - opening).days for row in rows)])
    close = np.array([btc_usd, *(row.btc_usd_close for row in rows)])
    path = np.exp(_bridge(knots, np.log(close), seed))
    for row, knot in zip(rows, knots[1:], strict=True):
        _touch_low(path, row, int(knot), 1)

    def column(name: str, first: float | None) -> NDArray[np.float64] | None:
        """A column by day; its value at the opening lies between the weeks around it."""
        last = before[-1] if before else rows[0]
        ends = getattr(last, name), getattr(rows[0], name)
        if first is None and None not in ends:
            apart = max((rows[0].week_ending - last.week_ending).days, 1)
            first = ends[0] + (opening - last.week_ending).days / apart * (ends[1] - ends[0])
        values = [first, *(getattr(row, name) for row in rows)]
        return _column(knots, values, log=name != "fee_share_of_reward")

    eth = column("eth_usd_close", eth_usd)
    hashrate = column("network_hashrate_eh_s", None)
    _insist_on_network(settings, hashrate)
    fees = column("fee_share_of_reward", None)
    assert eth is not None
    return CryptoPaths(
        btc_usd=path[: days + 1],
        eth_usd=np.exp(eth)[: days + 1],
        hashrate_growth=(
            _planned_growth(settings, days)
            if hashrate is None
            else np.exp(hashrate - hashrate[0])[: days + 1]
        ),
        fee_share=np.full(days + 1, fee_share) if fees is None else fees[: days + 1],
        start=opening,
    )


def _insist_on_network(settings: Crypto, hashrate: NDArray[np.float64] | None) -> None:
    """Hashrate can be replayed only from a file that knows it."""
    if settings.network == "history" and hashrate is None:
        raise InputError(
            f"crypto.network = 'history': {history_file(settings).name} of crypto.history = "
            f"'{settings.history}' knows no network_hashrate_eh_s; set crypto.network=modelled."
        )


def _touch_low(path: NDArray[np.float64], row: HistoryRow, knot: int, first: int) -> None:
    """Let a week of the path touch its lowest daily close, and go no lower (in place).

    A week that began before ``first`` may have had its low by then: it only goes no lower.
    """
    if row.btc_usd_low_close is None or knot <= 0:
        return
    week = slice(max(knot - 6, first), knot)
    path[week] = np.maximum(path[week], row.btc_usd_low_close)
    if row.btc_usd_low_close < row.btc_usd_close and knot - 6 >= first:
        path[week.start + int(np.argmin(path[week]))] = row.btc_usd_low_close


def _bridge(
    knots: NDArray[np.int64], log_close: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Daily log prices through weekly closes: Brownian bridges at realised volatility."""
    days = int(knots[-1])
    steps = normals(seed, Stream.HISTORY_BRIDGE, days) * HISTORY_VOLATILITY / math.sqrt(365.0)
    walk = np.concatenate(([0.0], np.cumsum(steps)))
    day = np.arange(days + 1)
    return np.interp(day, knots, log_close) + walk - np.interp(day, knots, walk[knots])


def _column(
    knots: NDArray[np.int64], values: list[float | None], log: bool = True
) -> NDArray[np.float64] | None:
    """A weekly column by day, interpolated over empty cells; None if it is all empty."""
    known = [i for i, value in enumerate(values) if value is not None]
    if not known:
        return None
    numbers = np.array([values[i] for i in known], float)
    day = np.arange(int(knots[-1]) + 1)
    return np.interp(day, knots[known], np.log(numbers) if log else numbers)


def history_file(settings: Crypto) -> Path:
    """The file to replay: one that comes with the project, by its name, or another by its path."""
    name = settings.history or ""
    return PACKAGED.get(name, Path(name))


def read_history(path: Path) -> list[HistoryRow]:
    """Read weekly closes from a CSV file.

    Raises:
        InputError: one sentence naming file, line and column.
    """
    try:
        reader = csv.DictReader(read_text(path, f"crypto.history: {path}").splitlines())
        columns = reader.fieldnames or []
        lines = list(reader)
    except csv.Error:
        raise InputError(f"crypto.history: {path.name} is not a CSV file in UTF-8.") from None
    for name in ("week_ending", "btc_usd_close"):
        if name not in columns:
            raise InputError(
                f"crypto.history: {path.name} has no column '{name}'; "
                f"required: week_ending, btc_usd_close; optional: {', '.join(HISTORY_COLUMNS[2:])}."
            )
    for name in columns:
        if name not in HISTORY_COLUMNS:
            raise InputError(
                f"crypto.history: {path.name} has an unknown column '{name}'; "
                f"allowed: {', '.join(HISTORY_COLUMNS)}."
            )
    rows = [_history_row(path, number, line) for number, line in enumerate(lines, start=2)]
    if len(rows) < 2:
        raise InputError(
            f"crypto.history: {path.name} has {len(rows)} weeks; at least 2 are needed."
        )
    for number, (before, after) in enumerate(pairwise(rows), start=3):
        if after.week_ending - before.week_ending != timedelta(days=7):
            raise InputError(
                f"crypto.history: {path.name}, line {number}: week_ending {after.week_ending} is "
                f"not 7 days after {before.week_ending}."
            )
    return rows


def _history_row(path: Path, number: int, line: dict[str, str]) -> HistoryRow:
    where = f"crypto.history: {path.name}, line {number}"
    try:
        week = date.fromisoformat((line["week_ending"] or "").strip())
    except ValueError:
        raise InputError(
            f"{where}, column week_ending: '{line['week_ending']}' is not a date like 2025-09-28."
        ) from None
    numbers: dict[str, float | None] = {}
    for name in HISTORY_COLUMNS[1:]:
        cell = (line.get(name) or "").strip()
        if not cell:
            numbers[name] = None
            continue
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        low, high = PLAUSIBLE[name]
        if not low <= value <= high:
            raise InputError(
                f"{where}, column {name}: '{cell}' is not allowed; "
                f"it must be a number from {low:g} to {high:g}."
            )
        numbers[name] = value
    close = numbers.pop("btc_usd_close")
    if close is None:
        raise InputError(f"{where}, column btc_usd_close: the cell is empty; a price is required.")
    return HistoryRow(week_ending=week, btc_usd_close=close, **numbers)
