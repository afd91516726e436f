"""What is compared with what: base shards, shards of earlier releases, and the planted sample, as one row of parts.

Every record has a rank. The records of the corpus come first, in the order of their ids, so that nothing depends on
how they lie in shards; then those of earlier releases, then the planted copies, each in their own order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from aigc_data.ids import order_of, to_numbers
from aigc_data.store import parquet, stack
from aigc_data.store.workspace import Shard, Workspace


@dataclass(frozen=True)
class BaseTexts:
    """The texts of a base shard, as clean left them."""

    workspace: Workspace
    shard: Shard

    def read(self, rows: np.ndarray | None = None) -> pa.ChunkedArray:
        """`clean.text`, of all rows or of some (int64[], ascending)."""
        return stack.read_rows(self.workspace, self.shard, ("clean.text",), rows)["clean.text"]


@dataclass(frozen=True)
class ReleaseTexts:
    """The texts of a shard of a release."""

    path: Path

    def read(self, rows: np.ndarray | None = None) -> pa.ChunkedArray:
        """`text`, of all rows or of some (int64[], ascending)."""
        return parquet.read(self.path, ["text"], rows)["text"]


@dataclass(frozen=True)
class Part:
    """Records that lie together. `sketch` is a Parquet file of columns.DEDUPE_SKETCH, row for row; `texts` is None
    where nobody will ask for them."""

    name: str
    rows: int
    sketch: Path
    texts: BaseTexts | ReleaseTexts | None = None


@dataclass(frozen=True)
class Numbering:
    """The ranks of the corpus: 16 + 4 + 4 bytes a record on the driver."""

    ids: np.ndarray  # uint64[n, 2], by rank
    rank: np.ndarray  # uint32[n], by place: the order in which shards and their rows lie
    row: np.ndarray  # uint32[n]: the place of each rank

    @classmethod
    def of(cls, ids: Sequence[np.ndarray]) -> Numbering:
        """From the ids (uint64[., 2]) of each shard."""
        joined = np.concatenate([np.empty((0, 2), np.uint64), *ids])
        row = order_of(joined).astype(np.uint32)
        rank = np.empty(len(joined), np.uint32)
        rank[row] = np.arange(len(joined), dtype=np.uint32)
        return cls(joined[row], rank, row)

    @property
    def count(self) -> int:
        """Records of the corpus."""
        return len(self.rank)


def number(workspace: Workspace) -> Numbering:
    """The ranks of a workspace's base."""
    return Numbering.of(
        [to_numbers(parquet.read(workspace.base_file(s.name), ["id"])["id"]) for s in workspace.shards()]
    )


def starts_of(parts: Sequence[Part]) -> np.ndarray:
    """int64[parts + 1]: the place of each part's first record, and of the end."""
    return np.concatenate([[0], np.cumsum([p.rows for p in parts], dtype=np.int64)]).astype(np.int64)
