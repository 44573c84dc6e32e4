"""Where agents meet, in rooms: books, prices, loans, operators, liquidation, lenders."""
