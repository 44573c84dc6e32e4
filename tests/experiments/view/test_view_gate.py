"""Who may reach the page, and how much one visitor may ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from firesale.experiments.view.gate import FULL, Gate, allowed_hosts
from firesale.experiments.view.watched import MOST_PARTIES, Choices
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario

HERE = "127.0.0.1:8765"


class Served:
    """A stand-in for Solara's server, which remembers what reached it."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.leave = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append(scope["path"])
        if scope["type"] == "websocket":
            await self.leave.wait()
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"page"})


async def ask(gate: Gate, path: str = "/", kind: str = "http", **headers: str) -> dict[str, Any]:
    """What the gate answers."""
    said: dict[str, Any] = {"body": b""}
    path, _, query = path.partition("?")

    async def send(message: Any) -> None:
        said.update({k: v for k, v in message.items() if k != "type"})

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    scope = {"type": kind, "path": path, "query_string": query.encode(), "headers": pairs}
    await gate(scope, receive, send)
    return said


def answered(asked: Coroutine[Any, Any, Any]) -> Any:
    """In a thread of its own: a browser's tests have left a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asked).result()


def status(served: Served, path: str = "/", kind: str = "http", **headers: str) -> int:
    gate = Gate(served, allowed_hosts("127.0.0.1", 8765))
    said = answered(ask(gate, path, kind, **headers))
    return int(said.get("status", said.get("code", 0)))


@pytest.mark.parametrize("host", [HERE, "localhost:8765", "[::1]:8765"])
def test_the_page_is_served_under_this_machine_s_names(host: str) -> None:
    assert status(served := Served(), host=host, origin=f"http://{host}") == 200
    assert served.reached == ["/"]


@pytest.mark.parametrize(
    "host",
    ["evil.example:8765", "evil.example", "127.0.0.1:1", "127.0.0.1", "", "127.0.0.1:8765.a"],
)
def test_a_stranger_s_name_that_leads_here_is_refused(host: str) -> None:
    for kind, code in (("http", 421), ("websocket", 1008)):
        assert status(served := Served(), kind=kind, host=host) == code
        assert served.reached == []


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost", "https://127.0.0.1:1", "file://"]
)
def test_a_stranger_s_page_is_refused(origin: str) -> None:
    path = "/jupyter/api/kernels/k/channels"
    for kind, code in (("http", 403), ("websocket", 1008)):
        assert status(served := Served(), path, kind, host=HERE, origin=origin) == code
        assert served.reached == []


@pytest.mark.parametrize(
    "path",
    ["/resourcez", "/jupyter/api/kernels/k", "/jupyter/nbextensions/x.js", "/static/public/x",
     "/_solara/api/evict/k", "/etc/passwd", "/static/../../x", "/api/contents", "/" + "a" * 9000],
)  # fmt: skip
def test_what_the_page_does_not_need_is_off(path: str) -> None:
    assert status(served := Served(), path, host=HERE) == 404
    assert served.reached == []


def test_from_other_machines_a_token_is_needed_once() -> None:
    served = Served()
    gate = Gate(served, allowed_hosts("10.0.0.5", 80), token="secret")
    there = {"host": "10.0.0.5:80"}

    def answer(path: str = "/", kind: str = "http", **more: str) -> dict[str, Any]:
        return answered(ask(gate, path, kind, **there, **more))

    assert answer()["status"] == 401 and answer("/?token=wrong")["status"] == 401
    assert answer("/jupyter/api/kernels/k/channels", "websocket")["code"] == 1008
    assert answer(cookie="firesale-token=wrong")["status"] == 401
    assert served.reached == []
    said = answer("/?token=secret")
    assert said["status"] == 303 and served.reached == []
    cookie = dict(said["headers"])[b"set-cookie"].decode()
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert answer(cookie=cookie.partition(";")[0])["status"] == 200


def test_one_visitor_too_many_gets_a_polite_page() -> None:
    async def visit() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        served = Served()
        gate = Gate(served, allowed_hosts("127.0.0.1", 8765), most=3)
        path = "/jupyter/api/kernels/k/channels"
        inside = [asyncio.create_task(ask(gate, path, "websocket", host=HERE)) for _ in range(3)]
        await asyncio.sleep(0.01)
        page, socket = await ask(gate, host=HERE), await ask(gate, path, "websocket", host=HERE)
        served.leave.set()
        await asyncio.gather(*inside)
        return page, socket, await ask(gate, host=HERE)

    page, socket, later = answered(visit())
    assert page["status"] == 503 and page["body"].decode() == FULL
    assert socket["code"] == 1013
    assert later["status"] == 200


def test_a_visitor_may_not_ask_for_a_population_that_nobody_else_survives() -> None:
    scenario = Scenario.load("calm").with_settings(["opening.start=synthetic"])
    choices = Choices(scenario)
    choices.change("synthetic.parties", MOST_PARTIES)
    with pytest.raises(InputError, match="20,000,000 parties are too many for one visitor"):
        choices.change("synthetic.parties", 20_000_000)
    with pytest.raises(InputError, match="too many for one visitor"):
        choices.change("opening.scale", 50.0)
    assert choices.scenario.value.synthetic.parties == MOST_PARTIES
    large = Choices(scenario.with_settings(["synthetic.parties=1_000_000"]))
    large.change("synthetic.parties", 900_000)  # who started the page may have meant more
