"""The report card: what fails shows and sets the exit code; what is not here is not passed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firesale.experiments import cli
from firesale.experiments.backtest import seal
from firesale.experiments.validation import checks, command, records
from firesale.experiments.validation.checks import Check
from firesale.experiments.validation.rows import Row

GOOD = Check("seals", "one", "whole", "2026-11-30", True)
BAD = Check("seals", "two", "broken", "2026-11-30", False)
UNKNOWN = Check("mutants", "three", "not here", "", None)
HEAD = "# Mistakes\n\n| mistake | where | noticed by |\n|---|---|---|\n"


def call(monkeypatch: pytest.MonkeyPatch, card: list[Check], *arguments: str) -> int:
    monkeypatch.setattr(command, "report_card", lambda: card)
    with pytest.raises(SystemExit) as exit_:
        cli.main(["validate", *arguments])
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


def test_a_number_must_be_as_near_as_its_row_says() -> None:
    row = Row("r", "s", (1.0, 2.0), (1.05, 2.0), (0.1, 0.0))
    assert checks.within(row)
    assert not checks.within(row._replace(ours=(1.11, 2.0)))
    assert not checks.within(row._replace(ours=(float("nan"), 2.0)))
    good, bad = checks.published([row, row._replace(ours=(1.0, 2.1))])
    assert good.passed and bad.passed is False
    assert good.outcome == "1.05, 2; published 1, 2 (s)"


def test_what_fails_sets_the_exit_code_and_what_is_unknown_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, [GOOD, UNKNOWN]) == 0
    assert "1 of 2 checks passed; not known: three." in capsys.readouterr().out
    assert call(monkeypatch, [GOOD, BAD, UNKNOWN]) == 1
    out = capsys.readouterr().out
    assert "1 of 3 checks passed; failed: two; not known: three." in out and "FAILED" in out


def test_the_page_has_every_check_with_its_date(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "CARD.md"
    assert call(monkeypatch, [GOOD, BAD], "--page", str(page)) == 1
    assert f"Page: {page}" in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    assert "| seals | one | whole | 2026-11-30 | passed |" in text
    assert "|  | two | broken | 2026-11-30 | FAILED |" in text
    assert "## What a sceptic would still object" in text


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, [], "--page", str(tmp_path / "no" / "CARD.md")) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_mutants_that_nobody_notices_fail_and_untried_ones_are_counted(tmp_path: Path) -> None:
    listed, tried = tmp_path / "mutants.toml", tmp_path / "mutants.md"
    listed.write_text("".join(f'[[mistake]]\nname = "{n}"\n' for n in ("what is lost", "b", "c")))
    tried.write_text(
        f"{HEAD}| what is lost | `x` | t::one |\n| b | `x` | a test that did not end |\n"
    )
    check = records.mutants(listed, tried)
    assert check.passed
    assert check.outcome == (
        "2 of 2 tried are noticed by a test; 1 listed since then are not tried yet"
    )
    tried.write_text(f"{HEAD}| what is lost | `x` | **nobody** |\n")
    check = records.mutants(listed, tried)
    assert check.passed is False and "nobody notices: what is lost" in check.outcome
    assert records.mutants(listed, tmp_path / "none.md").passed is None


def test_coverage_below_its_limit_fails(tmp_path: Path) -> None:
    path = tmp_path / "full.md"
    rows = "| second pass: branches of `agents` | {}% | 0 | `x` |\n"
    head = "| what | result | minutes | sources |\n|---|---|---|---|\n"
    path.write_text(head + rows.format("95.0"))
    (check,) = records.coverage(path)
    assert check.passed and check.name == "branches of agents"
    path.write_text(head + rows.format("94.9"))
    assert records.coverage(path)[0].passed is False
    path.write_text(head)
    assert records.coverage(path)[0].passed is False


def test_a_broken_seal_fails_and_a_missing_one_is_not_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "sealed-2026.json"
    monkeypatch.setattr(records, "sealed_file", lambda _: path)
    assert records.sealed("2026")[0].passed is None
    whole = seal.sealed("backtest-2026", {"x": 1}, 7, None, 0)
    path.write_text(json.dumps(whole))
    (check,) = records.sealed("2026")
    assert check.passed and check.outcome.startswith("7 runs, SHA-256")
    path.write_text(json.dumps(whole | {"forecast": {"x": 2}}))
    assert records.sealed("2026")[0].passed is False
    path.write_text("{}")
    assert records.sealed("2026")[0].passed is False


def test_identities_hold() -> None:
    lines = checks.identities()
    assert {line.kind for line in lines} == {checks.IDENTITIES}
    assert len(lines) == 2 * len(checks.STARTS) + 2
    assert all(line.passed for line in lines), lines


def test_an_identity_that_does_not_hold_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    run = checks.simulation("2025", "days=2").run()
    assert checks._balance_sheets(run)[1]
    run.market.lenders.capital_usd[0] *= 1.1
    assert not checks._balance_sheets(run)[1]
    run.market.kept.series.conservation_error[1] = 1e-6
    assert not checks._books(run)[1]
