"""Seeded text variants: one text and one seed in, one text out. Each works on Chinese and on English.

A variant must stay readable: it is training text, not noise. Random choices come from `random.Random(seed)`, whose
sequence
for integer seeds is fixed across Python versions for `random()` and `randrange`-free use; only `random()` is used here.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

# A sentence ends at Chinese end marks at once, at Latin ones before white space; the mark and the space stay with it.
# A Latin mark inside a word (3.5, example.org) ends none.
_SENTENCE = re.compile(r"(?:[^。！？!?.\n]|[!?.]++(?!\s|$))*(?:[。！？][”’」』]?|[!?.]+(?=\s|$)|\n|$)\s?")
_WIDTH = str.maketrans("，。！？；：（）", ",.!?;:()")
_WIDEN = {ord(v): k for k, v in {"，": ",", "！": "!", "？": "?", "；": ";", "：": ":"}.items()}


def sentences(text: str) -> list[str]:
    """Split into sentences, none lost: joined they are the text again."""
    return [m.group() for m in _SENTENCE.finditer(text) if m.group()]


def typo(text: str, seed: int) -> str:
    """Swap neighbouring letters (or Han characters) inside words, about one in 100."""
    rng = random.Random(seed)
    chars = list(text)
    i = 1
    while i < len(chars) - 2:
        inside = all(c.isalpha() for c in chars[i - 1 : i + 2])
        if rng.random() < 0.01 and inside:
            chars[i], chars[i + 1] = chars[i + 1], chars[i]
            i += 2
        i += 1
    return "".join(chars)


def sentence_drop(text: str, seed: int) -> str:
    """Leave out about one sentence in ten, never all of them."""
    rng = random.Random(seed)
    parts = sentences(text)
    kept = [p for p in parts if rng.random() >= 0.1]
    return "".join(kept) if kept else text


def sentence_swap(text: str, seed: int) -> str:
    """Swap about one pair of neighbouring sentences in ten, within their paragraph."""
    rng = random.Random(seed)
    parts = sentences(text)
    i = 0
    while i < len(parts) - 1:
        if rng.random() < 0.1 and "\n" not in parts[i] + parts[i + 1]:
            parts[i], parts[i + 1] = parts[i + 1], parts[i]
            i += 1
        i += 1
    return "".join(parts)


def width(text: str, seed: int) -> str:
    """Change the width of punctuation between Han characters: full-width to half-width, or the other way about."""
    if random.Random(seed).random() < 0.5:
        return text.translate(_WIDTH)
    return re.sub(
        r"(?<=[\u4e00-\u9fff])[,!?;:](?=\s?[\u4e00-\u9fff]|\s*$)", lambda m: m.group().translate(_WIDEN), text
    )


VARIANTS: dict[str, Callable[[str, int], str]] = {
    "typo": typo,
    "sentence_drop": sentence_drop,
    "sentence_swap": sentence_swap,
    "width": width,
}
