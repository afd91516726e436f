"""THE Parquet writer and reader: atomic, with page checksums, deterministic, and always verified when read.

Without page checksums three of four single-bit flips in a zstd Parquet file read as silently wrong data
(measured with pyarrow 26; see docs/decisions.md).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from aigc_data.errors import IntegrityError
from aigc_data.store.files import publish, temporary_name

ROW_GROUP = 4096
LAYER_LEVEL = 1
RELEASE_LEVEL = 3
_FOOTER = b"aigc"
#: Columns with few distinct values: a dictionary over texts, ids and digests costs time and saves nothing.
_REPETITIVE = frozenset(
    {
        "source",
        "lang",
        "script",
        "lang_second",
        "split",
        "reason",
        "rules",
        "method",
        "evidence",
        "variant",
        "validator",
    }
    | {"license", "license_class", "license_declared", "detected", "declared", "kind", "file"}
)


@dataclass(frozen=True)
class Written:
    """What a manifest records of one file."""

    sha256: str
    rows: int
    bytes: int


class _HashingFile:
    """A file that knows the digest of what was written to it, so that nothing is read back to be hashed."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._hash = hashlib.sha256()
        self._size = 0
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._hash.update(view)
        while view.nbytes:  # an unbuffered file may take a part only
            view = view[self._file.write(view) :]
        view = memoryview(data)
        self._size += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        if not self.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self.closed = True

    def abort(self) -> None:
        """Let go of the file whatever state it is in: the disk may be full."""
        self._file.close()
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def result(self) -> tuple[str, int]:
        return self._hash.hexdigest(), self._size


def write(path: Path, table: pa.Table, *, footer: dict[str, Any], level: int = LAYER_LEVEL) -> Written:
    """Write `table` to `path` as a whole or not at all; `footer` goes into the key-value metadata as canonical JSON.

    The same table, footer and library version give the same bytes. Raises OSError (disk full, rights) with nothing
    left.
    """
    return write_parts(path, table.schema, [table], footer=footer, level=level)


def write_parts(
    path: Path, schema: pa.Schema, tables: Iterable[pa.Table], *, footer: dict[str, Any], level: int = LAYER_LEVEL
) -> Written:
    """The same of several tables one behind the other, one in memory at a time. The bytes are those of one table if
    all but the last have a multiple of ROW_GROUP rows.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = schema.with_metadata({_FOOTER: orjson.dumps(footer, option=orjson.OPT_SORT_KEYS)})
    temporary = temporary_name(path)
    sink, rows = _HashingFile(temporary), 0
    try:
        # One chunk and fixed row groups: the chunking of the table in memory must not show in the bytes.
        with pq.ParquetWriter(
            sink,
            schema,
            compression="zstd",
            compression_level=level,
            use_dictionary=_repetitive(schema),
            write_statistics=_short(schema),
            write_page_checksum=True,
            data_page_version="1.0",
            version="2.6",
        ) as writer:
            for table in tables:
                cast = table.cast(schema)
                writer.write_table(cast.combine_chunks() if cast.num_rows else cast, row_group_size=ROW_GROUP)
                rows += table.num_rows
        sink.close()
    except BaseException:
        sink.abort()
        temporary.unlink(missing_ok=True)
        raise
    publish(temporary, path)
    digest, size = sink.result()
    return Written(digest, rows, size)


def read(path: Path, columns: Sequence[str] | None = None, rows: np.ndarray | None = None) -> pa.Table:
    """Read columns with page checksums verified; raises IntegrityError naming the file.

    `rows` (int64[], ascending) asks for some rows only: row groups without one of them are not read.
    """
    try:
        with _open(path) as file:
            names = list(columns) if columns is not None else None
            table = file.read(columns=names) if rows is None else _take(file, names, rows)
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, error) from error
    missing = [c for c in columns or () if c not in table.column_names]
    if missing:
        raise IntegrityError(f"{path} has no column {', '.join(missing)}", expected=f"one of {table.column_names}")
    return table if columns is None else table.select(list(columns))


def _take(file: pq.ParquetFile, columns: list[str] | None, rows: np.ndarray) -> pa.Table:
    metadata = file.metadata
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    group = np.searchsorted(starts, rows, side="right") - 1
    wanted = np.unique(group)
    table = file.read_row_groups(wanted.tolist(), columns=columns)
    # Where each row lies among the row groups that were read.
    read = np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64)[wanted])])
    return table.take(pa.array(rows - starts[group] + read[np.searchsorted(wanted, group)]))


def read_between(path: Path, columns: Sequence[str], by: str, low: int, high: int) -> pa.Table:
    """Read the row groups that may hold values of the ascending integer column `by` in [low, high)."""
    try:
        with _open(path) as file:
            place = file.schema_arrow.get_field_index(by)
            groups = []
            for i in range(file.metadata.num_row_groups):
                bounds = file.metadata.row_group(i).column(place).statistics
                if bounds is None or (bounds.min < high and bounds.max >= low):
                    groups.append(i)
            return file.read_row_groups(groups, columns=list(columns)).select(list(columns))
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, error) from error


def batches(path: Path, columns: Sequence[str], rows: int = ROW_GROUP) -> Iterator[pa.RecordBatch]:
    """Iterate over a file's rows in order, a row group's memory at a time."""
    try:
        with _open(path) as file:
            yield from file.iter_batches(batch_size=rows, columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, error) from error


def footer(path: Path) -> dict[str, Any]:
    """The key-value metadata that `write` stored, without reading any row; {} for a foreign file."""
    try:
        with _open(path) as file:
            raw = (file.schema_arrow.metadata or {}).get(_FOOTER, b"{}")
            return {**orjson.loads(raw), "rows": file.metadata.num_rows}
    except (pa.ArrowException, OSError, orjson.JSONDecodeError) as error:
        raise _broken(path, error) from error


def _open(path: Path) -> pq.ParquetFile:
    return pq.ParquetFile(path, page_checksum_verification=True)


def _broken(path: Path, error: Exception) -> IntegrityError:
    kind = (
        "is missing"
        if isinstance(error, FileNotFoundError)
        else f"cannot be read ({type(error).__name__}: {_first_line(error)})"
    )
    return IntegrityError(
        f"{path} {kind}", expected="a whole Parquet file", do="run the stage again, or `aigc-data verify`"
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else ""


def _repetitive(schema: pa.Schema) -> list[str]:
    return [f.name for f in schema if f.name.rsplit(".", 1)[-1] in _REPETITIVE and pa.types.is_string(f.type)]


def _short(schema: pa.Schema) -> list[str]:
    """Columns whose minimum and maximum are worth a place in the footer; those of a text would hold raw text."""
    return [f.name for f in schema if pa.types.is_integer(f.type) or pa.types.is_floating(f.type)]
