"""Cuts applied, spans moved, two kinds of cuts joined: against plain lists of characters."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.columns import SPAN
from aigc_data.errors import IntegrityError
from aigc_data.text.dedupe.cuts import CUT, any_cut, apply_cuts, cuts_from_arrow, merge_cuts, move_spans
from aigc_data.text.pii import find_spans, redact

KINDS = st.sampled_from(["line", "paragraph", "substring"])
TEXT = st.text(st.sampled_from("aé中𠀀\n😀"), max_size=24)


def cuts_column(rows):
    return pa.array([[{"kind": k, "start": s, "end": e} for k, s, e in row] for row in rows], pa.list_(CUT))


def spans_column(rows):
    spans = [[{"kind": k, "start": s, "end": e, "validator": "v", "confidence": 9} for k, s, e in row] for row in rows]
    return pa.array(spans, pa.list_(SPAN))


@st.composite
def spans_in(draw, length, kinds=KINDS):
    """Spans in order and without overlaps, some of them touching."""
    points = sorted(draw(st.lists(st.integers(0, length), max_size=8)))
    pairs = zip(points[::2], points[1::2], strict=False)
    return [(draw(kinds), a, b) for a, b in pairs if a < b]


@st.composite
def rows(draw):
    texts = draw(st.lists(TEXT, max_size=4))
    return texts, [draw(spans_in(len(t))) for t in texts], [draw(spans_in(len(t))) for t in texts]


def gone_of(cuts):
    return {i for _, start, end in cuts for i in range(start, end)}


@settings(deadline=None)
@given(rows())
def test_apply_cuts__and_move_spans__equal_the_plain_reference(case):
    texts, cuts, spans = case
    left = apply_cuts(pa.array(texts, pa.large_string()), cuts_column(cuts)).to_pylist()
    moved = move_spans(spans_column(spans), cuts_column(cuts)).to_pylist()
    for text, cut, span, new_text, new_spans in zip(texts, cuts, spans, left, moved, strict=True):
        gone = gone_of(cut)
        places = [i for i in range(len(text)) if i not in gone]  # what stood where, in the new text
        assert new_text == "".join(text[i] for i in places)
        covered = [(k, [n for n, i in enumerate(places) if s <= i < e]) for k, s, e in span]
        expected = [(k, inside[0], inside[-1] + 1) for k, inside in covered if inside]
        assert [(s["kind"], s["start"], s["end"]) for s in new_spans] == expected
        assert all(s["validator"] == "v" and s["confidence"] == 9 for s in new_spans)


@settings(deadline=None)
@given(rows())
def test_merge_cuts__keeps_the_firsts_kind_and_leaves_no_seam(case):
    texts, first, second = case
    merged = merge_cuts(cuts_column(first), cuts_column(second)).to_pylist()
    for one, two, row in zip(first, second, merged, strict=True):
        kinds = {i: k for k, s, e in two for i in range(s, e)} | {i: k for k, s, e in one for i in range(s, e)}
        assert {i: c["kind"] for c in row for i in range(c["start"], c["end"])} == kinds
        assert sum(c["end"] - c["start"] for c in row) == len(kinds)
        seams = [(a, b) for a, b in pairwise(row) if a["end"] >= b["start"]]
        assert all(a["end"] == b["start"] and a["kind"] != b["kind"] for a, b in seams)
    assert len(texts) == len(merged)


def test_apply_cuts__without_cuts_copies_nothing():
    texts = pa.array(["一", "two", "三"], pa.large_string())
    same = apply_cuts(texts.slice(1), cuts_column([[], []]))
    assert same.to_pylist() == ["two", "三"]
    assert same.buffers()[2].address == texts.buffers()[2].address


def test_apply_cuts__takes_chunks_nulls_and_slices():
    texts = pa.chunked_array([["中文a", None], ["bcd"]], pa.large_string())
    cuts = cuts_column([[("line", 0, 9)], [("line", 1, 2)], [], [("line", 0, 3)]]).slice(1)
    assert apply_cuts(texts, pa.chunked_array([cuts])).to_pylist() == ["中a", "", ""]
    assert any_cut(cuts).tolist() == [True, False, True]
    assert cuts_from_arrow(cuts).rows.tolist() == [0, 1, 1, 2]
    assert apply_cuts(pa.array([], pa.large_string()), cuts_column([])).to_pylist() == []


@pytest.mark.parametrize(
    "wrong", [[("line", 0, 4)], [("line", 4, 5)], [("line", 2, 3), ("line", 0, 1)], [("line", 2, 1)]]
)
def test_apply_cuts__refuses_the_cuts_of_another_text(wrong):
    with pytest.raises(IntegrityError, match="row 1 do not fit"):
        apply_cuts(pa.array(["x", "中文a"], pa.large_string()), cuts_column([[], wrong]))
    with pytest.raises(ValueError, match="1 texts and the cuts of 2 rows"):
        apply_cuts(pa.array(["x"], pa.large_string()), cuts_column([[], []]))


def test_cuts_from_arrow__refuses_an_unknown_kind():
    with pytest.raises(IntegrityError, match="unknown kind"):
        cuts_from_arrow(cuts_column([[("chapter", 0, 1)]]))


def test_move_spans__shows_no_half_of_a_value_that_a_cut_takes_apart():
    texts = pa.array(
        ["write to an.example.person@mail.example.org today", "电话13812345678，邮箱见下"], pa.large_string()
    )
    spans, _ = find_spans(texts)
    assert [[s["kind"] for s in row] for row in spans.to_pylist()] == [["email"], ["phone"]]
    # Through the beginning, the middle and the end of the value.
    for start, end in ((4, 15), (15, 20), (20, 43)):
        cuts = cuts_column([[("substring", start, end)], [("line", 0, 5)]])
        left = redact(apply_cuts(texts, cuts), move_spans(spans, cuts), actions={})
        assert left[0].as_py().count("[EMAIL]") == 1
        assert not any(part in left[0].as_py() for part in ("person", "example", "org"))
        assert left[1].as_py() == "[PHONE]，邮箱见下"
    whole = cuts_column([[("line", 0, 49)], [("line", 2, 13)]])
    assert move_spans(spans, whole).to_pylist() == [[], []]
    assert np.array_equal(any_cut(whole), [True, True])
