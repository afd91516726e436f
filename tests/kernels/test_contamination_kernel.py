"""Lookup of items by their shingles, against a plain reference that compares windows of tokens."""

from __future__ import annotations

from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.sources.evaluations import ITEMS
from aigc_data.text.dedupe.contamination import build_index, contamination
from aigc_data.text.tokens import tokens_of

WORDS = st.lists(st.sampled_from(["a", "b", "C", "Ａ", "中", "国", "。", "\n", "𠀀", "x1"]), max_size=14)
TEXTS = st.builds(" ".join, WORDS)


def plain(records, items, ngram, min_tokens, common, most):
    """Windows of tokens as tuples; no hashes, no anchors, no early end but the stated one."""

    def windows(tokens, width):
        return {tuple(tokens[i : i + width]) for i in range(len(tokens) - width + 1)}

    shingles = {}
    for name, text in items:
        tokens = tokens_of(text)
        if tokens and len(tokens) >= min_tokens:
            shingles[name] = windows(tokens, min(ngram, len(tokens)))
    by_size = sorted(shingles, key=lambda name: (len(shingles[name]), name))
    out = []
    for record in records:
        tokens = tokens_of(record)
        held = set().union(*(windows(tokens, width) for width in range(1, ngram + 1)))
        reached = {n for one in held for n in [name for name in by_size if one in shingles[name]][:common]}
        hits = {name: len(shingles[name] & held) for name in reached}
        ranked = sorted(hits, key=lambda n: (-Fraction(hits[n], len(shingles[n])), -hits[n], n))
        out.append([(*name, hits[name], hits[name] / len(shingles[name])) for name in ranked[:most]])
    return out


def found(records, items, ngram, min_tokens, common, most):
    rows = [(*name, text) for name, text in items]
    table = pa.table([list(c) for c in zip(*rows, strict=True)] or [[], [], []], schema=ITEMS)
    index = build_index(table, ngram=ngram, min_tokens=min_tokens, common=common)
    lists = contamination(pa.array(records, pa.large_string()), index, most=most)
    return [[(h["set"], h["item"], h["hits"], h["containment"]) for h in row] for row in lists.to_pylist()]


@settings(deadline=None, max_examples=300)
@given(
    st.lists(TEXTS, max_size=4),
    st.lists(TEXTS, max_size=8),
    st.sampled_from([1, 2, 3, 5, 8, 13]),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 2, 256]),
    st.sampled_from([1, 3, 20]),
)
def test_shared_items__equals_the_plain_reference(records, texts, ngram, min_tokens, common, most):
    items = [((f"s{i % 2}", f"i{i}"), text) for i, text in enumerate(texts)]
    records = [*records, " 中 ".join(texts)]
    expected = plain(records, items, ngram, min_tokens, common, most)
    actual = found(records, items, ngram, min_tokens, common, most)
    assert [[hit[:3] for hit in row] for row in actual] == [[hit[:3] for hit in row] for row in expected]
    for mine, reference in zip(actual, expected, strict=True):
        assert [hit[3] for hit in mine] == pytest.approx([hit[3] for hit in reference], abs=1e-6)


@pytest.mark.parametrize("count", range(8, 30))
@pytest.mark.parametrize("place", range(14))
def test_shared_items__at_any_place_and_of_any_length_are_found(count, place):
    """The anchors are looked up at some places only; a shingle is met wherever it begins."""
    item = " ".join(f"w{i}" for i in range(count))
    before = " ".join(f"b{i}" for i in range(place))
    size = max(count - 12, 1)
    assert found([f"{before} {item} end"], [(("s", "i"), item)], 13, 8, 256, 20) == [[("s", "i", size, 1.0)]]
