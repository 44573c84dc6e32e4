"""What a run has kept, as frames: the series, order books, sales and the collateral illusion."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..state.market import Market
from ..state.names import names_of
from ..state.series import Series
from .collateral_illusion import ALL

if TYPE_CHECKING:
    import pandas as pd

MANY_SELLERS = "many"  # offers too many to list are kept as steps of a ladder


def series_frame(market: Market) -> pd.DataFrame:
    """One row per day, the opening day first.

    For each class with a second-hand price ``mark_<class>_usd`` and ``clearing_<class>_usd``.
    """
    import pandas as pd

    days, series = market.day + 1, market.kept.series
    start = market.crypto.start
    columns: dict[str, Any] = {
        "day": np.arange(days),
        "date": [start + timedelta(days=day) for day in range(days)],
    }
    for name in (name for name in Series._fields if getattr(series, name).ndim == 1):
        columns[name] = getattr(series, name)[:days]
    for k in np.flatnonzero(market.hardware.used_open_usd > 0).tolist():
        columns[f"mark_{market.names.hardware[k]}_usd"] = series.mark_usd[:days, k]
        columns[f"clearing_{market.names.hardware[k]}_usd"] = series.clearing_usd[:days, k]
    return pd.DataFrame(columns)


def book_frame(market: Market) -> pd.DataFrame:
    """Ladders: day, hardware, place, side, segment (of an ask: the seller), price, units."""
    import pandas as pd

    kept = market.kept.ladders
    used = slice(0, int(kept.count[0]))
    asks, who = kept.is_ask[used], kept.who[used]
    names = np.full(len(who), MANY_SELLERS, object)
    names[~asks] = np.array(market.names.segments, object)[who[~asks]]
    names[asks & (who >= 0)] = names_of(market.names.parties, who[asks & (who >= 0)])
    return pd.DataFrame(
        {
            "day": kept.day[used].astype(np.int64),
            "hardware": _classes(market, kept.hardware[used]),
            "place": _places(kept.in_place[used]),
            "side": np.where(asks, "ask", "bid").astype(object),
            "segment": names,
            "price_usd": kept.price_usd[used],
            "units": kept.units[used],
        }
    )


def sales_frame(market: Market) -> pd.DataFrame:
    """Auctions that cleared: day, hardware, place, price, units of seized or listed lots sold.

    Clusters are sold in place one by one: theirs is the mean price of the day.
    """
    import pandas as pd

    kept = market.kept.sales
    used = slice(0, int(kept.count[0]))
    return pd.DataFrame(
        {
            "day": kept.day[used].astype(np.int64),
            "hardware": _classes(market, kept.hardware[used]),
            "place": _places(kept.in_place[used]),
            "price_usd": kept.price_usd[used],
            "forced_units": kept.forced_units[used],
        }
    )


def illusion_frame(market: Market) -> pd.DataFrame:
    """Balance and the four values of collateral [USD] by day, lender and class."""
    kept = market.kept.illusion
    rows = np.flatnonzero(kept.lender[: kept.count[0]] != ALL)
    frame = _illusion(market, rows)
    lenders = names_of(market.names.parties, market.first_lender + kept.lender[rows])
    frame.insert(1, "lender", lenders)
    return frame


def absorption_frame(market: Market) -> pd.DataFrame:
    """By day and class, all lenders together: balance and the four values of what is pledged.

    ``bids_usd`` is the money that bids for the class today; it may bid for others too. It is not
    known for bitcoin.
    """
    kept = market.kept.illusion
    rows = np.flatnonzero(kept.lender[: kept.count[0]] == ALL)
    return _illusion(market, rows).assign(bids_usd=kept.bids_usd[rows])


def _illusion(market: Market, rows: NDArray[np.intp]) -> pd.DataFrame:
    import pandas as pd

    kept = market.kept.illusion
    return pd.DataFrame(
        {
            "day": kept.day[rows].astype(np.int64),
            "hardware": _classes(market, kept.hardware[rows]),
            "balance_usd": kept.balance_usd[rows],
            "reported_value_usd": kept.reported_usd[rows],
            "second_hand_value_usd": kept.second_hand_usd[rows],
            "realisable_value_usd": kept.realisable_usd[rows],
            "realisable_90_days_value_usd": kept.realisable_90_days_usd[rows],
        }
    )


def _classes(market: Market, rows: NDArray[Any]) -> NDArray[Any]:
    """Ids of hardware classes; -1 is bitcoin."""
    return np.array([*market.names.hardware, "BTC"], object)[rows]


def _places(in_place: NDArray[np.bool_]) -> NDArray[Any]:
    return np.where(in_place, "in place", "removed").astype(object)
