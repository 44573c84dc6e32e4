"""The slow twin: the same day on plain agents that call the same rules one by one."""
