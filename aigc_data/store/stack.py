"""The stack: a base shard and the layers over it, read side by side and refused when they do not belong together."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from aigc_data.errors import IntegrityError
from aigc_data.store import parquet
from aigc_data.store.workspace import Shard, Workspace


def read_rows(workspace: Workspace, shard: Shard, columns: Sequence[str]) -> pa.Table:
    """Columns of one shard: base columns bare (`"url"`), layers' in full (`"clean.text"`, `"clean.reason"`).

    Raises IntegrityError when a layer's footer names another base shard or another count of rows.
    """
    base = [c for c in columns if "." not in c]
    parts: dict[str, pa.ChunkedArray] = {}
    if base:
        table = parquet.read(workspace.base_file(shard.name), base)
        _check_rows(workspace.base_file(shard.name), table.num_rows, shard)
        parts.update(zip(base, table.columns, strict=True))
    for stage, kind in sorted({(c.split(".", 1)[0], _kind(c)) for c in columns if "." in c}):
        names = [c for c in columns if c.startswith(f"{stage}.") and _kind(c) == kind]
        file = (
            workspace.reason_file(stage, shard.name) if kind == "reason" else workspace.measure_file(stage, shard.name)
        )
        footer = parquet.footer(file)
        if footer.get("base") != shard.sha256:
            raise IntegrityError(
                f"{file} was made from base shard {str(footer.get('base'))[:12]}",
                expected=f"{shard.sha256[:12]} ({shard.name})",
                do=f"run `aigc-data stage {stage}`",
            )
        table = parquet.read(file, names)
        _check_rows(file, table.num_rows, shard)
        parts.update(zip(names, table.columns, strict=True))
    if not columns:
        return pa.table({})
    return pa.table([parts[c] for c in columns], names=list(columns))


def _kind(column: str) -> str:
    return "reason" if column.endswith(".reason") else "measure"


def _check_rows(file: object, rows: int, shard: Shard) -> None:
    if rows != shard.rows:
        raise IntegrityError(
            f"{file} has {rows} rows",
            expected=f"{shard.rows}, as base shard {shard.name} has",
            do="run its stage again",
        )
