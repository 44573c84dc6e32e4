"""Lenders: funding, waiving, reorganising or enforcing, failing; the credit cycle."""
