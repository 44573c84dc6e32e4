"""How rows of the books say that a loan tape brought them."""

SOURCE = "the tape"
