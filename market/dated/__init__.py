"""What the opening books know by date: draws, equity, shocks, deliveries."""
