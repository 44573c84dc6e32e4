"""Many visitors of the page at once, each over a socket of its own, as a browser would come.

    uv run python tests/crowd.py [--visitors 50] [--rounds 8] [--each 8] [--most 50]

Serves ``firesale view calm``, has the visitors come all at once, each stay until all its pictures
are there and leave; who finds the page full reads so and comes again after a second. Then so many
rounds of so many, each gone before the next, and the server's memory after each. ``--most`` lifts
the cap on visitors, to see what the machine can do. Exit code 1 if somebody was not drawn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from firesale.experiments.view import gate
from firesale.experiments.view.pictures import PANELS

LATEST_S = 1200.0
AGAIN_S = 1.0
LEFT_S = 8.0  # after a round, for threads of pages that were closed to come to their end
MB = 1e6
SERVE = """
import sys
from firesale.experiments import cli
from firesale.experiments.view import gate
gate.Gate.__init__.__defaults__ = ("", int(sys.argv.pop(1)))
cli.main(sys.argv[1:])
"""


def message(kind: str, content: dict[str, Any]) -> str:
    """A message of a browser to its kernel."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "s", "username": ""}
    header |= {"version": "5.3", "date": "2026-01-01T00:00:00Z"}
    frame = {"parent_header": {}, "metadata": {}, "channel": "shell", "buffers": []}
    return json.dumps({"header": header, "content": content, **frame})


def page_of(url: str, path: str, method: str = "GET") -> tuple[int, str]:
    """What the server answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, method=method)) as said:
            assert isinstance(said, HTTPResponse)
            return said.status, said.read().decode(errors="replace")
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode(errors="replace")


async def drawn(url: str, kernel: str, page: str) -> None:
    """Open the socket, run the page, and read until all its pictures have come."""
    import websockets
    from websockets.asyncio.client import connect

    address = f"{url.replace('http', 'ws')}/jupyter/api/kernels/{kernel}/channels?session_id={page}"
    cookie = {"Cookie": f"solara-session-id={uuid.uuid4()}"}
    async with connect(
        address,
        origin=websockets.Origin(url),
        additional_headers=cookie,
        max_size=None,
        open_timeout=LATEST_S,
    ) as browser:
        comm = uuid.uuid4().hex
        opened = {"comm_id": comm, "target_name": "solara.control", "data": {}}
        await browser.send(message("comm_open", opened))
        asked = {"method": "run", "args": {"path": "/", "themes": {}, "dark": False}}
        await browser.send(message("comm_msg", {"comm_id": comm, "data": asked}))
        pictures: set[str] = set()
        while len(pictures) < len(PANELS):
            said = await browser.recv()
            if isinstance(said, bytes):  # pictures come as text; what has buffers is none
                continue
            content = json.loads(said)["content"]
            state = content.get("data", {}).get("state", {}) if isinstance(content, dict) else {}
            if state.get("finding") and str(state.get("url", "")).startswith("data:image/png"):
                pictures.add(content["comm_id"])


async def visitor(url: str) -> tuple[float, int]:
    """Come until there is room, see all pictures, leave; seconds in all, and times turned away."""
    import websockets

    start, turned_away = time.monotonic(), 0
    while True:
        kernel, page = str(uuid.uuid4()), str(uuid.uuid4())
        status, said = await asyncio.to_thread(page_of, url, "/")
        try:
            if status == 200:
                await drawn(url, kernel, page)
                break
            assert status == 503 and said == gate.FULL, (status, said)
        except (websockets.InvalidStatus, websockets.ConnectionClosed):
            pass  # others were faster between the page and its socket
        turned_away += 1
        await asyncio.sleep(AGAIN_S)
    seconds = time.monotonic() - start
    await asyncio.to_thread(page_of, url, f"/_solara/api/close/{kernel}?session_id={page}", "POST")
    return seconds, turned_away


async def crowd(url: str, visitors: int) -> list[tuple[float, int] | BaseException]:
    """So many at once."""
    each = (asyncio.wait_for(visitor(url), LATEST_S) for _ in range(visitors))
    return await asyncio.gather(*each, return_exceptions=True)


class Server:
    """``firesale view calm`` in a process of its own."""

    def __init__(self, most: int, log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url, self.log = f"http://127.0.0.1:{self.port}", log
        command = ("view", "calm", "--no-open", "--port", str(self.port))
        with log.open("w") as file:
            self.process = subprocess.Popen(
                (sys.executable, "-c", SERVE, str(most), *command), stdout=file, stderr=file
            )
        latest = time.monotonic() + LATEST_S
        while self.process.poll() is None and time.monotonic() < latest:
            try:
                if page_of(self.url, "/readyz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.5)
        sys.exit(f"the page is not served: {log.read_text()}")

    def memory_mb(self) -> float:
        """What the server keeps."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / MB

    def listens_on(self) -> list[str]:
        """Its open ports."""
        found = psutil.Process(self.process.pid).net_connections()
        return [f"{c.laddr.ip}:{c.laddr.port}" for c in found if c.status == psutil.CONN_LISTEN]


class Came(NamedTuple):
    """How it went: who was drawn, seconds until the last was, MB after they had left."""

    drawn: int
    seconds: float
    memory_mb: float


async def come(server: Server, visitors: int) -> Came:
    """Have them come, and say how it went."""
    peak = server.memory_mb()
    coming = asyncio.ensure_future(crowd(server.url, visitors))
    while not coming.done():
        await asyncio.wait((coming,), timeout=0.25)
        peak = max(peak, server.memory_mb())
    ended = coming.result()
    good = [one for one in ended if not isinstance(one, BaseException)]
    for one in ended:
        if isinstance(one, BaseException):
            print(f"not drawn: {one!r}")
    await asyncio.sleep(LEFT_S)
    seconds = [one[0] for one in good] or [0.0]
    away = sum(one[1] > 0 for one in good)
    print(
        f"{visitors} at once: {len(good)} drawn, half of them within "
        f"{statistics.median(seconds):.0f} s, all within {max(seconds):.0f} s; {away} read that "
        f"the page was full and came again; memory {peak:,.0f} MB at most, "
        f"{server.memory_mb():,.0f} after they had left",
        flush=True,
    )
    return Came(len(good), max(seconds), server.memory_mb())


def main() -> None:
    """A crowd, then rounds of a few."""
    parser = argparse.ArgumentParser(description="many visitors at once")
    parser.add_argument("--visitors", type=int, default=50, help="at once; 0 for none")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--each", type=int, default=8, help="visitors of a round")
    parser.add_argument("--most", type=int, default=gate.MOST_VISITORS, help="that are let in")
    asked = parser.parse_args()
    rounds = [asked.visitors] * bool(asked.visitors) + [asked.each] * asked.rounds
    with tempfile.TemporaryDirectory() as folder:
        server = Server(asked.most, Path(folder) / "log")
        fresh_mb = server.memory_mb()
        print(f"listens on {', '.join(server.listens_on())}; {fresh_mb:,.0f} MB fresh")
        try:
            came = [asyncio.run(come(server, visitors)) for visitors in rounds]
        finally:
            server.process.terminate()
            server.process.wait(60)
        if said := server.log.read_text().partition("(Ctrl-C stops)")[2].strip():
            print(said[-3000:])
    left = sum(rounds) - sum(one.drawn for one in came)
    print(
        f"crowd: {left} of {sum(rounds)} not drawn; the first {rounds[0]} at once within "
        f"{came[0].seconds:.0f} s; memory {fresh_mb:,.0f} MB fresh, {came[0].memory_mb:,.0f} after "
        f"them, {came[-1].memory_mb:,.0f} after {asked.rounds} rounds of {asked.each}"
    )
    sys.exit(left > 0)


if __name__ == "__main__":
    main()
