"""What a run remembers, as frames and a summary."""
