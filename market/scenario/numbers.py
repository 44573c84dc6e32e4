"""Numbers as people write them: 77% where a share is meant, 5bn, 3m or 250k where dollars are."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from .errors import InputError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

WRITTEN = re.compile(r"([+-]?(?:\d[\d_]*\.?\d*|\.\d+)) ?(%|k|m|bn)", re.IGNORECASE)
MOST_SEED = 2**63 - 1
POWER = {"%": -2, "k": 3, "m": 6, "bn": 9}
IN_PERCENT = re.compile(r"share|(?:^|_)(?:volatility|growth|drift|ltv|return|margin)$")
"""Names of what is a share, or a rate a year, though its bounds reach beyond one."""


def declared(section: BaseModel | type[BaseModel], data: Any, where: str, before: str = "") -> Any:
    """Nested data with each number of the kind that its setting is.

    Whole numbers are fine where a float is asked for, a bare 2025 where a text is.

    Raises:
        InputError: a percentage where no share is meant, or thousands where no dollars are.
    """
    if not isinstance(data, dict):
        return data
    result = {}
    for key, value in data.items():
        field = section.model_fields.get(key)
        kind = field.annotation if field else None
        if field is None:
            result[key] = value
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            result[key] = declared(kind, value, where, f"{before}{key}.")
        else:
            result[key] = of_kind(f"{before}{key}", field, value, where)
    return result


def of_kind(key: str, field: FieldInfo, value: Any, where: str) -> Any:
    """One value of a setting, as its field wants it; what makes no sense is left as it is.

    Raises:
        InputError: as in :func:`declared`.
    """
    kind = field.annotation
    if isinstance(value, int) and not isinstance(value, bool):
        return _as_float(value) if kind is float else str(value) if kind is str else value
    written = WRITTEN.fullmatch(value.strip()) if isinstance(value, str) else None
    if written is None or kind not in (float, int):
        return value
    number, sign = written[1], written[2].lower()
    refused = f"{where}: {key} = {value!r} is not allowed; "
    if kind is int:
        raise InputError(f"{refused}it is a whole number, written in digits only.")
    if is_in_dollars(key):
        if sign == "%":
            raise InputError(f"{refused}it is in dollars, as 5e9, 5bn, 3m or 250k.")
    elif not is_share(key, field):
        raise InputError(f"{refused}it is neither a share nor in dollars, so write a plain number.")
    elif sign != "%":
        raise InputError(f"{refused}it is a share, as 0.77 or 77%.")
    return float(Decimal(number).scaleb(POWER[sign]))


def is_in_dollars(key: str) -> bool:
    """Whether a setting is in dollars, or in dollars per something."""
    return "usd" in key.rpartition(".")[2].split("_")


def is_share(key: str, field: FieldInfo) -> bool:
    """Whether a setting is a share or a rate: by its bounds, its name, or what is said of it."""
    bounds = [
        getattr(rule, name)
        for rule in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if getattr(rule, name, None) is not None
    ]
    within = len(bounds) == 2 and min(bounds) >= -1.0 and max(bounds) <= 1.0
    name = key.rpartition(".")[2]
    said = re.search(r"\bshare\b", field.description or "")
    return within or bool(IN_PERCENT.search(name)) or bool(said)


def _as_float(value: int) -> float:
    """A whole number as a float; one too large for that is infinite, which no field allows."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
