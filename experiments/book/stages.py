"""The stage of a loan under IFRS 9, and what it is provided for: a rule that is stated.

Stage 3: 90 days past due. Stage 2: 30 days past due, or risk has risen significantly: the
probability of default within a year is above 20 %, or above 0.5 % and three times what the
contractual spread pays for. What a spread pays for is the spread over a loss given default of 40 %:
the probability that its lender took on at the start, as far as a contract tells. Stage 1: all
others. Stage 1 is provided for defaults within twelve months, stages 2 and 3 for those of the whole
life; CECL provides for the whole life of every loan.
"""

from __future__ import annotations

from typing import NamedTuple

DEFAULTED_DAYS, LATE_DAYS = 90, 30
TIMES = 3.0  # the relative rise that banks commonly take for significant
LEAST = 0.005
MOST = 0.20  # a backstop of supervisors: beyond, nothing is taken on knowingly
USUAL_LGD = 0.4  # first-lien loans lose 23 to 39 % (credit_anchors.csv), second-hand machines more

RULE = (
    f"Stage 3: {DEFAULTED_DAYS} days past due or more. Stage 2: more than {LATE_DAYS} days past "
    f"due, a 12-month probability of default above {100 * MOST:g} %, or one above "
    f"{100 * LEAST:g} % and {TIMES:g} times what the contractual spread pays for (spread ÷ "
    f"{100 * USUAL_LGD:g} % loss given default). Stage 1: all others. "
    "Stage 1 is provided for defaults within 12 months, stages 2 and 3 for those of the whole "
    "life. CECL provides for the whole life of every loan. Losses are discounted at the reference "
    "rate, not at each loan's effective rate."
)


class Staged(NamedTuple):
    """A stage and why."""

    stage: int
    why: str


def stage_of(pd_year: float, contract: float, past_due: int) -> Staged:
    """The stage of a loan.

    Args:
        pd_year: probability of default within a year.
        contract: its spread over the reference rate, decimals a year.
        past_due: days.
    """
    if past_due >= DEFAULTED_DAYS:
        return Staged(3, f"{past_due} days past due")
    if past_due > LATE_DAYS:
        return Staged(2, f"{past_due} days past due")
    paid_for = max(contract, 0.0) / USUAL_LGD
    if pd_year > MOST or (pd_year > LEAST and pd_year > TIMES * paid_for):
        why = f"12-month PD {100 * pd_year:.0f} %, {100 * paid_for:.0f} % paid for"
        return Staged(2, why)
    return Staged(1, "no significant rise")


def provision(stage: int, twelve_months: float, lifetime: float) -> float:
    """What is set aside for a loan [USD]."""
    return twelve_months if stage == 1 else lifetime
