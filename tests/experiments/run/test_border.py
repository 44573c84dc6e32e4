"""Whatever is typed, planted or missing: one sentence, an exit code, nothing half written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from firesale.experiments.look import memory
from firesale.experiments.run import border
from firesale.experiments.run.folder import RunFolder
from firesale.experiments.run.writing import HIDDEN, MOVED, hidden_folder
from firesale.experiments.sweeps.plan import Plan
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario

LIMIT_S = 300


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def firesale(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "firesale.experiments.cli", *arguments],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def refused(*arguments: str, **environment: str) -> str:
    """The one sentence with which a command is refused."""
    done = firesale(*arguments, **environment)
    assert done.returncode == 2, (done.returncode, done.stderr[-500:])
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr, done.stderr[-500:]
    assert done.stdout == ""
    assert not list(Path().glob("firesale-error-*")), "a mistake in the program, not a refusal"
    return done.stderr


def nested(depth: int) -> str:
    """TOML that is nested so deep."""
    return f"x = {'[' * depth}{']' * depth}\n"


PLAN = 'scenario = "calm"\n[settings]\ndays = 3\n'
ATTACKS = (
    (("run", "calm", "--set", "liquidation.gpu_life_years=0.003"), "gpu_life_years"),
    (("run", "calm", "--set", "crypto.depth_adv_usd=1e-9"), "depth_adv_usd"),
    (("run", "calm", "--set", f"days={'9' * 4000}"), "days"),
    (("run", "calm", "--days", "9" * 4000), "days"),
    (("run", "calm", "--seed", "9" * 4000), "seed"),
    (("run", "pipe.toml"), "no plain file"),
    (("run", "/dev/zero.toml/../zero"), "no scenario"),
    (("run", "deep.toml"), "nested too deeply"),
    (("run", "calm", "--set", "crypto.history=pipe.toml"), "no plain file"),
    (("sweep", "pipe.toml"), "no plain file"),
    (("sweep", "deep.toml"), "nested too deeply"),
    (("sweep", "good.toml", "--cluster", "tls://127.0.0.1:1"), "certificates"),
    (("run", "calm", "--start", "synthetic", "--set", "synthetic.parties=20_000_000",
      "--scale", "1"), "GB"),
)  # fmt: skip


@pytest.mark.parametrize(("arguments", "says"), ATTACKS, ids=range(len(ATTACKS)))
def test_an_attack_is_one_sentence(
    arguments: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if says == "GB" and memory.free_bytes() > 20_000_000 * memory.NEEDED_BYTES:
        pytest.skip("it would fit")
    os.mkfifo("pipe.toml")
    Path("deep.toml").write_text(nested(3000))
    Path("good.toml").write_text(PLAN)
    assert says in refused(*arguments)


@pytest.mark.parametrize("value", ["x", "", "0", "-1", "1e3", "٣"])
def test_threads_that_are_no_number(value: str) -> None:
    assert "NUMBA_NUM_THREADS" in refused("run", "calm", "--days", "1", NUMBA_NUM_THREADS=value)


def test_of_a_long_value_a_sentence_says_how_it_begins() -> None:
    with pytest.raises(InputError, match=r"days = 9{100}… is not allowed"):
        Scenario.load("calm").with_settings([f"days={'9' * 4000}"])
    Path("hex.toml").write_text(f'scenario = "calm"\nreplicates = 0x{"F" * 5000}\n')
    with pytest.raises(InputError, match="replicates = a number of thousands of digits is not"):
        Plan.load("hex.toml")
    for key in ("days", "crypto.path"):
        with pytest.raises(InputError, match=f"{key} = a number of thousands of digits is not"):
            Scenario.load("calm").with_settings([f"{key}=0x{'F' * 5000}"])


def test_a_name_with_a_nul() -> None:
    with pytest.raises(InputError, match="is not the name of a file"):
        Scenario.load("a\0b.toml")
    with pytest.raises(InputError, match="is not the name of a file"):
        RunFolder(Path("a\0b"), "calm")


def test_a_mark_that_excel_writes_is_no_error() -> None:
    Path("mine.toml").write_text("days = 3\n", encoding="utf-8-sig")
    assert Scenario.load("mine.toml").days == 3


def test_escape_codes_in_titles_do_not_reach_a_terminal() -> None:
    Path("mine.toml").write_text('title = "\\u001b[31mred\\u0007 \\u202eevil"\ndays = 3\n')
    done = firesale("scenarios", "show", "mine.toml")
    assert done.returncode == 0 and not re.search("[\x1b\x07\u202e]", done.stdout)
    assert not re.search("[\x1b\x07]", refused("run", "\x1b[31m\x07.toml"))


@pytest.mark.parametrize("closed", ["1", "2", "1 2"])
def test_a_closed_output_is_no_traceback(closed: str) -> None:
    closing = " ".join(f"{number}>&-" for number in closed.split())
    command = f"{sys.executable} -m firesale.experiments.cli scenarios list {closing}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr, done.stderr


def test_nobody_who_reads_is_no_traceback() -> None:
    command = f"{sys.executable} -m firesale.experiments.cli scenarios show calm | true"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.stderr == ""


def test_what_nobody_expected_is_a_sentence_and_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    import tempfile

    tempfile.tempdir = None  # as the environment says now

    def fail() -> None:
        raise ZeroDivisionError("a bug in the market")

    with pytest.raises(SystemExit) as left:
        border.guarded(fail)
    assert left.value.code == border.BAD_INPUT
    said = capsys.readouterr().err
    (log,) = Path().glob("firesale-error-*.log")
    assert said.count("\n") == 1 and log.name in said and "a bug in the market" in said
    assert "in fail" in log.read_text() and log.stat().st_mode & 0o077 == 0


def test_a_sweep_whose_runs_all_fail_is_refused_before_it_begins() -> None:
    Path("bad.toml").write_text(PLAN + '[trajectories]\ncolumns = ["no_such"]\n')
    said = refused("sweep", "bad.toml", "--cluster", "serial")
    assert "runs of this plan fail" in said and "no column 'no_such'" in said


def test_a_start_may_be_written_as_a_number() -> None:
    factor = "[factors]\nopening.start = { values = [2025, 2021] }\n"
    Path("two.toml").write_text(PLAN + factor)
    done = firesale("sweep", "two.toml", "--cluster", "serial")
    assert done.returncode == 0 and "0 failed" in done.stdout, done.stderr[-500:]


def test_a_hundred_million_points_are_counted_without_being_laid_out() -> None:
    factor = "[factors]\ncrypto.crash_depth = { low = 0.1, high = 0.9 }\n"
    design = '[design]\nmethod = "random"\npoints = 100_000_000\n'
    Path("huge.toml").write_text(PLAN.replace("calm", "crypto-crash") + design + factor)
    done = firesale("sweep", "huge.toml", "--dry-run", "--cluster", "serial")
    assert done.returncode == 0 and "100,000,000 runs" in done.stdout, done.stderr[-500:]


# ------------------------------------------------------------------ folders of runs


def test_what_a_killed_run_left_in_this_folder_goes_with_the_next() -> None:
    left = Path(".firesale-killed")
    (left / "calm").mkdir(parents=True)
    (left / "calm" / "report.html").write_text("half")
    (left / MOVED).write_text(json.dumps(["summary.json", "report.html", "manifest.json"]))
    Path("summary.json").write_text("half")  # it had been moved when the run was killed
    RunFolder(Path(), "calm")
    assert list(Path().iterdir()) == []


def test_what_somebody_works_in_is_let_be_and_a_whole_run_too() -> None:
    with hidden_folder(Path()) as held:
        code = (
            "from pathlib import Path\nfrom firesale.experiments.run.writing import *\n"
            "remove_leftovers(Path())\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=LIMIT_S)
        assert held.is_dir()
    whole = Path("whole")
    (whole / ".firesale-x").mkdir(parents=True)
    (whole / ".firesale-x" / MOVED).write_text(json.dumps(["summary.json"]))
    for name in ("summary.json", "manifest.json"):
        (whole / name).write_text("whole")
    with pytest.raises(InputError, match="is not empty"):
        RunFolder(whole, "calm")
    assert sorted(p.name for p in whole.iterdir()) == ["manifest.json", "summary.json"]
    Path("link").symlink_to(whole)
    (Path() / f"{HIDDEN}link").symlink_to(whole)
    with pytest.raises(InputError, match="is not empty"):
        RunFolder(Path(), "calm")
    assert whole.is_dir()


def test_of_two_that_fill_one_folder_the_first_is_kept_and_the_second_says_so() -> None:
    def write(what: str) -> Callable[[Path], None]:
        return lambda part: (part / "manifest.json").write_text(what) and None

    for name in ("new", "empty"):
        if name == "empty":
            Path(name).mkdir()
        first, second = RunFolder(Path(name), "calm"), RunFolder(Path(name), "calm")
        assert first.fill(write("first")) == Path(name)
        with pytest.raises(InputError, match=r"was filled while the run went on; nothing is"):
            second.fill(write("second"))
        assert [path.name for path in Path(name).iterdir()] == ["manifest.json"]
        assert (Path(name) / "manifest.json").read_text() == "first"
    assert sorted(path.name for path in Path().iterdir()) == ["empty", "new"]
