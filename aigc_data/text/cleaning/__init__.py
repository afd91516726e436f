"""Cleaning: wrong decodings, what cannot be seen, traces of markup, lines that are no content."""
