"""The columns of every frame that a run leaves: unit and meaning, declared once.

Those of the series stand beside their columns (:mod:`market.state.series`).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, get_type_hints

from ..state.series import Means, Series

if TYPE_CHECKING:
    import pandas as pd

_DAY = Means("day", "days since the opening, which is day 0")
_CLASS = Means("name", "class of hardware, or BTC")
_PLACE = Means("word", "in place: where it stands; removed: taken out and shipped")
_UNITS = "GPU, TH/s or MW"
_VALUES = {
    "day": _DAY,
    "hardware": _CLASS,
    "balance_usd": Means("USD", "principal that is secured by it"),
    "reported_value_usd": Means("USD", "the collateral as lenders report it"),
    "second_hand_value_usd": Means("USD", "at what a single machine last traded at"),
    "realisable_value_usd": Means("USD", "at what one sale of all of it would bring today, net"),
    "realisable_90_days_value_usd": Means("USD", "the same with what buyers earn in 90 days"),
}
FRAMES: dict[str, dict[str, Means]] = {
    "events": {
        "event": Means("number", "place in the log"),
        "day": _DAY,
        "round": Means("number", "round of failures within the day, 0 for what is no failure"),
        "kind": Means("word", "what happened"),
        "party": Means("name", "to whom"),
        "counterparty": Means("name", "with whom; empty: nobody"),
        "loan": Means("name", "on which loan; empty: none"),
        "amount_usd": Means("USD", "of how much"),
        "cause": Means("word", "the obligation or event by which it happened"),
        "parent": Means("number", "event whose outcome it reacted to, -1: none"),
    },
    "loans": {
        "loan": Means("name", "one lender's share of a loan"),
        "borrower": Means("name", "who owes it"),
        "borrower_kind": Means("word", "miner or neocloud"),
        "lender": Means("name", "who is owed"),
        "instrument": Means("word", "kind of loan"),
        "status": Means("word", "performing, defaulted (its claim is open) or closed"),
        "recourse": Means("yes or no", "whether the borrower owes beyond the collateral"),
        "principal_open_usd": Means("USD", "principal at the opening"),
        "principal_usd": Means("USD", "principal today"),
        "undrawn_usd": Means("USD", "committed and not drawn"),
        "maturity_day": Means("day", "on which what is left falls due"),
        "collateral_class": Means("name", "class of hardware or BTC; empty: none"),
        "collateral_units": Means(f"{_UNITS}, or BTC", "pledged"),
        "default_day": Means("day", "of its default, -1: none"),
        "claim_at_default_usd": Means("USD", "principal and interest then"),
        "recovered_usd": Means("USD", "recovered so far"),
        "loss_usd": Means("USD", "written down or lost, and cost of enforcement"),
        "recovery": Means("1", "present value recovered over the claim, once it is settled"),
    },
    "lenders": {
        "lender": Means("name", "its id"),
        "name": Means("name", "its display name"),
        "kind": Means("word", "kind of lender"),
        "capital_open_usd": Means("USD", "capital at the opening"),
        "capital_usd": Means("USD", "capital today"),
        "book_usd": Means("USD", "principal owed to it in this market, before write-downs"),
        "loss_usd": Means("USD", "written down so far, and cost of enforcement"),
        "earned_usd": Means("USD", "interest and margins kept so far"),
        "provision_usd": Means("USD", "set aside for losses that are expected"),
        "capital_ratio": Means("1", "capital over assets; none without assets"),
        "min_capital_ratio": Means("1", "below which it gives no credit"),
    },
    "book": {
        "day": _DAY,
        "hardware": _CLASS,
        "place": _PLACE,
        "side": Means("word", "bid or ask"),
        "segment": Means("name", "segment of the buyers; of an ask its seller"),
        "price_usd": Means("USD a unit", "limit"),
        "units": Means(_UNITS, "wanted or offered at that limit"),
    },
    "sales": {
        "day": _DAY,
        "hardware": _CLASS,
        "place": _PLACE,
        "price_usd": Means("USD a unit", "at which the auction cleared; in place the mean"),
        "forced_units": Means(_UNITS, "of seized or listed lots sold"),
    },
    "illusion": {**_VALUES, "lender": Means("name", "whose loans, as if it sold alone")},
    "absorption": {
        **_VALUES,
        "bids_usd": Means("USD", "money that bids for the class today; unknown for bitcoin"),
    },
}
"""By frame and column; the series apart."""
PARTIES = ("party", "counterparty", "borrower", "lender")


@functools.cache
def day_meaning(column: str) -> Means | None:
    """What a column of the series means; ``None`` of those that stand for a column a class."""
    hint = get_type_hints(Series, include_extras=True)[column]
    found = getattr(hint, "__metadata__", ())
    return next((one for one in found if isinstance(one, Means)), None)


def means_of(frame: str, column: str) -> Means:
    """What a column of a frame means: ``means_of("loans", "principal_usd")``.

    Raises:
        KeyError: there is no such column.
    """
    if column == "date":
        return Means("date", "calendar date")
    if frame != "series":
        return FRAMES[frame][column]
    if column == "day":
        return _DAY
    for start, meaning in (("mark_", "lenders' mark of"), ("clearing_", "last price paid for")):
        if column.startswith(start) and column not in Series._fields:
            name = column.removeprefix(start).removesuffix("_usd")
            return Means("USD a unit", f"{meaning} a GPU or TH/s of {name}")
    found = day_meaning(column)
    if found is None:
        raise KeyError(column)
    return found


def for_reading(
    frame: pd.DataFrame, kind: str, opening: date, titles: Mapping[str, str]
) -> pd.DataFrame:
    """A frame with dates beside days, names beside ids, and ``units`` and ``meanings`` in attrs.

    The series is indexed by date.
    """
    import pandas as pd

    columns = list(frame.columns)
    means = {column: means_of(kind, column) for column in columns}
    units = {column: one.unit for column, one in means.items()}
    meanings = {column: one.meaning for column, one in means.items()}
    if kind == "series":
        frame = frame.set_index(pd.DatetimeIndex(frame.pop("date"), name="date"))
        del units["date"], meanings["date"]
    elif "day" in columns:
        dates = pd.Timestamp(opening) + pd.to_timedelta(frame["day"], unit="D")
        frame.insert(columns.index("day") + 1, "date", dates)
        units["date"], meanings["date"] = "date", "calendar date"
    for column in PARTIES:
        if column in columns and "name" not in columns:
            name = f"{column}_name"
            place = list(frame.columns).index(column) + 1
            frame.insert(place, name, frame[column].map(titles.get))
            units[name], meanings[name] = "name", "its display name"
    frame.attrs.update(units=units, meanings=meanings)
    return frame
