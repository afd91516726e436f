"""Symbols and look-ups of the character model against plain ones."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels.charlm import START, gram_keys, read_symbols
from aigc_data.kernels.codepoints import DIGIT, SPACE, TABLES
from aigc_data.text.arrow import text_buffers

TEXTS = st.text(st.sampled_from("ab 中9１٣。\n\t\u3000é😀"), max_size=40) | st.text(max_size=20)


def flags(character):
    pages, table, _ = TABLES
    return int(table[int(pages[ord(character) >> 8]) * 256 + (ord(character) & 255)])


def plain_symbols(text):
    blanks = "".join(" " if flags(c) & SPACE else "0" if flags(c) & DIGIT else c for c in text)
    return [int(START), *map(ord, " ".join(word for word in blanks.split(" ") if word))]


@settings(max_examples=80, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_read_symbols__are_those_of_a_plain_reading(texts) -> None:
    found = read_symbols(*text_buffers(pa.array(texts, pa.large_string())), TABLES)
    assert found.tolist() == [symbol for text in texts for symbol in plain_symbols(text)]


def test_gram_keys__stop_at_the_start_of_a_text_and_name_ngrams() -> None:
    symbols = np.array([START, 97, 98, 97, 98, START, 97, 98], np.uint32)
    keys = gram_keys(symbols, 3)
    assert (keys != 0).tolist() == [
        [True] * 8,
        [False, True, True, True, True, False, True, True],
        [False, False, True, True, True, False, False, True],
    ]
    assert keys[1][2] == keys[1][4] == keys[1][7]  # "ab"
    assert keys[2][2] == keys[2][7] != keys[2][4]  # a text's beginning is part of the n-gram
    assert len(set(keys[keys != 0].tolist())) == 3 + 3 + 3
