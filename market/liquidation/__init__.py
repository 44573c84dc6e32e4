"""Seized and second-hand machines from custody to a new owner."""
