"""A SLURM of one node on loopback, for the time of a test; nothing outside its folder is touched.

Keys, sockets, state and configuration live in a folder of their own, so that it does not meet a
SLURM that this machine may have. It needs root, and Debian's packages, which it installs if it may.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "squeue", "sinfo")
START_S = 40


class UnavailableError(RuntimeError):
    """SLURM cannot be started here, and why."""


def install() -> None:
    """See that SLURM's programs are there, or install them.

    Raises:
        UnavailableError: not root, no Debian, or no network.
    """
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    if os.geteuid() != 0:
        raise UnavailableError("SLURM's daemons need root")
    if all(map(shutil.which, PROGRAMS)):
        return
    if shutil.which("apt-get") is None:
        raise UnavailableError("SLURM is not installed, and there is no apt-get to install it")
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "capture_output": True}
    command = ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    subprocess.run(["apt-get", "update"], **quiet, check=False)  # type: ignore[call-overload]
    subprocess.run(command, **quiet, check=False)  # type: ignore[call-overload]
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        raise UnavailableError(f"SLURM cannot be installed here: {missing[0]} is missing")


@contextlib.contextmanager
def slurm_node(folder: Path, cores: int = 2) -> Iterator[dict[str, str]]:
    """A running SLURM with one partition ``debug``; yields the environment of its commands.

    Raises:
        UnavailableError: it does not start; the message ends with its log.
    """
    install()
    folder.chmod(0o755)
    configuration = _configure(folder, cores)
    environment = {**os.environ, "SLURM_CONF": str(configuration)}
    daemons: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> None:
        log = (folder / f"{command[0]}.out").open("wb")
        daemons.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))

    try:
        key, pipe = folder / "munge.key", folder / "munge.socket"
        start(
            "munged",
            *("--foreground", "--force", f"--key-file={key}", f"--socket={pipe}"),
            *(f"--{name}-file={folder / name}" for name in ("pid", "seed", "log")),
        )
        _wait(pipe.exists, folder, "munged")
        start("slurmctld", "-D", "-c", "-f", str(configuration))
        start("slurmd", "-D", "-c", "-f", str(configuration))
        ask = ["sinfo", "-h", "-o", "%T"]
        _wait(
            lambda: b"idle" in subprocess.run(ask, env=environment, capture_output=True).stdout,
            folder,
            "slurmctld",
        )
        yield environment
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(15)
            daemon.kill()


def _configure(folder: Path, cores: int) -> Path:
    """Write the key and the configuration: everything on loopback, own ports, no accounting."""
    host = socket.gethostname().split(".")[0]
    (folder / "munge.key").write_bytes(secrets.token_bytes(256))
    (folder / "munge.key").chmod(0o600)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    settings = {
        "ClusterName": "test",
        "SlurmctldHost": f"{host}(127.0.0.1)",
        "SlurmctldPort": _free_port(),
        "SlurmdPort": _free_port(),
        "AuthType": "auth/munge",
        "CryptoType": "crypto/munge",
        "AuthInfo": f"socket={folder / 'munge.socket'}",
        "CommunicationParameters": "NoInAddrAny,NoCtldInAddrAny",
        "SlurmUser": "root",
        "SlurmdUser": "root",
        "StateSaveLocation": folder / "state",
        "SlurmdSpoolDir": folder / "spool",
        "SlurmctldPidFile": folder / "slurmctld.pid",
        "SlurmdPidFile": folder / "slurmd.pid",
        "SlurmctldLogFile": folder / "slurmctld.log",
        "SlurmdLogFile": folder / "slurmd.log",
        "ProctrackType": "proctrack/linuxproc",  # cgroups are not ours in a container
        "TaskPlugin": "task/none",
        "MpiDefault": "none",
        "SwitchType": "switch/none",
        "AccountingStorageType": "accounting_storage/none",
        "JobAcctGatherType": "jobacct_gather/none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core",
        "SchedulerParameters": "sched_interval=1,bf_interval=1",
        "ReturnToService": 2,
        "KillWait": 2,
    }
    lines = [f"{key}={value}" for key, value in settings.items()]
    lines.append(f"NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=4000 State=UNKNOWN")
    lines.append("PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP")
    path = folder / "slurm.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(ready: object, folder: Path, name: str) -> None:
    deadline = time.monotonic() + START_S
    while not ready():  # type: ignore[operator]
        if time.monotonic() > deadline:
            logs = [p for p in (folder / f"{name}.log", folder / f"{name}.out") if p.exists()]
            said = " ".join(p.read_text(errors="replace")[-300:] for p in logs)
            raise UnavailableError(f"{name} does not start: {' '.join(said.split())}")
        time.sleep(0.2)
