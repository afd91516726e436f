"""Readers: files in, base rows and quarantine rows out."""
