"""Where workers come from: this machine, a Dask scheduler that already runs, or SLURM.

Settings are those that were found to be needed when workers are killed: a task may take down two
workers before it is blamed, and a local cluster waits for its workers to come back.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...market.scenario.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

    from .slurm import Slurm

ADDRESS = re.compile(r"^((tcp|tls)://)?[\w.\-\[\]:]+:\d+$")
ONE_THREAD = dict.fromkeys(
    ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}
# Whatever else a worker does costs its run the place in the interpreter each time: a profiler that
# looks a hundred times a second took 5 to 10 %, the rest 2. Workers started here get the settings
# of this process, whatever their environment says; those of SLURM have their environment alone.
ALONE = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.tick.interval": "500ms",
    "distributed.scheduler.work-stealing": False,  # one batch at a time: there is none to steal
}
SETTINGS = ALONE | {
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.nanny.pre-spawn-environ": ONE_THREAD | QUIET,
}
DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
LOCAL_SETTINGS = {
    "distributed.worker.preload": [DEAF],  # an interrupt is for the driver, which ends its workers
    "distributed.scheduler.no-workers-timeout": "300s",
    "distributed.deploy.lost-worker-timeout": "1h",
}
DASHBOARD = "127.0.0.1:0"
CERTIFICATES = tuple(
    f"DASK_DISTRIBUTED__COMM__TLS__{name}" for name in ("CA_FILE", "CLIENT__CERT", "CLIENT__KEY")
)
CONNECT_S = 15
LOOK_S = 10.0  # between looks at SLURM's queue
GRACE_S = 120  # a SLURM worker leaves so long before its walltime


@dataclass(frozen=True)
class Cluster:
    """Workers to hand batches to; ``workers`` is how many there are, or may become."""

    client: Client
    workers: int
    about: str


def dashboard(cluster: str, client: Client) -> str:
    """Where Dask's dashboard is; empty for a scheduler of our own without bokeh, which draws it."""
    ours = cluster in ("local", "slurm")
    return "" if ours and not has_bokeh() else client.dashboard_link


def has_bokeh() -> bool:
    """Whether Dask can draw its dashboard."""
    return importlib.util.find_spec("bokeh") is not None


def check_name(cluster: str, workers: int | None) -> None:
    """Refuse what is no cluster.

    Raises:
        InputError: not ``serial``, ``local``, ``slurm`` or ``HOST:PORT``; or workers given in vain.
    """
    if cluster not in ("serial", "local", "slurm") and not ADDRESS.match(cluster):
        raise InputError(
            f"--cluster {cluster}: is not allowed; serial, local, slurm, or the HOST:PORT of a "
            "Dask scheduler (tls://HOST:PORT if it speaks TLS)."
        )
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: is not allowed; at least 1.")
    if workers is not None and cluster not in ("local", "slurm"):
        raise InputError(f"--workers: has no meaning with --cluster {cluster}.")


@contextlib.contextmanager
def open_cluster(cluster: str, workers: int | None, slurm: Slurm, logs: Path) -> Iterator[Cluster]:
    """Workers for the time of a sweep; those that were started here end with it.

    What SLURM jobs print goes to the folder ``logs``.

    Raises:
        InputError: no scheduler there, or no SLURM.
    """
    import dask
    import distributed  # noqa: F401  (its defaults must be there before ours)

    for name in logging.root.manager.loggerDict:
        if name.split(".")[0] == "distributed":  # what matters is said in our own words
            logging.getLogger(name).setLevel(logging.CRITICAL)
    local = LOCAL_SETTINGS if cluster == "local" else {}
    with dask.config.set(SETTINGS | local):
        if cluster == "local":
            yield from _local(workers or os.cpu_count() or 1)
        elif cluster == "slurm":
            yield from _slurm(slurm, workers, logs)
        else:
            yield from _running(cluster)


def _local(workers: int) -> Iterator[Cluster]:
    from distributed import Client, LocalCluster, Security

    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            protocol="tls://",
            security=Security.temporary(),  # keys of this sweep alone, in memory
            dashboard_address=DASHBOARD if has_bokeh() else None,
            worker_dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield Cluster(client, workers, f"{workers} worker{'s' * (workers > 1)} here")
        with contextlib.suppress(TimeoutError):  # closing while a worker restarts is noisy
            client.wait_for_workers(workers, timeout=CONNECT_S)


def _running(address: str) -> Iterator[Cluster]:
    from distributed import Client

    security = _security_of_config() if address.startswith("tls://") else None
    try:
        client = Client(address, timeout=CONNECT_S, security=security)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:150] if str(error) else type(error).__name__
        raise InputError(
            f"--cluster {address}: no Dask scheduler answers there ({reason})."
        ) from None
    with client:
        count = sum(client.nthreads().values())
        yield Cluster(client, max(count, 1), f"{count} thread{'s' * (count != 1)} at {address}")


def _security_of_config() -> Any:
    """Certificates for ``tls://``, as Dask's own settings name them.

    Raises:
        InputError: they name none, or files that cannot be used.
    """
    from distributed import Security

    try:
        security = Security(require_encryption=True)
        if security.get_connection_args("client").get("ssl_context") is not None:
            return security
        reason = "no certificates are named"
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:150] if str(error) else type(error).__name__
    raise InputError(
        f"--cluster tls://: {reason}; name them with {', '.join(CERTIFICATES[:-1])} and "
        f"{CERTIFICATES[-1]}."
    )


def _slurm(slurm: Slurm, workers: int | None, logs: Path) -> Iterator[Cluster]:
    from distributed import Client

    most = workers or slurm.maximum_jobs
    if most < slurm.minimum_jobs:
        raise InputError(f"--workers {most}: is below slurm.minimum_jobs = {slurm.minimum_jobs}.")
    with slurm_cluster(slurm, logs) as cluster, Client(cluster) as client:
        cluster.adapt(minimum_jobs=slurm.minimum_jobs, maximum_jobs=most)
        with _replacing_dead_jobs(cluster):
            yield Cluster(client, most, f"up to {most} SLURM jobs")


@contextlib.contextmanager
def _replacing_dead_jobs(cluster: Any) -> Iterator[None]:
    """Forget jobs that ended before their worker came: the cluster would wait for them for ever."""
    import threading

    done = threading.Event()

    def watch() -> None:
        while not done.wait(LOOK_S):
            if dead := dead_jobs(cluster):
                cluster.sync(cluster.scale_down, dead)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def dead_jobs(cluster: Any) -> list[str]:
    """Names of workers that have not come and whose job SLURM no longer knows."""
    import getpass
    import subprocess

    waited_for = {
        name: job.job_id
        for name, job in list(cluster.workers.items())
        if getattr(job, "job_id", None) and name not in cluster.observed
    }
    if not waited_for:
        return []
    command = ["squeue", "--noheader", "--format", "%i", "--user", getpass.getuser()]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode != 0:
        return []  # SLURM does not answer: that says nothing about jobs
    return [name for name, job in waited_for.items() if job not in told.stdout.split()]


def slurm_cluster(slurm: Slurm, logs: Path) -> Any:
    """A scheduler here whose workers are SLURM jobs of one core; none is started yet.

    Raises:
        InputError: SLURM's commands, or what TLS needs, are missing.
    """
    import shutil

    from dask_jobqueue.slurm import SLURMCluster

    if shutil.which("sbatch") is None:
        raise InputError("--cluster slurm: there is no sbatch here; start it on a login node.")
    security: dict[str, Any] = {}
    if slurm.tls:
        if importlib.util.find_spec("cryptography") is None:
            raise InputError("slurm.tls: needs the package 'cryptography'; it is not installed.")
        from distributed import Security

        logs.mkdir(parents=True, exist_ok=True)
        security = {
            "protocol": "tls://",
            "security": Security.temporary(),
            "shared_temp_directory": str(logs),
        }
    lifetime = max(seconds_of(slurm.walltime) - GRACE_S, 60)
    options: dict[str, Any] = {"dashboard_address": DASHBOARD}
    if slurm.interface is None:
        options["host"] = _own_address()
    return SLURMCluster(
        queue=slurm.queue,
        account=slurm.account,
        cores=1,
        processes=1,
        memory=slurm.memory,
        walltime=slurm.walltime,
        interface=slurm.interface,
        scheduler_options=options,
        job_name="firesale-sweep",
        log_directory=str(logs),
        job_script_prologue=[
            f"export {name}={value}" for name, value in (ONE_THREAD | _variables(ALONE)).items()
        ]
        + list(slurm.prologue),
        job_extra_directives=list(slurm.directives),
        worker_extra_args=["--lifetime", f"{lifetime}s", "--lifetime-stagger", "30s"],
        silence_logs=logging.CRITICAL,
        **security,
    )


def _variables(settings: dict[str, Any]) -> dict[str, str]:
    """Settings of Dask as variables of an environment."""
    return {f"DASK_{key.upper().replace('.', '__')}": str(v) for key, v in settings.items()}


def seconds_of(walltime: str) -> int:
    """SLURM's ``[days-]hours:minutes:seconds`` in seconds."""
    days, _, clock = walltime.rpartition("-")
    hours, minutes, seconds = map(int, clock.split(":"))
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


def _own_address() -> str:
    """The address under which jobs on other nodes reach this one."""
    import socket

    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"
