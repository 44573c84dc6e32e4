"""One run from the command to its folder."""
