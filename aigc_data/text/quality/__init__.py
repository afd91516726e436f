"""Quality signals, the rules over them, and the words that they look for."""
