"""Where agents meet: books, prices, loans, default, liquidation, lenders. A room to each."""
