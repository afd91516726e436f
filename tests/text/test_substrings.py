"""Repeated runs of tokens, against a reference that compares every window with every earlier one."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aigc_data.kernels import codepoints
from aigc_data.text.dedupe.cuts import CUT, apply_cuts
from aigc_data.text.dedupe.substrings import repeated_substrings
from aigc_data.text.tokens import tokens_of

WORDS = st.sampled_from(["a", "B", "bb", "中", "文", "、", "\n", " ", "ａ", "-", "😀 "])
TEXTS = st.lists(WORDS, max_size=30).map(" ".join) | st.lists(WORDS, max_size=12).map("".join)


def column(texts):
    return pa.array(texts, pa.large_string())


def left(texts, *, tokens, order=None):
    order = np.arange(len(texts)) if order is None else np.asarray(order)
    return apply_cuts(column(texts), repeated_substrings(column(texts), order, tokens=tokens)).to_pylist()


def has(character, flag):
    pages, flags, _ = codepoints.TABLES
    return bool(flags[int(pages[ord(character) >> 8]) * 256 + (ord(character) & 255)] & flag)


def token_starts(text):
    """Where each token begins."""
    starts, inside = [], False
    for place, character in enumerate(text):
        word = has(character, codepoints.WORD)
        if has(character, codepoints.UNSPACED) or (word and not inside):
            starts.append(place)
        inside = word
    return starts


def plain_cuts(texts, order, width):
    """Spans of code points per text: every window against every window before it."""
    rows = sorted(range(len(texts)), key=lambda row: order[row])
    streams = {row: tokens_of(texts[row]) for row in rows}
    windows = [
        (place, i, streams[row][i : i + width])
        for place, row in enumerate(rows)
        for i in range(len(streams[row]) - width + 1)
    ]
    cut = {row: set() for row in rows}
    for place, i, window in windows:
        if any(w == window and (p < place or (p == place and j + width <= i)) for p, j, w in windows):
            cut[rows[place]] |= set(range(i, i + width))
    spans = []
    for row, text in enumerate(texts):
        starts, found = [*token_starts(text), len(text)], []
        for token in sorted(cut[row]):
            if found and found[-1][1] == starts[token]:
                found[-1][1] = starts[token + 1]
            else:
                found.append([starts[token], starts[token + 1]])
        if found and found[-1][1] == len(text):
            while found[-1][0] > 0 and has(text[found[-1][0] - 1], codepoints.SPACE):
                found[-1][0] -= 1
        spans.append([{"kind": "substring", "start": a, "end": b} for a, b in found])
    return spans


@settings(deadline=None, max_examples=300)
@given(st.lists(TEXTS, max_size=5), st.integers(1, 9), st.randoms(use_true_random=False))
@example(["a a a a a a a a"], 3, None)
@example(["a b c d e", "c d e f a b", "a b c d e f"], 2, None)
def test_repeated_substrings__equals_the_plain_reference(texts, width, random):
    order = [n * 7 for n in range(len(texts))]
    if random is not None:
        random.shuffle(order)
    expected = plain_cuts(texts, order, width)
    assert repeated_substrings(column(texts), np.array(order, np.uint64), tokens=width).to_pylist() == expected


def test_repeated_substrings__keeps_what_stands_first_in_the_order_of_ranks():
    texts = ["One. The quick brown fox jumps over. End.", "Two: the QUICK, brown fox jumps—over", "三"]
    assert left(texts, tokens=6) == ["One. The quick brown fox jumps over. End.", "Two:", "三"]
    assert left(texts, tokens=6, order=[9, 4, 1]) == ["One. End.", texts[1], "三"]
    assert left(texts, tokens=7) == texts
    chinese = ["甲曰：春眠不觉晓，处处闻啼鸟。完", "乙说：\n春眠不觉晓，\n处处闻啼鸟。"]
    assert left(chinese, tokens=10) == [chinese[0], "乙说："]
    assert left(chinese, tokens=10, order=[2, 1]) == ["甲曰：完", chinese[1]]


def test_repeated_substrings__cuts_a_run_that_stands_twice_in_one_text():
    verse = "row row row your boat gently down the stream"
    assert left([f"{verse}\n\n{verse}\n\nand home"], tokens=9) == [f"{verse}\n\nand home"]
    # A run may not vouch for itself: the first five stay, what overlaps them does not go, the rest goes.
    assert left(["ha " * 12 + "!"], tokens=5) == ["ha ha ha ha ha"]
    assert left(["哈" * 9], tokens=5) == ["哈" * 9]
    assert left(["哈" * 10], tokens=5) == ["哈" * 5]


def test_repeated_substrings__does_not_depend_on_where_a_row_lies():
    random = np.random.default_rng(3)
    passages = [" ".join(random.choice(list("abcdefgh"), 30)) for _ in range(4)] + ["".join("天地玄黄宇宙洪荒日月" * 3)]
    texts = [" x ".join(random.choice(passages, 3)) + f" {n}" for n in range(40)]
    whole = left(texts, tokens=20)
    assert sum(map(len, whole)) < sum(map(len, texts)) / 3
    shuffled = random.permutation(40)
    again = left([texts[n] for n in shuffled], tokens=20, order=shuffled)
    assert [again[np.flatnonzero(shuffled == n)[0]] for n in range(40)] == whole


def test_repeated_substrings__of_nothing_and_of_nulls():
    assert repeated_substrings(column([]), np.zeros(0, np.uint64)).type == pa.list_(CUT)
    nulls = repeated_substrings(column([None, "", "...", "a"]), np.arange(4), tokens=1)
    assert nulls.to_pylist() == [[], [], [], []]
    assert left(["a b", "a b"], tokens=1 << 40) == ["a b", "a b"]


def test_repeated_substrings__refuses_ranks_that_do_not_decide():
    with pytest.raises(ValueError, match="same place in the order"):
        repeated_substrings(column(["a", "b"]), np.array([3, 3], np.uint64))
    with pytest.raises(ValueError, match="2 texts and the order of 1"):
        repeated_substrings(column(["a", "b"]), np.array([3], np.uint64))
    with pytest.raises(ValueError, match="tokens is 0"):
        repeated_substrings(column(["a"]), np.array([3], np.uint64), tokens=0)


def test_repeated_substrings__finds_a_long_run_among_many_tokens():
    # More than one block of the filter, and windows that share all but one token.
    random = np.random.default_rng(5)
    noise = [" ".join(map(str, random.integers(0, 50_000, 4_000))) for _ in range(5)]
    passage = " ".join(f"w{n}" for n in range(60))
    almost = passage.replace("w30", "v30")
    texts = [noise[0], f"{noise[1]} {passage} {noise[2]}", f"{noise[3]} {almost}", f"{passage} {noise[4]}"]
    assert left(texts, tokens=50) == [*texts[:3], noise[4]]
    assert left(texts, tokens=30) == [
        texts[0],
        texts[1],
        noise[3] + " v30 " + " ".join(f"w{n}" for n in range(31, 60)),
        noise[4],
    ]
