"""Files that people write, read as text: only real files, of a size that can be meant, in UTF-8.

A pipe would have a command wait for ever, a device would never end. Excel's byte-order mark is no
part of a text, and what would steer a terminal is none either.
"""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

from .errors import InputError

MOST_BYTES = 64 * 2**20
LINES = "\n\r\t"


def read_bytes(path: Path, what: str, most_bytes: int = MOST_BYTES) -> bytes:
    """The content of a file; ``what`` begins the sentence if there is none.

    Raises:
        InputError: not there, no plain file, or too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise InputError(f"{what}: is no plain file, but a folder, a pipe or a device.")
            if found.st_size > most_bytes:
                raise InputError(f"{what}: has {found.st_size:,} bytes; at most {most_bytes:,}.")
            return file.read(most_bytes + 1)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{what}: cannot be read (No such file or directory).") from None
    except IsADirectoryError:
        raise InputError(f"{what}: cannot be read (Is a directory).") from None
    except OSError as error:
        raise InputError(f"{what}: cannot be read ({error.strerror or error}).") from None
    except ValueError:  # a NUL in its name
        raise InputError(f"{clean(what)}: is not the name of a file.") from None


def read_text(path: Path, what: str) -> str:
    """The text of a file; ``what`` begins the sentence if there is none.

    Raises:
        InputError: not there, no plain file, too large, or not text in UTF-8.
    """
    try:
        return read_bytes(path, what).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{what}: is not text in UTF-8.") from None


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """What a TOML file says; ``what`` begins the sentence if it says nothing.

    Raises:
        InputError: no text, or no TOML.
    """
    text = read_text(path, what)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InputError(f"{what}: is nested too deeply.") from None
    except ValueError as error:  # broken TOML, or a number of too many digits
        raise InputError(f"{what}: is not valid TOML: {error}.") from None


def clean(text: str) -> str:
    """A text without what steers a terminal: escape codes, turned writing, and the like."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in LINES else "\ufffd" for c in text)
