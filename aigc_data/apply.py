"""One stage on one file, without a workspace: one row out for each row in, under bare column names.

The text is taken as given (no cleaning before), so that offsets point into what the caller has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aigc_data.columns import RAW
from aigc_data.errors import SourceError, UsageError
from aigc_data.hashing import record_id
from aigc_data.pipeline import load_stage
from aigc_data.recipe import CleanMeasure, Recipe, Source
from aigc_data.sources.inputs import list_inputs
from aigc_data.sources.reading import Lost, read_file
from aigc_data.stage import Map
from aigc_data.store.files import publish, temporary_name

STAGES = ("clean", "dedupe", "pii", "license", "quality")
_CHUNK = 4 << 20
_OWN_IDS = {"jsonl", "csv", "tsv", "parquet"}


@dataclass(frozen=True)
class Applied:
    """What came of it: rows written, rows with a reason, and records that could not be read (also in a file beside)."""

    rows: int
    reasons: dict[str, int]
    lost: int
    lost_file: Path | None


def apply_stage(
    name: str, input_path: Path, output: Path, *, recipe: Recipe | None = None, source: dict[str, Any]
) -> Applied:
    """Run the stage `name` over `input_path`; `source` overrides how it is read (text, id, license_field, format, …).

    Raises UsageError for a stage that cannot stand alone or an output suffix that is none of .jsonl and .parquet.
    """
    if name not in STAGES:
        raise UsageError(f"stage `{name}` cannot be applied to a file", expected=f"one of {', '.join(STAGES)}")
    if output.suffix not in (".jsonl", ".parquet"):
        raise UsageError(
            f"{output.name} ends in {output.suffix or 'nothing'}",
            expected="an output that ends in .jsonl or .parquet",
        )
    if not input_path.exists():
        raise UsageError(f"there is no {input_path}", expected="an input file")
    if output.resolve() == input_path.resolve():
        raise UsageError("input and output are the same file", do="name another output")
    if recipe is None:
        recipe = Recipe(name="apply", sources=(Source(name="input", path=str(input_path)),))
    reader = _Reader(input_path, source, recipe.ingest.max_record_bytes)
    tables = _dedupe(reader, recipe) if name == "dedupe" else _map(name, reader, recipe)
    rows, reasons = _write(output, tables, reader)
    lost_file = output.with_name(f"{output.name}.quarantine.jsonl")
    lost_file.unlink(missing_ok=True)
    if reader.lost:
        lines = [
            orjson.dumps({"file": f, "position": x.position, "reason": x.reason, "detail": x.detail})
            for f, x in reader.lost
        ]
        lost_file.write_bytes(b"\n".join(lines) + b"\n")
    return Applied(rows, reasons, len(reader.lost), lost_file if reader.lost else None)


class _Reader:
    """The rows of a file or folder with their ids as the input has them; what cannot be read gathers in `lost`."""

    def __init__(self, path: Path, overrides: dict[str, Any], max_record_bytes: int) -> None:
        self._path, self._overrides, self._max = path.resolve(), overrides, max_record_bytes
        self.lost: list[tuple[str, Lost]] = []
        self.whole_numbers = False

    def __iter__(self) -> Iterator[pa.Table]:
        source = Source(
            name="input", path=str(self._path), **{"id": "id", "license_field": "license", **self._overrides}
        )
        for file in list_inputs(source, self._path.parent):
            known = source
            if file.format not in _OWN_IDS:
                known = source.model_copy(update={"id": None, "license_field": None})
            self.whole_numbers = self.whole_numbers or _numbers_its_records(Path(file.location), file.format, known)
            row = 0
            for chunk in read_file(file, known, max_record_bytes=self._max, chunk_bytes=_CHUNK):
                self.lost += [(file.relative, lost) for lost in chunk.lost]
                if chunk.rows.num_rows:
                    yield _with_ids(chunk.rows, file.relative, row)
                row += chunk.rows.num_rows


def _numbers_its_records(path: Path, file_format: str, source: Source) -> bool:
    """Whether the ids of a Parquet or an uncompressed JSONL file are whole numbers, so that they come out as such."""
    if file_format == "parquet" and path.suffix == ".parquet":
        try:
            schema = pq.read_schema(path)
        except (pa.ArrowException, OSError):
            return False  # the reader puts the file into quarantine
        return source.id in schema.names and pa.types.is_integer(schema.field(source.id).type)
    if file_format == "jsonl" and path.suffix in (".jsonl", ".ndjson"):
        with path.open("rb") as file:
            try:
                first = orjson.loads(file.readline())
            except orjson.JSONDecodeError:
                return False
        return isinstance(first, dict) and isinstance(first.get(source.id), int)
    return False


def _with_ids(rows: pa.Table, relative: str, start: int) -> pa.Table:
    made = [record_id("content", "input", relative, d, start + i) for i, d in enumerate(rows["sha256"].to_pylist())]
    ids = pc.coalesce(rows["key"], pa.array(made, pa.string()))
    return rows.select([n for n in RAW.names if n != "key"]).append_column("id", ids)


def _map(name: str, reader: _Reader, recipe: Recipe) -> Iterator[pa.Table]:
    stage = load_stage(name)
    assert isinstance(stage, Map)
    params = getattr(recipe, name)
    for rows in reader:
        measured = stage.measure(_columns_for(stage, rows), params.measure)
        reason = stage.judge(
            measured.select([f.name for f in stage.schema if not pa.types.is_large_string(f.type)]),
            params.rules,
        )
        head = pa.table(
            [rows["id"], pa.chunked_array([reason]) if isinstance(reason, pa.Array) else reason],
            ["id", "reason"],
        )
        yield pa.table([*head.columns, *measured.columns], names=[*head.column_names, *measured.column_names])


def _columns_for(stage: Map, rows: pa.Table) -> pa.Table:
    from aigc_data.text.language import identify

    text = pc.fill_null(rows["text"], "")
    made: dict[str, Callable[[], Any]] = {
        "clean.text": lambda: text,
        "clean.lang": lambda: identify(text.combine_chunks(), letters=CleanMeasure().language_chars).lang,
    }
    return pa.table([made[n]() if n in made else rows[n] for n in stage.reads], names=list(stage.reads))


def _dedupe(reader: _Reader, recipe: Recipe) -> Iterator[pa.Table]:
    """All rows at once. An id that occurs twice is told apart inside, so that each row still has its own verdict."""
    from aigc_data.text.election import compare

    tables = list(reader)
    if not tables:
        return
    rows = pa.concat_tables(tables)
    found = compare(pc.fill_null(rows["text"], ""), _told_apart(rows["id"]), recipe.dedupe.measure)
    named = {n: pc.replace_substring_regex(found[n], f"{_MARK}.*", "") for n in ("cluster", "group", "duplicate_of")}
    reason = pc.if_else(pc.equal(named["duplicate_of"], ""), pa.scalar(None, pa.string()), "gate:duplicate")
    columns = {"id": rows["id"], "reason": reason, **named, "similarity": found["similarity"]}
    yield pa.table(columns)


_MARK = "\x1f"


def _told_apart(ids: pa.ChunkedArray) -> pa.Array:
    if pc.count_distinct(ids).as_py() == len(ids):
        return ids
    seen: dict[str, int] = {}
    apart = []
    for id_ in ids.to_pylist():  # only where an id is repeated
        count = seen[id_] = seen.get(id_, -1) + 1
        apart.append(f"{id_}{_MARK}{count:09d}" if count else id_)
    return pa.array(apart, pa.string())


def _as_numbers(table: pa.Table) -> pa.Table:
    """Columns that hold ids as whole numbers, as the input has them; "" (none) becomes null."""
    for name in ("id", "cluster", "group", "duplicate_of"):
        if name in table.column_names:
            column = pc.if_else(pc.equal(table[name], ""), pa.scalar(None, pa.string()), table[name])
            table = table.set_column(table.column_names.index(name), name, column.cast(pa.int64()))
    return table


def _write(output: Path, tables: Iterator[pa.Table], reader: _Reader) -> tuple[int, dict[str, int]]:
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary, rows, reasons = temporary_name(output), 0, dict[str, int]()
    writer: pq.ParquetWriter | None = None
    try:
        with temporary.open("wb") as file:
            for table in tables:
                if reader.whole_numbers:
                    table = _as_numbers(table)
                rows += table.num_rows
                for count in pc.value_counts(table["reason"].drop_null()).to_pylist():
                    reasons[count["values"]] = reasons.get(count["values"], 0) + count["counts"]
                if output.suffix == ".parquet":
                    writer = writer or pq.ParquetWriter(
                        file, table.schema, compression="zstd", write_page_checksum=True
                    )
                    writer.write_table(table)
                else:
                    file.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in table.to_pylist())
            if writer is not None:
                writer.close()
        if not rows:
            seen = f"{len(reader.lost)} unreadable" if reader.lost else "nothing"
            raise SourceError(
                f"no record of the input could be read ({seen})", do="look at the format, and at --text-field"
            )
        publish(temporary, output)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return rows, dict(sorted(reasons.items()))
