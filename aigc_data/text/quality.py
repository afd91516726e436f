"""Quality signals: shares and ratios of kernels.quality's counts, and one score. docs/signals.md defines
each."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa

from aigc_data.kernels import quality as k
from aigc_data.kernels.codepoints import TABLES
from aigc_data.text.arrow import text_buffers

#: Gopher, appendix A.1.1: a text needs two of these.
STOP_WORDS_EN = ("the", "be", "to", "of", "and", "that", "have", "with")
#: FineWeb-2's list for cmn_Hani; the forms of a word (simplified, traditional, and as Cantonese has it) are
#: one. Its `·` is left out: it is no token.
STOP_WORDS_ZH = (
    "的嘅", "年", "在喺", "月", "是係", "和", "日", "了咗", "于於", "为為", "有", "被", "人", "中", "他佢", "与與",
    "后後", "也", "而", "由",
)  # fmt: skip

#: What the score measures against: (signal, English bound, Chinese bound). Fixed, so that it is a measure:
#: changing a rule changes no score. Five groups, each of the same weight.
_AT_LEAST = 1
_AT_MOST = -1
REFERENCE: tuple[tuple[tuple[str, int, float, float], ...], ...] = (
    (("tokens", _AT_LEAST, 50, 80),),
    (("alpha_ratio", _AT_LEAST, 0.8, 0.8), ("stop_words", _AT_LEAST, 2, 4)),
    (
        ("symbol_ratio", _AT_MOST, 0.1, 0.1),
        ("bullet_lines", _AT_MOST, 0.9, 0.9),
        ("ellipsis_lines", _AT_MOST, 0.3, 0.3),
        ("terminal_lines", _AT_LEAST, 0.12, 0.05),
        ("short_lines", _AT_MOST, 0.67, 0.67),
        ("newline_ratio", _AT_MOST, 0.3, 0.178),
    ),
    (
        ("dup_lines", _AT_MOST, 0.3, 0.4),
        ("dup_line_chars", _AT_MOST, 0.2, 0.2),
        ("dup_paragraphs", _AT_MOST, 0.3, 0.3),
        ("dup_paragraph_chars", _AT_MOST, 0.2, 0.2),
    ),
    (
        ("top_2gram", _AT_MOST, 0.20, 0.22),
        ("top_3gram", _AT_MOST, 0.18, 0.21),
        ("top_4gram", _AT_MOST, 0.16, 0.20),
        ("dup_5gram", _AT_MOST, 0.15, 0.30),
        ("dup_6gram", _AT_MOST, 0.14, 0.27),
        ("dup_7gram", _AT_MOST, 0.13, 0.24),
        ("dup_8gram", _AT_MOST, 0.12, 0.20),
        ("dup_9gram", _AT_MOST, 0.11, 0.19),
        ("dup_10gram", _AT_MOST, 0.10, 0.18),
    ),
)


def signals(texts: pa.Array | pa.ChunkedArray, chinese: np.ndarray) -> dict[str, np.ndarray]:
    """The signals of columns.QUALITY (without `rules`) for n texts; `chinese` (bool[n]) picks the stop words.

    Counts are int64, ratios float32 in 0..1 (mean_token_length and newline_ratio may exceed 1), score int16.
    A ratio with nothing below the line is 0.
    """
    data, offsets = text_buffers(texts)
    raw = k.measure(data, offsets, TABLES, *_stop_table())
    count = {name: raw[:, index] for index, name in enumerate(k.COUNTS)}
    chars, tokens, lines = count["chars"], count["tokens"], count["lines"]
    found: dict[str, np.ndarray] = {"chars": chars, "tokens": tokens, "lines": lines}
    found["mean_token_length"] = _ratio(count["token_chars"], tokens)
    found["symbol_ratio"] = _ratio(np.maximum(count["hashes"], count["ellipses"]), tokens)
    found["bullet_lines"] = _ratio(count["bullet_lines"], lines)
    found["ellipsis_lines"] = _ratio(count["ellipsis_lines"], lines)
    found["alpha_ratio"] = _ratio(count["alpha_tokens"], tokens)
    found["stop_words"] = np.where(chinese, count["stop_words_zh"], count["stop_words_en"])
    found["terminal_lines"] = _ratio(count["terminal_lines"], lines)
    found["short_lines"] = _ratio(count["short_lines"], lines)
    found["newline_ratio"] = _ratio(count["newlines"], tokens)
    found["dup_lines"] = _ratio(count["dup_lines"], lines)
    found["dup_line_chars"] = _ratio(count["dup_line_chars"], chars)
    found["dup_paragraphs"] = _ratio(count["dup_paragraphs"], count["paragraphs"])
    found["dup_paragraph_chars"] = _ratio(count["dup_paragraph_chars"], chars)
    for name in k.COUNTS[k.TOP_2 - 1 :][1:]:
        # Occurrences of one n-gram may overlap ("ha ha ha ha"), so their sum may exceed the text.
        found[name] = np.minimum(_ratio(count[name], chars), np.float32(1))
    return {"score": _score(found, chinese), **found}


def _score(found: dict[str, np.ndarray], chinese: np.ndarray) -> np.ndarray:
    """int16[n], 0..1000: the mean over groups of the mean comfort of their signals; see REFERENCE.

    Comfort is 0.5 at the bound, 1 at none of what is bounded from above or at twice of what is bounded from
    below, and 0 the other way round: monotone in every signal.
    """
    groups = []
    for group in REFERENCE:
        comforts = []
        for name, side, english, mandarin in group:
            reach = found[name] / (2 * np.where(chinese, mandarin, english))
            comforts.append(np.clip(reach if side == _AT_LEAST else 1 - reach, 0, 1))
        groups.append(np.mean(comforts, axis=0))
    return np.rint(1000 * np.mean(groups, axis=0)).astype(np.int16)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return (part / np.maximum(whole, 1)).astype(np.float32)


@cache
def _stop_table() -> tuple[np.ndarray, np.ndarray]:
    """(keys uint64[1024], bits int64[1024]) for kernels.quality.measure."""
    keys, bits = np.zeros(1024, np.uint64), np.zeros(1024, np.int64)
    words = [(word, index) for index, word in enumerate(STOP_WORDS_EN)]
    words += [(form, 32 + index) for index, forms in enumerate(STOP_WORDS_ZH) for form in forms]
    hashes = k.hash_words(*text_buffers(pa.array([word for word, _ in words], pa.large_string())), TABLES)
    for key, (_, bit) in zip(hashes, words, strict=True):
        slot = int(key) & 1023
        while keys[slot]:
            slot = (slot + 1) & 1023
        keys[slot], bits[slot] = key, 1 << bit
    return keys, bits
