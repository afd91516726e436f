import json
from pathlib import Path

import ftfy
import numpy as np
import pyarrow as pa
import pytest
from ftfy.badness import MOJIBAKE_CATEGORIES, is_bad
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aigc_data.kernels.scrub import SEEN_MOJIBAKE, inspect
from aigc_data.text.arrow import text_buffers
from aigc_data.text.cleaning.mojibake import CONFIG, lost_share, repair
from aigc_data.text.cleaning.mojibake_clues import clue_table, pair_table

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
    return bool(
        inspect(*text_buffers(pa.array([text], pa.large_string())), clue_table(), pair_table())[0] & SEEN_MOJIBAKE
    )


@settings(deadline=None)  # the first example may compile
@example("，", "cp437")  # a box's line behind a letter
@example("œ", "sloppy-windows-1252")
@given(
    st.text(st.sampled_from("éüñßçЖя数据，。’—€😀 ab“”ěłāΩהسğ\xa0…™½か"), min_size=1, max_size=12),
    st.sampled_from(PAGES),
)
def test_inspect__lets_through_nothing_that_ftfy_would_repair(text: str, page: str) -> None:
    whole = text.encode().decode(page, "replace")
    for wrong in (whole, whole.replace("\xa0", " "), whole.replace("\ufffd", "?"), "мир žluťoučký " + whole):
        assert flagged(wrong) or ftfy.fix_text(wrong, CONFIG) == wrong


CLASSES = "".join(MOJIBAKE_CATEGORIES.values()).replace("-", "") + "aZ z.?!0\nĀāŒœГўВЂàÄîïòôúûâó"


@settings(deadline=None, max_examples=400)  # the first example may compile
@given(st.text(st.sampled_from(CLASSES), min_size=1, max_size=5))
def test_inspect__knows_every_pair_that_ftfy_calls_bad(text: str) -> None:
    # "лёё " looks like bytes of UTF-8 and is no bad pair: what flags the whole is the text behind it.
    assert not is_bad("лёё ")
    assert flagged("лёё " + text) or not is_bad("лёё " + text)


@pytest.mark.parametrize(
    "text",
    [
        "plain English",
        "数据是关键——“引号”……，。！？",
        "naïve café, 5 €",
        "─┤",
        "l’été à Nîmes",
        "môže byť; świeży łóżko",
        "«Мир», сказал он",
        "Über den «Straßen»",
    ],
)
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
        ("鷗ŒéＢ逍Üßªąñ丂", "鷗ŒéＢ逍Üßªąñ丂"),
        ("ߒߞߏ ߟߎ߫".encode().decode("latin-1"), "ߒߞߏ ߟߎ߫"),
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


CASES = json.loads((Path(__file__).parent / "data" / "ftfy_cases.json").read_text("utf-8"))


def test_repair__is_ftfy_on_its_own_cases() -> None:
    """Every case of ftfy's, repaired or left alone, comes out as ftfy in this configuration has it."""
    assert len(CASES) > 60
    for case in CASES:
        assert repair(case["original"]) == ftfy.fix_text(case["original"], CONFIG), case["label"]


def test_repair__negative_cases_of_ftfy_stay() -> None:
    """But for C1 controls, which are in one of them."""
    for case in CASES:
        if case["kind"] == "negative":
            assert repair(case["original"]) == ftfy.fixes.fix_c1_controls(case["original"]), case["label"]
