"""Who pays what when claims meet: mathematics only."""
