"""Who acts: of each a table, and the rules by which it decides, pure functions of numbers."""
