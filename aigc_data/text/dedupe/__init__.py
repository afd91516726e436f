"""Near-duplicates: sketches, pairs, verification, election; repeats, substrings and evaluation items."""
