"""Who may reach the page: the addresses it was started for, pages of its own, and so many at once.

A browser sends the name it was asked for (Host) and the page that asks (Origin). A name that leads
here by a stranger's DNS, and a stranger's page that opens a socket here, are told by these.
"""

from __future__ import annotations

import hmac
import platform
import re
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MOST_VISITORS = 16
COOKIE = "firesale-token"
LONGEST_PATH = 2_000
# What the page needs of Solara's server; notebooks, other kernels, files and statistics are off.
PATHS = re.compile(
    r"/|/readyz|/static/(?!public|\.\.).*|/_solara/cdn/.*|/_solara/api/close/[\w-]+"
    r"|/jupyter/api/kernels/[\w-]+/[\w-]+|/favicon\.ico"
    r"|/jupyter/nbextensions/jupyter-vue(tify)?/[\w.-]+\.js(\.map)?"
)
FULL = (
    "<!doctype html><title>firesale</title><p>As many people as fit are looking at this page. "
    "Please come again in a few minutes."
)


class Gate:
    """An ASGI application around Solara's.

    Args:
        app: what is served to those who may come in.
        hosts: names and addresses of this server, each with its port.
        token: what a visitor must bring, once, in the address; none on this machine only.
        most: visitors at once.
    """

    def __init__(
        self, app: Any, hosts: frozenset[str], token: str = "", most: int = MOST_VISITORS
    ) -> None:
        self.app, self.hosts, self.token, self.most = app, hosts, token, most
        self.visitors = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or say in a sentence why not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refused = self._refusal(scope)
        if refused is not None:
            await _refuse(scope, receive, send, *refused)
        elif scope["type"] == "http" and self._brings_token(scope):
            cookie = f"{COOKIE}={self.token}; HttpOnly; SameSite=Strict; Path=/"
            headers = {"location": "/", "set-cookie": cookie}
            await _answer(send, 303, "", headers)
        elif scope["type"] == "websocket":
            self.visitors += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self.visitors -= 1
        else:
            await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and sentence for who may not come in."""
        headers = [(k.lower(), v.decode("latin-1")) for k, v in scope["headers"]]
        hosts = [value.lower() for key, value in headers if key == b"host"]
        origins = [value.lower() for key, value in headers if key == b"origin"]
        path = scope["path"]
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return 421, "This server is not the one of that name."
        schemes = {f"{scheme}://{host}" for host in self.hosts for scheme in ("http", "https")}
        if any(origin not in schemes for origin in origins):
            return 403, "Pages of other sites may not use this one."
        if len(path) > LONGEST_PATH or ".." in path or not PATHS.fullmatch(path):
            return 404, "There is nothing here."
        if (
            self.token
            and path != "/readyz"
            and not (self._has_cookie(headers) or self._brings_token(scope))
        ):
            return 401, "This page needs the token that the command printed: open its address."
        full = self.visitors >= self.most
        if full and (scope["type"] == "websocket" or path == "/"):
            return 503, FULL
        return None

    def _brings_token(self, scope: Scope) -> bool:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        given = query.get("token", [""])[0]
        return bool(self.token) and hmac.compare_digest(given.encode(), self.token.encode())

    def _has_cookie(self, headers: list[tuple[bytes, str]]) -> bool:
        for key, value in headers:
            if key == b"cookie":
                try:
                    given = SimpleCookie(value).get(COOKIE)
                except Exception:  # what is no cookie is none of ours
                    continue
                if given and hmac.compare_digest(given.value.encode(), self.token.encode()):
                    return True
        return False


def allowed_hosts(host: str, port: int) -> frozenset[str]:
    """What a browser may call this server: this machine, and the host that was asked for."""
    names = {*LOOPBACK, host.lower()}
    if host in ("0.0.0.0", "::"):  # all addresses of this machine, and its name
        import psutil

        found = [one.address for some in psutil.net_if_addrs().values() for one in some]
        names |= {platform.node().lower(), *(address.lower() for address in found)}
    names |= {f"[{name.partition('%')[0]}]" for name in names if ":" in name}
    return frozenset(f"{name}:{port}" for name in names)


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, text: str) -> None:
    if scope["type"] == "websocket":
        await receive()  # the request to connect
        await send({"type": "websocket.close", "code": 1013 if status == 503 else 1008})
    else:
        await _answer(send, status, text, {})


async def _answer(send: Send, status: int, text: str, headers: dict[str, str]) -> None:
    kind = {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}
    pairs = [(k.encode(), v.encode()) for k, v in {**kind, **headers}.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": text.encode()})
