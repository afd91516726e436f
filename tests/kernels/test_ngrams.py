"""Hashed n-grams of tokens and shapes against a plain reading of the same text."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels.codepoints import DIGIT, HAN, SPACE, TABLES, UNSPACED, WORD
from aigc_data.kernels.ngrams import feature_rows, score_rows
from aigc_data.text.arrow import text_buffers

MASK = (1 << 64) - 1
SEED, STEP, MIX = 0x9E3779B97F4A7C15, 0xFF51AFD7ED558CCD, 0xC2B2AE3D27D4EB4F
BASE, SHAPE = 0xD1342543DE82EF95, 0xA0761D6478BD642F
BUCKETS = 1 << 12
MOST = 50
TEXTS = st.text(st.sampled_from("ab Cd中国。,あ١9-\n\t😀\u0301Ａ"), max_size=60) | st.text(max_size=20)
LITERAL = [
    "",
    "\n",
    " ",
    "The CAT sat on 3 mats.",
    "iPhone x9 WORD",
    "数据的质量, data",
    "a\n\nb",
    "-" * 40,
    "word " * 70,
]


def flags(character):
    pages, table, deltas = TABLES
    place = int(pages[ord(character) >> 8]) * 256 + (ord(character) & 255)
    return int(table[place]), ord(character) + int(deltas[place])


def finished(word):
    word ^= word >> 32
    word = word * MIX & MASK
    return word ^ word >> 29


def hashed(codes):
    word = SEED
    for code in codes:
        word = (word ^ code) * STEP & MASK
    return finished(word)


def kind_of(word):
    upper = [flags(c)[1] != ord(c) for c in word]
    digits = [flags(c)[0] & DIGIT != 0 for c in word]
    if any(digits):
        return 4 if all(digits) else 5
    if not any(upper):
        return 0
    if all(upper) and len(word) > 1:
        return 2
    return 1 if upper[0] and sum(upper) == 1 else 3


def plain_read(text, most):
    """(token hashes, [kind, length] of runs)."""
    pieces, word = [], ""
    for character in text + " ":
        flag, _ = flags(character)
        if flag & WORD:
            word += character
            continue
        if word:
            pieces.append((word, kind_of(word)))
            word = ""
        if flag & UNSPACED:
            pieces.append((character, 6 if flag & HAN else 7))
        elif not flag & SPACE or character == "\n":
            pieces.append((character, 8 + ord(character)))
    pieces = pieces[:most]
    runs = []
    for _, kind in pieces:
        if runs and runs[-1][0] == kind:
            runs[-1][1] += 1
        else:
            runs.append([kind, 1])
    return [hashed([flags(c)[1] for c in piece]) for piece, _ in pieces], runs


def plain_features(text, size, most=MOST):
    tokens, runs = plain_read(text, most)
    shapes = [hashed([kind * 8 + min(length.bit_length() - 1, 5)]) for kind, length in runs]
    found = set()
    for stream, longest, salt in ((tokens, size[0], 0), (shapes, size[1], SHAPE)):
        for end in range(len(stream)):
            for n in range(1, min(longest, end + 1) + 1):
                value = 0
                for token in stream[end - n + 1 : end + 1]:
                    value = (value * BASE + token) & MASK
                value = value + salt & MASK
                found.add(((value ^ value >> 29) * MIX & MASK) >> 52)
    return found


def features(texts, size, most=MOST):
    """A list of buckets for each text."""
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    found, ends = feature_rows(data, offsets, TABLES, np.array(size, np.int64), BUCKETS, most)
    return [found[a:b].tolist() for a, b in pairwise(ends)]


@pytest.mark.parametrize("size", [(1, 0), (2, 3), (4, 1)])
@pytest.mark.parametrize("text", LITERAL)
def test_feature_rows__literal(text, size) -> None:
    (found,) = features([text], size)
    assert len(found) == len(set(found))
    assert set(found) == plain_features(text, size)


@settings(max_examples=80, deadline=None)
@given(st.lists(TEXTS, max_size=4), st.sampled_from([(1, 2), (3, 3)]))
def test_feature_rows__are_those_of_a_plain_reading(texts, size) -> None:
    assert [set(row) for row in features(texts, size)] == [plain_features(text, size) for text in texts]


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_score_rows__is_the_sum_over_features(texts) -> None:
    size = (2, 2)
    weights = np.random.default_rng(0).normal(size=(2, BUCKETS)).astype(np.float32)
    models = np.arange(len(texts)) % 3 - 1
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    found = score_rows(data, offsets, TABLES, models, weights, np.array([size, size], np.int64), MOST)
    for score, model, row in zip(found, models, features(texts, size), strict=True):
        expected = weights[model, row].astype(float).sum() / np.sqrt(len(row)) if row and model >= 0 else 0
        assert score == pytest.approx(expected, abs=1e-9)


def test_feature_rows__reading_ends_after_so_many_tokens() -> None:
    assert features(["one two three four"], (1, 0), 2) == features(["one two"], (1, 0), 2)
    assert features(["一二三四"], (2, 2), 2) == features(["一二"], (2, 2), 2)


def test_feature_rows__shapes_tell_titles_from_sentences() -> None:
    title, other, sentence = features(["Blue Red Green", "One Two Four", "blue red green"], (1, 1))
    shared = set(title) & set(other)
    assert len(shared) == 1  # three capitalised words
    assert not shared & set(sentence)
