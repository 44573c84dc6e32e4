"""A run read back: its tables, its linked failures, its network."""
