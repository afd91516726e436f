"""Bits per byte of held-out documents: comparable between tokenizers and languages, because bytes are nobody's
choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from tokenizers import Tokenizer
from torch import Tensor

from aigc_data.train.model import Model
from aigc_data.train.release import Document
from aigc_data.train.tokenizer import encode, end_of_text

METHOD = (
    "every UTF-8 byte of every document once; each document by itself, after an end-of-text token; windows of "
    "`context` tokens that overlap by half, of which only tokens not scored before count, so that all but a document's "
    "first half window are predicted from at least half a window; end-of-text is not scored; float32; "
    "sum of nats / ln 2 / bytes (an upper bound: one segmentation into tokens is scored)"
)
#: Logits held at once: 64 Mi float32 are 256 MiB.
LOGITS = 1 << 26
CHUNK_DOCUMENTS = 256


@dataclass
class Score:
    """What one language, or all, came to."""

    documents: int = 0
    bytes: int = 0
    tokens: int = 0
    nats: list[float] = field(default_factory=list, repr=False)

    def add(self, *, size: int, tokens: int, nats: float) -> None:
        """Count one document."""
        self.documents, self.bytes, self.tokens = self.documents + 1, self.bytes + size, self.tokens + tokens
        self.nats.append(nats)

    @property
    def bits_per_byte(self) -> float | None:
        """Bits per UTF-8 byte; None where there is no byte."""
        return math.fsum(self.nats) / math.log(2) / self.bytes if self.bytes else None

    def as_dict(self) -> dict[str, Any]:
        """The figures for a record."""
        return {
            "bits_per_byte": self.bits_per_byte,
            "documents": self.documents,
            "bytes": self.bytes,
            "tokens": self.tokens,
        }


@dataclass
class Evaluation:
    """Scores of all documents and of each language among them."""

    overall: Score
    languages: dict[str, Score]

    def as_dict(self) -> dict[str, Any]:
        """The figures for a record, languages sorted by name."""
        return {
            **self.overall.as_dict(),
            "languages": {k: v.as_dict() for k, v in sorted(self.languages.items())},
        }


def evaluate(
    model: Model,
    tokenizer: Tokenizer,
    documents: Sequence[Document],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Bits per byte of `documents`, overall and per language, by METHOD. `progress(done, total)` counts documents."""
    device = model.embedding.device
    result = Evaluation(Score(), {})
    was_training = model.training
    model.eval()
    for at in range(0, len(documents), CHUNK_DOCUMENTS):
        chunk = documents[at : at + CHUNK_DOCUMENTS]
        ids = encode(tokenizer, [d.text for d in chunk])
        nats = _nats(model, ids, eot=end_of_text(tokenizer), device=device)
        for document, tokens, total in zip(chunk, ids, nats, strict=True):
            size = len(document.text.encode())
            for score in (result.overall, result.languages.setdefault(document.lang, Score())):
                score.add(size=size, tokens=len(tokens), nats=total)
        if progress:
            progress(at + len(chunk), len(documents))
    model.train(was_training)
    return result


def windows(length: int, context: int) -> Iterator[tuple[int, int, int]]:
    """(start, end, first scored) of the windows over `length` predictions: each is scored in exactly one."""
    scored = 0
    step = max(1, context // 2)
    for start in range(0, max(length, 1), step):
        end = min(start + context, length)
        if end > scored:
            yield start, end, scored
            scored = end
        if end == length:
            return


@torch.inference_mode()
def _nats(model: Model, documents: Sequence[np.ndarray], *, eot: int, device: torch.device) -> list[float]:
    """Negative log likelihood of each document's tokens."""
    context = model.config.context
    cuts = [(n, *w) for n, ids in enumerate(documents) for w in windows(len(ids), context)]
    cuts.sort(key=lambda c: (c[2] - c[1], c))  # windows alike in length share a batch: little padding
    size = max(1, LOGITS // (context * model.vocabulary))
    sums: list[list[float]] = [[] for _ in documents]
    for at in range(0, len(cuts), size):
        batch = cuts[at : at + size]
        longest = max(end - start for _, start, end, _ in batch)
        inputs = np.full((len(batch), longest), eot, dtype=np.int64)
        targets = np.full((len(batch), longest), -100, dtype=np.int64)
        for row, (n, start, end, scored) in enumerate(batch):
            ids = documents[n]
            inputs[row, 1 if start == 0 else 0 : end - start] = ids[max(start - 1, 0) : end - 1]
            targets[row, scored - start : end - start] = ids[scored:end]
        losses = token_losses(model, torch.from_numpy(inputs).to(device), torch.from_numpy(targets).to(device))
        for row, total in enumerate(losses.double().sum(dim=1).tolist()):
            sums[batch[row][0]].append(total)
    return [math.fsum(s) for s in sums]


def token_losses(model: Model, inputs: Tensor, targets: Tensor) -> Tensor:
    """Nats of each target, (batch, time) float32; 0 where the target is -100."""
    logits = model(inputs).float()
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="none").view(
        targets.shape
    )
