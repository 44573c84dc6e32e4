"""Replay of a file of weekly closes: what is read, what is refused, what the path touches."""

import csv
import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from firesale.market.opening.books_2025.read import DATA_FOLDER
from firesale.market.prices.bitcoin import crypto_paths
from firesale.market.prices.history import HISTORY_COLUMNS, PLAUSIBLE, OpeningQuotes, read_history
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.sections import Crypto
from firesale.market.state.paths import CryptoPaths

SHIPPED = DATA_FOLDER.parent / "history" / "market_weekly.csv"
START = date(2022, 1, 2)
Write = Callable[..., Path]


def weeks(count: int, **cells: list[object]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for i in range(count):
        row: dict[str, object] = {
            "week_ending": START + timedelta(days=7 * i),
            "btc_usd_close": 40_000.0 + 500.0 * i,
        }
        rows.append(row | {name: values[i] for name, values in cells.items()})
    return rows


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_rows(rows: list[dict[str, object]], columns: list[str] | None = None) -> Path:
        path = tmp_path / "weeks.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            names = columns or list(rows[0])
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write_rows


def replay(path: Path, days: int, seed: int = 1, rescale: bool = False) -> CryptoPaths:
    crypto = Crypto(path="history", history=str(path), history_rescale=rescale)
    opening = OpeningQuotes(date(2025, 9, 30), 100_000.0, 4_000.0, 0.01)
    return crypto_paths(crypto, days, seed, opening)


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        read_history(path)
    sentence = str(refused.value)
    assert sentence.endswith(".") and "\n" not in sentence
    assert sentence.startswith("crypto.history: ")
    return sentence


# --- what is refused ------------------------------------------------------------------------------


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.csv"
    assert refusal(path) == f"crypto.history: {path}: cannot be read (No such file or directory)."


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    assert "cannot be read (Is a directory)" in refusal(tmp_path)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "weeks.csv"
    path.write_bytes(b"week_ending,btc_usd_close\n\xff\xfe\x00,1\n")
    assert refusal(path) == f"crypto.history: {path}: is not text in UTF-8."


@pytest.mark.parametrize("missing", ["week_ending", "btc_usd_close"])
def test_a_missing_column(write: Write, missing: str) -> None:
    rows = weeks(3)
    path = write(rows, [name for name in rows[0] if name != missing])
    assert refusal(path) == (
        f"crypto.history: weeks.csv has no column '{missing}'; required: week_ending, "
        "btc_usd_close; optional: btc_usd_low_close, eth_usd_close, network_hashrate_eh_s, "
        "fee_share_of_reward, hashprice_usd_per_ph_day."
    )


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "weeks.csv"
    path.write_text("")
    assert "has no column 'week_ending'" in refusal(path)


def test_an_unknown_column(write: Write) -> None:
    sentence = refusal(write(weeks(3, volume=[1, 2, 3])))
    assert sentence == (
        "crypto.history: weeks.csv has an unknown column 'volume'; "
        f"allowed: {', '.join(HISTORY_COLUMNS)}."
    )


@pytest.mark.parametrize("cell", ["2022-13-01", "soon", ""])
def test_a_bad_date(write: Write, cell: str) -> None:
    rows = weeks(3)
    rows[1]["week_ending"] = cell
    assert refusal(write(rows)) == (
        f"crypto.history: weeks.csv, line 3, column week_ending: '{cell}' is not a date "
        "like 2025-09-28."
    )


@pytest.mark.parametrize("cell", ["high", "-5", "0", "nan", "inf"])
@pytest.mark.parametrize("column", ["btc_usd_close", "btc_usd_low_close", "network_hashrate_eh_s"])
def test_a_bad_number(write: Write, column: str, cell: str) -> None:
    rows = weeks(4, btc_usd_low_close=[""] * 4, network_hashrate_eh_s=[""] * 4)
    rows[2][column] = cell
    assert refusal(write(rows)) == (
        f"crypto.history: weeks.csv, line 4, column {column}: '{cell}' is not allowed; "
        f"it must be a number from {PLAUSIBLE[column][0]:g} to {PLAUSIBLE[column][1]:g}."
    )


def test_an_empty_price(write: Write) -> None:
    rows = weeks(3)
    rows[2]["btc_usd_close"] = " "
    assert refusal(write(rows)) == (
        "crypto.history: weeks.csv, line 4, column btc_usd_close: the cell is empty; "
        "a price is required."
    )


@pytest.mark.parametrize("gap", [14, 6, 0, -7])
def test_a_gap_in_the_weeks(write: Write, gap: int) -> None:
    rows = weeks(3)
    rows[2]["week_ending"] = START + timedelta(days=7 + gap)
    assert refusal(write(rows)) == (
        f"crypto.history: weeks.csv, line 4: week_ending {START + timedelta(days=7 + gap)} is not "
        f"7 days after {START + timedelta(days=7)}."
    )


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_weeks(write: Write, count: int) -> None:
    path = write(weeks(count), ["week_ending", "btc_usd_close"])
    assert refusal(path) == (f"crypto.history: weeks.csv has {count} weeks; at least 2 are needed.")


def test_days_beyond_the_end(write: Write) -> None:
    path = write(weeks(5))
    assert len(replay(path, 28).btc_usd) == 29
    with pytest.raises(InputError) as refused:
        replay(path, 29)
    assert str(refused.value) == (
        "crypto.history: weeks.csv covers 28 days from 2022-01-02; days = 29 is not allowed, "
        "at most 28."
    )


@pytest.mark.parametrize("cell", ["1.0", "1.5"])
def test_a_fee_share_of_the_whole_reward(write: Write, cell: str) -> None:
    # Hashprice divides by 1 - fee share: one gives infinity, more a negative hashprice.
    refusal(write(weeks(3, fee_share_of_reward=["0.01", cell, "0.01"])))


# --- what the path does ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_weekly_close_of_the_shipped_history_is_hit(seed: int) -> None:
    rows = read_history(SHIPPED)
    days = (rows[-1].week_ending - rows[0].week_ending).days
    path = replay(SHIPPED, days, seed)
    assert path.start == rows[0].week_ending
    assert path.btc_usd[::7] == pytest.approx([row.btc_usd_close for row in rows], rel=1e-9)
    # Between closes it moves about as much as BTC did, and never below a week's lowest close.
    daily = np.diff(np.log(path.btc_usd))
    assert 0.4 < daily.std() * math.sqrt(365) < 0.9
    for week, row in enumerate(rows[1:], start=1):
        assert row.btc_usd_low_close is not None
        lowest = path.btc_usd[7 * week - 6 : 7 * week + 1].min()
        assert lowest >= min(row.btc_usd_low_close, row.btc_usd_close) * (1 - 1e-9)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_low_of_the_shipped_history_is_touched(seed: int) -> None:
    rows = read_history(SHIPPED)
    days = (rows[-1].week_ending - rows[0].week_ending).days
    path = replay(SHIPPED, days, seed).btc_usd
    missed = [
        row.week_ending
        for week, row in enumerate(rows[1:], start=1)
        if row.btc_usd_low_close is not None
        and row.btc_usd_low_close < row.btc_usd_close
        and path[7 * week - 6 : 7 * week + 1].min() > row.btc_usd_low_close * (1 + 1e-9)
    ]
    assert missed == []


def test_a_low_of_the_week_is_touched(write: Write) -> None:
    # Rising weeks with a low far below both closes: some day other than the last is the lowest.
    low = [20_000.0 + i for i in range(6)]
    path = replay(write(weeks(6, btc_usd_low_close=low)), 35).btc_usd
    for week in range(1, 6):
        days = path[7 * week - 6 : 7 * week + 1]
        assert days.min() == pytest.approx(low[week], rel=1e-12)
        assert np.sum(np.isclose(days, low[week])) == 1


def test_empty_cells_are_interpolated_in_logs(write: Write) -> None:
    eth = [1000.0, "", 4000.0, "", ""]
    hashrate = ["", 200.0, "", 800.0, ""]
    fees = [0.01, "", 0.03, "", ""]
    path = replay(
        write(
            weeks(5, eth_usd_close=eth, network_hashrate_eh_s=hashrate, fee_share_of_reward=fees)
        ),
        28,
    )
    assert path.eth_usd[7] == pytest.approx(2000.0)  # geometric middle of 1000 and 4000
    assert path.eth_usd[14:] == pytest.approx(np.full(15, 4000.0))  # flat after the last figure
    assert path.hashrate_growth[0] == 1.0
    assert path.hashrate_growth[:8] == pytest.approx(np.ones(8))
    assert path.hashrate_growth[14] == pytest.approx(2.0)
    assert path.hashrate_growth[21] == pytest.approx(4.0)
    assert path.fee_share[7] == pytest.approx(0.02)  # a share, not a price: arithmetic middle
    assert path.fee_share[28] == pytest.approx(0.03)


def test_columns_that_are_left_out_are_left_to_the_model(write: Write) -> None:
    path = replay(write(weeks(5)), 28)
    assert path.fee_share == pytest.approx(np.full(29, 0.01))
    assert path.hashrate_growth == pytest.approx(np.ones(29))
    assert path.eth_usd[0] == pytest.approx(4_000.0)


def test_rescaled_history_starts_at_the_books_and_keeps_returns(write: Write) -> None:
    file = write(weeks(5, eth_usd_close=[1000.0, 1100.0, 900.0, 800.0, 1200.0]))
    plain, scaled = replay(file, 28), replay(file, 28, rescale=True)
    assert plain.btc_usd[0] == pytest.approx(40_000.0)
    assert scaled.btc_usd[0] == pytest.approx(100_000.0)
    assert scaled.eth_usd[0] == pytest.approx(4_000.0)
    for name in ("btc_usd", "eth_usd"):
        returns = [np.diff(np.log(getattr(path, name))) for path in (plain, scaled)]
        assert returns[0] == pytest.approx(returns[1], abs=1e-12)


def test_a_far_off_start_is_remarked_on(write: Write) -> None:
    file = write(weeks(5))
    assert "40,000" in replay(file, 28).note and "100,000" in replay(file, 28).note
    assert replay(file, 28, rescale=True).note == ""


def test_the_seed_moves_the_days_between_closes_only(write: Write) -> None:
    file = write(weeks(5))
    one, two = replay(file, 28, seed=1).btc_usd, replay(file, 28, seed=2).btc_usd
    assert one[::7] == pytest.approx(two[::7])
    assert np.sum(np.isclose(one, two)) == 5
    assert replay(file, 28, seed=1).btc_usd.tobytes() == one.tobytes()
