"""A run read back: its tables, its cascades, its network."""
