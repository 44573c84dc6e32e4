"""A user's own book: from a loan tape to a credit memo."""
