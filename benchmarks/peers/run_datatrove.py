"""datatrove: its four MinHash stages with their defaults; the third argument is the language, as datatrove names it."""

from __future__ import annotations

import struct
import sys
from importlib.metadata import version
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import JsonlWriter
from shingling import Clock


def main() -> None:
    source, target, language = sys.argv[1:4]
    folder = Path(target).parent / "datatrove"
    config = MinhashConfig()

    def read() -> ParquetReader:
        return ParquetReader(str(Path(source).parent), glob_pattern=Path(source).name)

    stages = {
        "signatures": ([read(), MinhashDedupSignature(str(folder / "signatures"), config, language)], 1),
        "buckets": ([MinhashDedupBuckets(str(folder / "signatures"), str(folder / "buckets"), config=config)], 14),
        "cluster": (
            [MinhashDedupCluster(str(folder / "buckets"), str(folder / "removed"), config, save_cluster_id=True)],
            1,
        ),
        "filter": (
            [read(), MinhashDedupFilter(str(folder / "removed")), JsonlWriter(str(folder / "out"))],
            1,
        ),
    }
    clock = Clock()
    for name, (pipeline, tasks) in stages.items():
        logs = str(folder / "logs" / name)
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=logs, skip_completed=False).run()
        clock.lap(name)
    import pyarrow.parquet as pq  # after the clock: the pipeline has read the file twice already

    rows = pq.read_metadata(source).num_rows
    cluster, kept = list(range(rows)), [True] * rows
    named = folder / "removed" / "000000.clusters"
    if named.is_file():
        raw = named.read_bytes()
        for place in range(0, len(raw), 8):
            row, number = struct.unpack_from("<2I", raw, place)
            cluster[row] = rows + number
    removed = folder / "removed" / "000000.remove"
    if removed.is_file():
        for (row,) in struct.iter_unpack("<I", removed.read_bytes()):
            kept[row] = False
    clock.write(
        target,
        cluster=cluster,
        kept=kept,
        settings=f"defaults (5-grams, 14 × 8, 64 bits), language {language}",
        version=version("datatrove"),
    )


if __name__ == "__main__":
    main()
