"""Whole files or none: atomic writes, digests that are not computed twice, and the end of what nobody lists."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from aigc_data.errors import IntegrityError
from aigc_data.hashing import digest_bytes, digest_file

#: Every temporary name carries this mark, so that what a killed process left behind can be told from a result.
TEMPORARY = ".tmp-"


def temporary_name(path: Path) -> Path:
    """A name beside `path` for a file that is not finished."""
    return path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")


def publish(temporary: Path, path: Path) -> None:
    """Make a finished temporary file the file itself: fsync, rename, fsync of the folder; on failure it is removed."""
    try:
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a small file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        temporary.write_bytes(data)
    except OSError:  # the disk is full
        temporary.unlink(missing_ok=True)
        raise
    publish(temporary, path)


def write_json(path: Path, value: Any) -> str:
    """Write sorted, indented JSON atomically; returns the SHA-256 of the bytes."""
    data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_bytes(path, data)
    return digest_bytes(data)


def read_json(path: Path) -> Any:
    """Read a JSON file; raises IntegrityError when it is missing or broken."""
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise IntegrityError(f"{path} is missing", do="run the stage that writes it") from error
    except orjson.JSONDecodeError as error:
        raise IntegrityError(f"{path} is not JSON ({error})", do="delete it and run the stage again") from error


def remove_unlisted(folder: Path, keep: Iterable[str]) -> list[str]:
    """Delete every file below `folder` whose relative path is not in `keep`; returns what was deleted."""
    if not folder.is_dir():
        return []
    listed, gone = set(keep), []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if path.is_file() and relative not in listed:
            path.unlink()
            gone.append(relative)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    return gone


def remove_tree(folder: Path) -> None:
    """Delete a folder and what is in it, if it exists."""
    if folder.exists():
        shutil.rmtree(folder)


class Digests:
    """SHA-256 of files, remembered by (size, mtime, ctime, inode) in `.aigc/digests.json`.

    ctime is part of the key because a same-size edit with its mtime put back must be noticed. A file changed
    within the last
    second is hashed again next time: two edits inside one clock tick would look alike.
    """

    _RACY_SECONDS = 1.0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[Any]] = {}
        self._dirty = False
        if path.is_file():
            try:
                self._known = orjson.loads(path.read_bytes())
            except orjson.JSONDecodeError:
                self._known = {}  # a cache: the files themselves are still there to be hashed

    def of(self, path: Path) -> str:
        """The digest of the file as it is now."""
        stamp = _stamp(path)
        known = self._known.get(str(path))
        if known is not None and known[0] == stamp:
            return str(known[1])
        digest = digest_file(path)
        if time.time() - stamp[1] / 1e9 > self._RACY_SECONDS:
            self._known[str(path)] = [stamp, digest]
            self._dirty = True
        return digest

    def learn(self, path: Path, digest: str) -> None:
        """Remember the digest of a file that we have just written ourselves."""
        self._known[str(path)] = [_stamp(path), digest]
        self._dirty = True

    def matches(self, path: Path, digest: str) -> bool:
        """Whether the file exists and has this digest."""
        return path.is_file() and self.of(path) == digest

    def save(self) -> None:
        """Write what was learnt, without the files that are gone."""
        if self._dirty:
            alive = {name: entry for name, entry in self._known.items() if Path(name).exists()}
            write_bytes(self._path, orjson.dumps(alive))
            self._dirty = False


def _stamp(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
