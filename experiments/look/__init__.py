"""How results look: words, numbers, the style of figures."""
