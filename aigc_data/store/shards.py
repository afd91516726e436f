"""Base shards: rows gathered until a shard is full, then written whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.store import parquet


class ShardWriter:
    """Writes `<name>-00000.parquet`, … in `folder`; a shard holds at most `text_bytes` of text, or one longer
    record."""

    def __init__(self, folder: Path, name: str, *, text_bytes: int, key: str) -> None:
        self._folder, self._name, self._limit, self._key = folder, name, text_bytes, key
        self._tables: list[pa.Table] = []
        self._bytes = 0
        self._files: dict[str, dict[str, Any]] = {}

    def add(self, rows: pa.Table) -> None:
        """Take rows, writing every shard that becomes full."""
        while rows.num_rows:
            sizes = np.cumsum(text_sizes(rows["text"]))
            fits = int(np.searchsorted(sizes, self._limit - self._bytes, side="right"))
            if fits == 0 and self._bytes == 0:
                fits = 1
            if fits:
                self._tables.append(rows.slice(0, fits))
                self._bytes += int(sizes[fits - 1])
                rows = rows.slice(fits)
            if rows.num_rows:
                self._flush()

    def finish(self) -> dict[str, dict[str, Any]]:
        """Write what is left; returns the manifest entries of all shards."""
        self._flush()
        return self._files

    def _flush(self) -> None:
        if not self._tables:
            return
        name = f"{self._name}-{len(self._files):05d}.parquet"
        written = parquet.write(
            self._folder / name,
            pa.concat_tables(self._tables),
            footer={"key": self._key, "text_bytes": self._bytes},
        )
        self._files[name] = {
            "key": self._key,
            "sha256": written.sha256,
            "rows": written.rows,
            "bytes": written.bytes,
            "text_bytes": self._bytes,
        }
        self._tables, self._bytes = [], 0


def text_sizes(text: pa.ChunkedArray) -> np.ndarray:
    """UTF-8 bytes of each text (int64), 0 for null."""
    return pc.fill_null(pc.binary_length(text), 0).to_numpy()
