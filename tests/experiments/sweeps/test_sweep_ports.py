"""What a sweep opens to others: loopback only, and nothing that runs what a stranger sends."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from sweep_runs import cheap, plan

from firesale.experiments.sweeps import clusters
from firesale.experiments.sweeps.runner import Driver
from firesale.experiments.sweeps.slurm import Slurm
from firesale.market.scenario.errors import InputError

STRANGERS_S = 5


def listening() -> list[psutil._common.sconn]:
    """Sockets that this process and those it started listen on."""
    mine = psutil.Process()
    found = []
    for process in (mine, *mine.children(recursive=True)):
        found += [c for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
    return found


async def strangers(ports: set[int]) -> list[Any]:
    """What Dask's own handshake brings somebody without the sweep's keys, at each port."""
    from distributed import Security
    from distributed.comm import connect

    async def knock(port: int, protocol: str) -> Any:
        keys = Security.temporary().get_connection_args("client") if protocol == "tls" else {}
        address = f"{protocol}://127.0.0.1:{port}"
        comm = await asyncio.wait_for(connect(address, timeout=STRANGERS_S, **keys), STRANGERS_S)
        await comm.write({"op": "identity"})  # with TLS a refusal may come only now
        return await asyncio.wait_for(comm.read(), STRANGERS_S)

    knocks = [knock(port, protocol) for port in ports for protocol in ("tcp", "tls")]
    return await asyncio.gather(*knocks, return_exceptions=True)


def test_ports_of_a_local_sweep_are_this_machine_s_and_let_no_stranger_in(tmp_path: Path) -> None:
    before = {c.laddr.port for c in listening()}
    with clusters.open_cluster("local", 2, Slurm(), tmp_path) as opened:
        sockets = [c for c in listening() if c.laddr.port not in before]
        assert sockets and {c.laddr.ip for c in sockets} == {"127.0.0.1"}
        ports = {c.laddr.port for c in sockets}
        with ThreadPoolExecutor(1) as pool:  # a browser's tests may have left a loop in this thread
            answers = pool.submit(lambda: asyncio.run(strangers(ports))).result()
        assert answers and all(isinstance(answer, Exception) for answer in answers), answers
        assert opened.client.submit(sum, (1, 2)).result(timeout=60) == 3


def test_tls_without_certificates_is_one_sentence(tmp_path: Path) -> None:
    p = plan(factors={"crypto": {"drift": {"values": [0.0, 0.1]}}})
    with pytest.raises(InputError, match=r"no certificates are named.*TLS__CA_FILE"):
        Driver(p, tmp_path, simulate=cheap, quiet=True).run("tls://127.0.0.1:1")


def test_a_scheduler_that_speaks_tls_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dask
    from distributed import LocalCluster, Security

    keys = Security.temporary()
    ca = keys.tls_ca_file
    cert, key = keys.tls_client_cert, keys.tls_client_key
    names = ("ca-file", "client.cert", "client.key")
    files = {f"distributed.comm.tls.{n}": v for n, v in zip(names, (ca, cert, key), strict=True)}
    p = plan(factors={"crypto": {"drift": {"values": [0.0, 0.1]}}})
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, security=keys,
                     protocol="tls://", host="127.0.0.1") as running,
        dask.config.set(files),
    ):  # fmt: skip
        driver = Driver(p, tmp_path, simulate=cheap, quiet=True)
        assert driver.run(running.scheduler_address).done_now == 2
