"""Items of evaluation sets, read as sources are: any format, any compression, local or through fsspec."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from aigc_data.errors import SourceError
from aigc_data.recipe import Evaluation, Source
from aigc_data.sources.inputs import InputFile, list_inputs
from aigc_data.sources.reading import read_file

ITEMS = pa.schema([("set", pa.string()), ("item", pa.string()), ("text", pa.large_string())])

#: Formats whose records have fields; in the others a record is one text.
_WITH_FIELDS = {"jsonl", "csv", "tsv", "parquet"}
_CHUNK_BYTES = 8 << 20


class Items(NamedTuple):
    """`rows` are the items (ITEMS) in order of file, field and record; `lost` counts by reason what gave none."""

    rows: pa.Table
    lost: dict[str, int]


def read_items(evaluation: Evaluation, root: Path, *, max_record_bytes: int) -> Items:
    """The items of an evaluation set; a relative path starts at `root`.

    An item is named by its id field, else by its place, as in `questions.jsonl#line=3`. Of several fields each is an
    item text of its own, named `<id>#<field>`: a question may stand in a record whose answer does not. A null is no
    text ("null-text" in `lost`), and neither is what the readers lose, by their reasons.

    Raises SourceError when there is no file, and when a field gave nothing at all: a set that is looked for in vain
    would pass for a clean one.
    """
    sources = {
        field: Source(
            name=evaluation.name,
            path=evaluation.path,
            format=evaluation.format,
            text=field,
            id=evaluation.id,
            encoding=evaluation.encoding,
        )
        for field in evaluation.text
    }
    first = next(iter(sources.values()))
    parts: list[pa.Table] = [ITEMS.empty_table()]
    lost: Counter[str] = Counter()
    given: Counter[str] = Counter()
    keyed = False
    for file in list_inputs(first, root):
        # The readers take one text a record, so a file is read once for each field: such sets are small.
        for field, source in sources.items() if file.format in _WITH_FIELDS else [("", first)]:
            suffix = f"#{field}" if field and len(sources) > 1 else ""
            found, with_key = _read(file, source, suffix, max_record_bytes, lost)
            keyed = keyed or with_key
            parts.append(found)
            given[field] += found.num_rows
    empty = [field for field in given if not given[field]]
    if empty:
        raise _nothing(evaluation.name, empty[0], lost)
    if evaluation.id is not None and not keyed:
        raise SourceError(
            f"no record of evaluation set {evaluation.name!r} has a field {evaluation.id!r}",
            expected="the field that names an item",
            do="mend `id` of the evaluation set in the recipe, or leave it out",
        )
    return Items(pa.concat_tables(parts).combine_chunks(), dict(sorted(lost.items())))


def _read(
    file: InputFile, source: Source, suffix: str, max_record_bytes: int, lost: Counter[str]
) -> tuple[pa.Table, bool]:
    """The items of one file, and whether any had a key of its own."""
    parts, keyed = [ITEMS.empty_table()], False
    for chunk in read_file(file, source, max_record_bytes=max_record_bytes, chunk_bytes=_CHUNK_BYTES):
        lost.update(loss.reason for loss in chunk.lost)
        rows = chunk.rows
        keyed = keyed or any(key is not None for key in chunk.keys)
        if nulls := rows["text"].null_count:
            lost["null-text"] += nulls
        names = [
            (place if key is None else str(key)) + suffix
            for key, place in zip(chunk.keys, rows["locator"].to_pylist(), strict=True)
        ]
        columns = [pa.array([source.name] * len(names), pa.string()), pa.array(names, pa.string()), rows["text"]]
        parts.append(pa.Table.from_arrays(columns, schema=ITEMS).filter(rows["text"].is_valid()))
    return pa.concat_tables(parts), keyed


def _nothing(name: str, field: str, lost: Counter[str]) -> SourceError:
    reasons = ", ".join(f"{count} × {reason}" for reason, count in sorted(lost.items()))
    what = f"field {field!r} of evaluation set {name!r}" if field else f"evaluation set {name!r}"
    return SourceError(
        f"{what} gave no item" + (f" ({reasons})" if reasons else ""),
        expected="at least one text to look for",
        do="mend `text`, `format` or `encoding` of the evaluation set in the recipe",
    )
