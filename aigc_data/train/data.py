"""Tokens on disk, and the order in which a run eats them.

The order is a function of (seed, epoch, record ids): not of shards, workers or what was read before. A batch is
therefore found from its step alone, and a run resumes exactly by knowing its step.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from aigc_data.errors import IntegrityError, TrainError
from aigc_data.train.release import Document
from aigc_data.train.tokenizer import document_key, encode, end_of_text, token_dtype

BATCH_CHARACTERS = 1 << 20


@dataclass(frozen=True)
class Tokens:
    """The train split as ids, memory-mapped: document `i` is `ids[starts[i]:starts[i + 1]]`, end-of-text included."""

    ids: np.ndarray
    starts: np.ndarray  # int64[documents + 1]
    keys: np.ndarray  # uint64[documents]
    text_bytes: int


def load_tokens(
    documents: Callable[[], Iterable[Document]],
    tokenizer: Tokenizer,
    folder: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> Tokens:
    """The token cache in `folder`, which is named after release and tokenizer; written first where it is not there.

    `documents` is called only then. Files are written under temporary names and `index.json`, which carries their
    digests, last. Raises IntegrityError when a cached file is not what the index promises.
    """
    if not (folder / "index.json").is_file():
        _write_tokens(documents(), tokenizer, folder, progress=progress)
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    for name, expected in index["sha256"].items():
        with (folder / name).open("rb") as file:
            seen = hashlib.file_digest(file, "sha256").hexdigest()
        if seen != expected:
            raise IntegrityError(
                f"token cache {folder / name} has SHA-256 {seen}", expected=expected, do="delete that folder"
            )
    table = np.load(folder / "documents.npy", allow_pickle=False)
    starts = np.concatenate([[0], np.cumsum(table["tokens"])]).astype(np.int64)
    if int(starts[-1]) == 0:
        raise TrainError(
            "the release's train split has no documents",
            expected="at least one",
            do="look at the gate's funnel",
        )
    ids = np.memmap(folder / "ids.bin", dtype=index["dtype"], mode="r")
    return Tokens(ids, starts, table["key"], int(index["text_bytes"]))


def _write_tokens(
    documents: Iterable[Document],
    tokenizer: Tokenizer,
    folder: Path,
    *,
    progress: Callable[[int], None] | None,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    dtype, eot = token_dtype(tokenizer), end_of_text(tokenizer)
    keys: list[int] = []
    counts: list[int] = []
    text_bytes = 0
    # The process id keeps two runs that share a cache out of each other's half-written files.
    parts = {name: folder / f"{name}.{os.getpid()}.tmp" for name in ("ids.bin", "documents.npy", "index.json")}
    with parts["ids.bin"].open("wb") as file:
        for batch in _batches(documents):
            for document, ids in zip(batch, encode(tokenizer, [d.text for d in batch]), strict=True):
                file.write(ids.tobytes())
                file.write(np.array([eot], dtype=dtype).tobytes())
                keys.append(document_key(document.id))
                counts.append(len(ids) + 1)
                text_bytes += len(document.text.encode())
            if progress:
                progress(len(keys))
    table = np.empty(len(keys), dtype=[("key", "<u8"), ("tokens", "<i8")])
    table["key"], table["tokens"] = keys, counts
    with parts["documents.npy"].open("wb") as file:
        np.save(file, table, allow_pickle=False)
    digests = {}
    for name in ("ids.bin", "documents.npy"):
        with parts[name].open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        parts[name].replace(folder / name)
    index = {"dtype": dtype.name, "documents": len(keys), "text_bytes": text_bytes, "sha256": digests}
    parts["index.json"].write_text(json.dumps(index, indent=1), encoding="utf-8")
    parts["index.json"].replace(folder / "index.json")


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Documents in lists of about a million characters: enough for the encoder's threads, little in memory."""
    batch: list[Document] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document.text)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class Packed:
    """Sequences of `context + 1` ids cut from documents strung together, documents and sequences shuffled anew each
    epoch.

    An epoch is `per_epoch` sequences: its documents in an order of their own, cut every `context` ids; the
    remainder at the end (less than one sequence) waits for another epoch's order. Sequences run over document ends,
    which the model sees as end-of-text. Raises TrainError when the split is shorter than one sequence.
    """

    def __init__(self, tokens: Tokens, *, context: int, seed: int):
        self._tokens, self._context, self._seed = tokens, context, seed
        total = int(tokens.starts[-1])
        self.per_epoch = (total - 1) // context
        if self.per_epoch < 1:
            raise TrainError(
                f"the release's train split has {total} tokens",
                expected=f"at least {context + 1}, one sequence",
                do="lower train.context, or release more text",
            )
        self._epoch = -1
        self._order = self._ends = self._windows = np.empty(0, dtype=np.int64)

    def position(self, sequence: int) -> tuple[int, int]:
        """(epoch, position in it) of the run's `sequence`-th sequence."""
        return divmod(sequence, self.per_epoch)

    def batch(self, step: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of a step: two int64 arrays of shape (size, context), the second one id further on."""
        rows = np.stack([self._sequence(step * size + i) for i in range(size)]).astype(np.int64)
        return rows[:, :-1], rows[:, 1:]

    def _sequence(self, number: int) -> np.ndarray:
        epoch, position = self.position(number)
        if epoch != self._epoch:
            self._start_epoch(epoch)
        at = int(self._windows[position]) * self._context
        left = self._context + 1
        slot = int(np.searchsorted(self._ends, at, side="right"))
        pieces = []
        while left:
            document = self._order[slot]
            stop = int(self._tokens.starts[document + 1])
            start = stop - (int(self._ends[slot]) - at)
            piece = self._tokens.ids[start : min(stop, start + left)]
            pieces.append(piece)
            at, left, slot = at + len(piece), left - len(piece), slot + 1
        return np.concatenate(pieces)

    def _start_epoch(self, epoch: int) -> None:
        lengths = np.diff(self._tokens.starts)
        salt = mix(np.array([(self._seed + epoch * 0x9E3779B97F4A7C15) % 2**64], dtype=np.uint64))
        # Keys first and lengths second: were two keys alike, the order would still not depend on the file.
        self._order = np.lexsort((lengths, mix(self._tokens.keys ^ salt)))
        self._ends = np.cumsum(lengths[self._order])
        self._windows = np.argsort(mix(np.arange(self.per_epoch, dtype=np.uint64) ^ ~salt), kind="stable")
        self._epoch = epoch


def mix(values: np.ndarray) -> np.ndarray:
    """splitmix64's finaliser over uint64 (Steele et al. 2014): our own, because NumPy's generators may change between
    versions.
    """
    v = values.astype(np.uint64)
    v = (v ^ (v >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    v = (v ^ (v >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return v ^ (v >> np.uint64(31))


def by_key(documents: Iterable[Document]) -> list[Document]:
    """Documents in the order of their hashed ids: shuffled once and for all, whatever the shards."""
    return sorted(chain(documents), key=lambda d: (document_key(d.id), d.id))
