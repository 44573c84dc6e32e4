"""What happened: the only module that reads the tables of outcomes. For scoring alone."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "data"


@dataclass(frozen=True)
class Outcome:
    """Whether a party defaulted, when, and whether the case is on the border."""

    id: str
    defaulted: bool
    date: dt.date | None
    what: str
    borderline: bool


def rows(name: str) -> list[dict[str, str]]:
    """The lines of a table of this back-test."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def outcomes() -> dict[str, Outcome]:
    """Public outcomes by id, in the order of the table."""
    return {
        row["id"]: Outcome(
            id=row["id"],
            defaulted=row["defaulted"] == "yes",
            date=dt.date.fromisoformat(row["date"]) if row["date"] else None,
            what=row["what_happened"],
            borderline=row["borderline"] == "yes",
        )
        for row in rows("outcomes")
    }


def rig_prices() -> dict[str, float]:
    """Known price of new-generation rigs by month [USD per TH/s]."""
    return {row["month"]: float(row["usd_per_th"]) for row in rows("known_rig_prices")}


def sales_over_production() -> dict[str, float]:
    """What public miners sold over what they mined, by month."""
    return {row["month"]: float(row["sold_over_production"]) for row in rows("known_btc_sales")}


def coins_mined() -> dict[tuple[str, str], float]:
    """What a public miner, or all of them (``all``), mined in a month [BTC]."""
    return {
        (row["month"], row["miner"]): float(row["mined_btc"]) for row in rows("known_btc_mined")
    }
