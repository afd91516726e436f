"""Which files a source consists of.

A file's `relative` path is its identity: below the source's root, with forward slashes, the same wherever
the workspace lies. The root is the folder itself, the folder that holds a single file, or the part of a
glob before its first wildcard.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import fsspec

from aigc_data.errors import SourceError
from aigc_data.recipe import Source
from aigc_data.sources.extractors import require
from aigc_data.store.files import Digests

FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".rst": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".warc": "warc",
    ".wet": "wet",
}
COMPRESSIONS = {".gz": "gz", ".zst": "zst", ".xz": "xz", ".bz2": "bz2"}
UNKNOWN = "unknown"


@dataclass(frozen=True)
class InputFile:
    """One file of a source. `location` is an absolute path or an fsspec URL; `compression` is "" for none."""

    source: str
    relative: str
    location: str
    size: int
    format: str
    compression: str


def list_inputs(source: Source, root: Path) -> list[InputFile]:
    """The files of `source`, sorted by relative path; relative paths in the recipe start at `root`.

    Hidden files are skipped, and so are symbolic links that leave the source's root. Raises SourceError
    when nothing is found, or when an fsspec URL cannot be listed, or when the source's encoding is none or its
    extractor is not installed.
    """
    _check_encoding(source)
    require(source.extractor, source.name)
    if "://" in source.path and not source.path.startswith("file://"):
        found = _remote(source)
    else:
        found = _local(source, root / source.path.removeprefix("file://"))
    files = [_describe(source, relative, location, size) for relative, location, size in found]
    if not files:
        empty = "://" not in source.path and (root / source.path).is_dir()
        seen = f"the folder {source.path!r} holds no file" if empty else f"no file matches {source.path!r}"
        raise SourceError(
            f"source {source.name!r}: {seen}",
            expected="a file, a folder with files that are not hidden, a glob or an fsspec URL",
            do=f"mend `path` of the source; relative paths start at the folder of params.yaml ({root.name}/)",
        )
    return sorted(files, key=lambda f: f.relative)


def content_digest(file: InputFile, digests: Digests) -> str:
    """SHA-256 of a file's bytes as they are now; of a local one it may be remembered."""
    if "://" not in file.location:
        return digests.of(Path(file.location))
    with fsspec.open(file.location, "rb") as stream:  # no stat to remember a remote object by: it is read again
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_encoding(source: Source) -> None:
    try:
        "".encode(source.encoding)
    except LookupError as error:
        raise SourceError(
            f"source {source.name!r}: {source.encoding!r} is no text encoding",
            expected="a name such as utf-8, gb18030, big5 or utf-16",
            do="mend `encoding` of the source",
        ) from error


def _describe(source: Source, relative: str, location: str, size: int) -> InputFile:
    stem, suffix = os.path.splitext(relative.lower())
    compression = COMPRESSIONS.get(suffix, "")
    if compression:
        suffix = os.path.splitext(stem)[1]
    known = FORMATS.get(suffix, UNKNOWN) if source.format == "auto" else source.format
    # Names may be any bytes; Arrow holds only Unicode.
    name = relative.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return InputFile(source.name, name, location, size, known, compression)


def _local(source: Source, path: Path) -> Iterator[tuple[str, str, int]]:
    if path.is_file():
        base, names = path.parent, iter([path])
    elif path.is_dir():
        base, names = path, _walk(path)
    elif glob.has_magic(source.path):
        base = _fixed_part(path)
        names = (Path(p) for p in glob.iglob(str(path), recursive=True))
    else:
        return
    inside = base.resolve()
    for name in names:
        if name.is_file() and (name == path or name.resolve().is_relative_to(inside)):
            yield name.relative_to(base).as_posix(), os.path.abspath(name), name.stat().st_size


def _walk(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder, followlinks=False):
        folders[:] = [f for f in folders if not f.startswith(".")]
        yield from (Path(where, n) for n in names if not n.startswith("."))


def _fixed_part(path: Path) -> Path:
    fixed = Path(path.anchor)
    for part in path.parts[len(fixed.parts) :]:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed


def _remote(source: Source) -> Iterator[tuple[str, str, int]]:
    if "::" in source.path:
        raise SourceError(
            f"source {source.name!r}: {source.path!r} chains file systems",
            expected="one fsspec URL",
            do="unpack the archive, or name the files themselves",
        )
    try:
        fs, path = fsspec.core.url_to_fs(source.path)
        if glob.has_magic(path):
            base = path[: min(path.index(c) for c in "*?[" if c in path)].rpartition("/")[0]
            entries = fs.glob(path, detail=True).values()
        elif fs.isdir(path):
            base, entries = path, fs.find(path, detail=True).values()
        elif fs.exists(path):
            base, entries = path.rpartition("/")[0], [fs.info(path)]
        else:
            return
        yield from _remote_files(fs, base.rstrip("/"), entries)
    except (OSError, ValueError, ImportError) as error:
        scheme = source.path.partition("://")[0]
        raise SourceError(
            f"source {source.name!r}: the {scheme} URL cannot be listed ({type(error).__name__})",
            expected="an fsspec URL that can be reached",
            do=f"check the address, the credentials, and that fsspec's driver for {scheme} is installed",
        ) from error


def _remote_files(fs: fsspec.AbstractFileSystem, base: str, entries: Iterable[dict]) -> Iterator[tuple[str, str, int]]:
    for entry in entries:
        relative = entry["name"].removeprefix(base).lstrip("/")
        if entry["type"] == "file" and not any(part.startswith(".") for part in relative.split("/")):
            yield relative, fs.unstrip_protocol(entry["name"]), int(entry.get("size") or 0)
