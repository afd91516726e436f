"""Record ids as numbers: 32 hex digits ↔ two uint64, without a Python object a row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from aigc_data.errors import IntegrityError

_NIBBLE = np.full(256, 255, np.uint8)
_NIBBLE[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_DIGITS = 32


def to_numbers(ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Hex ids as uint64[n, 2], big end first, so that rows compare as the hex strings do; raises IntegrityError."""
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks() if ids.num_chunks != 1 else ids.chunk(0)
    ids = ids.cast(pa.large_string())
    if not len(ids):
        return np.empty((0, 2), np.uint64)
    offsets = np.frombuffer(ids.buffers()[1], np.int64)[ids.offset : ids.offset + len(ids) + 1]
    if ids.null_count or not (np.diff(offsets) == _DIGITS).all():
        raise IntegrityError("a record id is not 32 hex digits", do="run the ingest stage again")
    digits = _NIBBLE[np.frombuffer(ids.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]]
    if (digits == 255).any():
        raise IntegrityError("a record id holds a character that is no hex digit", do="run the ingest stage again")
    raw = (digits[0::2] << 4) | digits[1::2]
    return raw.reshape(-1, 16).view(">u8").astype(np.uint64)


def to_hex(numbers: np.ndarray) -> pa.Array:
    """uint64[n, 2] as an array of 32 hex digits."""
    raw = np.ascontiguousarray(numbers.astype(">u8")).view(np.uint8).reshape(-1)
    digits = np.empty(raw.size * 2, np.uint8)
    digits[0::2], digits[1::2] = _HEX[raw >> 4], _HEX[raw & 15]
    offsets = np.arange(0, digits.size + 1, _DIGITS, dtype=np.int64)
    return pa.LargeStringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(digits)).cast(pa.string())


def order_of(numbers: np.ndarray) -> np.ndarray:
    """The permutation that sorts uint64[n, 2] ids as their hex strings sort."""
    return np.lexsort((numbers[:, 1], numbers[:, 0]))


def ranks_of(numbers: np.ndarray) -> np.ndarray:
    """The rank of each id among all (int64); equal ids would get different ranks, and ingest leaves none."""
    ranks = np.empty(len(numbers), np.int64)
    ranks[order_of(numbers)] = np.arange(len(numbers))
    return ranks


def repeated(numbers: np.ndarray) -> set[str]:
    """The ids (hex) that occur more than once."""
    ordered = numbers[order_of(numbers)]
    same = (ordered[1:] == ordered[:-1]).all(axis=1) if len(ordered) > 1 else np.zeros(0, bool)
    return set(to_hex(ordered[1:][same]).to_pylist())
