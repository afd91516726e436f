"""Models of text quality: reading what they learn from, training, judging and saying how good they are.

The models themselves are `text.classifier` and `text.perplexity`.
"""
