"""rensa: full-set R-MinHash as a matrix, then its deduplicator (`sets`), or its rho sketch in one shot (`rho`)."""

from __future__ import annotations

import sys
from importlib.metadata import version

import pyarrow.parquet as pq
import rensa
from shingling import Clock, shingles


def main() -> None:
    source, target, how = sys.argv[1:4]
    clock = Clock()
    texts = pq.read_table(source)["text"].to_pylist()
    clock.lap("read")
    sets = [shingles(text) for text in texts]
    clock.lap("shingles")
    if how == "rho":
        matrix = rensa.RMinHash.digest_matrix_from_token_sets_rho(sets, 128, 42)
        clock.lap("signatures")
        flags = rensa.RMinHashLSH(0.8, 128, 8).query_duplicate_flags_matrix_one_shot(matrix)
        # Flags say that a text has a twin, not which: everything flagged counts as one cluster.
        flagged = [row for row, flag in enumerate(flags) if flag]
        kept = [not flag for flag in flags]
        cluster = [flagged[0] if flag else row for row, flag in enumerate(flags)]
        settings = "rho sketch, 128 slots, 8 bands, flags only"
    else:
        sketches = rensa.RMinHash.from_token_sets(sets, 128, 42)
        clock.lap("signatures")
        found = rensa.RMinHashDeduplicator(threshold=0.8, num_perm=128, use_lsh=True)
        kept = found.add_pairs((str(row), sketch) for row, sketch in enumerate(sketches))
        cluster = list(range(len(texts)))  # it says whether, not of whom
        settings = "R-MinHash, 128 permutations, RMinHashDeduplicator at 0.8"
    clock.lap("pairs")
    clock.write(target, cluster=cluster, kept=list(kept), settings=settings, version=version("rensa"))


if __name__ == "__main__":
    main()
