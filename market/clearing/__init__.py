"""Who pays what when claims meet: mathematics only."""

from .vector import clearing_vector

__all__ = ["clearing_vector"]
