import re

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels import lines as k
from aigc_data.kernels.codepoints import TABLES
from aigc_data.text.arrow import strings_from, text_buffers
from aigc_data.text.cleaning.lines import _automaton, _spellings
from aigc_data.text.tokens import tokens_of

TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "b c", "数据", " ", "\u3000", "\n", "é", "a b a", "\t"]), max_size=14).map("".join),
    max_size=4,
)


def lines_of(texts: list[str]) -> list[tuple[int, str]]:
    """The plain reference: (text number, line) of texts with two lines or more."""
    found = []
    for row, text in enumerate(texts):
        own = [line.lstrip() for line in text.split("\n") if line.strip()]
        found += [(row, line) for line in own] if len(own) > 1 else []
    return found


def find(texts: list[str]) -> tuple[np.ndarray, ...]:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    return data, offsets, *k.find_lines(data, offsets, np.flatnonzero(data == 0x0A), TABLES)


@settings(deadline=None, max_examples=60)  # the first example may compile
@given(TEXTS)
def test_find_lines__is_split(texts: list[str]) -> None:
    data, _, rows, starts, ends = find(texts)
    found = [(int(r), data[a:b].tobytes().decode()) for r, a, b in zip(rows, starts, ends, strict=True)]
    assert found == lines_of(texts)


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.integers(1, 4))
def test_repeated_lines__is_a_set_of_lines_seen(texts: list[str], least: int) -> None:
    data, _, rows, starts, ends = find(texts)
    expected, seen = [], set()
    for line in lines_of(texts):
        expected.append(line in seen and len(tokens_of(line[1])) >= least)
        seen.add(line)
    assert k.repeated_lines(data, rows, starts, ends, least, TABLES).tolist() == expected


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.randoms(use_true_random=False))
def test_drop_lines__takes_lines_with_their_blanks(texts: list[str], random: object) -> None:
    data, offsets, rows, starts, ends = find(texts)
    gone = np.array([random.random() < 0.5 for _ in rows], bool)  # type: ignore[attr-defined]
    left = strings_from(*k.drop_lines(data, offsets, rows[gone], starts[gone], ends[gone])).to_pylist()
    at, expected = 0, []
    for text in texts:
        whole = text.split("\n")
        several = sum(bool(line.strip()) for line in whole) > 1
        kept = []
        for line in whole:
            counted = several and bool(line.strip())
            dropped = counted and bool(gone[at])
            at += counted
            if not dropped:
                kept.append(line)
        # A last line that goes leaves the line feed before it.
        tail = "\n" if several and whole[-1].strip() and gone[at - 1] and kept else ""
        expected.append("\n".join(kept) + tail)
    assert left == expected


def test_repeated_lines__belong_to_their_text() -> None:
    data, _, rows, starts, ends = find(["数据\n质量", "数据\n数据", "x\n数据"])
    assert k.repeated_lines(data, rows, starts, ends, 1, TABLES).tolist() == [False, False, False, True, False, False]


def test_phrases_in__is_a_search_for_each() -> None:
    texts = ["Back TO TOP", "責任編輯：某人", "nothing here", "We use COOKIES", "our terms of use, ©2020", "top"]
    data, offsets = text_buffers(pa.array(texts))
    kinds = ("boilerplate", "policy")
    said = k.phrases_in(data, offsets[:-1], offsets[1:], *_automaton(kinds))
    for text, bits in zip(texts, said.tolist(), strict=True):
        for place, kind in enumerate(kinds):
            assert bool(bits & 1 << place) == any(word in text.lower() for word in _spellings(kind)), text


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text(st.sampled_from("aé数\U0001f600 \u3000\n\r\v\x85\u2028\u2029\t"), max_size=12), max_size=4),
    st.booleans(),
)
def test_find_pieces__is_a_split_at_all_line_breaks(texts: list[str], next_line: bool) -> None:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    found = k.find_pieces(data, offsets, next_line, TABLES)
    run = "[^\n\v\f\r\x85\u2028\u2029]+" if next_line else "[^\n\v\f\r\u2028\u2029]+"
    expected = [(row, match[0]) for row, text in enumerate(texts) for match in re.finditer(run, text)]
    expected = [(row, piece) for row, piece in expected if "\x85" in piece or not piece.isspace()]
    assert [(row, data[a:b].tobytes().decode()) for row, a, b, _, _ in found.T.tolist()] == expected
    assert [(row, texts[row][a:b]) for row, _, _, a, b in found.T.tolist()] == expected
