"""The questions, in the order of the page of findings."""

from __future__ import annotations

from ..answers.question import Question
from . import (
    attribution,
    correlation_convergence,
    credit_cycle,
    crypto_crash,
    double_leverage,
    duration_mismatch,
    equity_against_debt,
    last_resort,
    missing_repo_market,
    obsolescence,
    rental_deflation,
    reverse_stress,
    spreads,
)

TITLES: tuple[tuple[Question, str], ...] = (
    (missing_repo_market.QUESTION, "Is there a buyer for what a lender seizes?"),
    (duration_mismatch.QUESTION, "How long may a loan on machines run?"),
    (rental_deflation.QUESTION, "When does cheaper compute hurt lenders, and when not?"),
    (obsolescence.QUESTION, "New classes early, late, cheaper: what are old machines worth?"),
    (last_resort.QUESTION, "What would buyers, lenders and rules of last resort have saved?"),
    (double_leverage.QUESTION, "What do machines bought on coins add to a crash?"),
    (crypto_crash.QUESTION, "How far does a crash of bitcoin reach into GPU credit?"),
    (correlation_convergence.QUESTION, "Do coins, rents and failures fall together?"),
    (equity_against_debt.QUESTION, "What did financing by debt change?"),
    (credit_cycle.QUESTION, "Does credit peak before technology?"),
    (spreads.QUESTION, "Are loans priced for what they lose, and tranches as promised?"),
    (attribution.QUESTION, "What carries contagion: shares of each family of interactions?"),
    (reverse_stress.QUESTION, "Which shock that costs lenders billions is the likeliest?"),
)
QUESTIONS: dict[str, tuple[Question, str]] = {
    question.name: (question, title) for question, title in TITLES
}
