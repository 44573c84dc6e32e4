"""What somebody who mistyped a name may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

CLOSE = 0.6  # of 1: so alike must two names be


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """`` (did you mean X?)`` with the nearest known name; empty if none is near.

    A setting's name without its section, or with the wrong one, is found too.
    """
    names = list(known)
    leaf = typed.rpartition(".")[2]
    found = [name for name in names if "." in name and name.rpartition(".")[2] == leaf]
    found = found or get_close_matches(typed, names, 1, CLOSE)
    return f" (did you mean {found[0]}?)" if found and found[0] != typed else ""
