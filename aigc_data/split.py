"""The split of every record: by hash of its group, so that near-duplicates never straddle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from aigc_data.columns import SPLITS
from aigc_data.errors import RecipeError
from aigc_data.hashing import seed_of
from aigc_data.ids import to_hex
from aigc_data.recipe import GateParams
from aigc_data.store import parquet
from aigc_data.store.files import read_json
from aigc_data.store.population import Population
from aigc_data.store.workspace import MANIFEST


def split_of(
    people: Population, living: np.ndarray, params: GateParams, parent: dict[str, str]
) -> tuple[np.ndarray, int]:
    """The split of every row (int8 index into SPLITS), and how many living rows are elsewhere than a parent
    release had them.

    A group keeps the strictest split (test, validation, train) that the parent's map gave any of its members.
    """
    smallest = people.ids[people.by_rank]
    share = _uniform(smallest[people.group], params.split_seed)
    held = params.test_share + params.validation_share
    split = np.where(share < params.test_share, 2, np.where(share < held, 1, 0)).astype(np.int8)
    if not parent:
        return split, 0
    known = pl.DataFrame(
        {"id": list(parent), "was": [SPLITS.index(s) for s in parent.values()]},
        schema={"id": pl.String, "was": pl.Int8},
    )
    rows = pl.DataFrame({"id": pl.from_arrow(to_hex(people.ids)), "row": np.arange(people.count)})
    met = rows.join(known, on="id", how="inner").sort("row")
    at, was = met["row"].to_numpy(), met["was"].to_numpy()
    strictest = np.full(people.count, -1, np.int8)
    np.maximum.at(strictest, people.group[at], was)
    kept = strictest[people.group]
    split = np.where(kept >= 0, kept, split).astype(np.int8)
    return split, int(((split[at] != was) & living[at]).sum())


def parent_splits(release: Path) -> dict[str, str]:
    """id → split of every original row of a release; raises RecipeError when the folder is no release."""
    if not (release / MANIFEST).is_file():
        raise RecipeError(
            f"`gate.parent_splits` names {release}, which is no release",
            expected="a folder with manifest.json",
        )
    splits: dict[str, str] = {}
    for name in sorted(read_json(release / MANIFEST)["files"]):
        table = parquet.read(release / name, ["id", "split", "parent"])
        originals = table.filter(table["parent"].is_null())
        splits.update(zip(originals["id"].to_pylist(), originals["split"].to_pylist(), strict=True))
    return splits


def _uniform(ids: np.ndarray, seed: int) -> np.ndarray:
    """A number in [0, 1) for each id (uint64[n, 2]): the finaliser of SplitMix64 over its low word and the seed.

    Source: G. L. Steele, D. Lea, C. H. Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, figure 16.
    """
    with np.errstate(over="ignore"):
        z = ids[:, 1] ^ np.uint64(seed_of("split", seed))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)
