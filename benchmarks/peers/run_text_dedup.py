"""text-dedup: MinHash with the settings of its read-me (240 permutations, threshold 0.7, false positives checked)."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import datasets
from shingling import Clock

CONFIG = """
[input]
input_type = "local_files"
file_type = "parquet"
[input.read_arguments]
path = "parquet"
data_files = "{source}"
split = "train"
cache_dir = "{folder}/cache"
[algorithm]
algorithm_name = "minhash"
text_column = "text"
seed = 42
batch_size = 10000
num_perm = 240
threshold = 0.7
false_positive_weight = 0.5
false_negative_weight = 0.5
hash_bits = 64
ngram_size = 5
check_false_positive = {check}
num_proc = 1
[output]
output_dir = "{folder}/out"
clean_cache = false
skip_filtering = true
keep_index_column = true
keep_cluster_column = true
[debug]
enable_profiling = false
"""


def main() -> None:
    source, target = sys.argv[1:3]
    folder = Path(target).parent
    from text_dedup.config.base import load_config_from_toml
    from text_dedup.minhash import main as minhash

    rows = datasets.Dataset.from_parquet(source, cache_dir=str(folder / "cache")).num_rows
    settings = folder / "config.toml"
    settings.write_text(CONFIG.format(source=source, folder=folder, check="true"))
    clock = Clock()
    minhash(load_config_from_toml(settings))
    clock.lap("all")
    # What is missing was too short for it, and is removed.
    cluster, kept = list(range(rows)), [False] * rows
    found = datasets.load_from_disk(str(folder / "out"))
    for row, label in zip(found["__INDEX__"], found["__CLUSTER__"], strict=True):
        cluster[row], kept[row] = label, label == row
    clock.write(
        target,
        cluster=cluster,
        kept=kept,
        settings="its read-me's: 240 permutations, threshold 0.7, 5-grams, false positives checked",
        version=version("text-dedup"),
    )


if __name__ == "__main__":
    main()
