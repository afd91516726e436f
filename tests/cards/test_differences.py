"""Texts side by side: what stands only in one of them, in both languages."""

from hypothesis import given
from hypothesis import strategies as st

from aigc_data.cards.differences import SHOWN, side_by_side


def written(pieces):
    return "".join({"same": "{}", "ins": "+{}+", "del": "-{}-"}[p.kind].format(p.text) for p in pieces)


def compared(first, *others):
    own, pieces = side_by_side(first, others)
    return [written(own), *map(written, pieces)]


def test_side_by_side__marks_whole_words_and_single_han_characters():
    assert compared("the old man mends", "the young man mends nets") == [
        "the old man mends",
        "the -old-+young+ man mends+ nets+",
    ]
    assert compared("海边的老人在补网", "海边的女人补网。") == ["海边的老人在补网", "海边的-老-+女+人-在-补网+。+"]
    assert compared("用Python写", "用Rust写") == ["用Python写", "用-Python-+Rust+写"]


def test_side_by_side__of_equal_and_of_empty_texts():
    assert compared("a b", "a b", "") == ["a b", "a b", ""]
    assert compared("", "a b") == ["", "+a b+"]
    assert compared("a b") == ["a b"]


def test_side_by_side__begins_shortly_before_the_first_difference_of_any():
    first = "字" * 500 + "甲乙丙丁"
    own, one, other = compared(first, first.replace("丙", "戊"), first.replace("甲", "己"))
    assert own == "…" + "字" * 60 + "甲乙丙丁"
    assert one == "…" + "字" * 60 + "甲乙-丙-+戊+丁"
    assert other == "…" + "字" * 60 + "-甲-+己+乙丙丁"


def test_side_by_side__ends_after_so_many_characters():
    own, other = compared("x " + "word " * 200, "y " + "word " * 200)
    assert own == ("x " + "word " * 200)[:SHOWN] + "…"
    assert other.startswith("-x-+y+ word ")
    assert len(other) < SHOWN + 10


@given(st.text("ab 一二\n", max_size=40), st.text("ab 一二\n", max_size=40))
def test_side_by_side__pieces_are_the_two_texts(first, second):
    _, (pieces,) = side_by_side(first, [second])
    if second:
        assert "".join(p.text for p in pieces if p.kind != "del") == second
        assert "".join(p.text for p in pieces if p.kind != "ins") == first
