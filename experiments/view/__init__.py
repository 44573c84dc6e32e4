"""The browser view: a market one can watch, stop and change."""
