"""What somebody who mistyped a name may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

CLOSE = 0.6  # of 1: so alike must two names be


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """`` (did you mean X?)`` with the nearest known name; empty if none is near.

    A setting's name without its section or with the wrong one is found too, and so is a word of it.
    """
    names = list(known)
    leaf = _leaf(typed)
    found = [name for name in names if "." in name and _leaf(name) == leaf]
    with_word = [name for name in names if "." in name and leaf in _leaf(name).split("_")]
    found = found or get_close_matches(typed, with_word, 1, CLOSE)
    found = found or get_close_matches(typed, names, 1, CLOSE)
    return f" (did you mean {found[0]}?)" if found and found[0] != typed else ""


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]
