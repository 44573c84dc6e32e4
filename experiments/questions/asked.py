"""The questions, in the order of the page of findings."""

from __future__ import annotations

from ..answers.question import Question
from . import duration_mismatch, missing_repo_market

QUESTIONS: dict[str, tuple[Question, str]] = {
    question.name: (question, title)
    for question, title in (
        (missing_repo_market.QUESTION, "Is there a buyer for what a lender seizes?"),
        (duration_mismatch.QUESTION, "How long may a loan on machines run?"),
    )
}
