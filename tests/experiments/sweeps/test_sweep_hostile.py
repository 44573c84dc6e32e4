"""Folders of sweeps that somebody, or something, has meddled with: refused by name, or whole."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hostile import RAN, REFUSED, many
from hostile_sweeps import again, cut, rows, small, swept
from sweep_runs import cheap

from firesale.experiments.run import writing
from firesale.experiments.sweeps import analysis, store
from firesale.experiments.sweeps.runner import Driver
from firesale.market.scenario.errors import InputError

NAMES = (
    "crypto.crash_depth=0.5", "run_id=7", "status=error", "a*", "a[1]", "a?", "**", "b\\c", "it's",
    "{x}", "%41", "~", "é 🔥", "[", "a]b[", "crypto.drift=0.9", "http:", "x.parquet",
)  # fmt: skip
FOLDERS = ("crypto.crash_depth=0.5", "a*")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return swept(tmp_path_factory.mktemp("plain") / "sweep")


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_folder_is_only_a_name(tmp_path: Path, plain: Path, name: str) -> None:
    for other in ("a1", "ab", "b", "A"):  # what a pattern would find too
        shutil.copytree(plain, tmp_path / other)
    folder = swept(tmp_path / name)
    pd.testing.assert_frame_equal(rows(folder), rows(plain), check_exact=True)
    assert Driver(small(), folder, simulate=cheap, quiet=True).run("serial").done_now == 0
    analysis.analyse_folder(folder)
    kept = pd.read_parquet(plain / "parts", partitioning=None)  # the truth, by another reader
    shown = pd.read_csv(folder / "analysis" / "by-crypto.crash_depth.csv")
    assert shown["crypto.crash_depth"].tolist() == sorted(kept["crypto.crash_depth"].unique())
    assert shown["runs"].tolist() == [6, 6]


# ------------------------------------------------------------------ damage


def test_no_damage_goes_unnoticed_and_all_can_be_salvaged(tmp_path: Path) -> None:
    told = many("sweep folders", 1, 60, tmp_path)
    assert set(told) == {RAN, REFUSED}, told


@pytest.mark.long
def test_no_damage_goes_unnoticed_in_a_thousand(tmp_path: Path) -> None:
    assert set(many("sweep folders", 2, 1000, tmp_path)) == {RAN, REFUSED}


def test_an_analysis_without_damaged_parts_says_which_runs_are_missing(
    tmp_path: Path, plain: Path
) -> None:
    folder = tmp_path / "sweep"
    shutil.copytree(plain, folder)
    cut(min((folder / store.PARTS).iterdir()), random.Random(3))
    with pytest.raises(InputError, match=r"runs-0+-0+4-.*is damaged.*--salvage"):
        analysis.analyse_folder(folder)
    lines = analysis.analyse_folder(folder, salvage=True)
    assert any("5 of 12 runs are still missing (0 to 4)" in line for line in lines)


@pytest.mark.parametrize("design", [store.DESIGN, store.MANIFEST])
def test_an_edited_design_or_manifest_is_refused(tmp_path: Path, plain: Path, design: str) -> None:
    folder = tmp_path / "sweep"
    shutil.copytree(plain, folder)
    if design == store.DESIGN:
        table = pd.read_parquet(folder / design)
        table.assign(**{"crypto.drift": 0.05}).to_parquet(folder / design)
    else:
        text = (folder / design).read_text()
        (folder / design).write_text(text.replace('"replicates": 3', '"replicates": 4'))
    for command in (lambda: analysis.analyse_folder(folder), lambda: again(folder)):
        with pytest.raises(InputError, match=rf"{re.escape(design)}: was changed or damaged"):
            command()


def test_a_part_of_another_sweep_is_no_part(tmp_path: Path, plain: Path) -> None:
    folder, other = tmp_path / "sweep", swept(tmp_path / "other", seed=2)
    shutil.copytree(plain, folder)
    foreign = min((other / store.PARTS).iterdir())
    shutil.copy(foreign, folder / store.PARTS)
    with pytest.raises(InputError, match=f"{foreign.name}: is a part of another sweep"):
        analysis.analyse_folder(folder)
    again(folder, salvage=True)
    pd.testing.assert_frame_equal(rows(folder), rows(plain), check_exact=True)
    assert [path.name for path in (folder / "damaged").iterdir()] == [f"0-{foreign.name}"]


@pytest.mark.parametrize("make", [Path.touch, lambda p: p.symlink_to("/tmp"), os.mkfifo])
@pytest.mark.parametrize("name", [store.PARTS, analysis.FOLDER])
def test_what_stands_where_a_folder_should_is_named(
    tmp_path: Path, plain: Path, name: str, make: Callable[[Path], None]
) -> None:
    folder = tmp_path / "sweep"
    shutil.copytree(plain, folder)
    shutil.rmtree(folder / name, ignore_errors=True)
    make(folder / name)
    with pytest.raises(InputError, match=rf"{name}: is|no run of this sweep is stored"):
        analysis.analyse_folder(folder)
    if name == store.PARTS:
        with pytest.raises(InputError, match=f"{name}: is a file or a link where a folder"):
            again(folder)


# ------------------------------------------------------------------ who is at work there


def test_a_refused_folder_keeps_its_lock_and_what_that_links_to(tmp_path: Path) -> None:
    folder, precious = tmp_path / "mine", tmp_path / "precious.txt"
    folder.mkdir()
    precious.write_text("keep")
    (folder / "notes.txt").write_text("mine")
    (folder / store.LOCK).symlink_to(precious)
    with pytest.raises(InputError, match="is not empty and holds no sweep"):
        swept(folder)
    (folder / "notes.txt").unlink()
    with pytest.raises(InputError, match=r"\.lock: is a link"):
        swept(folder)
    (folder / store.LOCK).unlink()
    (folder / store.LOCK).write_text("other words")
    with pytest.raises(InputError, match=r"\.lock: is no lock of this program"):
        swept(folder)
    assert precious.read_text() == "keep"
    assert (folder / store.LOCK).read_text() == "other words"


def test_the_second_at_work_is_told_who_is_the_first(tmp_path: Path, plain: Path) -> None:
    folder = tmp_path / "sweep"
    shutil.copytree(plain, folder)
    with (
        store.locked(folder),
        pytest.raises(InputError, match=rf"another sweep is at work there \(process {os.getpid()}"),
    ):
        again(folder)
    with (
        writing.locked(folder, "another analysis", analysis.LOCK),
        pytest.raises(InputError, match=rf"analysis is at work there \(process {os.getpid()}"),
    ):
        analysis.analyse_folder(folder)


def test_a_killed_analysis_is_cleaned_up_and_two_do_not_mix(tmp_path: Path, plain: Path) -> None:
    folder = tmp_path / "sweep"
    shutil.copytree(plain, folder)
    left = folder / ".analysis-killed"
    (left / "analysis").mkdir(parents=True)
    (left / "analysis" / "summary.csv").write_text("half")
    code = (
        "import sys\nfrom pathlib import Path\nfrom firesale.experiments.sweeps import analysis\n"
        "from firesale.market.scenario.errors import InputError\n"
        "try:\n    analysis.analyse_folder(Path(sys.argv[1]), sys.argv[2])\n"
        "except InputError as error:\n    print(error)\n"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder), f"linked.largest >= {k}"],
            stdout=subprocess.PIPE, text=True,
        )
        for k in (1, 2)
    ]  # fmt: skip
    said = [process.communicate(timeout=300)[0] for process in both]
    assert all(process.returncode == 0 for process in both), said
    assert not [p for p in folder.iterdir() if p.name.startswith(".analysis-") and p.is_dir()]
    page = (folder / "analysis" / "report.html").read_text()
    assert ("linked.largest &gt;= 1" in page) != ("linked.largest &gt;= 2" in page)


def test_what_a_lock_says_is_of_its_holder(tmp_path: Path) -> None:
    for _ in range(2):  # what the first left is taken over
        with store.locked(tmp_path):
            said = json.loads((tmp_path / store.LOCK).read_text())
            assert said["process"] == os.getpid()


# ------------------------------------------------------------------ a full disk, endless numbers


@pytest.mark.parametrize("value", ["1e999", "-1e999", "inf", "nan", "9" * 400, "1e308e1"])
def test_an_event_with_a_number_that_is_none_is_refused(plain: Path, value: str) -> None:
    before = sorted(plain.iterdir())
    with pytest.raises(InputError, match="is not an event such as"):
        analysis.analyse_folder(plain, f"linked.largest >= {value}")
    assert set(plain.iterdir()) - set(before) <= {plain / analysis.LOCK}


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files")
@pytest.mark.parametrize("room", [1_000, 32_000])
def test_an_analysis_that_cannot_be_written_is_a_sentence_and_the_one_before_stays(
    tmp_path: Path, plain: Path, room: int
) -> None:
    import resource

    folder = tmp_path / "sweep"
    shutil.copytree(plain, folder)
    analysis.analyse_folder(folder)

    def files() -> dict[Path, bytes]:
        found = [path for path in folder.rglob("*") if path.is_file()]
        return {path: path.read_bytes() for path in found if path.name != analysis.LOCK}

    kept, before = files(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))  # no file has more bytes
    try:
        with pytest.raises(InputError, match=r"cannot be written \(.*make room"):
            analysis.analyse_folder(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert files() == kept
    assert not [
        path
        for path in folder.iterdir()
        if analysis.HIDDEN in path.name and path.name != analysis.LOCK
    ]
