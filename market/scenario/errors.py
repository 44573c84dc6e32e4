"""Errors that are told in one sentence: what a user gives wrong, and books that do not balance."""


class InputError(ValueError):
    """A user's input is wrong; the message is one clear sentence: what, where, what is allowed."""


class BooksError(ArithmeticError):
    """A day ended with money, coins, machines or claims lost or made; the message says how much."""
