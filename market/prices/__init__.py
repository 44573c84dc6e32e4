"""Bitcoin, network and hashprice, rents, money, and lenders' marks."""
