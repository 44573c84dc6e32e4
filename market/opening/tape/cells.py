"""Cells as people write them: $12.5m, 8.5 %, SOFR+450, 31-Dec-2028, 1.2 EH/s, decimal commas.

A cell of a workbook is a number, a date, a truth value or a text; a cell of a CSV file is a text.
Numbers stay decimal until the end, so that what is written is what is meant, to the last bit.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import NamedTuple

from .mistakes import CellError

type Cell = str | int | float | bool | dt.date | None

POINT, COMMA = "en_US", "de_DE"  # how numbers are written
TIMES = {
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "tsd": Decimal(10) ** 3,
    "thousand": Decimal(10) ** 3,
    "m": Decimal(10) ** 6,
    "mm": Decimal(10) ** 6,
    "mn": Decimal(10) ** 6,
    "mio": Decimal(10) ** 6,
    "million": Decimal(10) ** 6,
    "millions": Decimal(10) ** 6,
    "b": Decimal(10) ** 9,
    "bn": Decimal(10) ** 9,
    "mrd": Decimal(10) ** 9,
    "billion": Decimal(10) ** 9,
}
CURRENCY = re.compile(r"us\$|usd|\$", re.IGNORECASE)
OTHER_CURRENCY = re.compile(r"€|£|¥|\b(?:eur|gbp|chf|jpy|cad|aud)\b", re.IGNORECASE)
NUMBER = re.compile(r"^([+-]?[\d.,'’\u00a0\u202f ]*\d[.,]?)\s*([a-zA-Z/%$ ]*)\.?$")
RATE = re.compile(
    r"^(?:(?:1m|3m|6m|term|daily|compounded)\s+)?(sofr|libor|reference|ref|base|float(?:ing)?)"
    r"\s*(?:\+|plus)\s*(.+)$",
    re.IGNORECASE,
)
SLIPS = str.maketrans("oOlI", "0011")
HIGHEST_RATE = Decimal("0.6")
MOST = Decimal(10) ** 15  # of dollars, units or anything else
TH = {"th": Decimal(1), "ph": Decimal(1000), "eh": Decimal(10) ** 6}
YES = {"yes", "y", "true", "1", "full", "ja", "oui", "si"}
NO = {"no", "n", "false", "0", "non-recourse", "spv", "nein", "non"}


class Rate(NamedTuple):
    """Interest a year: fixed, or a spread over the reference rate."""

    floating: bool
    value: Decimal


class LtvOrValue(NamedTuple):
    """What a lender reports of its collateral: a loan-to-value ratio or a value in USD."""

    ltv: Decimal | None
    value_usd: Decimal | None


class Units(NamedTuple):
    """So many units; ``th`` says that they are TH/s and not machines."""

    number: Decimal
    th: bool


def text(cell: Cell) -> str:
    """A cell as the text one sees."""
    if cell is None:
        return ""
    if isinstance(cell, dt.datetime | dt.date):
        return cell.strftime("%Y-%m-%d")
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell).strip()


def number(cell: Cell, mark: str, allowed: str = "a number such as 12.5") -> Decimal:
    """A plain number, in the notation of the file."""
    if isinstance(cell, bool | dt.date):
        raise CellError(allowed)
    if isinstance(cell, int | float):
        return Decimal(repr(cell))
    return _split(text(cell), mark, allowed)[0]


def _split(written: str, mark: str, allowed: str) -> tuple[Decimal, str]:
    """A number and the letters behind it."""
    from babel.numbers import NumberFormatError, parse_decimal

    found = NUMBER.match(written)
    if found is None:
        raise CellError(allowed, _nearest_number(written))
    digits = re.sub(r"['’\u00a0\u202f ]", "", found[1]).lstrip("+")
    try:
        return parse_decimal(digits, locale=mark, strict=True), found[2].strip().lower()
    except NumberFormatError:
        pass
    other = COMMA if mark == POINT else POINT
    meant = ""
    try:
        meant = f"{parse_decimal(digits, locale=other, strict=True):f}"
    except NumberFormatError:
        meant = re.sub(r"[.,](?=.*[.,])", "", digits).replace(",", ".")
    sign = "decimal point" if mark == POINT else "decimal comma"
    meant = f"{meant}{found[2].strip()}" if mark == POINT else meant.replace(".", ",")
    raise CellError(f"{allowed}, with a {sign} as in the rest of the file", meant)


def _nearest_number(written: str) -> str:
    """What a slip of the keyboard may have meant: letters O and l for digits."""
    mended = re.sub(r"\d[\doOlI.,]*", lambda m: m[0].translate(SLIPS), written)
    return mended if mended != written and NUMBER.match(mended.replace("$", "")) else ""


def money(cell: Cell, mark: str) -> Decimal:
    """US dollars: 12500000, $12.5m, USD 12.5 million, 1.2bn."""
    allowed = "an amount in US dollars, such as 12500000, $12.5m or 1.2bn"
    if not isinstance(cell, str):
        return _not_negative(number(cell, mark, allowed), allowed)
    if OTHER_CURRENCY.search(cell):
        raise CellError(f"{allowed}; other currencies must be converted")
    amount, letters = _split(CURRENCY.sub("", cell).strip(), mark, allowed)
    if letters not in TIMES:
        raise CellError(allowed, _nearest_number(cell) or _times_like(letters, amount))
    return _not_negative(amount * TIMES[letters], allowed)


def _times_like(letters: str, amount: Decimal) -> str:
    from difflib import get_close_matches

    near = get_close_matches(letters, [name for name in TIMES if name], 1, 0.6)
    return f"{amount:f} {near[0]}" if near else ""


def _not_negative(value: Decimal, allowed: str) -> Decimal:
    if value < 0:
        raise CellError(f"{allowed}, and not below zero", f"{-value:f}" if -value <= MOST else "")
    if value > MOST:
        raise CellError(f"{allowed}, and at most {MOST:,f}")
    return value


def share(cell: Cell, mark: str, most: str = "1") -> Decimal:
    """A share: 0.65, 65 % or 65 (what is above 2 is per cent)."""
    allowed = f"a share such as 0.65 or 65 %, up to {Decimal(most) * 100:f} %"
    if isinstance(cell, str):
        value, letters = _split(cell.strip(), mark, allowed)
        if letters not in ("", "%", "percent", "pct"):
            raise CellError(allowed)
        value = value / 100 if letters or value > 2 else value
    else:
        value = number(cell, mark, allowed)
        value = value / 100 if value > 2 else value
    if not 0 <= value <= Decimal(most):
        meant = f"{-value * 100:f} %" if -Decimal(most) <= value < 0 else ""
        raise CellError(allowed, meant)
    return value


def rate(cell: Cell, mark: str) -> Rate:
    """Interest: 8.5 %, 0.085, 8.5, SOFR+450, SOFR + 4.5 %."""
    allowed = "a rate such as 8.5 %, or a spread such as SOFR+450 (basis points) or SOFR + 4.5 %"
    if isinstance(cell, str):
        spread = RATE.match(cell.strip())
        if spread:
            value, letters = _split(spread[2].strip(), mark, allowed)
            points = letters in ("bp", "bps") or (letters == "" and value >= 20)
            if letters not in ("", "%", "bp", "bps"):
                raise CellError(allowed)
            return _sane(Rate(True, value / 10000 if points else value / 100), cell, allowed)
        base, plus, rest = cell.partition("+")
        if plus and base.strip().isalpha():
            raise CellError(allowed, f"SOFR+{rest.strip()}")
        value, letters = _split(cell.strip(), mark, allowed)
        if letters not in ("", "%", "bp", "bps", "percent", "pct"):
            meant = f"SOFR+{value:f}" if letters.startswith("so") else ""
            raise CellError(allowed, meant)
        if letters in ("bp", "bps"):
            return _sane(Rate(False, value / 10000), cell, allowed)
        return _sane(Rate(False, value / 100 if letters or value >= 1 else value), cell, allowed)
    value = number(cell, mark, allowed)
    return _sane(Rate(False, value / 100 if value >= 1 else value), text(cell), allowed)


def _sane(found: Rate, written: str, allowed: str) -> Rate:
    if not 0 <= found.value <= HIGHEST_RATE:
        meant = ""
        if HIGHEST_RATE < found.value <= 100 * HIGHEST_RATE:
            meant = (
                f"{float(found.value * 10):g} %"
                if found.value < 1
                else f"SOFR+{float(found.value):g}"
            )
        raise CellError(f"{allowed}, from 0 to {HIGHEST_RATE * 100:f} %", meant)
    return found


def day(cell: Cell, mark: str = POINT) -> dt.date:
    """A date whose day, month and year can be told: 2028-12-31, 31-Dec-2028, 12/31/2028."""
    from dateutil import parser

    allowed = "a date such as 2028-12-31 or 31-Dec-2028"
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, dt.date):
        return cell
    if not isinstance(cell, str):
        raise CellError(allowed)
    written = cell.strip()
    first, second = dt.datetime(2001, 1, 1), dt.datetime(2002, 2, 2)
    try:
        iso = bool(re.match(r"^\d{4}-\d", written))
        dotted = bool(re.match(r"^\d{1,2}\.\d{1,2}\.\d{2,4}$", written))
        read = [
            parser.parse(written, default=default, dayfirst=dayfirst, yearfirst=iso).date()
            for default in (first, second)
            for dayfirst in ((False,) if iso else (True,) if dotted else (True, False))
        ]
    except (parser.ParserError, OverflowError, ValueError):
        raise CellError(allowed, _month_end(written)) from None
    if iso and not re.match(r"^\d{4}-\d{1,2}-\d{1,2}$", written):
        raise CellError(f"{allowed}, with day, month and year")
    days = sorted(set(read))
    if len(days) > 1:
        if {found.year for found in days} <= {2001, 2002}:
            raise CellError(f"{allowed}, with its year")
        if len({found.replace(day=1) for found in days}) == 1:
            raise CellError(f"{allowed}, with day, month and year", _end_of(days[0]).isoformat())
        both = " or ".join(found.isoformat() for found in days[:2])
        raise CellError(f"{allowed}; this one can be read in two ways", both)
    return days[0]


def _end_of(found: dt.date) -> dt.date:
    after = (found.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    return after - dt.timedelta(days=1)


def _month_end(written: str) -> str:
    """The last day of a month for a day that it has not."""
    from dateutil import parser

    found = re.match(r"^(?:29|30|31)([-/. ].+)$", written) or re.match(
        r"^(\d{4}-\d{1,2}-)(?:29|30|31)$", written
    )
    if found is None:
        return ""
    try:
        one = f"{found[1]}1" if written[:4].isdigit() else f"1{found[1]}"
        return _end_of(parser.parse(one, dayfirst=not written[:4].isdigit()).date()).isoformat()
    except (parser.ParserError, OverflowError, ValueError):
        return ""


def ltv_or_value(cell: Cell, mark: str) -> LtvOrValue:
    """What the lender reports: a ratio (65 %, 0.65) or a value ($12.5m)."""
    allowed = "a loan-to-value ratio such as 65 %, or a value such as $12.5m"
    try:
        return LtvOrValue(share(cell, mark, "2"), None)
    except CellError:
        pass
    try:
        value = money(cell, mark)
    except CellError as error:
        raise CellError(allowed, error.meant) from None
    if value < 1000:
        raise CellError(f"{allowed}; a ratio is at most 200 %", f"${value:f}m")
    return LtvOrValue(None, value)


def units(cell: Cell, mark: str) -> Units:
    """So many machines, coins or MW, or a hashrate: 2,000, 350 BTC, 1.2 EH/s."""
    allowed = "a number of machines or coins such as 2000, or a hashrate such as 1.2 EH/s"
    if not isinstance(cell, str):
        return Units(_not_negative(number(cell, mark, allowed), allowed), False)
    value, letters = _split(cell.strip(), mark, allowed)
    plain = letters.replace(" ", "").removesuffix("/s").removesuffix("s")
    if plain in TH:
        return Units(_not_negative(value * TH[plain], allowed), True)
    if letters in TIMES:
        return Units(_not_negative(value * TIMES[letters], allowed), False)
    if plain not in ("btc", "gpu", "unit", "rig", "machine", "mw", "coin"):
        raise CellError(allowed, _nearest_number(cell.strip()))
    return Units(_not_negative(value, allowed), False)


def truth(cell: Cell, mark: str = POINT) -> bool:
    """Yes or no."""
    said = text(cell).lower()
    if said in YES:
        return True
    if said in NO:
        return False
    raise CellError("yes or no", "yes" if said[:1] in ("y", "t", "j") else "")


def words(cell: Cell, mark: str = POINT) -> str:
    """A text of a line."""
    said = " ".join(text(cell).split())
    if len(said) > 120:
        raise CellError("a text of at most 120 characters")
    return said


def whole(cell: Cell, mark: str) -> int:
    """A number of days."""
    value = number(cell, mark, "a whole number of days")
    if value != value.to_integral_value() or not 0 <= value <= 36500:
        raise CellError("a whole number of days, 0 or more")
    return int(value)


def positive(cell: Cell, mark: str) -> Decimal:
    """A number above zero."""
    value = number(cell, mark)
    if value <= 0:
        raise CellError("a number above 0")
    return _not_negative(value, "a number")


def amount(cell: Cell, mark: str) -> Decimal:
    """A number that is not below zero."""
    return _not_negative(number(cell, mark), "a number")
