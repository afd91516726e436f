"""All records of a workspace as columns of numbers, for the decisions that need to see every row at once.

No text and no string a row: ids are two words, everything named is an index into its names. About a hundred bytes
a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.columns import DEDUPE_LINKS, LINKS
from aigc_data.errors import IntegrityError
from aigc_data.ids import order_of, to_numbers
from aigc_data.store import parquet, stack
from aigc_data.store.workspace import Shard, Workspace

#: The layers whose reasons gate reads, in the order in which a row's first reason is sought.
JUDGED = ("clean", "dedupe", "pii", "license", "quality", "safety")


@dataclass(frozen=True)
class Named:
    """A column of names: `codes[i]` is the index of row i's name in `names`."""

    names: list[str]
    codes: np.ndarray

    def of(self, rows: np.ndarray) -> dict[str, int]:
        """How many of the rows have each name."""
        counts = np.bincount(self.codes[rows], minlength=len(self.names))
        return {name: int(count) for name, count in zip(self.names, counts, strict=True) if count}


@dataclass(frozen=True)
class Population:
    """Row-aligned arrays over all shards in shard order; `rank` numbers the records by id."""

    shards: tuple[Shard, ...]
    ids: np.ndarray  # uint64[n, 2]
    by_rank: np.ndarray  # row of each rank, int64[n]
    rank: np.ndarray  # int64[n]
    first_reason: Named  # names[0] is "" for none
    license_class: Named
    lang: Named
    second_lang: Named  # langdetect's opinion on the sample, "" elsewhere
    source: Named
    score: np.ndarray  # int16[n]
    chars: np.ndarray  # int64[n]
    tokens: np.ndarray  # int64[n]
    cluster: np.ndarray  # rank of the cluster's smallest id, int64[n]
    group: np.ndarray  # likewise
    exact: np.ndarray  # likewise

    @property
    def count(self) -> int:
        """Number of records."""
        return len(self.rank)

    def slices(self) -> Iterable[tuple[Shard, slice]]:
        """Each shard with its rows."""
        start = 0
        for shard in self.shards:
            yield shard, slice(start, start + shard.rows)
            start += shard.rows

    def rank_of(self, ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """The rank of each id; raises IntegrityError for an id that no record has."""
        return find_ranks(self.ids[self.by_rank], to_numbers(ids))


def find_ranks(ordered: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Positions (int64) of `wanted` in `ordered`, both uint64[., 2] ids, `ordered` ascending and without repeats."""
    joined = np.concatenate([ordered, wanted])
    # lexsort is stable: an id that is known sorts right behind its place in `ordered`.
    order = np.lexsort((joined[:, 1], joined[:, 0]))
    known = order < len(ordered)
    place = np.cumsum(known) - 1
    found = np.empty(len(joined), np.int64)
    found[order] = place
    found = found[len(ordered) :]
    if len(wanted) and ((found < 0).any() or (ordered[found] != wanted).any()):
        raise IntegrityError("a layer names an id that no base row has", do="run `aigc-data stage dedupe`")
    return found


def load_population(workspace: Workspace) -> Population:
    """Read the columns of every shard; raises IntegrityError when a layer does not belong to its base shard."""
    shards = tuple(workspace.shards())
    names = (
        "id",
        "source",
        "clean.lang",
        "clean.lang_second",
        "license.license_class",
        "quality.score",
        "quality.chars",
        "dedupe.tokens_left",
        "dedupe.cluster",
        "dedupe.group",
        "dedupe.exact",
    )
    tables = [stack.read_rows(workspace, shard, names) for shard in shards]
    ids = np.concatenate([np.empty((0, 2), np.uint64), *(to_numbers(t["id"]) for t in tables)])
    by_rank = order_of(ids)
    rank = np.empty(len(ids), np.int64)
    rank[by_rank] = np.arange(len(ids))
    ordered = ids[by_rank]

    def ranks(name: str) -> np.ndarray:
        return find_ranks(
            ordered, np.concatenate([np.empty((0, 2), np.uint64), *(to_numbers(t[name]) for t in tables)])
        )

    def numbers(name: str, kind: type) -> np.ndarray:
        return np.concatenate([np.empty(0, kind), *(t[name].to_numpy() for t in tables)]).astype(kind)

    return Population(
        shards,
        ids,
        by_rank,
        rank,
        _first_reasons(workspace, shards),
        named([t["license.license_class"] for t in tables]),
        named([t["clean.lang"] for t in tables]),
        named([t["clean.lang_second"] for t in tables]),
        named([t["source"] for t in tables]),
        numbers("quality.score", np.int16),
        numbers("quality.chars", np.int64),
        numbers("dedupe.tokens_left", np.int64),
        ranks("dedupe.cluster"),
        ranks("dedupe.group"),
        ranks("dedupe.exact"),
    )


def named(columns: Sequence[pa.ChunkedArray]) -> Named:
    """String columns as indices into their sorted distinct values."""
    chunks = [c.cast(pa.string()) for column in columns for c in column.chunks]
    joined = pa.chunked_array(chunks, pa.string())
    names = sorted(pc.unique(joined).to_pylist())
    codes = pc.index_in(joined, pa.array(names, pa.string()))
    return Named(names, codes.to_numpy().astype(np.int32) if len(joined) else np.empty(0, np.int32))


def _first_reasons(workspace: Workspace, shards: Sequence[Shard]) -> Named:
    columns = []
    for shard in shards:
        reasons = stack.read_rows(workspace, shard, [f"{stage}.reason" for stage in JUDGED])
        columns.append(pc.fill_null(pc.coalesce(*reasons.columns), "") if shard.rows else reasons.column(0))
    return named(columns)


def load_links(workspace: Workspace, people: Population, kind: str = "links") -> pa.Table:
    """Pairs that were compared, as columns.DEDUPE_LINKS: ranks a < b, similarity, method. `kind` is "links" for those
    at or above the threshold, "unlike" for those below."""
    tables = [parquet.read(p) for p in sorted((workspace.layer("dedupe") / kind).glob("*.parquet"))]
    links = pa.concat_tables([LINKS.empty_table(), *tables])
    a, b = (people.rank_of(links[name]).astype(np.uint64) for name in ("a", "b"))
    return pa.table([a, b, links["similarity"], links["method"]], schema=DEDUPE_LINKS)
