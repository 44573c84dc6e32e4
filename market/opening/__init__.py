"""From files to the first day; each starting point is a folder."""
