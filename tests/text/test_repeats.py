"""Boilerplate, in both languages: what is counted, what is cut, and what the text reads like afterwards."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aigc_data.kernels import codepoints
from aigc_data.text.dedupe.cuts import CUT, apply_cuts
from aigc_data.text.dedupe.repeats import count_repeats, counted, cut_repeats, line_hashes, slice_hashes
from aigc_data.text.tokens import tokens_of

BOTH = ("line", "paragraph")
#: Few words, so that lines repeat; every kind of line that the rules tell apart.
LINES = st.sampled_from(
    ["a b", "A  b!", "c d e", "中文字", "中 文，字", "页脚", "x", "", " ", "\u3000\t", "---", "a", "b", "ｃ d é", "😀"]
)
TEXTS = st.lists(LINES, max_size=9).map("\n".join)


def count(texts, **settings):
    """The hashes of some texts and in how many of them each stands."""
    return counted(line_hashes(texts, **settings)[0])


def column(texts):
    return pa.array(texts, pa.large_string())


def found(texts, *, records, units=("line",), min_tokens=1):
    return count_repeats([count(column(texts), units=units, min_tokens=min_tokens)], records=records)


def cuts(texts, *, records=2, units=("line",), min_tokens=1):
    repeated = found(texts, records=records, units=units, min_tokens=min_tokens)
    return cut_repeats(column(texts), repeated, units=units, min_tokens=min_tokens)


def cut(texts, **how):
    return apply_cuts(column(texts), cuts(texts, **how)).to_pylist()


# --- the plain reference -------------------------------------------------------------------------------------


def is_space(character):
    pages, flags, _ = codepoints.TABLES
    return bool(flags[int(pages[ord(character) >> 8]) * 256 + (ord(character) & 255)] & codepoints.SPACE)


def is_blank(line):
    return all(map(is_space, line))


def paragraphs_of(lines):
    """Runs of line numbers."""
    runs, run = [], []
    for number, line in enumerate([*lines, ""]):
        if not is_blank(line):
            run.append(number)
        elif run:
            runs.append(run)
            run = []
    return runs


def units_of(text, units, min_tokens):
    lines = text.split("\n")
    named = [("line", [n]) for n in range(len(lines)) if "line" in units]
    named += [("paragraph", run) for run in paragraphs_of(lines) if "paragraph" in units]
    keyed = [((kind, tuple(tokens_of("\n".join(lines[n] for n in run)))), run) for kind, run in named]
    return [(key, run) for key, run in keyed if len(key[1]) >= min_tokens]


def plain_counts(texts, units, min_tokens):
    return Counter(key for text in texts for key in {key for key, _ in units_of(text, units, min_tokens)})


def plain_cut(text, repeated, units, min_tokens):
    """The lines that are left, as (number, line), and the kind of each that is not."""
    lines = text.split("\n")
    kinds = {}
    for (kind, tokens), run in units_of(text, units, min_tokens):
        if (kind, tokens) in repeated:
            kinds |= {n: kind for n in run if kind == "paragraph" or n not in kinds}
    paragraphs = paragraphs_of(lines)
    gone = [all(n in kinds for n in run) for run in paragraphs]
    removed = set(kinds)
    if kinds and all(gone):
        removed = set(range(len(lines)))
    elif kinds:
        for place, run in enumerate(paragraphs):
            last = all(gone[place:])  # nothing is left behind it
            if gone[place] and not last:
                removed |= set(range(run[-1] + 1, paragraphs[place + 1][0]))
            if gone[place] and last:
                removed |= set(range(paragraphs[place - 1][-1] + 1, run[0]))
    return "\n".join(line for n, line in enumerate(lines) if n not in removed), set(kinds.values())


# --- the tests -----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=300)
@given(st.lists(TEXTS, max_size=6), st.sampled_from([("line",), ("paragraph",), BOTH]), st.integers(1, 4))
@example(["a b\n\na b", "a b"], BOTH, 1)
@example(["a b\n \n\nx\n", "x\n"], ("line",), 1)
@example(["\n".join(f"{n % 40} b\n" for n in range(90)), "7 b"], BOTH, 2)
def test_cut_repeats__equals_the_plain_reference(texts, units, min_tokens):
    counts = plain_counts(texts, units, min_tokens)
    hashes, records = count(column(texts), units=units, min_tokens=min_tokens)
    assert sorted(records.tolist()) == sorted(counts.values())
    assert (np.diff(hashes) > 0).all() if len(hashes) > 1 else True
    repeated = {key for key, count in counts.items() if count >= 2}
    expected = [plain_cut(text, repeated, units, min_tokens) for text in texts]
    spans = cuts(texts, units=units, min_tokens=min_tokens)
    assert apply_cuts(column(texts), spans).to_pylist() == [text for text, _ in expected]
    assert [{s["kind"] for s in row} for row in spans.to_pylist()] == [kinds for _, kinds in expected]
    for text, row in zip(texts, spans.to_pylist(), strict=True):
        ends = [0, *(side for s in row for side in (s["start"], s["end"])), len(text)]
        assert ends == sorted(ends)
        assert all(s["start"] < s["end"] for s in row)
        assert all(a["end"] < b["start"] or a["kind"] != b["kind"] for a, b in pairwise(row))


def test_cut_repeats__takes_navigation_and_footers_out_of_pages():
    english = [
        f"Home | About us | Contact | Log in\n\nReview {n}: it {word} what it says.\n\n(c) Example Ltd. All rights."
        for n, word in enumerate(("does", "doubts", "denies"))
    ]
    chinese = [
        f"首页 > 新闻中心 > 正文\n今天{city}的天气很好。\n版权所有，未经许可不得转载\n"
        for city in ("北京", "上海", "广州")
    ]
    assert cut(english + chinese, records=3, min_tokens=5) == [
        "Review 0: it does what it says.",
        "Review 1: it doubts what it says.",
        "Review 2: it denies what it says.",
        "今天北京的天气很好。\n",
        "今天上海的天气很好。\n",
        "今天广州的天气很好。\n",
    ]


def test_cut_repeats__knows_a_line_whatever_its_case_width_and_indentation():
    texts = ["  ALL rights reserved.\nx", "All Rights Reserved\ny", "Ａｌｌ　ｒｉｇｈｔｓ—reserved!\nz"]
    assert cut(texts, records=3, min_tokens=3) == ["x", "y", "z"]
    assert cut(["《版权 所有》\n甲", "版权所有。\n乙"], min_tokens=4) == ["甲", "乙"]


def test_cut_repeats__knows_a_paragraph_however_it_is_wrapped():
    texts = [
        "The same licence\nfor all files.\n\nOne.",
        "Two.\n\nThe same licence for\nall files.\n",
        "三。\n\n本许可\n适用",
    ]
    texts.append("四。\n\n本许可适用\n\n终")
    assert cut(texts, units=("paragraph",), min_tokens=5) == ["One.", "Two.\n", "三。", "四。\n\n终"]
    assert cut(texts, units=("line",), min_tokens=5) == texts


def test_cut_repeats__names_what_it_found():
    text = "Two lines that\nare one paragraph\n\na line that repeats\nand one here"
    other = "Two lines\nthat are one paragraph\n\nA line that repeats\nand one there"
    assert cuts([text, other], units=BOTH, min_tokens=3).to_pylist()[0] == [
        {"kind": "paragraph", "start": 0, "end": 34},
        {"kind": "line", "start": 34, "end": 54},
    ]


def test_cut_repeats__does_not_take_a_line_for_a_paragraph():
    # Twice a paragraph of its own, once a line of a paragraph: two records have the paragraph, three the line.
    texts = ["all of it repeats\n\none", "all of it repeats\n\ntwo", "all of it repeats\nthree"]
    kept = "all of it repeats\nthree"
    assert cut(texts, records=3, units=("paragraph",), min_tokens=3) == texts
    assert cut(texts, records=2, units=("paragraph",), min_tokens=3) == ["one", "two", kept]
    assert cut(texts, records=3, units=BOTH, min_tokens=3) == ["one", "two", "three"]
    assert cuts(texts, records=2, units=BOTH, min_tokens=3).to_pylist()[0][0]["kind"] == "paragraph"


def test_cut_repeats__leaves_nothing_of_a_text_that_is_all_boilerplate():
    assert cut(["\n页脚一二三\n\n", "页脚一二三", "a b c\n\nd e f\n", "d e f\n \na b c"]) == ["", "", "", ""]


def test_line_hashes__counts_records_and_not_occurrences():
    hashes, records = count(column(["a b\nA B\nc d", None, "a, b", "c\n\nd"]), min_tokens=2)
    assert sorted(records.tolist()) == [1, 2]
    assert hashes.dtype == np.uint64
    assert records.dtype == np.uint32
    assert len(line_hashes(column([]), min_tokens=1)[0]) == 0
    assert cut_repeats(column([]), hashes, min_tokens=2).type == pa.list_(CUT)
    assert cut_repeats(column([None, "x"]), hashes, min_tokens=2).to_pylist() == [[], []]


def test_line_hashes__says_which_text_each_is_of():
    texts = ["one two\nthree four", "", "Three, four", "one two\nONE TWO"]
    hashes, rows = line_hashes(column(texts), min_tokens=2)
    assert (np.diff(hashes.astype(object)) >= 0).all()
    by_hash = {}
    for value, row in zip(hashes.tolist(), rows.tolist(), strict=True):
        by_hash.setdefault(value, []).append(row)
    assert sorted(by_hash.values()) == [[0, 2], [0, 3]]


def test_line_hashes__refuses_what_it_cannot_count():
    with pytest.raises(ValueError, match="unknown units"):
        line_hashes(column(["a"]), units=("sentence",), min_tokens=1)
    with pytest.raises(ValueError, match="min_tokens is 0"):
        cut_repeats(column(["a"]), np.zeros(0, np.uint64), min_tokens=0)


PARTS = st.lists(st.dictionaries(st.integers(0, 30), st.integers(1, 5), max_size=12), max_size=7)


def part_of(counted):
    keys = sorted(counted)
    # The high bits differ too, as those of hashes do.
    return np.array([k << 59 | k for k in keys], np.uint64), np.array([counted[k] for k in keys], np.uint32)


@given(PARTS, st.integers(1, 9), st.integers(0, 31))
def test_count_repeats__adds_up_over_shards_and_ranges(parts, records, split):
    total = sum((Counter(part) for part in parts), Counter())
    expected = sorted(k << 59 | k for k, count in total.items() if count >= records)
    arrays = [part_of(part) for part in parts]
    for array in arrays:
        for half in array:
            half.setflags(write=False)
    assert count_repeats(arrays, records=records).tolist() == expected
    assert count_repeats(arrays[::-1], records=records).tolist() == expected
    ranges = ((0, split << 59), (split << 59, 1 << 64))
    pieces = [count_repeats([slice_hashes(p, *r) for p in arrays], records=records) for r in ranges]
    assert np.concatenate(pieces).tolist() == expected


def test_count_repeats__stays_full_when_a_count_is():
    full = (np.array([7], np.uint64), np.array([0xFFFFFFFF], np.uint32))
    assert count_repeats([full, full], records=0xFFFFFFFF).tolist() == [7]


def test_cut_repeats__does_not_depend_on_shards_or_order():
    texts = [f"line {n % 3} of many lines\nown {n}\n第{n % 4}行是很多人都有的" for n in range(20)]
    whole = cut(texts, records=5, min_tokens=4)
    parts = [count(column(texts[n::3]), min_tokens=4) for n in (2, 0, 1)]
    repeated = count_repeats(iter(parts), records=5)
    for n in range(20):
        one = column([texts[n]])
        assert apply_cuts(one, cut_repeats(one, repeated, min_tokens=4)).to_pylist() == [whole[n]]
    assert whole[0].count("\n") == 0
