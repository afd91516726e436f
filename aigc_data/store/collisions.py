"""Rows of one id: who stays. Only records with a key of their own can collide; all other ids are unique by
construction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.hashing import digest_of
from aigc_data.ids import repeated, to_numbers
from aigc_data.store import parquet

#: id → locator of the one row to keep, or None when every row of the id is refused.
Collisions = Mapping[str, str | None]

#: What a row says beside its key and its content.
FIELDS = ("url", "license_declared", "rights", "created", "meta")


def find_collisions(base: Iterable[Path], quarantine: Iterable[Path]) -> dict[str, str | None]:
    """The ids that several rows have, over base files and over the rows refused for it before.

    Same id and same content: the row whose other fields have the smallest digest stays, so that the order of the
    input does
    not decide. Same id and different contents: none stays.
    """
    base, quarantine = sorted(base), sorted(quarantine)
    ids = [parquet.read(p, ["id"])["id"] for p in base] + [
        parquet.read(p, ["id"])["id"].drop_null() for p in quarantine
    ]
    twice = repeated(np.concatenate([np.empty((0, 2), np.uint64), *(to_numbers(column) for column in ids)]))
    if not twice:
        return {}
    wanted = pa.array(sorted(twice))
    rows: dict[str, list[tuple[str, str, str]]] = {id_: [] for id_ in twice}
    for path in base:
        table = parquet.read(path, ["id", "sha256", "locator", *FIELDS])
        for row in table.filter(pc.is_in(table["id"], wanted)).to_pylist():
            rows[row["id"]].append((row["sha256"], _fields_of(row), row["locator"]))
    for path in quarantine:
        table = parquet.read(path, ["id", "sha256", "fields", "position"])
        for row in table.filter(pc.is_in(table["id"], wanted)).to_pylist():
            rows[row["id"]].append((row["sha256"], row["fields"], row["position"]))
    return {id_: _who_stays(seen) for id_, seen in sorted(rows.items())}


def _who_stays(rows: list[tuple[str, str, str]]) -> str | None:
    if len({digest for digest, _, _ in rows}) > 1:
        return None
    return min((fields, locator) for _, fields, locator in rows)[1]


@lru_cache(maxsize=4096)
def fields_digest(*fields: str | None) -> str:
    """Digest of what a row says beside its key and its content: the values of FIELDS in their order."""
    return digest_of(list(fields))


def _fields_of(row: Mapping[str, Any]) -> str:
    return fields_digest(*(row[name] for name in FIELDS))


def refuse(rows: pa.Table, collisions: Collisions) -> tuple[pa.Table, list[dict[str, Any]]]:
    """Split base rows into those that stay and quarantine rows for those that do not (`file` is left to the caller)."""
    if not collisions:
        return rows, []
    hit = pc.is_in(rows["id"], pa.array(sorted(collisions)))
    keep, refused = np.ones(rows.num_rows, bool), []
    for i in np.flatnonzero(hit.to_numpy()):
        row = rows.slice(i, 1).to_pylist()[0]
        chosen = collisions[row["id"]]
        if chosen == row["locator"]:
            continue
        keep[i] = False
        refused.append(
            {
                "position": row["locator"],
                "reason": "key-conflict" if chosen is None else "key-copy",
                "detail": "the key stands for different contents"
                if chosen is None
                else "key and content were read before",
                "id": row["id"],
                "sha256": row["sha256"],
                "fields": _fields_of(row),
            }
        )
    return rows.filter(pa.array(keep)), refused
