"""What a run says to people: the page, the terminal, the story."""
