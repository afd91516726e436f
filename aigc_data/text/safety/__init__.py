"""What training data should not hold: terms by category, blocked addresses, and how well a filter finds them.

    lexicon.load(paths).find(texts, langs)     urls.load(paths).addresses(urls), .links(texts)
    evaluation.evaluate(scores, labels)         categories.CATEGORIES

docs/safety.md says what the built-in terms are, and what they are not.
"""
