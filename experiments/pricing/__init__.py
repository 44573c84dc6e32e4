"""What the loans of a book should have cost, from many runs: spreads, pools and their tranches."""
