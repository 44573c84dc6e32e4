"""Plain words and numbers: how amounts, dates, causes and classes are written for a reader."""

from __future__ import annotations

import datetime as dt
import math
import re

_RIGS = re.compile(r"(GT|LT)(\d+)|J(\d+)_(\d+)")  # ids of rig classes say their J/TH

CAUSES = {
    "btc_price": "fall of bitcoin",
    "hardware_mark": "lower hardware marks",
    "dscr": "DSCR covenant",
    "interest": "interest unpaid",
    "amortisation": "instalment unpaid",
    "maturity": "not refinanced",
    "operating_costs": "costs unpaid",
    "hazard": "operating accident",
    "cross_default": "cross-default",
    "deficiency": "collateral shortfall",
    "underwriting": "refused by underwriters",
    "appetite": "no appetite to refinance",
    "funding": "lender out of funds",
    "losses": "losses",
    "scenario": "scenario",
    "collateral_sale": "sale of collateral",
    "signed_growth": "signed growth",
    "treasury": "treasury sale",
    "credit_supply": "lender without capital",
    "surrender": "worth less than its debt",
    "spot_rent": "contract dearer than spot",
    "tenant_failed": "tenant failed",
    "share_price": "price of the shares",
    "returns": "expected returns",
    "parent_failed": "its parent failed",
    "insolvency": "borrower insolvent",
    "demand": "tenants sell less",
}

KINDS = {
    "shock": "struck from outside",
    "margin_call": "margin call",
    "margin_met": "margin met",
    "forced_sale": "own coins sold for cash",
    "btc_liquidation": "bitcoin liquidated",
    "covenant_breach": "covenant breached",
    "lock_up": "cash locked up",
    "cash_sweep": "cash swept",
    "missed_payment": "payment missed",
    "cured": "cured",
    "default": "default",
    "loan_default": "loan defaults",
    "perimeter_default": "project vehicle defaults",
    "cross_default": "cross-default",
    "seizure": "collateral seized",
    "offered": "hardware offered",
    "hardware_sale": "hardware sold",
    "write_down": "loan written down",
    "rolled_over": "rolled over",
    "not_refinanced": "refused at maturity",
    "draw": "line drawn",
    "line_stopped": "committed line stopped",
    "order_cancelled": "order cancelled",
    "estate_paid": "estate pays out",
    "lender_impaired": "lender below minimum capital",
    "hazard": "operating accident",
    "equity_issued": "new shares sold",
    "funding_run": "funders leave",
    "sleeve_closed": "lending arm closed",
    "lender_failed": "lender fails",
    "interlender_loss": "loss on a failed lender",
    "line_called": "lines to a lender are called",
    "amortises_early": "a securitisation amortises early",
    "waived": "covenant waived",
    "extended": "payment extended",
    "reorganised": "debt cut, firm goes on",
    "surrendered": "keys handed over",
    "listed": "machines put on sale",
    "renegotiated": "rent renegotiated",
    "tenant_failed": "tenant fails",
    "tenant_left": "tenant leaves",
    "converted": "note converted",
    "put": "note put to the issuer",
    "ordered": "machines ordered",
    "entered": "new firm enters",
    "hosted": "machines kept and hosted",
    "taken_in_kind": "machines taken in kind",
}

INSTRUMENTS = {
    "btc_loan": "bitcoin-backed loans",
    "gpu_loan": "GPU loans",
    "asic_loan": "rig loans",
    "project_finance": "project finance",
    "high_yield": "high-yield bonds",
    "convertible": "convertible notes",
    "vendor": "vendor finance",
    "revolver": "revolvers",
    "other": "other loans",
    "enforcement_cost": "cost of enforcement",
}

SEGMENTS = {
    "CN_GREY": "China grey market",
    "ITAD_MAJORS": "recyclers",
    "GPU_BROKERS": "GPU brokers",
    "SMALL_NEOCLOUDS": "small neoclouds",
    "ENTERPRISE_ONPREM": "enterprises",
    "HYPERSCALER_INPLACE": "hyperscalers in place",
    "NEOCLOUD_INPLACE": "neoclouds in place",
    "SOVEREIGN_EM": "sovereign clouds",
    "OEM_TAKEBACK": "vendor take-back",
    "ASIC_MINERS": "miners with spare power",
    "ASIC_BROKERS": "rig brokers",
    "LISTED_MINERS": "listed miners",
    "OPPORTUNITY_FUNDS": "opportunity funds",
    "EXPORTERS": "exporters of rigs",
    "PRIVATE_MINERS": "private miners",
}


RECOVERIES = {
    "btc": "bitcoin-backed",
    "asic": "rigs",
    "gpu": "GPUs",
    "site": "sites",
    "general_lien": "general liens",
    "unsecured": "unsecured",
}

LENDERS = {
    "private_credit_locked": "private credit",
    "private_credit_semi_liquid": "semi-liquid credit",
    "bond_funds": "bond funds",
    "convert_funds": "convertible funds",
    "crypto_lender": "crypto lender",
    "vendor": "vendor finance",
    "securitisation": "securitisation",
}

SMALL_PARTIES = {
    "Rest of the Bitcoin network": "Private miner",
    "About 190 smaller neoclouds": "Small neocloud",
}
_PART = re.compile(r"(.+), (?:party|buyer) (\d+)(?: of \d+)?")


def party(name: str) -> str:
    """A party's name; the many parts of one row of the data become numbered small ones."""
    part = _PART.fullmatch(name)
    return f"{SMALL_PARTIES.get(part[1], part[1])} #{part[2]}" if part else name


def is_asic(hardware: str) -> bool:
    """Whether a hardware class is a mining rig (its unit is TH/s), not a GPU."""
    return _RIGS.fullmatch(hardware) is not None


def is_number(value: object) -> bool:
    """Whether ``value`` is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)


def plain(text: str) -> str:
    """An identifier as words: ``hardware_mark`` becomes ``hardware mark``."""
    return text.replace("_", " ").lower() if text else "unknown"


def cause(text: str) -> str:
    """A recorded cause in words."""
    return CAUSES.get(text, plain(text))


def kind(text: str) -> str:
    """A kind of event in words."""
    return KINDS.get(text, plain(text))


def instrument(text: str) -> str:
    """A loan's instrument in words."""
    return INSTRUMENTS.get(text, plain(text))


def lender(text: str) -> str:
    """A kind of lender in words."""
    return LENDERS.get(text, plain(text))


def segment(text: str) -> str:
    """A segment of buyers or sellers in words."""
    return SEGMENTS.get(text, plain(text))


def hardware(text: str) -> str:
    """A hardware class in words, plural: ``H100`` becomes ``H100s``."""
    if rigs := _RIGS.fullmatch(text):
        side, limit, low, high = rigs.groups()
        where = f"at {low}–{high}" if low else f"{'above' if side == 'GT' else 'below'} {limit}"
        return f"rigs {where} J/TH"
    return "other GPUs" if text == "OTHER" else f"{text}s"


def class_title(text: str) -> str:
    """A kind of collateral as a heading: ``H100``, ``Rigs > 35 J/TH``, ``Bitcoin``."""
    if is_asic(text):
        name = hardware(text).replace("above", ">").replace("below", "<").replace("at ", "")
        return capital(name)
    return {
        "OTHER": "Other GPUs",
        "BTC": "Bitcoin",
        "SITE": "Powered sites",
        "HALL": "Data halls",
    }.get(text, text)


def unit(hardware_class: str, units: float = 2.0) -> str:
    """The unit a hardware class is counted in; ``units`` of it are counted."""
    if is_asic(hardware_class):
        return "TH/s"
    if hardware_class in ("SITE", "HALL"):
        return "MW"
    return "GPU" if round(units) == 1 else "GPUs"


def machines(units: float, hardware_class: str) -> str:
    """So many of a class: ``290 B200s``, ``1 H100``, ``3.8m TH/s of rigs below 18 J/TH``."""
    name = hardware(hardware_class)
    if is_asic(hardware_class):
        return f"{count(units)} TH/s of {name}"
    return f"{count(units)} {name.removesuffix('s') if round(units) == 1 else name}"


def money(usd: float | None, signed: bool = False) -> str:
    """US dollars with three figures at most: ``$1.23bn``, ``$45m``, ``$800``; ``–`` if unknown."""
    if usd is None or not math.isfinite(usd):
        return "–"
    sign = "−" if usd < 0 else "+" if signed and usd > 0 else ""
    size = abs(usd)
    for step, suffix in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if size >= 0.9995 * step:
            return f"{sign}${_three(size / step)}{suffix}"
    return f"{sign}${size:.0f}" if size >= 100 or size == 0 else f"{sign}${size:.2f}"


def count(value: float | None) -> str:
    """A number of things: ``12,300``, ``1.2m``; ``–`` if unknown."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{_three(value / 1e6)}m" if abs(value) >= 1e6 else f"{value:,.0f}"


def multiple(ratio: float | None) -> str:
    """A ratio: ``2.3 ×``; ``no bids`` if it is without bound, ``–`` if unknown."""
    if ratio is None or math.isnan(ratio):
        return "–"
    if math.isinf(ratio):
        return "no bids"
    return f"{ratio:,.2f} ×" if ratio < 1 else f"{_three(ratio)} ×"


def percent(share: float | None, digits: int = 0) -> str:
    """A share as per cent: ``0.43`` becomes ``43 %``; ``–`` if unknown."""
    if share is None or not math.isfinite(share):
        return "–"
    if 0 < share < 0.5 * 10 ** (-2 - digits):
        return f"under {10.0**-digits:g} %"
    if 1 - 0.5 * 10 ** (-2 - digits) <= share < 1:
        return f"over {100 - 10.0**-digits:g} %"
    return f"{100 * share:,.{digits}f} %".replace("-", "−")


def ltv(ratio: float | None) -> str:
    """A loan-to-value ratio as per cent: one is no bound of it, so 99.6 % is ``100 %``."""
    if ratio is None or not math.isfinite(ratio):
        return "–"
    return f"{100 * ratio:,.0f} %"


def unresolved(share: float | None) -> str:
    """How much of a loss is still an estimate: the share of claims (at default) not yet settled."""
    if share is None or not share > 0.0:
        return ""
    return f"{percent(share)} of claims unresolved"


def against(change: float | None, digits: int = 0) -> str:
    """A change as a place beside where it began: ``77 % below``, ``3 % above``, ``near``."""
    if change is None or abs(change) < 0.005:
        return "near"
    return f"{percent(abs(change), digits)} {'below' if change < 0 else 'above'}"


def owing(usd: float) -> str:
    """What is owed at a default: dollars, or nothing."""
    return money(usd) if usd > 0.0 else "nothing owed"


def times(number: int, noun: str, plural: str | None = None) -> str:
    """``1 default``, ``3 defaults``, ``no defaults``."""
    words = noun if number == 1 else plural or f"{noun}s"
    return f"{'no' if number == 0 else f'{number:,}'} {words}"


def date(value: dt.date) -> str:
    """A date: ``5 Mar 2026``."""
    return f"{value.day} {value:%b %Y}"


def week(day: int) -> int:
    """The week, from 1, in which a day of the run lies (day 0 is the opening)."""
    return max(1, (day + 6) // 7)


def listed(items: list[str], most: int = 4) -> str:
    """``A, B and C``; beyond ``most`` items ``A, B and 7 others``."""
    if len(items) > most:
        return f"{', '.join(items[: most - 1])} and {len(items) - most + 1} others"
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def short(name: str, width: int) -> str:
    """A name cut to ``width`` characters, bracketed remarks first; a number at its end stays."""
    if len(name) <= width:
        return name
    name = name.partition(" (")[0]
    base, hash_, number = name.rpartition(" #")
    tail = f" #{number}" if hash_ else ""
    base = base if hash_ else name
    if len(base) + len(tail) > width:
        base = base[: width - len(tail) - 1].rstrip(" ,") + "…"
    return base + tail


def two_lines(name: str, width: int) -> str:
    """A name without bracketed remarks, on two lines where it is wider than ``width``."""
    name = name.partition(" (")[0]
    if len(name) <= width:
        return name
    breaks = [k for k, letter in enumerate(name) if letter == " "]
    at = min(breaks, key=lambda k: abs(k - len(name) / 2), default=len(name))
    return "\n".join(short(part, width) for part in (name[:at], name[at + 1 :]) if part)


def capital(text: str) -> str:
    """A sentence with a capital first letter."""
    return text[:1].upper() + text[1:]


def _three(value: float) -> str:
    """A positive number with about three figures."""
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
