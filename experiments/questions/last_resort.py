"""What would a buyer or lender of last resort, or a rule, have saved, and at what price?

firesale experiment last-resort --quick
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.finding import LOSS, LOSS_WITHOUT, Finding, Number, Table
from ..answers.question import Question

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ..answers.study import Study

DAYS = 1825
BILLION = 1e9
NONE = "none"
LEVERS: dict[str, tuple[str, dict[str, Any]]] = {
    NONE: ("nothing", {}),
    "buyer": (
        "buyer of last resort, $5bn at 70 % of schedule",
        {"policy.buyer_of_last_resort_usd": 5e9},
    ),
    "lender": ("lender of last resort, $10bn", {"policy.lender_of_last_resort_usd": 10e9}),
    "haircut": ("haircuts of 40 % at least", {"policy.haircut_floor": 0.40}),
    "tenor": ("no tenor above three years", {"policy.tenor_cap_years": 3.0}),
    "standstill": ("standstill of 180 days", {"policy.standstill_days": 180}),
    "buffer": ("5 % of assets more capital", {"policy.capital_buffer": 0.05}),
    "schedule": ("marks by schedule only", {"policy.mark_rule": "schedule"}),
}
PUBLIC = ("buyer", "lender")  # those that spend money
NET_COST = "policy.resolved_net_cost_usd"
CREDIT = "investment.on_credit_usd"
BUYER = "policy.buyer_of_last_resort."
ENTERED = ("entered.miner", "entered.neocloud")


def study(study: Study) -> Finding:
    """The whole design."""
    from ..answers.estimates import by_arm, change, mean, middle, ratio

    draws = study.draws(7, 64)
    made = study.runs(
        "levers",
        {
            "scenario": "joint-crash",
            "settings": {"days": DAYS, "entry.on": True},
            "replicates": draws,
            "arms": {name: settings for name, (_, settings) in LEVERS.items()},
        },
    )
    loss, without = by_arm(made, LOSS), by_arm(made, LOSS_WITHOUT)
    cost, credit = by_arm(made, NET_COST, 0.0), by_arm(made, CREDIT, 0.0)
    failed = {
        name: first + by_arm(made, "defaults.neocloud")[name]
        for name, first in by_arm(made, "defaults.miner").items()
    }
    miners, neoclouds = (by_arm(made, kind, 0.0)[NONE] for kind in ENTERED)
    rows, numbers = [], {"entered": mean(miners + neoclouds)}
    for name, (title, _) in LEVERS.items():
        saved = change(loss[name], loss[NONE], "$bn", BILLION)
        spent = change(cost[NONE], cost[name], "$bn", BILLION)
        each = ratio(loss[NONE] - loss[name], cost[name] - cost[NONE])
        if name != NONE:
            numbers[f"saved_{name}"] = saved
            numbers[f"net_{name}"] = change(
                loss[name] + cost[name], loss[NONE] + cost[NONE], "$bn", BILLION
            )
            numbers[f"net_without_{name}"] = change(
                without[name] + cost[name], without[NONE] + cost[NONE], "$bn", BILLION
            )
            numbers[f"cost_{name}"] = spent
        rows.append(
            (title, mean(loss[name], "$bn", BILLION), middle(loss[name], ".1f", BILLION), *(
                (None,) * 6 if name == NONE else (
                    saved, numbers[f"net_without_{name}"],
                    spent if name in PUBLIC else None, each if name in PUBLIC else None,
                    change(credit[NONE], credit[name], "$bn", BILLION),
                    change(failed[NONE], failed[name]),
                )
            ))
        )  # fmt: skip
    numbers["level"] = mean(loss[NONE], "$bn", BILLION)
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "levers": Table(
                "Five years after a joint crash",
                ("lever", "lenders lose, $bn", "5 to 95 % of draws, $bn", "saved, $bn",
                 "net, without the largest borrower", "net public cost, $bn", "saved a dollar",
                 "credit for machines, $bn", "more failures"),
                ("", ".2f", "", "+.2f", "+.2f", "+.2f", ".2f", "+.2f", "+.1f"),
                tuple(rows),
            ),
            "kept": _kept(made, loss[NONE] - loss["buyer"] - cost["buyer"] + cost[NONE], numbers),
        },
        draws,
    )  # fmt: skip


def _kept(made: pd.DataFrame, net: NDArray[Any], numbers: dict[str, Number]) -> Table:
    """The buyer's net benefit if it did better with what it keeps: bounds, not other runs."""
    from ..answers.estimates import by_arm, mean

    of = {
        name: by_arm(made, f"{BUYER}{name}_usd", 0.0)["buyer"]
        for name in ("storage", "held", "held_90_days", "held_scheduled")
    }
    free = net + of["storage"]
    cases = {
        "stores it, and sells all at once at the end": net,
        "stores it for nothing": free,
        "and sells it over 90 days": free + of["held_90_days"] - of["held"],
        "or at the value by schedule": free + of["held_scheduled"] - of["held"],
    }
    numbers["net_best_buyer"] = mean(cases["or at the value by schedule"], "$bn", BILLION)
    numbers["storage"] = mean(of["storage"], "$bn", BILLION)
    return Table(
        "A buyer of last resort that does better with what it keeps: losses avoided less its cost",
        ("what it does", "net, $bn"),
        ("", "+.2f"),
        tuple((title, mean(values, "", BILLION)) for title, values in cases.items()),
    )


def verdict(found: Finding) -> str:
    """Over the two that spend public money; one that nobody had to use saves nothing."""
    return verdicts.over(
        verdicts.FAILS if _unused(found.numbers[f"net_{name}"]) else
        verdicts.above(found.numbers[f"net_{name}"], LEAST_NET)
        for name in PUBLIC
    )  # fmt: skip


def _unused(number: Number) -> bool:
    return number.value == number.low == number.high == 0.0


LEAST_NET = 0.01  # $bn: less than that is nothing to a market of this size


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    free = [name for name in LEVERS if name not in (NONE, *PUBLIC)]
    best = max(free, key=lambda name: n[f"saved_{name}"].low)
    lender = (
        "a lender of last resort is not asked for a dollar"
        if _unused(n["saved_lender"])
        else f"a lender of last resort brings {n['net_lender'].text('+.2f')} net"
    )
    return (
        f"After a joint crash a buyer of last resort saves lenders {n['saved_buyer'].text('+.2f')} "
        f"of {n['level'].text('.1f')} in five years and costs the authority "
        f"{n['cost_buyer'].text('+.2f')}: {n['net_buyer'].text('+.2f')} net "
        f"({n['net_without_buyer'].text('+.2f')} without the largest borrower; "
        f"{n['net_best_buyer'].text('+.2f')} even if it stored for nothing and sold at schedule, "
        "so that running what it buys would have to earn that much); "
        f"{lender}. Of the "
        f"rules the surest saves {n['saved_' + best].text('+.2f')}: {LEVERS[best][0]}."
    )


def draw(found: Finding) -> Figure:
    """What each lever saves, net of its cost."""
    from ..answers.draw import Text, intervals

    n = found.numbers
    rows = {
        title: [n[f"saved_{name}"], n[f"net_{name}"], n[f"net_without_{name}"]]
        for name, (title, _) in LEVERS.items()
        if name != NONE
    }
    title = (
        f"A buyer of last resort saves lenders ${n['saved_buyer'].value:.1f}bn and costs "
        f"${n['cost_buyer'].value:.1f}bn"
    )
    return intervals(
        Text(title, "Lenders' losses avoided in five years after a joint crash, and that less what "
             "the authority loses; 95 % of the mean", "$bn, more is better"),
        rows, ("losses avoided", "net of public cost", "net, without the largest borrower"),
    )  # fmt: skip


QUESTION = Question(
    name="last-resort",
    claim="There is no buyer or lender of last resort, and the market needs one.",
    design="A joint crash of bitcoin and rents from the books of 2025, five years with entry, so "
    "that what a lever does to lending shows; one lever in force at a time, against none.",
    rule="Holds for a buyer, and for a lender, of last resort if it surely saves lenders more "
    "than it costs the authority in the end; fails if it surely saves less, or is never used; "
    "over both.",
    headline="net_buyer",
    boundary=0.0,
    without="net_without_buyer",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "a buyer that pays 70 % of schedule for what finds no bid, and runs and sells nothing "
        "before the end: no setting lets it, so the table bounds what that could bring",
        "lenders that lend more when losses are smaller: the only moral hazard here",
    ),
    would_change=(
        "borrowers that take more risk because somebody will buy: they do not know of the levers",
        "a crash in which lenders fail by runs: then the lender of last resort has more to do",
    ),
    objections=(
        "A transfer is no gain: net is what lenders and the authority lose together.",
        "What the buyer holds counts at one sale at once, and it stores what it could have run or "
        "resold: the second table bounds that, but for what running would earn on the way. "
        "Machines that it sold sooner would have pressed on others' prices, which the bound leaves "
        "out.",
        "Entry acts: some firms enter after the crash. They borrow little, and losses are close to "
        "those without entry in `equity-against-debt`, draw by draw and in the mean.",
        "The surest rule is the best of five after the fact, and saves an eighth of that without "
        "loans to the largest borrower.",
    ),
    minutes=7,
)
