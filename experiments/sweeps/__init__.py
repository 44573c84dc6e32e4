"""Sweeps: many runs from one plan file, on one machine or a cluster, and what they say together."""
