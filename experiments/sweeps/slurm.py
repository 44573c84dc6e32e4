"""How a plan asks SLURM for workers."""

from __future__ import annotations

from pydantic import Field

from ...market.scenario.sections import Section


class Slurm(Section):
    """How SLURM is asked for workers; one job is one worker of one core."""

    queue: str | None = None
    account: str | None = None
    walltime: str = Field("01:00:00", pattern=r"^(\d+-)?\d{1,2}:\d\d:\d\d$")
    memory: str = Field("2GB", pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$")
    minimum_jobs: int = Field(0, ge=0, le=100_000)
    maximum_jobs: int = Field(10, ge=1, le=100_000)
    interface: str | None = Field(None, description="network interface, e.g. ib0")
    tls: bool = Field(True, description="encrypt; false: whoever reaches the port can run code")
    prologue: tuple[str, ...] = Field((), description="lines of shell before the worker starts")
    directives: tuple[str, ...] = Field((), description="further #SBATCH options")
