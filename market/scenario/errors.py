"""Errors that are told in one sentence: what a user gives wrong, and books that do not balance."""

MOST_SHOWN = 100  # characters of a value


class InputError(ValueError):
    """A user's input is wrong; the message is one clear sentence: what, where, what is allowed."""


class BooksError(ArithmeticError):
    """A day ended with money, coins, machines or claims lost or made; the message says how much."""


def shown(value: object) -> str:
    """A value as it stands in a sentence; of a long one, how it begins."""
    try:
        text = repr(value)
    except ValueError:  # hexadecimal digits come in any number, Python writes 4,300 decimal ones
        return "a number of thousands of digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
