"""What counts as contamination, in both languages."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

from aigc_data.columns import CONTAMINATION
from aigc_data.errors import IntegrityError
from aigc_data.sources.evaluations import ITEMS
from aigc_data.text.dedupe.contamination import build_index, contamination, load

ENGLISH = (
    "Janet's ducks lay sixteen eggs per day. She eats three for breakfast every morning and bakes muffins for her "
    "friends every day with four. How much does she make at the market?"
)
CHINESE = "珍妮特的鸭子每天下十六颗蛋。她每天早上早餐时吃三颗，每天用四颗为朋友做松饼。她每天在农贸市场赚多少钱？"
BOTH = pytest.mark.parametrize("item", [ENGLISH, CHINESE], ids=["en", "zh"])


def items(*texts, name="bench"):
    return pa.table([[name] * len(texts), [str(i) for i in range(len(texts))], list(texts)], schema=ITEMS)


def hits(index, *records, **options):
    found = contamination(pa.array(records, pa.large_string()), index, **options)
    found.validate(full=True)
    assert found.type == CONTAMINATION
    return found.to_pylist()


def best(index, record):
    row = hits(index, record)[0]
    return round(row[0]["containment"], 3) if row else 0.0


@BOTH
def test_contamination__finds_an_item_in_the_middle_of_a_long_record(item):
    long = "Something else entirely, 完全是别的东西。 " * 5000
    (row,) = hits(build_index(items(item)), long + item + long)
    assert [(hit["set"], hit["item"], hit["containment"]) for hit in row] == [("bench", "0", 1.0)]
    assert row[0]["hits"] > 13


@pytest.mark.parametrize(
    ("item", "written"),
    [
        (ENGLISH, ENGLISH.upper()),
        (ENGLISH, "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in ENGLISH)),
        (ENGLISH, ENGLISH.replace(" ", "\n\n").replace(".", " -- ").replace("'", "’")),
        (CHINESE, " ".join(CHINESE)),
        (CHINESE, CHINESE.replace("。", ".").replace("，", ",").replace("？", "?")),
        (CHINESE.replace("。", "").replace("，", ""), CHINESE),
        (CHINESE, "\n".join(CHINESE[i : i + 7] for i in range(0, len(CHINESE), 7))),
    ],
)
def test_contamination__sees_through_case_width_punctuation_and_line_breaks(item, written):
    assert best(build_index(items(item)), f"前文 before {written} after 后文") == 1.0


@BOTH
def test_contamination__of_half_an_item_is_about_a_half(item):
    assert best(build_index(items(item)), item[: len(item) * 2 // 3]) == pytest.approx(0.5, abs=0.1)


@BOTH
def test_contamination__one_changed_token_costs_the_shingles_that_hold_it(item):
    index = build_index(items(item))
    size = hits(index, item)[0][0]["hits"]
    for changed in (item.replace("every morning", "each morning", 1), item.replace("早餐", "午餐", 1)):
        if changed != item:
            assert hits(index, changed)[0][0]["hits"] == size - 13


@BOTH
def test_contamination__names_an_item_in_each_set_that_has_it(item):
    two = pa.concat_tables([items(item, name="b"), items(item, name="a")])
    assert [(hit["set"], hit["containment"]) for hit in hits(build_index(two), item)[0]] == [("a", 1.0), ("b", 1.0)]


@pytest.mark.parametrize("phrase", ["one two three four five six seven", "一二三四五六七"], ids=["en", "zh"])
def test_contamination__counts_a_repeated_shingle_once(phrase):
    index = build_index(items(f"{phrase} " * 20))
    (row,) = hits(index, f"{phrase} " * 40)
    assert (row[0]["hits"], row[0]["containment"]) == (7, 1.0)


def test_contamination__of_records_that_hold_nothing():
    index = build_index(items(ENGLISH, CHINESE))
    assert hits(index, "", None, "a", "中", "。!?\n", "eggs", ENGLISH[:40]) == [[]] * 7
    assert hits(index) == []
    assert hits(build_index(ITEMS.empty_table()), ENGLISH, "") == [[], []]


@pytest.mark.parametrize(
    ("short", "unlike"),
    [
        ("What is the capital city of France today", "What is the capital city of Spain today"),
        ("法国的首都叫什么名字", "西班牙的首都叫什么名"),
    ],
)
def test_contamination__a_short_item_is_one_shingle_and_all_or_nothing(short, unlike):
    index = build_index(items(short))
    assert best(index, f"Q: {short}? A: … 答案") == 1.0
    assert best(index, unlike) == 0.0


@pytest.mark.parametrize("tiny", ["What is AI?", "什么是数据？", "", "…"])
def test_build_index__counts_items_that_are_too_short_to_say_anything(tiny):
    index = build_index(items(tiny, ENGLISH))
    assert index.sets() == {"bench": {"items": 1, "too_short": 1}}
    assert hits(index, f"{tiny} {tiny}") == [[]]


def test_contamination__puts_the_best_first_and_no_more_than_asked():
    words = [f"w{i}" for i in range(60)]
    index = build_index(items(" ".join(words[:40]), " ".join(words[:14]), " ".join(words[:20]), " ".join(words)))
    (row,) = hits(index, " ".join(words[:20]))
    assert [hit["item"] for hit in row] == ["2", "1", "0", "3"]
    assert [hit["hits"] for hit in row] == [8, 2, 8, 8]
    assert hits(index, " ".join(words[:20]), most=2) == [row[:2]]
    with pytest.raises(ValueError, match="most"):
        hits(index, "x", most=0)


def test_build_index__folds_the_chinese_standards_when_asked():
    traditional = "珍妮特的鴨子每天下十六顆蛋。她每天早上早餐時吃三顆，每天用四顆"
    simplified = "珍妮特的鸭子每天下十六颗蛋。她每天早上早餐时吃三颗，每天用四颗"
    assert best(build_index(items(traditional), fold_han=True), simplified) == 1.0
    assert best(build_index(items(traditional)), simplified) == 0.0
    assert best(build_index(items(ENGLISH), fold_han=True), ENGLISH) == 1.0


@pytest.mark.parametrize("sep", [" ", ""], ids=["en", "zh"])
def test_contamination__of_a_template_of_50_000_items_stays_linear(sep):
    """20 tokens that all items share, then four of their own; 3,000 records hold the template."""
    glyphs = [f"t{i}" for i in range(60)] if sep else [chr(0x4E00 + i) for i in range(60)]
    template = sep.join(glyphs[:20])
    own = [sep.join(glyphs[20 + n // 40**k % 40] for k in range(4)) for n in range(50_000)]
    table = items(*(template + sep + tail for tail in own))
    index = build_index(table)
    records = [f"{template}{sep}{glyphs[59] * 3}"] * 3000
    hits(index, *records[:2])
    start = time.process_time()
    found = contamination(pa.array(records, pa.large_string()), index)
    bounded = time.process_time() - start
    # Beside an index whose lists are walked in full: 1.2e9 steps for all records, so a fiftieth of them.
    full = build_index(table, common=len(own))
    hits(full, *records[:2])
    start = time.process_time()
    contamination(pa.array(records[:60], pa.large_string()), full)
    assert bounded < (time.process_time() - start) * 50 / 3
    assert (np.diff(found.offsets.to_numpy()) == 20).all()
    # An item that stands there with its own part is found among them, and first.
    row = hits(index, template + sep + own[43_210])[0]
    assert (row[0]["item"], row[0]["hits"], row[0]["containment"]) == ("43210", 12, 1.0)
    assert row[1]["containment"] < 1


def test_contamination__of_50_000_equal_items_still_finds_them():
    index = build_index(items(*[CHINESE] * 50_000))
    (row,) = hits(index, CHINESE, most=3)
    assert [hit["containment"] for hit in row] == [1.0] * 3


def arrays_of(index):
    return {name: value.tobytes() for name, value in vars(index).items()}


def test_build_index__does_not_depend_on_the_order_of_items():
    table = pa.concat_tables([items(ENGLISH, CHINESE, "short", name="b"), items(CHINESE, ENGLISH, ENGLISH, name="a")])
    shuffled = table.take([4, 2, 0, 5, 3, 1])
    assert arrays_of(build_index(table)) == arrays_of(build_index(shuffled))


def test_contamination__does_not_depend_on_other_rows_and_leaves_its_input():
    index = build_index(items(ENGLISH, CHINESE))
    records = [ENGLISH, "x", f"{CHINESE} {ENGLISH}", "", CHINESE, None]
    array = pa.array(records, pa.large_string())
    together = contamination(array, index).to_pylist()
    assert together == [hits(index, record)[0] for record in records]
    assert contamination(pa.chunked_array([array[:3], array[3:]]), index).to_pylist() == together
    assert array.to_pylist() == records


@pytest.mark.parametrize("table", [items(ENGLISH, CHINESE, "what is the answer to that old question"), items()])
def test_load__gives_what_was_saved_without_reading_it(table, tmp_path):
    index = build_index(table)
    index.save(tmp_path / "index")
    mapped = load(tmp_path / "index")
    assert arrays_of(mapped) == arrays_of(index)
    assert not any(value.flags.writeable for value in vars(mapped).values())
    assert hits(mapped, f"x {ENGLISH}", CHINESE) == hits(index, f"x {ENGLISH}", CHINESE)
    assert mapped.sets() == index.sets()


def test_load__refuses_a_damaged_index(tmp_path):
    index = build_index(items(ENGLISH))
    index.save(tmp_path / "index")
    keys = tmp_path / "index" / "keys.npy"
    whole = keys.read_bytes()
    keys.write_bytes(whole[:-8])
    with pytest.raises(IntegrityError, match="keys"):
        load(tmp_path / "index")
    keys.unlink()
    with pytest.raises(IntegrityError, match="keys"):
        load(tmp_path / "index")
    keys.write_bytes(whole)
    parameters = index.parameters.copy()
    parameters[0] = 99
    np.save(tmp_path / "index" / "parameters.npy", parameters)
    with pytest.raises(IntegrityError, match="format"):
        load(tmp_path / "index")
