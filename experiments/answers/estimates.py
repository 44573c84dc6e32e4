"""Estimates over draws of rows, as numbers of a finding: means, paired changes, shares, ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .finding import Number, plain_text

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def values(frame: pd.DataFrame, column: str, fill: float | None = None) -> NDArray[Any]:
    """A column by draw; ``fill`` is what a missing one is."""
    import numpy as np

    found = frame[column] if column in frame else frame["run_id"] * np.nan
    filled = found if fill is None else found.fillna(fill)
    return filled.to_numpy(float)


def mean(values: NDArray[Any], unit: str = "", scale: float = 1.0) -> Number:
    """Mean over draws that know it, with its interval; not below 0 of what never is."""
    import numpy as np

    from ..look.intervals import skewed_mean_interval

    known = values[~np.isnan(values)]
    one = Number.of(skewed_mean_interval(known), unit, scale)
    return one._replace(low=max(one.low, 0.0)) if len(known) and known.min() >= 0.0 else one


def middle(values: NDArray[Any], form: str = ",.1f", scale: float = 1.0) -> str:
    """Where nine of ten draws lie, one by one: ``-3.1 to 8.2``; wider than the mean's interval."""
    import numpy as np

    known = values[~np.isnan(values)]
    if not len(known):
        return "–"
    return " to ".join(plain_text(float(q), form) for q in np.quantile(known, (0.05, 0.95)) / scale)


def percent(values: NDArray[Any]) -> Number:
    """Mean of per cents of a whole; its interval ends where they must."""
    one = mean(values, "%")
    return one._replace(high=min(one.high, 100.0))


def change(before: NDArray[Any], after: NDArray[Any], unit: str = "", scale: float = 1.0) -> Number:
    """Mean change from one world to another, draw by draw."""
    return mean(after - before, unit, scale)


def share(hit: NDArray[Any], unit: str = "%", scale: float = 0.01) -> Number:
    """Share of draws in which something happens, with its exact interval."""
    from ..look.intervals import share as share_of

    return Number.of(share_of(hit.astype(bool)), unit, scale)


def ratio(top: NDArray[Any], bottom: NDArray[Any], unit: str = "", scale: float = 1.0) -> Number:
    """Mean over mean, by bootstrap over draws; unknown where the bottom may be nothing or less."""
    import numpy as np

    from ..look.intervals import bootstrap

    if len(bottom) < 2 or bootstrap(bottom, lambda v: float(v.sum())).low <= 0.0:
        return Number(np.nan, np.nan, np.nan, unit)
    both = np.column_stack((top, bottom))
    found = bootstrap(both, lambda v: float(v[:, 0].sum() / v[:, 1].sum()))
    return Number.of(found, unit, scale)


def by_arm(frame: pd.DataFrame, column: str, fill: float | None = None) -> dict[str, NDArray[Any]]:
    """A column in each arm, in the same order of draws."""
    return {
        str(arm): values(rows.sort_values("replicate"), column, fill)
        for arm, rows in frame.groupby("arm", sort=False)
    }
