import pyarrow as pa

from aigc_data import columns
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe.sketch import sketch

NASTY = [None, "", "\u200f\u202eabc", "😀👩‍👩‍👧", "数据是关键" * 3, "a" * 1_000_000, "\x00\ufffd", "  \n"]


def test_sketch__has_a_row_for_each_and_leaves_its_input_unchanged():
    rows = pa.chunked_array([pa.array(NASTY, pa.large_string())])
    before = rows.to_pylist()
    table = sketch(rows, DedupeMeasure())
    assert table.schema == columns.DEDUPE_SKETCH
    assert table["tokens"].to_pylist() == [0, 0, 1, 0, 15, 1, 0, 0]
    assert rows.to_pylist() == before


def test_sketch__of_a_sliced_and_chunked_column_is_the_same():
    rows = pa.chunked_array([pa.array(["x", *NASTY], pa.large_string())])
    whole = sketch(rows, DedupeMeasure()).slice(1)
    cut = pa.chunked_array([*rows.slice(1, 3).chunks, *rows.slice(4).chunks])
    assert sketch(cut, DedupeMeasure()).to_pydict() == whole.to_pydict()
