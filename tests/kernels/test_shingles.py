"""Shingles and signatures against plain references, and against datasketch."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels import minhash
from aigc_data.kernels.codepoints import TABLES
from aigc_data.kernels.shingles import shingle_rows
from aigc_data.text.arrow import text_buffers
from aigc_data.text.tokens import tokens_of

MASK = (1 << 64) - 1
SEED, STEP, MIX, BASE = 0x9E3779B97F4A7C15, 0xFF51AFD7ED558CCD, 0xC2B2AE3D27D4EB4F, 0xD1342543DE82EF95
CHARACTERS = st.sampled_from("ab 中国。あアｱ한א\u0301Ａ９𠀀😀\ufe0f\u0e34\n")
TEXTS = st.text(CHARACTERS, max_size=80) | st.text(max_size=30)


def finished(word):
    word ^= word >> 32
    word = word * MIX & MASK
    return word ^ word >> 29


def token_hash(token):
    word = SEED
    for character in token:
        word = (word ^ ord(character)) * STEP & MASK
    return finished(word)


def plain_shingles(text, ngram):
    """Each window of tokens hashed from scratch; the windows themselves are the definition."""
    hashes = [token_hash(t) for t in tokens_of(text)]
    windows = [hashes[i : i + ngram] for i in range(max(len(hashes) - ngram + 1, 1))] if hashes else []
    out = []
    for window in windows:
        value = 0
        for h in window:
            value = (value * BASE + h) & MASK
        out.append(((value ^ value >> 29) * STEP & MASK) >> 32)
    return out


def plain_exact(text):
    high, low = SEED, SEED
    tokens = tokens_of(text)

    def rolled(value, turn, item):
        return ((value << turn & MASK | value >> 64 - turn) ^ item) * MIX & MASK

    for token in tokens:
        high = rolled(high, 31, token_hash(token))
        for code in [*map(ord, token), 0x110000]:
            low = rolled(low, 23, code)
    return finished(high ^ len(tokens)), finished(low)


def shingles(texts, ngram=5):
    hashes, offsets = shingle_rows(*text_buffers(pa.array(texts, pa.large_string())), TABLES, ngram, 1 << 40)
    return [hashes[a:b].tolist() for a, b in pairwise(offsets)]


def sketch(texts, ngram=5, size=128, seed=1, link=(17, 7), group=(30, 4)):
    a, b = minhash.permutations(size, seed)
    return minhash.sketch_rows(*text_buffers(pa.array(texts, pa.large_string())), TABLES, ngram, a, b, link, group)


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=4), st.sampled_from([1, 2, 5, 32]))
def test_shingle_rows__equals_the_plain_reference(texts, ngram):
    assert shingles(texts, ngram) == [plain_shingles(text, ngram) for text in texts]


def test_shingle_rows__a_short_text_is_one_shingle_of_its_own():
    yes, no, empty, punctuation, five = shingles(["Yes.", "No, thanks.", "", "。!?", "a b c d e"])
    assert len(yes) == len(no) == len(five) == 1
    assert yes != no
    assert empty == punctuation == []


def test_shingle_rows__leaves_out_a_text_with_too_many():
    texts = pa.array(["a b c d e f", "a b c d e", "a b c d e f g"], pa.large_string())
    _, offsets = shingle_rows(*text_buffers(texts), TABLES, 5, 2)
    assert offsets.tolist() == [0, 2, 3, 3]


def test_shingle_rows__means_the_same_in_chinese_and_english():
    chinese, english = shingles(["数据是关键，模型其次", "data is the key , models come after that"])
    assert (len(chinese), len(english)) == (9 - 4, 8 - 4)
    assert shingles(["ＤＡＴＡ is\u3000THE key!!! 数据"]) == shingles(["data is the key 数，据"])


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_sketch_rows__counts_and_hashes_as_the_plain_reference(texts):
    exact, counts, _, _, _ = sketch(texts)
    for row, text in enumerate(texts):
        assert tuple(map(int, exact[row])) == plain_exact(text)
        assert counts[row].tolist() == [len(tokens_of(text)), len(plain_shingles(text, 5))]


@pytest.mark.parametrize(("size", "seed"), [(16, 1), (128, 1), (128, 7), (200, 42)])
def test_permutations__are_those_of_datasketch(size, seed):
    expected = MinHash(num_perm=size, seed=seed, scheme="affine32").permutations
    assert np.array_equal(np.array(minhash.permutations(size, seed)), expected)


@pytest.mark.parametrize(("size", "seed"), [(16, 1), (128, 1), (200, 42)])
def test_signatures__are_bit_identical_to_datasketch(size, seed):
    counted = [" ".join(map(str, range(n))) for n in (7, 8, 9, 500)]
    texts = ["", "a", "数据", "a b c d e f", "数据是关键" * 40, *counted]
    hashes, offsets = shingle_rows(*text_buffers(pa.array(texts, pa.large_string())), TABLES, 5, 1 << 40)
    ours = minhash.signatures(hashes, offsets, *minhash.permutations(size, seed))
    sig8 = sketch(texts, size=size, seed=seed, link=(2, 8), group=(4, 4))[4]
    for row in range(len(texts)):
        oracle = MinHash(num_perm=size, seed=seed, scheme="affine32", hashfunc=int)
        oracle.update_batch(hashes[offsets[row] : offsets[row + 1]])
        assert np.array_equal(ours[row], oracle.hashvalues)
        assert np.array_equal(sig8[row], (oracle.hashvalues & 255).astype(np.uint8))


def test_sketch_rows__band_keys_agree_where_and_only_where_the_band_agrees():
    texts = [f"one two three four five six seven eight nine {last}" for last in ("ten", "zehn")]
    _, _, link, group, _ = sketch(texts, link=(16, 8), group=(32, 4))
    hashes, offsets = shingle_rows(*text_buffers(pa.array(texts, pa.large_string())), TABLES, 5, 1 << 40)
    left, right = minhash.signatures(hashes, offsets, *minhash.permutations(128, 1))
    for keys, rows in ((link, 8), (group, 4)):
        same = (left.reshape(-1, rows) == right.reshape(-1, rows)).all(axis=1)
        assert 0 < same.sum() < len(same)
        assert np.array_equal(keys[0] == keys[1], same)


def test_sketch_rows__of_no_rows():
    exact, counts, link, group, sig8 = sketch([])
    assert (exact.shape, counts.shape, link.shape) == ((0, 2), (0, 2), (0, 17))
    assert (group.shape, sig8.shape) == ((0, 30), (0, 128))


def test_sketch_rows__a_long_text_costs_no_more_than_its_length():
    one = sketch(["数据是关键 and so on " * 200_000])
    assert one[1].tolist() == [[1_600_000, 1_599_996]]
