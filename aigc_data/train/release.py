"""Open a release and trust it only after its digests hold. pyarrow and hashlib; nothing of the pipeline."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from aigc_data.errors import IntegrityError

COLUMNS = ("id", "text", "lang", "source", "split")
REMEDY = "fetch the release again, or make it again with `aigc-data run`"


class Document(NamedTuple):
    """One released row, as training sees it."""

    id: str
    text: str
    lang: str
    source: str


@dataclass(frozen=True)
class Shard:
    """One Parquet file that the manifest promises; `name` is relative to the release's folder."""

    name: str
    sha256: str
    rows: int
    split: str


@dataclass(frozen=True)
class Release:
    """A release whose every byte was checked when it was opened."""

    folder: Path
    id: str
    manifest_sha256: str
    recipe_digest: str
    shards: tuple[Shard, ...]

    def documents(self, split: str) -> Iterator[Document]:
        """The rows of a split in file order, page checksums verified.

        Raises IntegrityError when a page is broken, a column is missing or null, or a row says another split than
        its shard.
        """
        for shard in self.shards:
            if shard.split == split:
                yield from _read(self.folder / shard.name, shard)


def open_release(folder: Path, *, progress: Callable[[int, int], None] | None = None) -> Release:
    """Read `manifest.json` and verify every file's SHA-256 and row count before anything is read from it.

    `progress(done, total)` counts files. Raises IntegrityError naming the file, what was seen and what was expected.
    """
    path = folder / "manifest.json"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise IntegrityError(
            f"no readable manifest.json in {folder} ({error.strerror})",
            expected="the folder of a published release",
            do="name data/releases/<id>, or make a release with `aigc-data run`",
        ) from error
    manifest = _parse(raw, path)
    release_id = manifest.get("id")
    if not isinstance(release_id, str) or not re.fullmatch(r"[0-9a-f]{64}", release_id):
        raise IntegrityError(f"{path}: `id` is {release_id!r}", expected="64 hex digits", do=REMEDY)
    shards = _shards(manifest, path)
    for n, shard in enumerate(shards):
        _verify(folder, shard)
        if progress:
            progress(n + 1, len(shards))
    total = sum(s.rows for s in shards)
    if manifest.get("rows") != total:
        raise IntegrityError(
            f"{path}: `rows` is {manifest.get('rows')}", expected=f"{total}, the sum of its files", do=REMEDY
        )
    recipe = manifest.get("recipe")
    digest = str(recipe.get("digest") or "") if isinstance(recipe, dict) else ""
    return Release(folder, release_id, hashlib.sha256(raw).hexdigest(), digest, shards)


def _parse(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(raw)
    except ValueError as error:
        raise IntegrityError(f"{path} is not JSON ({error})", expected="the release's manifest", do=REMEDY) from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise IntegrityError(f"{path} names no files", expected="a JSON object with `files`", do=REMEDY)
    return manifest


def _shards(manifest: dict[str, Any], path: Path) -> tuple[Shard, ...]:
    shards = []
    for name, entry in sorted(manifest["files"].items()):
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name:
            raise IntegrityError(
                f"{path} names the file {name!r}",
                expected="a path inside the release",
                do="do not use this release",
            )
        if pure.suffix != ".parquet":
            continue
        try:
            shards.append(Shard(name, str(entry["sha256"]), int(entry["rows"]), str(entry["split"])))
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError(
                f"{path}: the entry of {name} is incomplete", expected="sha256, rows, split", do=REMEDY
            ) from error
    return tuple(shards)


def _verify(folder: Path, shard: Shard) -> None:
    path = folder / shard.name
    try:
        with path.open("rb") as file:
            seen = hashlib.file_digest(file, "sha256").hexdigest()
        if seen != shard.sha256:
            raise IntegrityError(f"shard {shard.name} has SHA-256 {seen}", expected=shard.sha256, do=REMEDY)
        rows = pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise IntegrityError(
            f"shard {shard.name} cannot be read: {reason}",
            expected="the file that the manifest names",
            do=REMEDY,
        ) from error
    if rows != shard.rows:
        raise IntegrityError(f"shard {shard.name} has {rows} rows", expected=f"{shard.rows}", do=REMEDY)


def _read(path: Path, shard: Shard) -> Iterator[Document]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            missing = [c for c in COLUMNS if c not in file.schema_arrow.names]
            if missing:
                raise IntegrityError(
                    f"shard {shard.name} has no column {', '.join(missing)}",
                    expected=", ".join(COLUMNS),
                    do=REMEDY,
                )
            for batch in file.iter_batches(batch_size=1024, columns=list(COLUMNS)):
                if any(batch.column(c).null_count for c in COLUMNS):
                    raise IntegrityError(
                        f"shard {shard.name} has nulls", expected=f"none in {', '.join(COLUMNS)}", do=REMEDY
                    )
                columns = [batch.column(c).to_pylist() for c in COLUMNS]
                if set(columns[4]) - {shard.split}:
                    raise IntegrityError(
                        f"shard {shard.name} has rows of split {sorted(set(columns[4]))}",
                        expected=shard.split,
                        do=REMEDY,
                    )
                yield from map(Document, *columns[:4])
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise IntegrityError(
            f"shard {shard.name} cannot be read: {reason}", expected="whole pages", do=REMEDY
        ) from error
