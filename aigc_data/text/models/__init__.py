"""Models that users train: a linear n-gram classifier and a character n-gram model, and their files."""
