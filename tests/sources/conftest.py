from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from aigc_data.columns import RAW
from aigc_data.recipe import Source
from aigc_data.sources import Lost, list_inputs, read_file

Read = Callable[..., tuple[list[dict[str, Any]], list[Lost]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write bytes to a file of that name (or take a path) and read it back: its rows and its losses."""

    def go(
        name: str | Path,
        data: bytes | None = None,
        *,
        max_record_bytes: int = 1 << 20,
        chunk_bytes: int = 1 << 20,
        **recipe: Any,
    ) -> tuple[list[dict[str, Any]], list[Lost]]:
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        source = Source.model_validate({"name": "s", "path": str(path), **recipe})
        rows: list[pa.Table] = []
        lost: list[Lost] = []
        for file in list_inputs(source, tmp_path):
            for chunk in read_file(file, source, max_record_bytes=max_record_bytes, chunk_bytes=chunk_bytes):
                assert chunk.rows.schema == RAW
                chunk.rows.validate(full=True)
                rows.append(chunk.rows)
                lost += chunk.lost
        return pa.concat_tables(rows).to_pylist() if rows else [], lost

    return go
