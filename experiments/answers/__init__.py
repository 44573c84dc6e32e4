"""How a question is put to the market, and its finding kept: design, runs, verdict, page."""
