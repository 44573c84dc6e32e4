"""Whether the model may be believed: what is checked, when it was, and how it came out."""
