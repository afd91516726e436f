"""What `apply` writes: JSON Lines or Parquet, with ids that come out as the input has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

Id = str | int
#: What is written, by column name: ids as a list (None for no id), all else as Arrow columns.
Part = dict[str, Any]


def _are_numbers(part: Part) -> bool:
    """Whether all ids of a part are whole numbers that an int64 holds."""
    return all(isinstance(id_, int) and -(1 << 63) <= id_ < 1 << 63 for id_ in part["id"])


class JsonlOutput:
    """Rows as JSON Lines, each id as it is."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, part: Part) -> None:
        """Append the rows of a part; all parts have the same columns."""
        none = None if all(isinstance(id_, int) for id_ in part["id"]) else ""
        columns = [
            [none if v is None else v for v in column] if isinstance(column, list) else column.to_pylist()
            for column in part.values()
        ]
        for values in zip(*columns, strict=True):
            row = dict(zip(part, values, strict=True))
            self._file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class ParquetOutput:
    """Rows as Parquet: ids as int64 until one does not fit, then all that is written becomes strings."""

    def __init__(self, path: Path) -> None:
        self._path, self._numbers = path, True
        self._ids: list[str] = []
        self._writer: pq.ParquetWriter | None = None

    def write(self, part: Part) -> None:
        """Append the rows of a part; all parts have the same columns."""
        self._ids = [name for name, column in part.items() if isinstance(column, list)]
        if self._numbers and not _are_numbers(part):
            self._numbers = False
            self._rewrite()
        self._append(pa.table({n: self._id_array(c) if isinstance(c, list) else c for n, c in part.items()}))

    def _id_array(self, ids: list[Id | None]) -> pa.Array:
        if self._numbers:
            return pa.array(ids, pa.int64())
        return pa.array(["" if id_ is None else str(id_) for id_ in ids], pa.string())

    def _append(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd", write_page_checksum=True)
        self._writer.write_table(table)

    def _rewrite(self) -> None:
        if self._writer is None:
            return
        self.close()
        self._writer = None
        before = self._path.with_name(f"{self._path.name}-numbers")
        self._path.replace(before)
        try:
            with pq.ParquetFile(before) as written:
                for group in range(written.num_row_groups):
                    table = written.read_row_group(group)
                    ids = {n: self._id_array(table[n].to_pylist()) for n in self._ids}
                    self._append(pa.table({n: ids.get(n, table[n]) for n in table.column_names}))
        finally:
            before.unlink()

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()
