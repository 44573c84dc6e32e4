"""The books of 2021-12-31."""
