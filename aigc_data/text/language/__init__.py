"""Language and script of texts: scripts by counting, the rest by two models, line by line where a text switches."""
