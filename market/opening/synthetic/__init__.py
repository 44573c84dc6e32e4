"""The books of 2025 divided among any number of parties."""
