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
from aigc_data.errors import RecipeError, StageError
from aigc_data.hashing import digest_of
from aigc_data.recipe import Semantic
from aigc_data.store import stack
from aigc_data.store.workspace import Workspace

#: Shards that one job embeds: a model takes seconds to load.
_SHARDS = 16


@dataclass(frozen=True)
class _EmbedJob:
    texts: tuple[BaseTexts, ...]
    params: Semantic
    model: Path | None
    to: Path


def model_digest(workspace: Workspace, params: Semantic) -> str:
    """What a model's folder holds; "" without one. Raises RecipeError where it is no folder."""
    if not params.model:
        return ""
    folder = workspace.root / params.model
    if not folder.is_dir():
        raise RecipeError(
            f"`dedupe.measure.semantic.model` names {params.model}, which is no folder",
            expected="a sentence-transformers model on disk; none is downloaded",
        )
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return digest_of({p.relative_to(folder).as_posix(): workspace.digests.of(p) for p in files})


def semantic_links(
    folder: Path, root: Path, parts: Sequence[Part], numbering: Numbering, params: Semantic, track: Track
) -> Verdicts:
    """Links of method "semantic" between ranks of the corpus; `root` is where the model's path starts."""
    from aigc_data.text.dedupe.semantic import semantic_pairs

    model = root / params.model if params.model else None
    texts = [p.texts for p in parts if isinstance(p.texts, BaseTexts) and p.rows]
    jobs = [
        _EmbedJob(tuple(texts[i : i + _SHARDS]), params, model, folder / f"embeddings-{i:06d}.npy")
        for i in range(0, len(texts), _SHARDS)
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


def between_contents(links: Verdicts, first: np.ndarray) -> Verdicts:
    """The links between the records that stand for their exact copies (`first`, by rank), the most similar of several:
    an election knows copies by these alone."""
    a, b = first[links.left].astype(np.uint64), first[links.right].astype(np.uint64)
    pairs = np.minimum(a, b) << np.uint64(32) | np.maximum(a, b)
    order = np.lexsort((-links.similarity, pairs))
    order = order[(a != b)[order]]
    kept = order[np.flatnonzero(np.diff(pairs[order], prepend=np.uint64(0)) != 0)] if len(order) else order
    return Verdicts(pairs[kept], links.similarity[kept], links.method[kept])


def _embed(job: _EmbedJob) -> Path:
    from aigc_data.text.dedupe.semantic import embed

    if job.model is not None:
        chunks = [chunk for texts in job.texts for chunk in texts.read().chunks]
        vectors = embed(job.model, pa.chunked_array(chunks, pa.large_string()))
    else:
        vectors = np.concatenate([_stored(texts, str(job.params.field)) for texts in job.texts])
    np.save(job.to, vectors, allow_pickle=False)
    return job.to


def _stored(texts: BaseTexts, name: str) -> np.ndarray:
    """The embeddings that the records of a shard carry in `meta`."""
    from aigc_data.text.dedupe.semantic import from_column

    # A loop over rows: the values stand in JSON, whatever their source was.
    rows = stack.read_rows(texts.workspace, texts.shard, ("meta",))["meta"].to_pylist()
    values = [(orjson.loads(meta) if meta else {}).get(name) for meta in rows]
    try:
        column = pa.array(values, pa.list_(pa.float32()))
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise StageError(
            f"`{name}` is no list of numbers in some record of shard {texts.shard.name}",
            expected="an embedding in every record",
            do="mend `dedupe.measure.semantic.field`, or name the field in `meta` of every source",
        ) from None  # Arrow's own words repeat the value
    if column.null_count:
        raise StageError(
            f"{column.null_count:,} records of shard {texts.shard.name} have no `{name}` in `meta`",
            expected="an embedding in every record",
            do="mend `dedupe.measure.semantic.field`, or name the field in `meta` of every source",
        )
    return from_column(column)
