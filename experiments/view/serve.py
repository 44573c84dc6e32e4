"""Start the page: check what was asked for, compile the model, serve; by default only here."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import socket
import sys
import threading
import webbrowser
from pathlib import Path

import typer

from ...market.opening.own_books import own_books
from ...market.scenario.errors import InputError
from ...market.scenario.extras import insist_on
from ...market.scenario.scenario import Scenario
from ..look.memory import check_memory
from ..report.scenario_text import full_title
from .gate import Gate, allowed_hosts

HOST = "127.0.0.1"
MOST_MESSAGE = 2**20  # bytes that a browser may send at once
SWITCH_S = 0.0005  # of threads: a day is short, a drawing long, and days come first
SETTINGS = {
    "SOLARA_APP": "firesale.experiments.view.page",
    "SOLARA_MODE": "production",
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "False",
    "SOLARA_KERNEL_CULL_TIMEOUT": "2m",  # a page that has lost its browser is forgotten
    "SOLARA_THEME_VARIANT": "light",
    "SOLARA_ASSETS_PROXY": "True",  # pages ask this server for scripts, which has solara-assets
    "SOLARA_SESSION_SECRET_KEY": secrets.token_hex(16),
    "SOLARA_THEME_SHOW_BANNER": "False",
}


def serve(
    scenario: str,
    port: int,
    open_browser: bool,
    settings: list[str],
    books: Path | None = None,
    host: str = HOST,
) -> None:
    """Serve the page until interrupted; ``settings`` are changes, each ``key=value``.

    On another host than this machine's own a visitor needs a token, which is printed.

    Raises:
        InputError: no such scenario, a bad setting or book, or a port that cannot be used.
    """
    insist_on("view", "firesale view")
    chosen = Scenario.load(scenario).with_settings(settings)
    check_memory(chosen)
    if books is not None:
        own_books(books, chosen)  # a mistake is told now
    _check_port(host, port)
    os.environ.update(SETTINGS)
    from . import page

    os.environ[page.SCENARIO] = scenario
    os.environ[page.SETTINGS] = json.dumps(settings)
    os.environ[page.BOOKS] = str(books.absolute()) if books is not None else ""
    _warm(chosen)
    sys.setswitchinterval(SWITCH_S)
    import uvicorn
    from solara.server import cdn_helper, starlette

    cdn_helper.fetch_from_cdn = _nothing_from_outside
    here = host in ("127.0.0.1", "localhost", "::1")
    token = "" if here else secrets.token_urlsafe(24)
    url = (
        f"http://{f'[{host}]' if ':' in host else host}:{port}{f'/?token={token}' if token else ''}"
    )
    if token:
        typer.echo(
            f"{host} can be reached from other machines, without encryption: whoever has the "
            "address below can use this one's processor and memory.",
            err=True,
        )
    typer.echo(f"{full_title(chosen)}: {url} (Ctrl-C stops)", err=True)
    if open_browser:
        threading.Timer(1.0, webbrowser.open, [url]).start()
    logging.captureWarnings(True)  # about cookies of pages within other pages
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(
            Gate(starlette.app, allowed_hosts(host, port), token),
            host=host,
            port=port,
            log_level="error",
            timeout_graceful_shutdown=1,
            ws_max_size=MOST_MESSAGE,
            server_header=False,
        )


def _nothing_from_outside(url: str) -> bytes:
    raise InputError(f"{url}: is not among the scripts that came along; nothing is fetched.")


def _check_port(host: str, port: int) -> None:
    """Refuse a port that is taken or not allowed, and a host that is not this machine's."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"--port {port}: cannot be used ({error.strerror or error}); name another one"
                f"{'' if host == HOST else ', or another --host'}."
            ) from None


def _warm(scenario: Scenario) -> None:
    """Compile or load every kernel, and draw once, before the first visitor comes."""
    from ...market.simulation import Simulation
    from ..results.results import Results
    from .pictures import busiest_class, draw_all

    simulation = Simulation(scenario)
    for _ in range(min(8, scenario.days)):
        simulation.step()
    results = Results.of(simulation, scenario, 1, loans=False)
    for _ in draw_all(results, busiest_class(results)):
        pass
