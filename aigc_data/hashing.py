"""Digests: files, canonical JSON, record ids, row digests, seeds.

Everything that is compared between machines goes through this module, so that there is one definition of each digest.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON without white space, keys sorted; equal to `json.dumps(..., ensure_ascii=False, sort_keys=True)`.

    Floats are allowed here (recipes have them); row digests refuse them.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def digest_bytes(data: bytes) -> str:
    """SHA-256 (hex) of bytes."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: str | os.PathLike[str]) -> str:
    """SHA-256 (hex) of a file's bytes, read in blocks."""
    with Path(path).open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record_id(*parts: str | int) -> str:
    """128-bit record id (32 hex digits) of its parts; the parts are length-prefixed, so none can run into the next."""
    h = hashlib.sha256()
    for part in parts:
        raw = str(part).encode("utf-8", "surrogatepass")
        h.update(len(raw).to_bytes(8, "little"))
        h.update(raw)
    return h.hexdigest()[:32]


def row_digests(columns: Sequence[list[Any]]) -> list[bytes]:
    """SHA-256 of each row: of the JSON array of its values in column order, UTF-8, no white space, binary as hex.

    A row is a plain Python loop on purpose: `hashlib` and `orjson` do the work (about 200 MB/s a core), and a
    digest that
    auditors recompute must be definable in one sentence.
    """
    sha, dumps = hashlib.sha256, orjson.dumps
    return [sha(dumps(row, default=_hex)).digest() for row in zip(*columns, strict=True)]


def release_digest(schema: Iterable[tuple[str, str]], rows: int, sorted_digests: Iterable[bytes]) -> str:
    """Release id: SHA-256 over schema (name and type of each column), row count and the sorted row digests."""
    h = hashlib.sha256(canonical_json({"schema": [list(f) for f in schema], "rows": rows}))
    for digest in sorted_digests:
        h.update(digest)
    return h.hexdigest()


def seed_of(*parts: str | int) -> int:
    """A 63-bit seed from the parts (record id, variant, recipe seed): the only source of randomness in the pipeline."""
    return int(record_id(*parts)[:16], 16) >> 1


def _hex(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"a canonical row holds strings, integers, booleans, null and binary; saw {type(value).__name__}")
