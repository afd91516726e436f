"""dedupe: verified links between near-duplicates, and the cluster, group and exact class of every record.

It elects nobody and drops nothing; the gate does.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from aigc_data import columns
from aigc_data.recipe import DedupeMeasure
from aigc_data.stage import Global
from aigc_data.text import dedupe
from aigc_data.text.sketch import sketch as sketch_texts


def sketch(rows: pa.Table, params: DedupeMeasure) -> pa.Table:
    """columns.DEDUPE_SKETCH of a shard, row for row, from `clean.text`."""
    return sketch_texts(rows["clean.text"], params)


def evidence(rows: pa.Table, params: DedupeMeasure) -> tuple[np.ndarray, np.ndarray]:
    """The sets of shingle hashes of the rows' texts, as (hashes, offsets)."""
    return dedupe.shingle_sets(rows["clean.text"], params)


STAGE = Global(
    name="dedupe",
    reads=("clean.text",),
    schema=columns.DEDUPE,
    sketch_schema=columns.DEDUPE_SKETCH,
    sketch=sketch,
    pairs=dedupe.pairs,
    merge=dedupe.merge,
    asks=dedupe.asks_for_text,
    evidence=evidence,
    verify=dedupe.verify,
    resolve=dedupe.resolve,
    libraries=("numba", "numpy"),
)
