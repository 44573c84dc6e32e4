"""Who acts: miners, neocloud operators, lenders and second-hand buyers.

Each module holds one table of the state (a NamedTuple of NumPy columns, one row per agent) and the
rules by which that agent decides: small pure functions of numbers, compiled, that a person can call
by hand. Nothing here knows the market; imports run experiments -> market -> agents.
"""
