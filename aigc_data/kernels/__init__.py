"""Numba only: numpy arrays in, numpy arrays out; each is held to a plain reference in its test."""
