"""Parquet, read through a child process.

Files from outside may be made to crash a reader, to claim 2⁶⁰ rows, or to unpack a few bytes into
gigabytes; pyarrow does this work in C++, where neither an exception nor a limit of ours reaches. So the
file is opened by `parquet_child.py`, under limits on memory and processor time that the kernel holds, and
the columns come back over a pipe. Page checksums are verified.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aigc_data.recipe import Source
from aigc_data.sources.chunks import Chunk, Facts, Lost, Rows, UnusableError, facts_left, facts_of
from aigc_data.sources.inputs import InputFile
from aigc_data.sources.pages import page_in_field
from aigc_data.sources.streams import DamageError, blocks

#: Address space of the child. pyarrow itself maps about half a GiB.
MEMORY = 1536 << 20
#: Processor seconds: a start, and one for each MB of the file.
SECONDS = 30
#: Wall seconds in which a batch has to come.
PATIENCE = 120.0
#: A text column needs at least some bits a row; run-length encoded nulls are cheaper than any text can be.
ROWS_A_BYTE = 1000
#: A compressed .parquet.gz may unpack to so many times its size, and some.
UNPACKED = 100


def read_parquet(file: InputFile, source: Source, *, max_record_bytes: int, chunk_bytes: int) -> Iterator[Chunk]:
    """Rows of the text column, row group by row group; a damaged group is one loss and the next is tried."""
    rows = Rows(file.relative, chunk_bytes)
    try:
        with _local_copy(file) as path:
            job = _job(path, source)
            yield from _receive(job, rows, source, max_record_bytes)
    except DamageError as damage:
        rows.lose(Lost("file", damage.reason, damage.detail))
    if not rows.empty:
        yield rows.take()


@contextmanager
def _local_copy(file: InputFile) -> Iterator[Path]:
    """The file itself where it is local and plain; else a temporary copy: Parquet is read from its end."""
    if "://" not in file.location and not file.compression:
        yield Path(file.location)
        return
    with tempfile.NamedTemporaryFile(suffix=".parquet") as copy:
        size = 0
        for block in blocks(file):
            size += len(block)
            if file.compression and size > UNPACKED * file.size + (64 << 20):
                raise DamageError("too-large", f"unpacks to more than {UNPACKED} times its size")
            copy.write(block)
        copy.flush()
        yield Path(copy.name)


def _job(path: Path, source: Source) -> dict[str, Any]:
    size = path.stat().st_size
    wanted = [
        source.text,
        source.id,
        source.license_field,
        source.url_field,
        source.created_field,
        *source.meta,
    ]
    return {
        "path": str(path),
        "columns": list(dict.fromkeys(name for name in wanted if name)),
        "memory": MEMORY,
        "seconds": SECONDS + size // 1_000_000,
        "batch_rows": 4096,
        "max_rows": max(ROWS_A_BYTE * size, 1 << 20),
    }


def _receive(job: dict[str, Any], rows: Rows, source: Source, max_record_bytes: int) -> Iterator[Chunk]:
    command = [sys.executable, "-I", str(Path(__file__).with_name("parquet_child.py")), json.dumps(job)]
    # One allocator without arenas of its own: the limit is on address space. No threads, for the same reason.
    env = {"ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
    ) as child:
        done = 0
        try:
            for batch, lost in _batches(child):
                if lost:
                    rows.lose(_with_names(lost, job["path"]))
                elif batch is not None:
                    _add_batch(batch, done, rows, source, max_record_bytes)
                    done += batch.num_rows
                if rows.full:
                    yield rows.take()
            child.wait(PATIENCE)
        except (pa.ArrowException, OSError, EOFError, ValueError, subprocess.TimeoutExpired):
            child.kill()
            child.wait()
            rows.lose(Lost(f"row {done + 1}-" if done else "file", *_how_it_ended(child.returncode)))
        finally:
            child.kill()


def _batches(child: subprocess.Popen[bytes]) -> Iterator[tuple[pa.RecordBatch | None, Lost | None]]:
    assert child.stdout is not None
    with _patience(child):
        head = child.stdout.readline(65_536)
    answer = json.loads(head) if head.endswith(b"\n") else None
    if answer is None:
        raise EOFError
    if "lost" in answer:
        yield None, Lost("file", *answer["lost"])
        return
    with _patience(child):
        stream = pa.ipc.open_stream(child.stdout)
    while True:
        with _patience(child):
            try:
                batch, metadata = stream.read_next_batch_with_custom_metadata()
            except StopIteration:
                break
            batch.validate(full=False)
        yield batch, Lost(*json.loads(metadata[b"lost"])) if metadata and b"lost" in metadata else None
    # A stream that simply stops looks like one that ends: the child's word decides.
    if child.wait(PATIENCE) != 0:
        raise EOFError


def _with_names(lost: Lost, path: str) -> Lost:
    """The columns' names beside a wrong one. The child has read this footer within its limits, so it does no harm."""
    if lost.reason != "no-text-field":
        return lost
    return replace(lost, fields=tuple(pq.read_schema(path).names))


@contextmanager
def _patience(child: subprocess.Popen[bytes]) -> Iterator[None]:
    timer = Timer(PATIENCE, child.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _how_it_ended(code: int | None) -> tuple[str, str]:
    if code in (-24, -9):  # SIGXCPU, or the kernel's and our own SIGKILL
        return "timeout", "reading took longer than a file of this size may take"
    return (
        "reader-crashed",
        f"the reading process ended with code {code} inside its limits on memory and time",
    )


def _add_batch(batch: pa.RecordBatch, before: int, rows: Rows, source: Source, max_record_bytes: int) -> None:
    texts = _text_values(batch.column(batch.schema.get_field_index(source.text)))
    others = [name for name in batch.schema.names if name != source.text or name in source.meta]
    first = before + 1
    try:
        values = {name: _values(batch.column(batch.schema.get_field_index(name))) for name in others}
    except (pa.ArrowException, ValueError, OverflowError) as error:
        where = f"row {first}-{before + batch.num_rows}"
        rows.lose(Lost(where, "bad-field", f"a field cannot be taken over ({type(error).__name__})"))
        return
    plain = Facts(license=source.license)
    # Row by row: each text is hashed on its own anyway.
    for at, text in enumerate(texts):
        where = f"row {first + at}"
        fields = {name: column[at] for name, column in values.items()}
        try:
            if text is not None and len(text) > max_record_bytes:
                raise UnusableError("too-long", f"{len(text)} bytes in one record")
            facts, digest = facts_of(fields, source) if others else plain, None
            if text is not None and source.markup == "html":
                text, facts, digest = page_in_field(text, facts, fields, source)
            elif text is not None:
                text.decode("utf-8")
        except UnicodeDecodeError as error:
            rows.lose(
                Lost(
                    f"{where}, byte {error.start}",
                    "bad-utf8",
                    "the text is not UTF-8",
                    record=facts_left(fields, source),
                )
            )
        except UnusableError as error:
            rows.lose(Lost(where, error.reason, error.detail, record=facts_left(fields, source)))
        else:
            rows.add(text, facts, f"row={first + at}", digest)


def _text_values(column: pa.Array) -> list[bytes | None]:
    """As bytes: neither the format nor its reader promises that a string column is UTF-8."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.binary_view())
    elif not pa.types.is_binary_view(column.type):
        column = pc.cast(column, pa.large_binary(), safe=False)
    return column.to_pylist()


def _values(column: pa.Array) -> list[Any]:
    # Python has no nanoseconds and ends at year 9999; Arrow's own ISO 8601 writes all of them.
    return (column.cast(pa.string()) if pa.types.is_temporal(column.type) else column).to_pylist()
