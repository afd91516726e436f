"""The part of the Parquet reader that touches the file: a script of its own, run as a child with limits.

Arguments: one JSON object {path, columns, memory, seconds, batch_rows, max_rows}. On stdout: one line of
JSON,
{"lost": [reason, detail]} or {"schema": true}; then an Arrow IPC stream of the wanted columns. A batch of
no rows carries a loss in its metadata. It imports nothing of the package, so that it starts quickly.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

#: What the format's reader raises on a bad file. KeyError and IndexError come from its Python side.
REFUSED = (pa.ArrowException, OSError, ValueError, KeyError, IndexError, OverflowError, TypeError)


def main() -> None:
    """Read the file named in the arguments."""
    job = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (job["memory"], job["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (job["seconds"], job["seconds"] + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = sys.stdout.buffer
    try:
        file = pq.ParquetFile(job["path"], page_checksum_verification=True)
        problem = _problem(file, job)
    except MemoryError:
        file, problem = None, ["too-large", "the footer asks for more memory than a reader may take"]
    except REFUSED as error:
        file, problem = None, ["bad-parquet", f"the file is refused ({type(error).__name__})"]
    if problem or file is None:
        out.write(json.dumps({"lost": problem}).encode() + b"\n")
        return
    out.write(b'{"schema": true}\n')
    _send(file, job, out)


def _problem(file: pq.ParquetFile, job: dict[str, Any]) -> list[str] | None:
    names = file.schema_arrow.names
    text = job["columns"][0]
    if text not in names:
        return ["no-text-field", f"no column {text!r} among {len(names)}"]
    if any(names.count(name) > 1 for name in job["columns"]):
        return ["duplicate-column", "a column that the recipe names is there more than once"]
    if not _is_text(file.schema_arrow.field(text).type):
        return [
            "text-not-string",
            f"column {text!r} holds {file.schema_arrow.field(text).type.id} (Arrow type id)",
        ]
    if not 0 <= file.metadata.num_rows <= job["max_rows"]:
        return [
            "implausible",
            f"{file.metadata.num_rows} rows claimed, {job['max_rows']} is the most for such a size",
        ]
    return None


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    return binary or pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _send(file: pq.ParquetFile, job: dict[str, Any], out: BinaryIO) -> None:
    columns = [name for name in dict.fromkeys(job["columns"]) if name in file.schema_arrow.names]
    schema = pa.schema([file.schema_arrow.field(name).remove_metadata() for name in columns])
    empty = pa.RecordBatch.from_arrays([pa.array([], f.type) for f in schema], schema=schema)
    start = 1
    with pa.ipc.new_stream(out, schema) as stream:
        for group in range(file.num_row_groups):
            done, count = 0, 0
            try:
                count = file.metadata.row_group(group).num_rows
                size = max(1, file.metadata.row_group(group).total_byte_size)
                # About 8 MB a batch, so that one batch of long texts stays within bounds.
                step = max(1, min(job["batch_rows"], (8 << 20) * max(count, 1) // size))
                for batch in file.iter_batches(step, row_groups=[group], columns=columns, use_threads=False):
                    stream.write_batch(batch.select(columns).cast(schema))
                    done += batch.num_rows
                if done != count:
                    raise pa.ArrowInvalid("row count")
            except (*REFUSED, MemoryError) as error:
                reason = "too-large" if isinstance(error, MemoryError) else "bad-parquet"
                first, last = start + done, start + max(count, done + 1) - 1
                lost = [
                    f"row {first}-{last}",
                    reason,
                    f"row group {group + 1} breaks off ({type(error).__name__})",
                ]
                stream.write_batch(empty, custom_metadata={"lost": json.dumps(lost)})
            start += count


if __name__ == "__main__":
    main()
