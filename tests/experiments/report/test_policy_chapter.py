"""What a run says of the levers in force."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from firesale.experiments.report import policy

BUYER = {
    "available_usd": 5e9,
    "spent_usd": 1.7e9,
    "machines_usd": 1.6e9,
    "storage_usd": 1e8,
    "held_units": {"H100": 3.0},
    "held_scheduled_usd": 2e9,
    "held_usd": 3e8,
    "held_90_days_usd": 4e8,
    "net_cost_usd": 1.4e9,
}
LENDER = {
    "available_usd": 2e9,
    "lent_usd": 1e8,
    "got_back_usd": 3e7,
    "interest_usd": 1e6,
    "owed_usd": 6e7,
    "lost_usd": 1.1e7,
    "net_cost_usd": 1e7,
}


def run(**levers: dict[str, Any]) -> Any:
    """Stands for a run: all that the chapter reads is the summary."""
    cost = sum(figures.get("net_cost_usd", 0.0) for figures in levers.values())
    return SimpleNamespace(summary={"policy": {"net_cost_usd": cost, **levers}})


def test_without_a_lever_there_is_no_chapter() -> None:
    assert policy.chapters(run()) == []


def test_what_was_spent_lent_and_is_held_stands_apart() -> None:
    (chapter,) = policy.chapters(run(buyer_of_last_resort=BUYER, lender_of_last_resort=LENDER))
    assert chapter.table == (
        ("Buyer of last resort", "$5bn", "$1.7bn", "$0", "$300m", "$1.4bn", ""),
        ("Lender of last resort", "$2bn", "$100m", "$30m", "$60m", "$10m", ""),
    )
    assert "spends $1.7bn ($100m of it on storage) and sells nothing" in chapter.text
    assert "would bring $300m today, $400m within 90 days: net cost $1.4bn." in chapter.text
    assert "lends $100m, gets $30m back with interest and is owed $60m" in chapter.text
    assert "In all, policy costs $1.41bn net." in chapter.text
    assert chapter.weights == (5e9, 2e9)


def test_a_purse_that_nobody_needed_says_so() -> None:
    unused = LENDER | dict.fromkeys(set(LENDER) - {"available_usd"}, 0.0)
    (chapter,) = policy.chapters(run(lender_of_last_resort=unused))
    assert chapter.table[0][-1] == "not used"
    assert "The lender of last resort has $2bn, none of it used." in chapter.text


def test_levers_without_money_say_what_they_ask() -> None:
    (chapter,) = policy.chapters(
        run(
            capital_buffer={"required_capital_usd": 2.4e9},
            mark_rule={"raises_marks_usd": -3e8},
            tenor_cap={"shortened_credit_usd": 0.0},
        )
    )
    assert [row[-1] for row in chapter.table] == [
        "$2.4bn more capital at the opening",
        "\N{MINUS SIGN}$300m on marks of pledged machines, at the end",
        "$0 credit given for a shorter term",
    ]
    assert "The capital buffer costs no public money: $2.4bn more capital" in chapter.text
    assert "The tenor cap changes nothing that is counted" in chapter.text
