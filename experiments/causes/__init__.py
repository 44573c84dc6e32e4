"""What would not have happened: runs in which a family of interactions is held still."""
