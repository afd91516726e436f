"""From Arrow strings to the buffers that kernels read, and back, without copying the bytes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

STRINGS = (pa.string(), pa.large_string(), pa.string_view())


def text_buffers(array: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """(data uint8[], offsets int64[n + 1]) of n strings; row i is `data[offsets[i]:offsets[i + 1]]`.

    Slices, chunks, `string`, `string_view` and dictionaries of strings are accepted; a null is an empty text.
    `offsets[0]` need not be 0. Both arrays are read-only, so that a kernel is compiled for one type of
    argument. Raises TypeError for anything but strings.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    if isinstance(array.type, pa.DictionaryType):
        array = array.dictionary_decode()
    if array.type not in STRINGS:
        raise TypeError(f"expected strings, saw {array.type}")
    if array.type != pa.large_string():
        array = array.cast(pa.large_string())
    if array.null_count:
        # A null may own bytes; filling is the one way to be sure that it does not.
        array = pc.fill_null(array, "")
    _, offsets_buffer, data_buffer = array.buffers()
    data = _view(data_buffer, np.uint8)
    offsets = _view(offsets_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    if len(offsets) == 0:  # Arrow allows an empty array to have no offsets at all
        offsets = np.zeros(1, np.int64)
    for view in (data, offsets):
        view.setflags(write=False)
    return data, offsets


def strings_from(data: np.ndarray, offsets: np.ndarray) -> pa.LargeStringArray:
    """The inverse: large_string over `data` (uint8[], valid UTF-8) and `offsets` (int64[n + 1]), no copy."""
    data, offsets = np.ascontiguousarray(data, np.uint8), np.ascontiguousarray(offsets, np.int64)
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))


def _view(buffer: pa.Buffer | None, kind: type) -> np.ndarray:
    return np.zeros(0, kind) if buffer is None else np.frombuffer(buffer, kind)
