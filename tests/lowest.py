"""The lowest versions that pyproject.toml allows, in an environment of their own, at work.

    uv run python tests/lowest.py [--in DIR] [--only WORD]    (DIR keeps the environment)

Direct dependencies are resolved to their lower bounds, the package is installed beside them, and
what users do first is done: a run of each kind of books, a sweep and its analysis, a tape, a price,
a page. Prints a line for each; exit code 1 if one fails.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from paths import PROJECT

LIMIT_S = 1800  # the first run compiles the model
EXTRAS = ("--extra", "all")
CLI = ("-m", "firesale.experiments.cli")
PLAN = """
scenario = "crypto-crash"
replicates = 2
[settings]
days = 5
[factors]
crypto.crash_depth = { values = [0.3, 0.7] }
[trajectories]
columns = ["btc_usd"]
"""
PAGE = """
import time, solara
from firesale.experiments.view import page
from firesale.experiments.view.pictures import PANELS

def widgets(root):
    yield root
    for child in getattr(root, "children", ()):
        if hasattr(child, "comm"):
            yield from widgets(child)

box, context = solara.render(solara.AppLayout(children=[page.Page()]), handle_error=False)
latest = time.monotonic() + 300
while sum(hasattr(one, "finding") for one in widgets(box)) < len(PANELS):
    assert time.monotonic() < latest, "the page has no pictures"
    time.sleep(0.1)
context.close()
"""
EXAMPLES = PROJECT / "experiments" / "book" / "examples"
STEPS = {
    "a run of the books of 2025": (*CLI, "run", "joint-crash", "--days", "40", "--out", "a"),
    "a run of the books of 2021": (*CLI, "run", "backtest-2022", "--days", "9", "--out", "b"),
    "a run of a synthetic market": (
        *(*CLI, "run", "calm", "--start", "synthetic", "--days", "9", "--no-figures"),
        *("--resolve", "--out", "c"),
    ),
    "what two runs differ in": (*CLI, "compare", "a", "c"),
    "a sweep of four runs": (*CLI, "sweep", "plan.toml", "--workers", "2", "--out", "sweep"),
    "its analysis": (*CLI, "analyse", "sweep"),
    "an empty tape as a workbook": (*CLI, "book", "template", "tape.xlsx"),
    "a tape in numbers of another country": (*CLI, "book", "check", str(EXAMPLES / "rig-bank.csv")),
    "its memo": (
        *(*CLI, "book", "run", str(EXAMPLES / "rig-bank.csv"), "--quick", "--runs", "2"),
        *("--scenario", "baseline", "--out", "memo"),
    ),
    "a back-test of two runs": (*CLI, "backtest", "2022", "--runs", "2", "--out", "backtest"),
    "a page of the view": ("-c", PAGE),
}
SERVED = "the page from a server"


def install(at: Path) -> Path:
    """Resolve and install; returns the environment's Python."""
    needed, python = at / "lowest.txt", at / "env" / "bin" / "python"
    lowest = ("--resolution", "lowest-direct", "--quiet")
    for command in (
        ("venv", "--quiet", "--allow-existing", "--python", sys.executable, str(at / "env")),
        ("pip", "compile", "pyproject.toml", *lowest, *EXTRAS, "--output-file", str(needed)),
        ("pip", "sync", "--quiet", "--python", str(python), str(needed)),
        ("pip", "install", "--quiet", "--python", str(python), "--no-deps", "--editable", "."),
    ):
        subprocess.run(("uv", *command), cwd=PROJECT, check=True)
    return python


def served(python: Path, at: Path) -> str:
    """Have the page served, and ask for it; what is wrong, if anything."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = (*CLI, "view", "calm", "--no-open", "--port", str(port))
    with (at / "view.log").open("w+") as log:
        server = subprocess.Popen((str(python), *command), cwd=at, stderr=log, stdout=log)
        latest = time.monotonic() + LIMIT_S
        try:
            while server.poll() is None and time.monotonic() < latest:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
                        text = page.read().decode()
                    return "" if "solara" in text else f"the page says {text[:200]!r}"
                except OSError:
                    time.sleep(0.5)
            log.seek(0)
            return log.read()[-500:] or "does not answer"
        finally:
            server.terminate()
            server.wait(60)


def use(python: Path, at: Path, only: str) -> dict[str, str]:
    """Do everything that has a word in it; what was wrong with each, nothing if it went well."""
    (at / "plan.toml").write_text(PLAN, encoding="utf-8")
    told = {}
    for what, command in STEPS.items():
        if only not in what:
            continue
        start = time.monotonic()
        done = subprocess.run(
            (str(python), *command),
            cwd=at,
            env=os.environ | {"PYTHONWARNINGS": "default"},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        told[what] = "" if done.returncode == 0 else (done.stderr or done.stdout)[-500:]
        say(what, told[what], time.monotonic() - start)
        for log in re.findall(r"stands in (\S+\.log)", done.stderr):
            print(Path(log).read_text(encoding="utf-8"))
    if only in SERVED:
        start = time.monotonic()
        told[SERVED] = served(python, at)
        say(SERVED, told[SERVED], time.monotonic() - start)
    return told


def say(what: str, wrong: str, seconds: float) -> None:
    """A line about a step."""
    print(f"{what}: {f'FAILS {wrong}' if wrong else 'well'} ({seconds:.0f} s)", flush=True)


def main() -> None:
    """Install, use, and count."""
    parser = argparse.ArgumentParser(description="the lowest versions at work")
    parser.add_argument("--in", dest="place", type=Path, help="a folder that keeps all of it")
    parser.add_argument("--only", default="", help="a word of the steps to do")
    asked = parser.parse_args()
    place = asked.place
    at = (place or Path(tempfile.mkdtemp(prefix="firesale-lowest-"))).resolve()
    at.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=at, prefix="work-"))
    try:
        told = use(install(at), work, asked.only)
    finally:
        shutil.rmtree(work if place else at, ignore_errors=True)
    failed = [what for what, wrong in told.items() if wrong]
    print(f"{len(told)} steps on the lowest versions, {len(failed)} fail")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
