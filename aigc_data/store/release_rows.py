"""What the rows of a release say of themselves: their digests and their counts.

The release stage writes both into the manifest, verify recomputes them from the files: one definition for the two.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from aigc_data.hashing import row_digests
from aigc_data.store.shards import text_sizes

#: The columns whose values are counted.
COUNTED = ("lang", "source", "license", "license_class")
DIGEST_BYTES = 32
_DIGEST_ROWS = 2048

#: column → value → {"rows", "tokens", "bytes"}
Counts = dict[str, dict[str, dict[str, int]]]


def digests_of(table: pa.Table) -> bytes:
    """The digests of the rows in their order, 32 bytes each.

    A slice at a time: rows as Python values take several times the memory of the table.
    """
    slices = (table.slice(at, _DIGEST_ROWS) for at in range(0, table.num_rows, _DIGEST_ROWS))
    return b"".join(digest for part in slices for digest in row_digests([c.to_pylist() for c in part.columns]))


def sort_digests(raw: bytes) -> bytes:
    """Digests of 32 bytes each in ascending order; takes some 72 bytes a row of memory."""
    words = np.frombuffer(raw, ">u8").reshape(-1, 4)
    return words[np.lexsort(words.T[::-1])].tobytes()


def counts_of(table: pa.Table) -> Counts:
    """Rows, tokens and text bytes by each value of the counted columns."""
    sized = table.select([*COUNTED, "tokens"]).append_column("bytes", pa.array(text_sizes(table["text"])))
    counts: Counts = {}
    for name in COUNTED:
        grouped = sized.group_by(name, use_threads=False).aggregate(
            [("tokens", "count"), ("tokens", "sum"), ("bytes", "sum")]
        )
        counts[name] = {
            row[name]: {"rows": row["tokens_count"], "tokens": row["tokens_sum"], "bytes": row["bytes_sum"]}
            for row in grouped.to_pylist()
        }
    return merge_counts([counts])


def merge_counts(counts: Iterable[Counts]) -> Counts:
    """The sum of several counts, the values of each column in ascending order."""
    merged: Counts = {name: {} for name in COUNTED}
    for count in counts:
        for name, values in count.items():
            for value, numbers in values.items():
                kept = merged[name].setdefault(value, dict.fromkeys(numbers, 0))
                for key, number in numbers.items():
                    kept[key] += number
    return {name: dict(sorted(values.items())) for name, values in merged.items()}
