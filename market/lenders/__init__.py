"""Lenders: funding, waiving or enforcing, failing; the credit cycle."""
