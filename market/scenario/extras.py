"""Packages that a part of the program needs beside the core; without them it is refused."""

from __future__ import annotations

from importlib.util import find_spec

from .errors import InputError

EXTRAS = {
    "view": ("solara", "ipyvue", "ipyvuetify", "solara_assets"),
    "cluster": ("distributed", "dask_jobqueue", "cryptography", "duckdb", "SALib"),
    "excel": ("openpyxl",),
}
"""Modules by extra of ``pyproject.toml``."""


def insist_on(extra: str, who: str) -> None:
    """Refuse ``who`` where a package of an extra is missing.

    Raises:
        InputError: which packages, and how to install them.
    """
    missing = [module for module in EXTRAS[extra] if find_spec(module) is None]
    if missing:
        raise InputError(
            f"{who}: needs packages that are not installed ({', '.join(missing)}); "
            f"install them with pip install 'firesale[{extra}]', or with uv sync --extra {extra} "
            "in a checkout."
        )
