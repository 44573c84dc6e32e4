"""The border of the program: whatever is raised inside becomes one sentence and an exit code.

What nobody expected also becomes a file with all that is known of it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from ...market.scenario.errors import BooksError, InputError
from ...market.scenario.text_files import clean
from .files import version

INTERRUPTED = 130
BAD_INPUT = 2
LONGEST = 600  # characters of a sentence
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def guarded(command: Callable[[], Any]) -> NoReturn:
    """Run a command and exit: 0 done, 1 runs of a sweep failed, 2 refused, 130 interrupted."""
    try:
        _check_threads()
        code = command()
        if sys.stdout is not None:
            sys.stdout.flush()
    except (InputError, BooksError) as error:
        refuse(str(error))
    except KeyboardInterrupt:
        interrupted()
    except BrokenPipeError:
        _nobody_reads()
        sys.exit(BAD_INPUT)
    except OSError as error:
        _say_again(error)
        where = f" {error.filename}" if error.filename else ""
        if error.errno in NO_ROOM:
            refuse(
                f"There is no room to write{where} ({error.strerror}): make some, then give the "
                "command again."
            )
        refuse(f"The system refuses{where}: {error.strerror or error}.")
    except MemoryError:
        refuse("There is not enough memory for this; ask for fewer parties, days or runs.")
    except RecursionError:
        refuse("What was given is nested too deeply.")
    except Exception as error:
        # A usage error of the parser, whose class has moved between versions of typer.
        if hasattr(error, "format_message"):
            context = getattr(error, "ctx", None)
            asked = context.command_path if context else "firesale"
            refuse(f"{error.format_message().rstrip('.')}; see '{asked} --help'.")
        refuse(_unexpected(error))
    if code == INTERRUPTED:
        interrupted()
    sys.exit(code if isinstance(code, int) else 0)


def script(main: Callable[..., None]) -> NoReturn:
    """Run a module's own command, ``python -m firesale.…``: help and errors as of ``firesale``."""
    app = typer.Typer(
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.command()(main)
    guarded(lambda: typer.main.get_command(app)(standalone_mode=False))


def _check_threads() -> None:
    for name in THREADS:
        text = os.environ.get(name)
        if text is not None and not (text.isascii() and text.isdigit() and 0 < int(text) < 10_000):
            raise InputError(f"{name}={text[:50]!r} is not allowed; a whole number from 1 on.")


def _unexpected(error: Exception) -> str:
    """Write down what happened, and say where."""
    name, said = type(error).__name__, str(error).splitlines()[0][:200] if str(error) else ""
    told = f"{name}: {said}" if said else name
    text = "".join(traceback.format_exception(error))
    head = f"firesale {version('firesale')}, Python {platform.python_version()}, {sys.argv}\n"
    try:
        descriptor, path = tempfile.mkstemp(prefix="firesale-error-", suffix=".log")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(head + text)
    except OSError:
        return f"A mistake in the program ({told}); nothing more of it could be written down."
    return f"A mistake in the program ({told}); what is known of it stands in {path}."


def _nobody_reads() -> None:
    """Whoever read the output has gone: what Python still wants to write goes nowhere."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_again(error: OSError) -> None:
    """An output that cannot be written, as on a full disk, must not be tried again at the end."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        return
    _nobody_reads()


def refuse(sentence: str) -> NoReturn:
    """Say in one line what is wrong and leave."""
    line = clean(" ".join(sentence.split()))
    with contextlib.suppress(OSError, ValueError, AttributeError):
        typer.echo(line if len(line) <= LONGEST else f"{line[:LONGEST]} …", err=True)
    sys.exit(BAD_INPUT)


def interrupted() -> NoReturn:
    """Say that nothing is kept, and leave."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        typer.echo("Interrupted; nothing is kept of this run.", err=True)
    sys.exit(INTERRUPTED)
