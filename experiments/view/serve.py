"""Start the page: check what was asked for, compile the model, serve on this machine only."""

from __future__ import annotations

import contextlib
import importlib.util
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
from ...market.scenario.scenario import Scenario
from ..report.scenario_text import full_title

HOST = "127.0.0.1"
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
    scenario: str, port: int, open_browser: bool, settings: list[str], books: Path | None = None
) -> None:
    """Serve the page until interrupted; ``settings`` are changes, each ``key=value``.

    Raises:
        InputError: no such scenario, a bad setting or book, or a port that cannot be used.
    """
    chosen = Scenario.load(scenario).with_settings(settings)
    if books is not None:
        own_books(books, chosen)  # a mistake is told now
    _check_port(port)
    os.environ.update(SETTINGS)
    if importlib.util.find_spec("solara_assets") is None:
        typer.echo(
            "Scripts are fetched from the internet; the extra 'offline' brings them along.",
            err=True,
        )
    from . import page

    os.environ[page.SCENARIO] = scenario
    os.environ[page.SETTINGS] = json.dumps(settings)
    os.environ[page.BOOKS] = str(books.absolute()) if books is not None else ""
    _warm(chosen)
    sys.setswitchinterval(SWITCH_S)
    import uvicorn
    from solara.server import starlette

    url = f"http://{HOST}:{port}"
    typer.echo(f"{full_title(chosen)}: {url} (Ctrl-C stops)", err=True)
    if open_browser:
        threading.Timer(1.0, webbrowser.open, [url]).start()
    logging.captureWarnings(True)  # about cookies of pages within other pages
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(
            starlette.app, host=HOST, port=port, log_level="error", timeout_graceful_shutdown=1
        )


def _check_port(port: int) -> None:
    """Refuse a port that is taken or not allowed."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InputError(
                f"--port {port}: cannot be used ({error.strerror or error}); name another one."
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
