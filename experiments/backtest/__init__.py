"""The books of a past date, replayed with what came from outside, and scored."""
