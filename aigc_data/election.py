"""From all records to who lives: takedown, the stages' reasons, then one survivor a set of verified duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from aigc_data.recipe import DedupeMeasure, GateParams
from aigc_data.store import parquet
from aigc_data.store.population import Population
from aigc_data.store.workspace import Workspace
from aigc_data.text.dedupe.election import elect
from aigc_data.text.dedupe.sketch import fixed_rows, least_matches

TAKEDOWN, DUPLICATE = "gate:takedown", "gate:duplicate"


@dataclass(frozen=True)
class Verdict:
    """Row-aligned: `reason` ("" for the living), `duplicate_of` (row or -1), `similarity`, `method` ("" for none)."""

    reason: np.ndarray
    duplicate_of: np.ndarray
    similarity: np.ndarray
    method: np.ndarray

    @property
    def living(self) -> np.ndarray:
        """bool[n]."""
        return self.reason == ""

    def counts(self, rows: slice) -> dict[str, int]:
        """How many of the rows have each reason."""
        names, counts = np.unique(self.reason[rows].astype(str), return_counts=True)
        return {str(name): int(count) for name, count in zip(names, counts, strict=True) if name}


def elect_survivors(
    workspace: Workspace,
    people: Population,
    links: pa.Table,
    unlike: pa.Table,
    taken: np.ndarray,
    params: GateParams,
    dedupe: DedupeMeasure,
) -> Verdict:
    """The first reason of each row in stage order, takedown before all; among the rest the best of each duplicate
    set."""
    names = np.array(people.first_reason.names, object)
    reason = names[people.first_reason.codes] if people.count else np.empty(0, object)
    reason[taken] = TAKEDOWN
    duplicate_of = np.full(people.count, -1, np.int64)
    similarity = np.zeros(people.count, np.float32)
    method = np.full(people.count, "", object)
    standing = np.flatnonzero(reason == "")
    # Only a row that shares its cluster with another one that stands can be a duplicate of it.
    shared = np.bincount(people.cluster[standing], minlength=people.count)[people.cluster[standing]] > 1
    rows = standing[shared]
    rows = rows[rank_order(people, rows, params)]
    found = elect(
        people.cluster[rows],
        people.exact[rows],
        np.arange(len(rows)),
        links,
        load_signatures(workspace, people, rows, dedupe.permutations),
        threshold=dedupe.threshold,
        unlike=unlike,
    )
    kept = found["duplicate_of"].to_numpy()
    duplicate_of[rows] = np.where(kept >= 0, rows[kept], -1) if len(rows) else kept
    similarity[rows], method[rows] = (
        found["similarity"].to_numpy(),
        np.asarray(found["method"].to_pylist(), object),
    )
    reason[duplicate_of >= 0] = DUPLICATE
    return Verdict(reason, duplicate_of, similarity, method)


def with_duplicates(
    workspace: Workspace,
    people: Population,
    named: np.ndarray,
    links: pa.Table,
    unlike: pa.Table,
    dedupe: DedupeMeasure,
) -> np.ndarray:
    """Rows (int64) to take down: those named (bool[n]), and what is verified similar to one of them.

    Verified is what the election takes for it: an exact copy, a link, or, inside the cluster, a signature estimate at
    or above the threshold where the two were never compared. Not further: what is only similar to a duplicate of a
    named row stays.
    """
    classes = np.zeros(people.count, bool)
    classes[people.exact[named]] = True
    hit = classes[people.exact]
    if not hit.any():
        return np.empty(0, np.int64)
    # Links join representatives of exact copies: a class of copies is looked at as one.
    ends, apart = (
        [people.exact[people.by_rank[pairs[name].to_numpy().astype(np.int64)]] for name in ("a", "b")]
        for pairs in (links, unlike)
    )
    reached = classes.copy()
    reached[ends[1][classes[ends[0]]]] = True
    reached[ends[0][classes[ends[1]]]] = True
    clusters = np.zeros(people.count, bool)
    clusters[people.cluster[hit]] = True
    near = np.flatnonzero(clusters[people.cluster])
    signatures = load_signatures(workspace, people, near, dedupe.permutations)
    least = least_matches(dedupe.threshold, dedupe.permutations)
    cluster_of = people.cluster[near]
    for i in np.flatnonzero(hit[near]):  # a takedown list is short
        beside = np.flatnonzero(cluster_of == cluster_of[i])
        similar = (signatures[beside] == signatures[i]).sum(axis=1) >= least
        own = people.exact[near[i]]
        known = np.concatenate([apart[1][apart[0] == own], apart[0][apart[1] == own]])
        similar &= ~np.isin(people.exact[near[beside]], known)
        reached[people.exact[near[beside[similar]]]] = True
    return np.flatnonzero(reached[people.exact])


def load_signatures(workspace: Workspace, people: Population, rows: np.ndarray, permutations: int) -> np.ndarray:
    """The sketches (uint8[m, permutations]) of `rows`, read shard by shard."""
    signatures = np.empty((len(rows), permutations), np.uint8)
    for shard, inside in people.slices():
        mine = np.flatnonzero((rows >= inside.start) & (rows < inside.stop))
        if len(mine):
            table = parquet.read(workspace.layer("dedupe") / "sketch" / f"{shard.name}.parquet", ["sig8"])
            signatures[mine] = fixed_rows(table["sig8"], "u1")[rows[mine] - inside.start]
    return signatures


def rank_order(people: Population, rows: np.ndarray, params: GateParams) -> np.ndarray:
    """The permutation that puts the best of `rows` first: licence class, quality score, length, smallest id."""
    place: dict[str, int] = {name: i for i, name in enumerate(params.license_order)}
    ranked = np.array([place.get(name, len(place)) for name in people.license_class.names], np.int64)
    classes = ranked[people.license_class.codes[rows]]
    return np.lexsort((people.rank[rows], -people.chars[rows], -people.score[rows].astype(np.int64), classes))
