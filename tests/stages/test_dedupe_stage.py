import pyarrow as pa

from aigc_data import columns
from aigc_data.recipe import DedupeMeasure
from aigc_data.stages.dedupe import STAGE

NASTY = [None, "", "\u200f\u202eabc", "😀👩‍👩‍👧", "数据是关键" * 3, "a" * 1_000_000, "\x00\ufffd", "  \n"]


def test_stage__sketches_a_shard_row_for_row_and_leaves_it_unchanged():
    rows = pa.table({"clean.text": pa.array(NASTY, pa.large_string()), "other": range(len(NASTY))})
    before = rows.to_pydict()
    table = STAGE.sketch(rows.select(STAGE.reads), DedupeMeasure())
    assert table.schema == STAGE.sketch_schema == columns.DEDUPE_SKETCH
    assert table["tokens"].to_pylist() == [0, 0, 1, 0, 15, 1, 0, 0]
    assert rows.to_pydict() == before


def test_stage__sketches_a_sliced_and_chunked_table_alike():
    rows = pa.table({"clean.text": pa.array(["x", *NASTY], pa.large_string())})
    whole = STAGE.sketch(rows, DedupeMeasure()).slice(1)
    cut = pa.concat_tables([rows.slice(1, 3), rows.slice(4)])
    assert STAGE.sketch(cut, DedupeMeasure()).to_pydict() == whole.to_pydict()
