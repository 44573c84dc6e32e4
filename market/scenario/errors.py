"""The one error that a user, rather than a bug, causes."""


class InputError(ValueError):
    """A user's input is wrong; the message is one clear sentence: what, where, what is allowed."""
