"""The stack: a base shard and the layers over it, read side by side and refused when they do not belong together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from aigc_data.errors import IntegrityError
from aigc_data.store import parquet
from aigc_data.store.files import read_json
from aigc_data.store.workspace import MANIFEST, Shard, Workspace


def read_rows(workspace: Workspace, shard: Shard, columns: Sequence[str], rows: np.ndarray | None = None) -> pa.Table:
    """Columns of one shard: base columns bare (`"url"`), layers' in full (`"clean.text"`, `"clean.reason"`); of all
    rows, or of `rows` (int64[], ascending).

    Every file must be the one that its manifest lists, and a layer must have been made from the base shard and the
    measures that are there now: what a killed or a partial run left behind is refused with IntegrityError.
    """
    parts: dict[str, pa.ChunkedArray] = {}
    base = [c for c in columns if "." not in c]
    if base:
        file = workspace.base_file(shard.name)
        _check_digest(workspace, file, shard.sha256, "ingest")
        parts.update(zip(base, parquet.read(file, base, rows).columns, strict=True))
    for stage, kind in sorted({(c.split(".", 1)[0], _kind(c)) for c in columns if "." in c}):
        names = [c for c in columns if c.startswith(f"{stage}.") and _kind(c) == kind]
        file = workspace.layer(stage) / kind / f"{shard.name}.parquet"
        _check_digest(workspace, file, _listed(workspace, stage, kind, shard), stage)
        _check_footer(workspace, file, stage, shard)
        parts.update(zip(names, parquet.read(file, names, rows).columns, strict=True))
    if not columns:
        return pa.table({})
    return pa.table([parts[c] for c in columns], names=list(columns))


def _kind(column: str) -> str:
    return "reason" if column.endswith(".reason") else "measure"


def _listed(workspace: Workspace, stage: str, kind: str, shard: Shard) -> str:
    files = _files(workspace.layer(stage) / MANIFEST)
    entry = files.get(f"{kind}/{shard.name}.parquet")
    if entry is None:
        raise IntegrityError(
            f"the layer of `{stage}` does not list shard {shard.name}", do=f"run `aigc-data stage {stage}`"
        )
    return str(entry["sha256"])


def _files(manifest: Path) -> dict[str, dict[str, object]]:
    if not manifest.is_file():
        raise IntegrityError(f"{manifest} is missing", do=f"run `aigc-data stage {manifest.parent.name}`")
    stat = manifest.stat()
    return _read_files(manifest, (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@lru_cache(maxsize=16)
def _read_files(manifest: Path, _stamp: tuple[int, int, int]) -> dict[str, dict[str, object]]:
    files: dict[str, dict[str, object]] = read_json(manifest)["files"]
    return files


def _check_digest(workspace: Workspace, file: Path, expected: str, stage: str) -> None:
    if not file.is_file():
        raise IntegrityError(f"{file} is missing", do=f"run `aigc-data stage {stage}`")
    if not workspace.digests.matches(file, expected):
        raise IntegrityError(
            f"{file} is not the file that its manifest lists",
            expected=f"SHA-256 {expected[:12]}…",
            do=f"run `aigc-data stage {stage}`",
        )


def _check_footer(workspace: Workspace, file: Path, stage: str, shard: Shard) -> None:
    footer = parquet.footer(file)
    if footer.get("base") != shard.sha256 or footer["rows"] != shard.rows:
        raise IntegrityError(
            f"{file} has {footer['rows']} rows made from base shard {str(footer.get('base'))[:12]}",
            expected=f"{shard.rows} from {shard.sha256[:12]} ({shard.name})",
            do=f"run `aigc-data stage {stage}`",
        )
    for parent, digest in footer.get("measures", {}).items():
        if _listed(workspace, parent, "measure", shard) != digest:
            raise IntegrityError(
                f"{file} was made from other measures of `{parent}` than those that are there",
                do=f"run `aigc-data stage {stage}`",
            )
