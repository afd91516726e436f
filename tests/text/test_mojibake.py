import ftfy
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aigc_data.kernels.scrub import SEEN_MOJIBAKE, inspect
from aigc_data.text.arrow import text_buffers
from aigc_data.text.mojibake import CONFIG, clue_table, lost_share, repair

PAGES = [
    "latin-1",
    "sloppy-windows-1252",
    "sloppy-windows-1251",
    "sloppy-windows-1250",
    "iso-8859-2",
    "macroman",
    "cp437",
]


def flagged(text: str) -> bool:
    return bool(inspect(*text_buffers(pa.array([text], pa.large_string())), clue_table())[0] & SEEN_MOJIBAKE)


@settings(deadline=None)  # the first example may compile
@example("，", "cp437")  # a box's line behind a letter
@given(st.text(st.sampled_from("éüñßçЖя数据，。’—€😀 ab"), min_size=1, max_size=12), st.sampled_from(PAGES))
def test_inspect__lets_through_nothing_that_ftfy_would_repair(text: str, page: str) -> None:
    wrong = text.encode().decode(page, "replace")
    assert flagged(wrong) or ftfy.fix_text(wrong, CONFIG) == wrong


@pytest.mark.parametrize("text", ["plain English", "数据是关键——“引号”……，。！？", "naïve café, 5 €", "─┤"])
def test_inspect__good_text_is_not_flagged(text: str) -> None:
    assert not flagged(text)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("L&AMP;AMP;ATILDE;&AMP;AMP;SUP3;PEZ", "L&AMP;AMP;ATILDE;&AMP;AMP;SUP3;PEZ"),
        ("IL Y MARQUÉ…", "IL Y MARQUÉ…"),
        ("The more you know ðŸŒ\xa0", "The more you know 🌠"),
        ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет"),
        ("数据".encode().decode("gb18030"), "数据"),
        ("，。的".encode().decode("latin-1"), "，。的"),
    ],
)
def test_repair__literal(wrong: str, right: str) -> None:
    # The one pair of characters without a GBK clue shows the limit: it stays.
    assert repair(wrong) == (right if wrong != "鏁版嵁" else wrong)


def test_lost_share__counts_characters_that_stand_for_lost_ones() -> None:
    long = "「锟斤拷」是乱码的代表。" + "正常的文字。" * 100
    texts = ["a\ufffdb\ufffd", "锟斤拷锟斤拷锟斤", "烫烫烫烫", "烫头发，屯门", long, "", "ok"]
    share = lost_share(pa.array(texts, pa.large_string()), np.array([max(len(text), 1) for text in texts]))
    np.testing.assert_allclose(share, [0.5, 1, 1, 0, 3 / len(long), 0, 0], rtol=1e-6)
    assert share[4] < 0.01
