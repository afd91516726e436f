"""datasketch: MinHash in bulk, MinHashLSH, each text asked for before it is inserted, candidates by their estimate."""

from __future__ import annotations

import sys

import datasketch
import pyarrow.parquet as pq
from shingling import Clock, shingles


def main() -> None:
    source, target = sys.argv[1:3]
    clock = Clock()
    texts = pq.read_table(source)["text"].to_pylist()
    clock.lap("read")
    sets = [[shingle.encode() for shingle in shingles(text)] for text in texts]
    clock.lap("shingles")
    sketches = datasketch.MinHash.bulk(sets, num_perm=128, seed=1, scheme="affine32")
    clock.lap("signatures")
    index = datasketch.MinHashLSH(threshold=0.8, num_perm=128)
    cluster = list(range(len(texts)))
    for row, sketch in enumerate(sketches):
        if not sets[row]:
            continue
        for key in index.query(sketch):
            if sketches[int(key)].jaccard(sketch) >= 0.8:
                cluster[row] = int(key)
                break
        else:
            index.insert(str(row), sketch)
    clock.lap("pairs")
    clock.write(
        target,
        cluster=cluster,
        kept=[cluster[row] == row for row in range(len(texts))],
        settings="128 permutations, affine32, MinHashLSH at 0.8, estimate ≥ 0.8",
        version=datasketch.__version__,
    )


if __name__ == "__main__":
    main()
