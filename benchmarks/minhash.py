"""MinHash signatures: our kernel beside datasketch on the same texts, in one run and one process.

    python benchmarks/minhash.py DATA [--megabytes 4]

Both make 128 permutations of scheme `affine32` from the same token 5-grams; the signatures are compared, not the time
alone.
datasketch is given the shingle hashes ready-made, so the ratio is in its favour.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import datasketch
import numpy as np
import pyarrow as pa
from corpus import real_documents

from aigc_data.kernels import codepoints
from aigc_data.kernels.minhash import permutations, signatures
from aigc_data.kernels.shingles import shingle_rows
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.arrow import text_buffers
from aigc_data.text.sketch import sketch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--megabytes", type=float, default=4)
    args = parser.parse_args()
    texts, size = [], 0
    for text in real_documents(args.data):
        texts.append(text)
        size += len(text.encode("utf-8", "replace"))
        if size > args.megabytes * 1e6:
            break
    array, params = pa.array(texts, pa.large_string()), DedupeMeasure()
    sketch(array.slice(0, 2), params)  # compiled before the clock starts
    started = time.process_time()
    sketch(array, params)
    ours = time.process_time() - started

    hashes, rows = shingle_rows(*text_buffers(array), codepoints.TABLES, params.ngram, 1 << 62)
    mine = signatures(hashes, rows, *permutations(params.permutations, params.seed))
    started = time.process_time()
    differ = 0
    for row in range(len(texts)):
        values = hashes[rows[row] : rows[row + 1]]
        theirs = datasketch.MinHash(num_perm=128, seed=params.seed, scheme="affine32", hashfunc=lambda value: value)
        theirs.update_batch(values)
        differ += not np.array_equal(theirs.hashvalues, mine[row]) and len(values) > 0
    baseline = time.process_time() - started
    print(f"{len(texts)} texts, {size / 1e6:.1f} MB, {differ} signatures differ")
    print(f"kernel, tokens to sketch with both band sets  {size / 1e6 / ours:8.1f} MB/s")
    print(f"datasketch, shingle hashes given              {size / 1e6 / baseline:8.1f} MB/s")
    print(f"ratio                                         {baseline / ours:8.1f}")


if __name__ == "__main__":
    main()
