"""The command line: what it refuses and how, what it leaves behind, and that runs repeat."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest

from firesale.agents.compiling.kernels import ENTRANCES
from firesale.experiments import cli
from firesale.experiments.look import words
from firesale.experiments.report import scenario_text
from firesale.experiments.run import files
from firesale.experiments.run import folder as folder_
from firesale.market.compile_ahead import announcement, jobs
from firesale.market.scenario.scenario import Scenario, scenario_names

SHORT = ["--days", "12", "--no-figures"]
FILES = {
    "summary.json",
    "causes.json",
    "manifest.json",
    "report.html",
    *(f"{name}.parquet" for name in folder_.FRAMES),
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("firesale.agents.compiling.cache.is_warm", lambda: True)


def firesale(*arguments: str) -> int:
    """The exit code of the command line, run in this process."""
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    assert isinstance(end.value.code, int)
    return end.value.code


def write(name: str, text: str) -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on stderr of a command that must fail and leave nothing behind."""
    before = sorted(Path().rglob("*"))
    assert firesale(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1 and printed.err.endswith(".\n")
    assert sorted(Path().rglob("*")) == before
    return printed.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "nothing-like-it"], "there is no scenario 'nothing-like-it'; allowed: "),
        (["run"], "missing argument"),
        (["run", "crypto-crash", "--depth", "1"], "no such option"),
        (["walk"], "no such command 'walk'"),
        (["scenarios"], "missing command"),
        (["run", "crypto-crash", "--days", "many"], "--days"),
        (["run", "crypto-crash", "--days", "0"], "--days: days = 0 is not allowed"),
        (["run", "crypto-crash", "--seed", "-1"], "--seed: -1 is not allowed"),
        (["run", "crypto-crash", "--scale", "0"], "--scale: opening.scale = 0.0 is not allowed"),
        (["run", "crypto-crash", "--scale", "nan"], "--scale: opening.scale = nan is not allowed"),
        (["run", "crypto-crash", "--start", "1999"], "'1999' is not a starting point"),
        (["run", "crypto-crash", "--set", "crash_depth"], "not of the form key=value"),
        (
            ["run", "crypto-crash", "--set", "crypto.depth=1"],
            "no key 'crypto.depth' (did you mean crypto.crash_depth?); allowed here",
        ),
        (["run", "crypto-crash", "--set", "days=5%"], "days = '5%' is not allowed"),
        (["run", "crypto-crash", "--set", "crypto.crash_depth=2"], "crypto.crash_depth = 2.0"),
        (
            ["run", "crypto-crash", "--set", "crypto.crash_depth=deep"],
            "crypto.crash_depth = 'deep'",
        ),
        (
            ["run", "crypto-crash", "--set", "channels.funding_runs=false"],
            "there is no key 'channels.funding_runs'",
        ),
        (["run", "crypto-crash", "--set", "crypto.history=gone.csv"], "gone.csv"),
        (
            ["run", "rental-deflation", "--start", "2021"],
            "--start: compute.path has no effect while opening.start is '2021'; "
            "set opening.start='2025' or 'synthetic' too, or compute.path='law'.",
        ),
        (
            ["run", "baseline", "--set", "crypto.crash_depth=0.95"],
            "--set: crypto.crash_depth has no effect while crypto.path is 'random'; "
            "set crypto.path='crash' too.",
        ),
        (
            ["run", "calm", "--set", "synthetic.parties=500"],
            "synthetic.parties has no effect while opening.start is '2025'; "
            "set opening.start='synthetic' too.",
        ),
        (
            ["run", "calm", "--set", "facts.orders=false"],
            "facts.orders has no effect while opening.start is '2025'; "
            "set opening.start='2021' too.",
        ),
        (
            ["run", "calm", "--start", "2021", "--scale", "2"],
            "--scale: opening.scale has no effect while opening.start is '2021'; "
            "set opening.start='2025' or 'synthetic' too, or opening.scale=1.",
        ),
        (["view", "joint-crash", "--start", "2021"], "compute.path has no effect while"),
        (["run", "joint", "--days", "9"], "no scenario 'joint' (did you mean joint-crash?)"),
        (["scenarios", "check", "gone.toml"], "gone.toml: cannot be read"),
        (["scenarios", "show", "nothing-like-it"], "there is no scenario"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_refused_in_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in refused(capsys, *arguments).lower()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("days = ", "not valid TOML"),
        ("dayz = 1", "no key 'dayz'"),
        ("days = 1.5", "days = 1.5 is not allowed"),
        ("[crypto]\nvolatility = -1", "crypto.volatility = -1.0 is not allowed"),
        ('[crypto]\npath = "history"', "names no CSV file"),
        ("[tranches]\nx = 1", "'tranches' is not part of this version"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(
    text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write("mine.toml", text)
    assert says in refused(capsys, "scenarios", "check", name)
    assert says in refused(capsys, "run", name)


def test_a_folder_that_cannot_be_used_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write("file", "x")
    assert "is a file" in refused(capsys, "run", "crypto-crash", "--out", "file")
    assert "cannot be written" in refused(capsys, "run", "crypto-crash", "--out", "file/below")
    Path("full").mkdir()
    write("full/mine.txt", "keep")
    assert "is not empty" in refused(capsys, "run", "crypto-crash", "--out", "full")
    assert Path("full/mine.txt").read_text() == "keep"
    write("out", "x")
    assert "cannot be written" in refused(capsys, "run", "crypto-crash")


def test_scenarios_are_listed_shown_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert firesale("scenarios", "list") == 0
    listed = capsys.readouterr().out
    assert scenario_names() and all(name in listed for name in scenario_names())
    for name in scenario_names():
        assert firesale("scenarios", "check", name) == 0
        assert "valid" in capsys.readouterr().out


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_shown_is_a_scenario_file(name: str) -> None:
    scenario = Scenario.load(name)
    shown = scenario_text.as_toml(scenario)
    assert Scenario.from_dict(tomllib.loads(shown), "shown") == scenario
    assert "per square root of a year; allowed: at least 0, at most 3" in shown
    assert "at most 0.999; only with crypto.path = 'crash'\n" in shown


def test_help_ends_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], ["run"], ["scenarios"], ["scenarios", "show"], ["scenarios", "check"]):
        assert firesale(*command, "--help") == 0
        assert "Example: firesale" in capsys.readouterr().out.strip().rpartition("\n\n")[2]


def test_every_command_is_told_in_full_where_commands_are_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in ([], ["book"], ["experiment"], ["scenarios"]):
        assert firesale(*command, "-h") == 0
        listed = capsys.readouterr().out.partition("Commands:")[2]
        assert listed and "..." not in listed


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert firesale("--version") == 0
    assert capsys.readouterr().out == f"firesale {version('firesale')}\n"


def test_a_usage_error_names_the_help_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert "'firesale run --help'" in refused(capsys, "run", "calm", "--sead", "3")
    assert "'firesale experiment --help'" in refused(capsys, "experiment", "nothing")
    assert "'firesale --help'" in refused(capsys, "rum")


def test_a_party_may_be_misspelt_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "run", "calm", "--days", "2", "--without", "Antalfa")
    assert "(did you mean Antalpha?)" in said


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom firesale.experiments import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'pandas', 'numba', 'mesa', 'matplotlib', 'pydantic'}\n"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )
    root = Path(cli.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_run_fills_a_fresh_folder_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        assert firesale("run", "crypto-crash", *SHORT) == 0
        folder = Path(f"out/crypto-crash-{number}")
        assert {path.name for path in folder.iterdir()} == FILES
        assert str(folder) in capsys.readouterr().out
    assert {path.name for path in Path("out").iterdir()} == {"crypto-crash-1", "crypto-crash-2"}
    first, second = (Path(f"out/crypto-crash-{n}/summary.json").read_bytes() for n in (1, 2))
    assert first == second
    assert len(pd.read_parquet("out/crypto-crash-1/series.parquet")) == 13
    manifest = json.loads(Path("out/crypto-crash-1/manifest.json").read_text())
    assert manifest["scenario"]["crypto"]["path"] == "crash"
    assert manifest["source_sha256"] == files.source_hash()


def test_another_seed_gives_another_run() -> None:
    for seed in ("1", "2"):
        assert firesale("run", "baseline", *SHORT, "--seed", seed, "--out", f"seed-{seed}") == 0
    btc = [pd.read_parquet(f"seed-{seed}/series.parquet")["btc_usd"].iloc[-1] for seed in "12"]
    assert btc[0] != btc[1]


def test_json_is_the_summary_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    assert firesale("run", "calm", *SHORT, "--json", "--out", "empty") == 0
    printed = capsys.readouterr().out
    assert printed == Path("empty/summary.json").read_text(encoding="utf-8")
    summary = json.loads(printed)
    assert (summary["scenario"], summary["seed"], summary["days"]) == ("calm", 1, 12)


def test_resolve_goes_on_until_claims_are_settled_and_changes_nothing_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hasty = ["--days", "100", "--no-figures", "--set", "credit.hazard_per_year=0.5"]
    assert firesale("run", "calm", *hasty, "--out", "plain") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert firesale("run", "calm", *hasty, "--resolve", "--out", "resolved") == 0
    told_after = " ".join(capsys.readouterr().out.split())
    plain, resolved = (
        json.loads(Path(f"{folder}/summary.json").read_text(encoding="utf-8"))["loss_usd"]
        for folder in ("plain", "resolved")
    )
    assert 0.0 < plain["unresolved_share"] <= 1.0
    assert resolved["resolved_day"] > 100
    assert {k: v for k, v in resolved.items() if k in plain} == plain
    share = f"{words.percent(plain['unresolved_share'])} of claims unresolved"
    assert share in told and share in told_after
    final = f"{share}, {words.money(resolved['resolved_total'])} once all are settled"
    assert final in told_after and final not in told
    assert final in Path("resolved/report.html").read_text(encoding="utf-8").replace("&nbsp;", " ")
    same = [pd.read_parquet(f"{folder}/series.parquet") for folder in ("plain", "resolved")]
    pd.testing.assert_frame_equal(*same, check_exact=True)


def test_report_shows_every_figure_and_needs_nothing_else() -> None:
    assert firesale("run", "crypto-crash", "--days", "12", "--out", "here") == 0
    page = Path("here/report.html").read_text(encoding="utf-8")
    drawn = sorted(path.name for path in Path("here/figures").iterdir())
    assert len(drawn) == 11
    assert page.count("data:image/png;base64,") == 11
    assert "http" not in page and 'src="figures' not in page and "import" not in page


def test_a_run_tells_which_lenders_failed_and_what_that_cost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    days = ["--days", "170", "--no-figures"]  # one has been made to fail from outside
    assert firesale("run", "backtest-2022", *days, "--out", "here") == 0
    told = " ".join(capsys.readouterr().out.split())
    summary = json.loads(Path("here/summary.json").read_text(encoding="utf-8"))
    lenders = pd.read_parquet("here/lenders.parquet").set_index("lender")
    failed = summary["defaulted"]["lender"]
    verb = "lender fails" if len(failed) == 1 else "lenders fail"
    assert "3AC" in failed and f"{len(failed)} {verb} (Three Arrows Capital" in told
    assert lenders.index[lenders["fate"] == "failed"].tolist() == sorted(
        failed, key=lenders.index.get_loc
    )
    assert lenders["capital_ratio"].notna().all()
    lost = ["loss_usd", "interlender_loss_usd", "market_loss_usd"]
    assert lenders["lost_usd"].tolist() == pytest.approx(lenders[lost].sum(axis=1).tolist())
    elsewhere = summary["lenders"]["interlender_loss_usd"]
    assert lenders["interlender_loss_usd"].sum() == pytest.approx(elsewhere) and elsewhere > 0
    assert "neocloud" not in told.lower() and "days = 170" in told


def test_a_run_s_folder_is_told_from_a_sweep_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert firesale("run", "calm", *SHORT, "--out", "here") == 0
    capsys.readouterr()
    assert "here: holds a run, not a sweep; open its report" in refused(capsys, "analyse", "here")


def test_the_first_run_says_that_it_compiles(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert firesale("run", "calm", *SHORT, "--out", "warm") == 0
    assert capsys.readouterr().err == ""
    compiling = "firesale.agents.compiling"
    monkeypatch.setattr(f"{compiling}.cache.is_warm", lambda: False)
    monkeypatch.setattr(f"{compiling}.kernels.is_kept", lambda *_: False)
    monkeypatch.setattr(f"{compiling}.cache.note_seconds", lambda took: None)  # it took none
    assert firesale("run", "calm", *SHORT, "--no-companions", "--out", "cold") == 0
    model = jobs(ENTRANCES)
    assert capsys.readouterr().err == f"{announcement(model, len(model))}\n"


def test_frames_come_after_the_simulation() -> None:
    code = (
        "import sys\nimport firesale.experiments.run.run\n"
        "from firesale import Scenario, Simulation\n"
        "Simulation(Scenario.load('calm')).step()\n"
        "late = {'pandas', 'pyarrow', 'matplotlib', 'networkx', 'mesa'}\n"
        "sys.exit(sorted(late & set(sys.modules)) or 0)"
    )
    root = Path(cli.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_crash_while_writing_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise RuntimeError("a bug")

    monkeypatch.setattr("tempfile.tempdir", str(Path.cwd().parent))  # for the file that tells of it
    monkeypatch.setattr("firesale.experiments.report.page.report", fail)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["run", "calm", *SHORT, "--out", "here"])
    assert list(Path().iterdir()) == []


def test_an_interrupt_says_so_and_leaves_no_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("firesale.experiments.report.page.report", interrupt)
    assert firesale("run", "calm", *SHORT, "--out", "here") == 130
    assert capsys.readouterr().err == "Interrupted; nothing is kept of this run.\n"
    assert list(Path().iterdir()) == []


def test_no_number_of_a_summary_is_nan() -> None:
    assert files.plain({"a": float("nan"), "b": [1, float("inf")]}) == {
        "a": None,
        "b": [1, None],
    }
