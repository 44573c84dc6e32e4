"""What a market is on a day: tables, ledger, log, terms. Only here money moves."""
