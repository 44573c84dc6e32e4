"""The page of findings says what the stored numbers say; questions are complete; probes by hand."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from firesale.experiments.answers import verdicts
from firesale.experiments.answers.finding import FOLDER, Number, read
from firesale.experiments.answers.study import Study
from firesale.experiments.questions.asked import QUESTIONS
from firesale.experiments.questions.findings import PAGE, PICTURES, page_text, stored
from firesale.experiments.questions.probe import Probe, loan_id, with_probes
from firesale.market.opening.books_2025.read import load_books_2025

VERDICTS = {verdicts.HOLDS, verdicts.WHERE, verdicts.FAILS, verdicts.UNKNOWN}


def test_the_page_is_what_the_stored_findings_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_text(stored()), (
        "make it anew: uv run python -m firesale.experiments.questions.findings"
    )


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_stored_finding_has_a_verdict_by_its_rule_and_a_sentence_with_its_number(
    name: str,
) -> None:
    path = FOLDER / f"{name}.json"
    if not path.exists():
        pytest.skip("not asked yet")
    question, _ = QUESTIONS[name]
    found = read(path)
    assert found.question == name
    answer = question.as_json(found)
    assert answer["verdict"] in VERDICTS
    assert set(answer) >= {
        "question", "claim", "verdict", "sentence", "value", "low", "high", "unit", "runs"
    }  # fmt: skip
    json.dumps(answer, allow_nan=False)
    assert question.without in found.numbers, "each headline stands without the largest borrower"
    number = question.number(found)
    assert number.low <= number.value <= number.high
    digits = {f"{abs(number.value):{form}}" for form in (".0f", ".1f", ".2f", ",.0f", ".2g")}
    assert any(text in answer["sentence"] for text in digits)
    assert (PICTURES / f"{name}.png").exists()


def test_a_verdict_turns_with_its_number() -> None:
    """Were a verdict typed in, it would not follow the number across its boundary."""
    for question, found in stored():
        number = question.number(found)
        seen = {question.confidence(found)}
        for moved in (question.boundary + 10.0 * number.value + 1e6, question.boundary - 1e6):
            numbers = found.numbers | {question.headline: Number(moved, moved - 1.0, moved + 1.0)}
            other = type(found)(**{**found.__dict__, "numbers": numbers})
            seen.add(question.confidence(other))
        assert verdicts.FIRM in seen


def test_a_probe_adds_a_loan_and_no_dollar() -> None:
    books = load_books_2025()
    probe = Probe("P", "H100", 100, advance=0.8, tenor_days=730, cover=0.5)
    new = with_probes(books, (probe,))
    (loan,) = (row for row in new.loans if row.loan_id == loan_id(probe))
    assert loan.drawn_usd_m == pytest.approx(0.8 * 20_000 * 100 / 1e6)  # an H100 fetches $20,000
    assert loan.maturity == books.opening_date + timedelta(days=730)
    before, after = (
        next(row for row in tables.lenders if row.id == loan.lender_id) for tables in (books, new)
    )
    assert after.book_usd_m - before.book_usd_m == pytest.approx(loan.drawn_usd_m)
    assert after.book_usd_m + after.other_loans_usd_m == pytest.approx(
        before.book_usd_m + before.other_loans_usd_m
    )
    (lease,) = (row for row in new.leases if row.landlord_id == "P")
    assert lease.gpus == 50
    assert lease.usd_m_yr == pytest.approx(50 * 2.2 * 8760 * 0.85 / 1e6)
    assert "P" in new.granted_only


def test_a_study_resumes_and_runs_again_what_a_changed_design_needs(tmp_path: Path) -> None:
    plan = {"scenario": "calm", "settings": {"days": 5}, "replicates": 2, "resolve": False}
    with Study(tmp_path / "s", quick=True, workers=1, quiet=True) as study:
        first = study.runs("part", plan)
        busy = study._clock(0.0)
    with Study(tmp_path / "s", quick=True, workers=1, quiet=True) as again:
        second = again.runs("part", plan)
        assert again._clock(0.0) == busy, "nothing is run twice"
        more = again.runs("part", plan | {"replicates": 3})
    assert first.equals(second)
    assert len(more) == 3
    assert more["seed"].tolist()[:2] == first["seed"].tolist()


def test_undecided_cells_get_more_draws_and_decided_ones_do_not(tmp_path: Path) -> None:
    from firesale.experiments.answers.adaptive import Rounds

    plan = {"scenario": "calm", "settings": {"days": 3}, "resolve": False}
    cells = {"a": {"marks.evidence_weight": 0.2}, "b": {"marks.evidence_weight": 0.8}}
    with Study(tmp_path / "s", quick=True, workers=1, quiet=True) as study:
        rows = study.adaptive("p", plan, cells, Rounds(1, 1, 3), lambda _: ["b"])
        assert rows.groupby("cell")["draw"].nunique().to_dict() == {"a": 1, "b": 3}
        shown = rows[rows["shown"]]
        assert shown.groupby("cell")["draw"].unique().map(list).to_dict() == {"a": [0], "b": [0]}
        assert (study.made, study.saved) == (4, 2)
        shared = rows[rows["draw"] == 0].set_index("cell")["seed"]
        assert shared["a"] == shared["b"], "cells are compared under the same luck"
