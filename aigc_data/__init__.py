"""Raw Chinese and English content to a versioned, licensed, de-duplicated release, and what each step was worth."""

__version__ = "0.1.0"
