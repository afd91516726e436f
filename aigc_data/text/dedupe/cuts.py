"""Cuts: what is taken out of a text because it stands elsewhere too, as spans of code points.

A cut says what found it ("line", "paragraph", "substring"), where it begins and where it ends in `clean.text`.
The cuts of a row are in order and do not overlap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.errors import IntegrityError
from aigc_data.kernels import cuts as k
from aigc_data.text.arrow import strings_from, text_buffers

KINDS = ("line", "paragraph", "substring")
LINE, PARAGRAPH, SUBSTRING = range(3)
CUT = pa.struct([("kind", pa.string()), ("start", pa.int64()), ("end", pa.int64())])


class Cuts(NamedTuple):
    """The cuts of n rows as kernels see them: row i has those from `rows[i]` to `rows[i + 1]`."""

    rows: np.ndarray  # int64[n + 1]
    kinds: np.ndarray  # uint8[m], places in KINDS
    starts: np.ndarray  # int64[m], code points
    ends: np.ndarray


def cuts_to_arrow(cuts: Cuts) -> pa.ListArray:
    """The same as list<CUT>[n], never null."""
    kinds = pa.DictionaryArray.from_arrays(pa.array(cuts.kinds, pa.uint8()), pa.array(KINDS, pa.string()))
    fields = [kinds.dictionary_decode(), pa.array(cuts.starts), pa.array(cuts.ends)]
    spans = pa.StructArray.from_arrays(fields, fields=list(CUT))
    return pa.ListArray.from_arrays(pa.array(cuts.rows.astype(np.int32)), spans)


def cuts_from_arrow(cuts: pa.Array | pa.ChunkedArray) -> Cuts:
    """list<CUT>[n] as arrays; a null row has no cuts. Raises IntegrityError for a kind that is none of KINDS."""
    rows, flat = _flat(cuts)
    codes = pc.index_in(pc.struct_field(flat, "kind"), value_set=pa.array(KINDS, pa.string()))
    if codes.null_count:
        raise IntegrityError(
            "a cut is of an unknown kind", expected=f"one of {', '.join(KINDS)}", do="run dedupe again"
        )
    starts, ends = (pc.struct_field(flat, side).to_numpy() for side in ("start", "end"))
    return Cuts(rows, codes.to_numpy().astype(np.uint8), starts, ends)


def any_cut(cuts: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """bool[n]: which rows have a cut at all."""
    return np.diff(_flat(cuts)[0]) > 0


def apply_cuts(texts: pa.Array | pa.ChunkedArray, cuts: pa.Array | pa.ChunkedArray) -> pa.LargeStringArray:
    """The texts (large_string[n]) without their cuts; a null is an empty text.

    Without any cut no byte is copied. Raises IntegrityError when cuts are out of order or reach behind the text:
    they were made for another one.
    """
    data, offsets = text_buffers(texts)
    rows, flat = _flat(cuts)
    if len(rows) != len(offsets):
        raise ValueError(f"{len(offsets) - 1} texts and the cuts of {len(rows) - 1} rows")
    if not len(flat):
        return strings_from(data, offsets)
    starts, ends = (pc.struct_field(flat, side).to_numpy() for side in ("start", "end"))
    new_data, new_offsets, wrong = k.cut_texts(data, offsets, rows, starts, ends)
    if wrong >= 0:
        raise IntegrityError(
            f"the cuts of row {wrong} do not fit its text",
            expected="spans in order, within the text",
            do="run `aigc-data stage dedupe`, then go on from there",
        )
    return strings_from(new_data, new_offsets)


def move_spans(spans: pa.Array | pa.ChunkedArray, cuts: pa.Array | pa.ChunkedArray) -> pa.ListArray:
    """Spans of the whole texts as spans of the texts without their cuts.

    `spans` is a list of structs with `start` and `end`, in order and without overlaps; other fields stay. What lies
    inside a cut is gone; of what a cut takes a part the rest stays a span, in one piece even when the cut lay in its
    midst, so that no part of a value goes unmarked.
    """
    rows, flat = _flat(cuts)
    span_rows, values = _flat(spans)
    if len(rows) != len(span_rows):
        raise ValueError(f"the spans of {len(span_rows) - 1} rows and the cuts of {len(rows) - 1}")
    if not len(flat) or not len(values):
        return spans.combine_chunks() if isinstance(spans, pa.ChunkedArray) else spans
    at = [pc.struct_field(part, side).to_numpy() for part in (values, flat) for side in ("start", "end")]
    starts, ends = k.move_spans(span_rows, at[0], at[1], rows, at[2], at[3])
    left = ends > starts
    moved = {"start": pa.array(starts), "end": pa.array(ends)}
    fields = list(values.type)
    columns = [moved.get(field.name, pc.struct_field(values, field.name)).cast(field.type) for field in fields]
    kept = pa.StructArray.from_arrays(columns, fields=fields).filter(pa.array(left))
    new_rows = np.concatenate([[0], np.cumsum(left)])[span_rows]
    return pa.ListArray.from_arrays(pa.array(new_rows.astype(np.int32)), kept)


def merge_cuts(first: pa.Array | pa.ChunkedArray, second: pa.Array | pa.ChunkedArray) -> pa.ListArray:
    """The cuts of both; where they overlap the first's kind counts, and neighbours of one kind are one cut."""
    one, two = cuts_from_arrow(first), cuts_from_arrow(second)
    if len(one.rows) != len(two.rows):
        raise ValueError(f"the cuts of {len(one.rows) - 1} rows and of {len(two.rows) - 1}")
    return cuts_to_arrow(Cuts(*k.merge_cuts(*one, *two)))


def _flat(lists: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, pa.StructArray]:
    """(rows int64[n + 1], values): row i of a list array holds `values[rows[i]:rows[i + 1]]`."""
    if isinstance(lists, pa.ChunkedArray):
        lists = lists.combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), pc.list_flatten(lists)
