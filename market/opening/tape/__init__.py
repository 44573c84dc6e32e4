"""A loan tape: a user's own book, read from a spreadsheet and joined with a market."""
