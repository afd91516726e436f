"""Links between records of one meaning, from embeddings that a model on disk makes or the sources carry.

torch is imported inside: only a recipe that asks for embeddings needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from aigc_data.dedupe.index import Track
from aigc_data.dedupe.parts import BaseTexts, Numbering, Part
from aigc_data.dedupe.verification import SEMANTIC, Verdicts
from aigc_data.errors import StageError
from aigc_data.recipe import Semantic
from aigc_data.store import stack


@dataclass(frozen=True)
class _EmbedJob:
    texts: BaseTexts
    params: Semantic
    model: Path | None
    to: Path


def semantic_links(
    folder: Path, root: Path, parts: Sequence[Part], numbering: Numbering, params: Semantic, track: Track
) -> Verdicts:
    """Links of method "semantic" between ranks of the corpus; `root` is where the model's path starts."""
    from aigc_data.text.semantic import semantic_pairs

    model = root / params.model if params.model else None
    jobs = [
        _EmbedJob(p.texts, params, model, folder / f"embeddings-{i:06d}.npy")
        for i, p in enumerate(parts)
        if isinstance(p.texts, BaseTexts) and p.rows
    ]
    files = list(track("dedupe: embed", _embed, jobs))
    if not files:
        return Verdicts.joined([])
    vectors = [np.load(f, mmap_mode="r", allow_pickle=False) for f in files]
    widths = sorted({v.shape[1] for v in vectors})
    if len(widths) > 1:
        raise StageError(
            f"embeddings of {', '.join(map(str, widths))} numbers", expected="one length", do="mend the sources"
        )
    links = semantic_pairs(
        np.concatenate(vectors),
        numbering.rank,
        threshold=params.threshold,
        clusters=params.clusters or None,
        seed=params.seed,
    )
    pairs = links["a"].to_numpy() << np.uint64(32) | links["b"].to_numpy()
    return Verdicts(pairs, links["similarity"].to_numpy(), np.full(len(pairs), SEMANTIC, np.uint8))


def _embed(job: _EmbedJob) -> Path:
    from aigc_data.text.semantic import embed, from_column

    if job.model is not None:
        vectors = embed(job.model, job.texts.read())
    else:
        rows = stack.read_rows(job.texts.workspace, job.texts.shard, ("meta",))["meta"]
        name = str(job.params.field)
        # A loop over rows: the values stand in JSON, whatever their source was.
        values = [(orjson.loads(meta) if meta else {}).get(name) for meta in rows.to_pylist()]
        try:
            column = pa.array(values, pa.list_(pa.float32()))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise StageError(
                f"`{name}` is no list of numbers in some record of shard {job.texts.shard.name}",
                expected="an embedding in every record",
                do="mend `dedupe.measure.semantic.field`, or name the field in `meta` of every source",
            ) from error
        vectors = from_column(column)
    np.save(job.to, vectors, allow_pickle=False)
    return job.to
