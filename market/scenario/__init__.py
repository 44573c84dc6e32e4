"""What is assumed: sections of settings with bounds and units, TOML files, errors."""
