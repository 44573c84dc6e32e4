"""The slow twin: the same market as plain Mesa agents and objects, without tables or kernels.

It opens with the engine's books and then lives by itself: agents with attributes, loans and lots as
objects that point to each other, the engine's scalar rules called one by one. Tests use it as an
oracle (same events, same balances), benchmarks as what the engine is compared with. Nothing in the
engine knows of it.
"""

from market.twin.model import TwinMarket

__all__ = ["TwinMarket"]
