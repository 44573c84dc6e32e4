"""What a market is on a day; only here money moves and history is written."""
