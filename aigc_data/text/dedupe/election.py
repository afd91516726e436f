"""Which of several near-duplicates stays: the gate's election, and the same over a table in memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.errors import UsageError
from aigc_data.kernels.election import elect_in_order
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe.pairs import asks_for_text, pairs, resolve, shingle_sets, verify
from aigc_data.text.dedupe.sketch import estimate, fixed_rows, least_matches, sketch

#: Kept rows of its cluster, best first, that a row without a link is compared with.
CAP = 1000

ELECTION = pa.schema(
    [
        pa.field("duplicate_of", pa.int64(), nullable=False),  # index of the row that stays, -1 for a row that stays
        pa.field("similarity", pa.float32(), nullable=False),  # to that row, 0 for none
        pa.field("method", pa.string(), nullable=False),  # "exact" | "jaccard" | "estimate", "" for none
    ]
)


def elect(
    cluster: np.ndarray, exact: np.ndarray, order: np.ndarray, links: pa.Table, sig8: np.ndarray,
    *, threshold: float, unlike: pa.Table | None = None, cap: int = CAP,
) -> pa.Table:  # fmt: skip
    """Elect among n living rows: a table of ELECTION, row for row.

    `cluster` and `exact` (integers[n]) are ranks as `resolve` gives them; `order` (integers[n], all
    different) says who is better (smaller); `sig8` (uint8[n, K]) are the rows' signatures. `links`
    (columns.DEDUPE_LINKS) names ranks of `exact`: a link between two such holds for all their copies. `unlike`
    (the same) are pairs that were compared and fall short. Rows that are alone in their cluster stay, and may be
    left out. Per cluster, exact copies are collapsed
    first: the best stands for all, and they share its verdict. Then, best first, a row goes if and only if
    it is verified similar to a row already kept: by a link; without any, by a signature estimate at or
    above `threshold` to one of the best `cap` kept rows with which it was not compared. Inputs are rows that
    passed everything else, so no cluster loses its last row to a copy that fails another rule.
    """
    n = len(cluster)
    classes, of_class = np.unique(np.asarray(exact, np.int64), return_inverse=True)
    by_class = np.lexsort((order, of_class))
    standing = by_class[np.flatnonzero(np.diff(of_class[by_class], prepend=-1))]  # row, per class
    # Candidates: one row a class, clusters side by side, best first.
    numbered = np.lexsort((np.asarray(order)[standing], np.asarray(cluster)[standing]))
    rows = standing[numbered]
    candidate_of_class = np.empty(len(classes), np.int64)
    candidate_of_class[numbered] = np.arange(len(classes))
    starts = np.append(np.flatnonzero(np.diff(np.asarray(cluster, np.int64)[rows], prepend=-1)), len(rows))
    neighbours, weights, methods, neighbour_starts = _adjacency(
        links if unlike is None else _with_unlike(links, unlike), classes, candidate_of_class
    )
    kept_by, edge, strength = elect_in_order(
        starts,
        neighbours,
        weights,
        neighbour_starts,
        sig8[rows],
        least_matches(threshold, sig8.shape[1]),
        cap,
    )
    guessed = (kept_by >= 0) & (edge < 0)
    strength[guessed] = estimate(strength[guessed], sig8.shape[1])
    method = np.full(len(rows), "", object)
    method[guessed] = "estimate"
    method[edge >= 0] = methods[edge[edge >= 0]]
    # Back to rows: all copies of a class that goes have its verdict; of one that stays, they repeat the row
    # that stands.
    mine = candidate_of_class[of_class]
    goes = kept_by[mine] >= 0
    copy = ~goes & (rows[mine] != np.arange(n))
    duplicate_of = np.where(goes, rows[kept_by[mine]], np.where(copy, rows[mine], -1))
    similarity = np.where(copy, 1.0, strength[mine]).astype(np.float32)
    return pa.table(
        [duplicate_of, similarity, pa.array(np.where(copy, "exact", method[mine]), pa.string())],
        schema=ELECTION,
    )


def compare(texts: pa.Array | pa.ChunkedArray, ids: pa.Array | pa.ChunkedArray, params: DedupeMeasure) -> pa.Table:
    """De-duplicate a table in memory: `cluster`, `group`, `duplicate_of` and `similarity`, row for row.

    The first three are ids; `duplicate_of` is "" for a row that stays. Licence and quality are tied: the
    longest text (code points) of several near-duplicates stays, then the smallest id. Raises UsageError when
    an id is null or occurs twice.
    """
    ids = pc.cast(ids, pa.string())
    if ids.null_count or pc.count_distinct(ids).as_py() != len(ids):
        raise UsageError(
            "an id is null or occurs twice",
            expected="an id of its own for each row",
            do="name another id field",
        )
    by_id = pc.array_sort_indices(ids).to_numpy()
    ranks = np.empty(len(ids), np.uint64)
    ranks[by_id] = np.arange(len(ids), dtype=np.uint64)
    sketches = sketch(texts, params)
    candidates = pairs(sketches, ranks, params)
    left, right = (by_id[candidates[name].to_numpy()] for name in ("a", "b"))
    # Only texts that a candidate asks for are boiled down: of a million copies of one text that is none.
    asked = asks_for_text(candidates)
    rows = np.unique(np.concatenate([left[asked], right[asked]]))
    short = sketches["tokens"].to_numpy()[rows] <= params.ngram
    left, right = (np.searchsorted(rows, side) for side in (left, right))
    links, unlike = verify(candidates, shingle_sets(texts.take(pa.array(rows)), params), short, left, right, params)
    parts = {
        name: ranked.to_numpy()[ranks]
        for name, ranked in zip(
            ("cluster", "group", "exact"), resolve(links, candidates, len(ids), params).columns, strict=True
        )
    }
    length = pc.fill_null(pc.utf8_length(texts), 0).to_numpy()
    order = np.empty(len(ids), np.int64)
    order[np.lexsort((ranks, -length))] = np.arange(len(ids))
    sig8 = fixed_rows(sketches["sig8"], "u1") if len(ids) else np.zeros((0, params.permutations), np.uint8)
    elected = elect(parts["cluster"], parts["exact"], order, links, sig8, threshold=params.threshold, unlike=unlike)
    named = {name: ids.take(pa.array(by_id[parts[name].astype(np.int64)])) for name in ("cluster", "group")}
    kept = elected["duplicate_of"]
    repeats = ids.take(pc.if_else(pc.less(kept, 0), pa.scalar(None, pa.int64()), kept))
    return pa.table({**named, "duplicate_of": pc.fill_null(repeats, ""), "similarity": elected["similarity"]})


def _with_unlike(links: pa.Table, unlike: pa.Table) -> pa.Table:
    """Both, the second with a similarity below 0, as the kernel takes them."""
    below = pa.array(np.full(len(unlike), -1, np.float32))
    return pa.concat_tables([links, unlike.set_column(2, unlike.schema.field(2), below)])


def _adjacency(
    links: pa.Table, classes: np.ndarray, candidate_of_class: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Each link under its worse candidate: (better candidates, similarities, methods, starts)."""
    ends = [links[name].to_numpy().astype(np.int64) for name in ("a", "b")]
    if not len(classes):
        ends = [e[:0] for e in ends]
    places = [np.minimum(np.searchsorted(classes, e), max(len(classes) - 1, 0)) for e in ends]
    living = np.ones(len(ends[0]), np.bool_)
    for end, place in zip(ends, places, strict=True):
        living &= classes[place] == end
    a, b = (candidate_of_class[place[living]] for place in places)
    worse, better = np.maximum(a, b), np.minimum(a, b)
    used = np.flatnonzero(living)[worse != better]
    worse, better = worse[worse != better], better[worse != better]
    by_worse = np.argsort(worse, kind="stable")
    chosen = used[by_worse]
    similarities = links["similarity"].to_numpy()[chosen].astype(np.float64)
    methods = links["method"].to_numpy()[chosen]
    return (
        better[by_worse],
        similarities,
        methods,
        np.searchsorted(worse[by_worse], np.arange(len(classes) + 1)),
    )
