"""The stage of a loan under IFRS 9, and what it is provided for: a rule that is stated.

Stage 3: 90 days past due. Stage 2: 30 days past due, or risk has risen significantly: the
probability of default within a year is above three times what the contractual spread pays for, and
above 0.5 %. What a spread pays for is the spread over the loss given default: the probability that
its lender took on at the start, as far as a contract tells. Stage 1: all others. Stage 1 is
provided for defaults within twelve months, stages 2 and 3 for those of the whole life; CECL
provides for the whole life of every loan.
"""

from __future__ import annotations

import math
from typing import NamedTuple

DEFAULTED_DAYS, LATE_DAYS = 90, 30
TIMES = 3.0  # the relative rise that banks commonly take for significant
LEAST = 0.005
USUAL_LGD = 0.4  # where no run defaults

RULE = (
    f"Stage 3: {DEFAULTED_DAYS} days past due or more. Stage 2: more than {LATE_DAYS} days past "
    f"due, or a 12-month probability of default above {TIMES:g} times what the contractual spread "
    f"pays for (spread ÷ loss given default) and above {100 * LEAST:g} %. Stage 1: all others. "
    "Stage 1 is provided for defaults within 12 months, stages 2 and 3 for those of the whole "
    "life. CECL provides for the whole life of every loan. Losses are discounted at the reference "
    "rate, not at each loan's effective rate."
)


class Staged(NamedTuple):
    """A stage and why."""

    stage: int
    why: str


def stage_of(pd_year: float, contract: float, lgd: float, past_due: int) -> Staged:
    """The stage of a loan.

    Args:
        pd_year: probability of default within a year.
        contract: its spread over the reference rate, decimals a year.
        lgd: loss given default; NaN where no run defaults.
        past_due: days.
    """
    if past_due >= DEFAULTED_DAYS:
        return Staged(3, f"{past_due} days past due")
    if past_due > LATE_DAYS:
        return Staged(2, f"{past_due} days past due")
    severity = USUAL_LGD if math.isnan(lgd) or lgd <= 0.0 else max(lgd, 0.05)
    paid_for = max(contract, 0.0) / severity
    if pd_year > LEAST and pd_year > TIMES * paid_for:
        return Staged(
            2, f"12-month PD {100 * pd_year:.0f} % against {100 * paid_for:.1f} % paid for"
        )
    return Staged(1, "no significant rise")


def provision(stage: int, twelve_months: float, lifetime: float) -> float:
    """What is set aside for a loan [USD]."""
    return twelve_months if stage == 1 else lifetime
