"""Semantic duplicates: embeddings from a folder or a column, and the pairs among them that say the same.

SemDeDup (Abbas, Tirumala, Simig, Ganguli, Morcos 2023, arXiv:2303.09540, section 3): k-means over embeddings, then
cosine within each cluster, so that n texts never cost n² comparisons. An optional module: it needs torch, and `embed`
needs the extra `semantic`; both are imported when they are called for.

All products of vectors are taken over whole numbers small enough for every partial sum to be exact in float32, so
that no verdict depends on threads, blocks or the device; each link's cosine is then taken from the vectors themselves.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data import columns
from aigc_data.errors import RecipeError, SourceError, StageError
from aigc_data.kernels.cosine import cosine_pairs, hash_rows, lead_rows, norms_of

#: Steps of k-means, and vectors a centroid that it is trained on at most (as in faiss).
STEPS = 10
PER_CENTROID = 256
#: Rows of a cluster whose cosines are taken all with all; a larger one is thinned out and split again.
FITS = 4096
#: Leaders that thin out a cluster which does not fit.
ROUNDS = 8
#: All pairs of up to so many followers of one leader are linked; beyond, each follower with its leader alone.
MOST = 128
#: Embeddings are float32: this much below the threshold is rounding.
SLACK = 1e-6
#: Products of a block of vectors and the centroids that are in memory at a time.
BLOCK_CELLS = 1 << 23
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


def embed(
    folder: str | os.PathLike[str], texts: pa.Array | pa.ChunkedArray, *, device: str | None = None, batch: int = 64
) -> np.ndarray:
    """Embeddings (float32[n, d], of length 1) of n texts, by the sentence-transformers model in `folder`.

    A null is an empty text, and one without a visible character has a vector of zeros, so that it is linked with
    nothing. `device` is torch's name for it; without, a GPU when there is one. Nothing is downloaded,
    no code of the model's own is run, and only safetensors are read. Raises SourceError for a folder that is missing,
    holds no model or holds pickled weights, RecipeError without the extra, StageError when the model's answer is no
    vector a text.
    """
    path = Path(folder)
    _check_folder(path)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the library is imported
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise RecipeError(
            f"{error.name} is not installed",
            expected="the extra `semantic`, for embeddings from a model",
            do="pip install 'aigc-data[semantic]', or name a column that holds embeddings",
        ) from None
    model = SentenceTransformer(
        str(path.resolve()),
        device=device or _best_device(),
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True},
    )
    # The library takes nothing but Python strings. A text of nothing has no meaning, whatever a model says of it.
    written = [(i, text) for i, text in enumerate(texts.to_pylist()) if text and not text.isspace()]
    out = np.zeros((len(texts), int(model.get_embedding_dimension() or 0)), np.float32)
    if not written:
        return out
    vectors = model.encode(
        [text for _, text in written],
        batch_size=batch,
        show_progress_bar=False,
        convert_to_numpy=True,
        normalize_embeddings=True,
    )
    if vectors.shape != (len(written), out.shape[1]) or not np.isfinite(vectors).all():
        raise StageError(
            f"the model in {path} answered {len(written)} texts with an array of shape {vectors.shape}",
            expected=f"finite numbers, {out.shape[1]} a text",
            do="name a model that embeds sentences",
        )
    out[[i for i, _ in written]] = vectors
    return out


def from_column(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Embeddings (float32[n, d], of length 1) from a column of lists of numbers; a vector of zeros stays as it is.

    Raises SourceError for anything but lists of numbers, for a null, for lists of different lengths or of length 0, and
    for values that are not finite.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    number = listed and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))
    if not number:
        raise _unusable(f"a column of {kind}", "lists of numbers")
    if column.null_count:
        raise _unusable(f"{column.null_count:,} rows without an embedding", "a list of numbers in every row")
    if not len(column):
        return np.zeros((0, kind.list_size if pa.types.is_fixed_size_list(kind) else 0), np.float32)
    lengths = pc.min_max(pc.list_value_length(column)).as_py()
    if lengths["min"] != lengths["max"] or not lengths["max"]:
        raise _unusable(
            f"lists of {lengths['min']:,} to {lengths['max']:,} numbers", "one length, above 0, in all rows"
        )
    values = column.flatten()
    if values.null_count:
        raise _unusable(f"{values.null_count:,} nulls inside lists", "a number in every place")
    vectors = values.to_numpy(zero_copy_only=False).astype(np.float32).reshape(len(column), -1)
    if not np.isfinite(vectors).all():
        raise _unusable("values that are NaN, infinite or too large for 32 bits", "finite numbers")
    norms = norms_of(vectors)
    return (vectors / np.where(norms > 0, norms, 1.0)[:, None]).astype(np.float32)


def semantic_pairs(
    embeddings: np.ndarray,
    ranks: np.ndarray,
    *,
    threshold: float,
    clusters: int | None = None,
    seed: int = 0,
    device: str | None = None,
) -> pa.Table:
    """Links among n embeddings: a table of columns.DEDUPE_LINKS, sorted by (a, b), method "semantic".

    `embeddings` (float32[n, d]) need not have length 1; a vector of zeros is linked with nothing. `ranks` (integers[n])
    are all different. A link has a cosine at or above `threshold`. Which pairs are compared is decided by k-means into
    `clusters` (√n by default) on `device` (a GPU when there is one), with the vectors near a border in both clusters;
    within a cluster, all pairs of a small family are linked, and the members of one with more than MOST each with the
    family's leader, its smallest rank. Neither the order of rows nor the number of threads changes the answer. Raises
    StageError for repeated ranks and arrays that do not fit together.
    """
    vectors = np.ascontiguousarray(embeddings, np.float32)
    ranks = np.asarray(ranks, np.uint64)
    if vectors.ndim != 2 or len(vectors) != len(ranks) or len(np.unique(ranks)) != len(ranks):
        raise StageError(
            f"embeddings of shape {vectors.shape} for {len(ranks)} ranks",
            expected="one vector for each of as many different ranks",
        )
    if not 0 < threshold <= 1:
        raise RecipeError(f"a semantic threshold of {threshold}", expected="a cosine above 0 and at most 1")
    if not np.isfinite(vectors).all():
        raise StageError("embeddings that are NaN or infinite", expected="finite numbers")
    order = np.argsort(ranks)
    space = _Space.of(vectors[order], threshold, device)
    left, right, cosine = _links_of_copies(space)
    found = [(left, right, cosine)]
    rows = np.setdiff1d(np.flatnonzero(space.norms > 0), right)
    count = clusters or math.isqrt(len(rows))
    with _exact_products():
        for members in _clusters(space, rows, max(1, min(count, len(rows))), ranks[order], seed):
            found += _links_within(space, members, ranks[order], seed)
        found += _links_across(space, found, ranks[order], seed)
    return _table(found, ranks[order])


@dataclass(frozen=True)
class _Space:
    """Vectors by rank, and the same on a grid of whole numbers."""

    vectors: np.ndarray  # float32[n, d]
    norms: np.ndarray  # float64[n]
    grid: np.ndarray  # int16[n, d], of length `scale`
    scale: int
    threshold: float
    margin: float  # by which a cosine on the grid may be wrong
    device: str

    @staticmethod
    def of(vectors: np.ndarray, threshold: float, device: str | None) -> _Space:
        n, d = vectors.shape
        # By Cauchy and Schwarz no partial sum of a product exceeds the product of the lengths: below 2^24 float32 is
        # exact for whole numbers. Rounding moves a vector by sqrt(d) / 2 at most.
        scale = 4096 - math.ceil(math.sqrt(d) / 2) - 1
        norms = norms_of(vectors)
        grid = np.empty((n, d), np.int16)
        step = max(1, (1 << 22) // max(d, 1))
        for i in range(0, n, step):
            length = np.where(norms[i : i + step] > 0, norms[i : i + step], 1.0)
            grid[i : i + step] = np.rint(vectors[i : i + step] / length[:, None] * scale)
        off = math.sqrt(d) / 2 / scale
        return _Space(vectors, norms, grid, scale, threshold - SLACK, 2 * off + off * off, device or _best_device())

    def tensor(self, rows: np.ndarray) -> Any:
        """The grid's rows as float32 on the device."""
        import torch

        return torch.from_numpy(self.grid[rows]).to(self.device).to(torch.float32)

    @property
    def least(self) -> float:
        """The product on the grid from which a pair is worth an exact cosine."""
        return (self.threshold - self.margin) * self.scale**2


def _links_of_copies(space: _Space) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each vector that equals an earlier one on the grid, linked with it; k-means could not tell them apart."""
    hashes = hash_rows(space.grid)
    _, first, which = np.unique(hashes, return_index=True, return_inverse=True)
    right = np.flatnonzero((first[which] != np.arange(len(hashes))) & (space.norms > 0))
    left = first[which][right].astype(np.int64)
    cosine = cosine_pairs(space.vectors, space.norms, left, right)
    same = cosine >= space.threshold  # a pair whose hashes collide stays with the others
    return left[same], right[same], cosine[same]


def _clusters(space: _Space, rows: np.ndarray, count: int, ranks: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """The members (int64[], ascending) of each of `count` clusters of `rows`: those nearest to its centroid, and those
    to which it is the second nearest and a vector as near as the threshold may be on the other side."""
    if count <= 1:
        yield rows
        return
    chosen = rows[np.argsort(_mixed(ranks[rows], seed), kind="stable")]
    centroids = space.grid[chosen[:count]]
    sample = np.sort(chosen[: PER_CENTROID * count])
    for _ in range(STEPS):
        centroids = _moved_centroids(space, sample, centroids)
    home, guest, gap = _nearest(space, rows, centroids)
    # For x and y on two sides of the border between c and c', (x - y)(c - c') is the sum of both gaps.
    apart = np.linalg.norm((centroids[home] - centroids[guest]).astype(np.float32), axis=1) / space.scale
    reach = (math.sqrt(max(2 - 2 * space.threshold, 0.0)) + space.margin) * apart / 2
    visiting = np.flatnonzero((gap / space.scale**2 <= reach) & (home != guest))
    label = np.concatenate([home, guest[visiting]])
    member = np.concatenate([np.arange(len(rows)), visiting])
    by_label = np.lexsort((member, label))
    starts = np.searchsorted(label[by_label], np.arange(count + 1))
    for k in range(count):
        yield rows[member[by_label[starts[k] : starts[k + 1]]]]


def _nearest(space: _Space, rows: np.ndarray, centroids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(nearest, second nearest int64[n], how much nearer float64[n]) by product; of equal ones the smaller index."""
    import torch

    count = len(centroids)
    centres = torch.from_numpy(centroids).to(space.device).to(torch.float32).T.contiguous()
    places = torch.arange(count, device=space.device, dtype=torch.int32)
    none = torch.tensor(count, device=space.device, dtype=torch.int32)
    home, guest, gap = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64), np.empty(len(rows), np.float64)
    step = max(1, BLOCK_CELLS // count)
    for i in range(0, len(rows), step):
        products = space.tensor(rows[i : i + step]) @ centres
        best = products.amax(1, keepdim=True)
        first = torch.where(products == best, places, none).amin(1, keepdim=True)
        products.scatter_(1, first.to(torch.int64), -math.inf)
        next_best = products.amax(1, keepdim=True)
        second = torch.where(products == next_best, places, none).amin(1)
        home[i : i + step] = first[:, 0].cpu().numpy()
        guest[i : i + step] = second.cpu().numpy()
        gap[i : i + step] = (best - next_best)[:, 0].cpu().numpy()
    return home, guest, gap


def _moved_centroids(space: _Space, rows: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Each centroid at the mean direction of the rows nearest to it; one without any stays (spherical k-means)."""
    home = _nearest(space, rows, centroids)[0]
    by_home = np.argsort(home, kind="stable")
    starts = np.searchsorted(home[by_home], np.arange(len(centroids) + 1))
    moved = centroids.copy()
    for k in range(len(centroids)):
        members = space.grid[rows[by_home[starts[k] : starts[k + 1]]]]
        total = members.sum(0, dtype=np.int64).astype(np.float64)  # whole numbers: the same in any order
        length = math.sqrt(float((total * total).sum()))
        if length > 0:
            moved[k] = np.rint(total / length * space.scale)
    return moved


def _links_within(
    space: _Space, rows: np.ndarray, ranks: np.ndarray, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(smaller, larger int64[m], cosine float64[m]) among the rows (ascending) of one cluster, in parts."""
    gone = np.zeros(len(rows), np.bool_)
    leaders = len(rows) if len(rows) <= FITS else ROUNDS
    near = _near(space, rows[:leaders], rows)
    yield lead_rows(near, rows, space.vectors, space.norms, space.threshold, MOST, gone)
    if leaders == len(rows):
        return
    rest = rows[leaders:][~gone[leaders:]]
    parts = list(_clusters(space, rest, -(-2 * len(rest) // FITS), ranks, seed + 1))
    if max(map(len, parts)) > 0.75 * len(rows):
        # Nothing for k-means to hold on to: neighbours by rank, so that the cost stays bounded.
        parts = [rest[i : i + FITS] for i in range(0, len(rest), FITS)]
    for part in parts:
        yield from _links_within(space, part, ranks, seed + 1)


def _links_across(
    space: _Space, found: list[tuple[np.ndarray, np.ndarray, np.ndarray]], ranks: np.ndarray, seed: int
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Links that a family has which k-means cut up because it is larger than a cluster: among the leaders of its parts,
    and from the smallest of these to the others' followers."""
    left, right = (np.concatenate([part[i] for part in found]) for i in range(2))
    leaders = np.flatnonzero(np.bincount(left, minlength=1) > MOST)
    if len(leaders) < 2:
        return []
    among = list(_links_within(space, leaders, ranks, seed))
    smaller, larger = (np.concatenate([part[i] for part in among]) for i in range(2))
    head = np.arange(len(ranks))
    np.minimum.at(head, larger, smaller)
    follows = np.flatnonzero((head[left] != left) & (head[left] != right))
    heads, followers = head[left[follows]], right[follows]
    cosine = cosine_pairs(space.vectors, space.norms, heads, followers)
    same = cosine >= space.threshold
    ends = np.minimum(heads, followers)[same], np.maximum(heads, followers)[same]
    return [*among, (*ends, cosine[same])]


def _near(space: _Space, leaders: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """bool[l, c]: the pairs whose cosine may reach the threshold."""
    near: np.ndarray = (space.tensor(leaders) @ space.tensor(rows).T >= space.least).cpu().numpy()
    return near


def _table(found: list[tuple[np.ndarray, np.ndarray, np.ndarray]], ranks: np.ndarray) -> pa.Table:
    left, right, cosine = (np.concatenate([part[i] for part in found]) for i in range(3))
    pair, place = np.unique(left.astype(np.uint64) << np.uint64(32) | right.astype(np.uint64), return_index=True)
    smaller, larger = pair >> np.uint64(32), pair & np.uint64(0xFFFFFFFF)
    method = pa.array(["semantic"], pa.string()).take(pa.array(np.zeros(len(pair), np.int64)))
    return pa.table(
        [ranks[smaller], ranks[larger], cosine[place].astype(np.float32), method], schema=columns.DEDUPE_LINKS
    )


def _mixed(ranks: np.ndarray, seed: int) -> np.ndarray:
    """A number a rank that orders ranks as if at random (the finaliser of splitmix64)."""
    z = ranks + np.uint64((0x9E3779B97F4A7C15 * (seed + 1)) % (1 << 64))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@contextmanager
def _exact_products() -> Iterator[None]:
    """float32 products in full precision: with TF32 or bfloat16 inside they would not be exact."""
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _best_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _check_folder(path: Path) -> None:
    wanted = "a folder as `SentenceTransformer.save` writes it"
    if not path.is_dir():
        raise SourceError(f"{path} is no folder", expected=wanted, do="name the folder; models are never downloaded")
    if not (path / "modules.json").is_file():
        raise SourceError(f"{path} holds no modules.json", expected=wanted, do="name the folder of the model itself")
    try:
        modules = orjson.loads((path / "modules.json").read_bytes())
        kinds = [str(module["type"]) for module in modules]
    except (orjson.JSONDecodeError, TypeError, KeyError):
        raise SourceError(f"{path / 'modules.json'} is no list of modules", expected=wanted) from None
    foreign = sorted(kind for kind in kinds if not kind.startswith("sentence_transformers."))
    if foreign:
        raise SourceError(
            f"{path} asks for code of its own: {', '.join(foreign)}",
            expected="modules of sentence_transformers alone",
            do="use a model without custom code",
        )
    for file in sorted(path.rglob("*")):
        if file.suffix in _PICKLES and not any(file.parent.glob("*.safetensors")):
            raise SourceError(
                f"{file} holds weights that can run code when they are read",
                expected="weights as safetensors",
                do="convert the model, or take a version with model.safetensors",
            )


def _unusable(seen: str, expected: str) -> SourceError:
    return SourceError(f"the column of embeddings holds {seen}", expected=expected, do="mend the column")
