"""A loan from its first interest to its last claim."""
