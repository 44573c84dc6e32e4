"""The books of 2025-09-30."""
