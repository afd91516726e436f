"""A record's sketch: what dedupe keeps of a text, some 360 bytes at the default recipe."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

from aigc_data import columns
from aigc_data.kernels import codepoints, minhash
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.arrow import text_buffers
from aigc_data.text.dedupe.bands import plan

#: Bytes in one chunk of a binary column, whose offsets are 32-bit.
CHUNK = 1 << 30


def sketch(texts: pa.Array | pa.ChunkedArray, params: DedupeMeasure) -> pa.Table:
    """Sketch n texts: a table of columns.DEDUPE_SKETCH, row for row; a null is an empty text.

    `exact_hi` and `exact_lo` hash the sequence of folded tokens: two texts are exact copies when they
    differ in nothing but case, width and what stands between tokens. They are no cryptographic hashes.
    `shingles` counts repeated ones too. Raises RecipeError when the recipe's recall is out of reach.
    """
    link, group = plan(params)
    a, b = minhash.permutations(params.permutations, params.seed)
    exact, counts, link_keys, group_keys, sig8 = minhash.sketch_rows(
        *text_buffers(texts), codepoints.tables(params.fold_han), params.ngram, a, b, link[:2], group[:2]
    )
    arrays = [exact[:, 0], exact[:, 1], counts[:, 0], counts[:, 1]]
    arrays += [_binary(matrix) for matrix in (link_keys.astype("<u4"), group_keys.astype("<u4"), sig8)]
    return pa.table(arrays, schema=columns.DEDUPE_SKETCH)


def fixed_rows(column: pa.ChunkedArray, kind: str) -> np.ndarray:
    """A binary column whose values have one length as a matrix of `kind` ("<u4", "u1"), one row a value."""
    parts = [_matrix(chunk, kind) for chunk in column.chunks if len(chunk)]
    if not parts:
        return np.zeros((0, 0), kind)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def exact_representatives(
    exact_hi: np.ndarray, exact_lo: np.ndarray, tokens: np.ndarray, ranks: np.ndarray
) -> np.ndarray:
    """For each of n rows the smallest rank (uint64[n]) among its exact copies; a text without tokens has
    none."""
    ranks = np.asarray(ranks, np.uint64)
    order = np.argsort(exact_hi)
    if not _halves_agree(exact_hi[order], exact_lo[order]):
        order = np.lexsort((exact_lo, exact_hi))  # three times as slow
    high, low = exact_hi[order], exact_lo[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    smallest = np.minimum.reduceat(ranks[order], np.flatnonzero(first)) if len(order) else ranks
    out = np.empty(len(order), np.uint64)
    out[order] = smallest[np.cumsum(first) - 1]
    return np.where(tokens > 0, out, ranks)


def estimate(matches: np.ndarray, permutations: int) -> np.ndarray:
    """Jaccard similarity (float64) estimated from how many 8-bit values agree, freed of chance agreement
    (1/256)."""
    return np.clip((matches / permutations - 1 / 256) * (256 / 255), 0, 1)


def least_matches(similarity: float, permutations: int) -> int:
    """The smallest number of agreeing values whose estimate is `similarity` or more."""
    return math.ceil(permutations * (similarity * 255 / 256 + 1 / 256) - 1e-9)


def _halves_agree(high: np.ndarray, low: np.ndarray) -> bool:
    """Whether equal neighbours in `high` (sorted) are equal in `low`, as they are unless 64 bits collide."""
    return not np.any((high[1:] == high[:-1]) & (low[1:] != low[:-1]))


def _matrix(chunk: pa.Array, kind: str) -> np.ndarray:
    _, offsets_buffer, data = chunk.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
    values = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    return values.view(kind).reshape(len(chunk), -1)


def _binary(matrix: np.ndarray) -> pa.ChunkedArray:
    matrix = np.ascontiguousarray(matrix)
    width = matrix.shape[1] * matrix.itemsize
    step = max(1, CHUNK // max(width, 1))
    chunks = []
    for start in range(0, len(matrix), step):
        rows = matrix[start : start + step]
        offsets = np.arange(len(rows) + 1, dtype=np.int32) * np.int32(width)
        chunks.append(
            pa.BinaryArray.from_buffers(pa.binary(), len(rows), [None, pa.py_buffer(offsets), pa.py_buffer(rows)])
        )
    return pa.chunked_array(chunks, pa.binary())
