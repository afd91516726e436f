"""Quality signals: shares and ratios of kernels.quality's counts, and one score. docs/signals.md defines
each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from aigc_data.kernels import quality as k
from aigc_data.kernels.codepoints import TABLES
from aigc_data.text.arrow import text_buffers
from aigc_data.text.quality.words import phrase_table, stop_table, terminal_table

#: Shares of the lines that are not blank, and of the characters.
LINE_SHARES = (
    *("terminal_lines", "short_lines", "menu_lines", "dup_lines", "long_word_lines", "bare_lines", "few_word_lines"),
    *("javascript_lines", "policy_lines", "lorem_lines", "brace_lines", "c4_lines"),
)
CHAR_SHARES = (
    *("dup_line_chars", "dup_paragraph_chars", "top_2gram", "top_3gram", "top_4gram"),
    *("dup_5gram", "dup_6gram", "dup_7gram", "dup_8gram", "dup_9gram", "dup_10gram"),
)

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
    """The signals of columns.QUALITY (without `rules`) for n texts; `chinese` (bool[n]) picks words and definitions.

    Counts are int64, ratios float32 (of an n-gram that overlaps itself, and of characters or line feeds a token, they
    may exceed 1), score int16. A ratio with nothing below the line is 0.
    """
    data, offsets = text_buffers(texts)
    chinese = np.ascontiguousarray(chinese, np.bool_)
    raw = k.measure(data, offsets, chinese, TABLES, terminal_table(), phrase_table(), stop_table())
    count = {name: raw[:, index] for index, name in enumerate(k.COUNTS)}
    chars, tokens, lines = count["chars"], count["tokens"], count["lines"]
    # datatrove divides these two by all lines, blank ones among them.
    every_line = np.where(chinese, lines, count["all_lines"])
    found: dict[str, np.ndarray] = {
        "chars": chars,
        "tokens": tokens,
        "lines": lines,
        "sentences": count["sentences"],
        "sentence_tokens": _ratio(tokens, count["sentences"]),
        "mean_token_length": _ratio(count["token_chars"], tokens),
        "symbol_ratio": _ratio(np.maximum(count["hashes"], count["ellipses"]), tokens),
        "bullet_lines": _ratio(count["bullet_lines"], every_line),
        "ellipsis_lines": _ratio(count["ellipsis_lines"], every_line),
        "alpha_ratio": _ratio(count["alpha_tokens"], tokens),
        "stop_words": count["stop_words"],
        "newline_ratio": _ratio(count["newlines"], tokens),
        "char_dup_ratio": _ratio(count["dup_line_chars"], chars - count["newlines"]),
        "dup_paragraphs": _ratio(count["dup_paragraphs"], count["paragraphs"]),
    }
    found |= {name: _ratio(count[name], lines) for name in LINE_SHARES}
    found |= {name: _ratio(count[name], chars) for name in CHAR_SHARES}
    found |= {name: count[name] for name in ("citations", "c4_marks", "c4_sentences")}
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
