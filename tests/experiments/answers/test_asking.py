"""A question from the command line: its folder, its JSON, its page; and its refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from firesale.experiments.answers import verdicts
from firesale.experiments.answers.command import add
from firesale.experiments.answers.draw import Text, intervals
from firesale.experiments.answers.estimates import mean, values
from firesale.experiments.answers.finding import Finding, Table
from firesale.experiments.answers.question import Question
from firesale.experiments.answers.study import Study
from firesale.experiments.questions.asked import QUESTIONS
from firesale.market.scenario.errors import InputError

RUNNER = CliRunner()
PLAN = {"scenario": "calm", "settings": {"days": 3}, "replicates": 3, "resolve": False}


def _study(study: Study) -> Finding:
    made = study.runs("part", PLAN)
    number = mean(values(made, "population.miner"), "miners")
    table = Table("How many", ("what", "number"), ("", ".0f"), (("miners", number),))
    return study.finding("small", {"n": number, "less": number}, {"t": table}, 3)


SMALL = Question(
    name="small",
    claim="There are miners.",
    design="Three runs.",
    rule="Holds if there are more than none.",
    headline="n",
    boundary=0.0,
    without="less",
    study=_study,
    verdict=lambda found: verdicts.above(found.numbers["n"]),
    sentence=lambda found: f"There are {found.numbers['n'].text('.0f')}.",
    draw=lambda found: intervals(Text("t", "s"), {"n": [found.numbers["n"]]}, ("n",)),
    rests_on=("books",),
    would_change=("none",),
)


def _app(question: Question) -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)
    add(app, question, "small")
    app.command("other")(lambda: None)  # two, so that names are asked for
    return app


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    asked = ["small", "--quick", "--workers", "1", "--out", str(tmp_path)]
    with pytest.raises(InputError, match="is not empty and holds no sweeps; name another"):
        RUNNER.invoke(_app(SMALL), asked, catch_exceptions=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_question_leaves_finding_page_table_and_figure_and_resumes(tmp_path: Path) -> None:
    asked = ["small", "--quick", "--json", "--workers", "1", "--out", str(tmp_path / "q")]
    first = RUNNER.invoke(_app(SMALL), asked, catch_exceptions=False)
    told = json.loads(first.stdout)
    assert told["verdict"] == verdicts.HOLDS
    assert told["low"] <= told["value"] <= told["high"]
    assert (told["runs"], told["unit"], told["quick"]) == (3, "miners", True)
    files = {path.name for path in (tmp_path / "q").iterdir()}
    assert {"finding.json", "FINDING.md", "figure.png", "t.csv", "clock.json"} <= files
    page = (tmp_path / "q" / "FINDING.md").read_text(encoding="utf-8")
    assert told["sentence"] in page
    assert "**Holds.**" in page
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "q").glob("part-*/parts/*")}
    again = RUNNER.invoke(_app(SMALL), asked, catch_exceptions=False)
    assert json.loads(again.stdout) == told
    assert stamps == {p: p.stat().st_mtime_ns for p in stamps}, "nothing is run again"


def test_a_verdict_is_not_typed_in(tmp_path: Path) -> None:
    other = replace(SMALL, verdict=lambda found: verdicts.above(found.numbers["n"], 1e9))
    asked = ["small", "--json", "--workers", "1", "--out", str(tmp_path / "q")]
    told = json.loads(RUNNER.invoke(_app(other), asked, catch_exceptions=False).stdout)
    assert told["verdict"] == verdicts.FAILS


def test_a_plan_without_a_whole_draw_is_refused(tmp_path: Path) -> None:
    def fails(scenario, seed, scores):  # type: ignore[no-untyped-def]
        raise RuntimeError("no")

    with (
        Study(tmp_path / "s", quick=True, workers=1, quiet=True) as study,
        pytest.raises(InputError, match="no draw has ended well"),
    ):
        study.runs("part", PLAN, fails)


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_question_is_complete(name: str) -> None:
    question, title = QUESTIONS[name]
    assert question.name == name
    assert title.endswith("?")
    for text in (question.claim, question.design, question.rule):
        assert text.endswith(".")
    assert question.rests_on
    assert question.would_change
    assert question.objections


def test_what_measures_a_run_names_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed constant, or a changed helper, must not meet rows of before."""
    from firesale.experiments.answers import study
    from firesale.experiments.questions import duration_mismatch

    before = study._sources(duration_mismatch.lend, {})
    assert any("def with_probes" in text for text in before)
    monkeypatch.setattr(duration_mismatch, "ADVANCE", 0.5)
    assert study._sources(duration_mismatch.lend, {}) != before
