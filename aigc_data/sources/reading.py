"""`read_file`: one entry for all formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aigc_data.recipe import Source
from aigc_data.sources.chunks import Chunk, Lost, Rows
from aigc_data.sources.documents import read_document
from aigc_data.sources.inputs import InputFile
from aigc_data.sources.jsonl import read_jsonl
from aigc_data.sources.pages import read_html
from aigc_data.sources.parquet import read_parquet
from aigc_data.sources.tables import read_table
from aigc_data.sources.warc import read_warc

__all__ = ["Chunk", "Lost", "read_file"]

Reader = Callable[..., Iterator[Chunk]]
READERS: dict[str, Reader] = {
    "jsonl": read_jsonl,
    "text": read_document,
    "markdown": read_document,
    "csv": read_table,
    "tsv": read_table,
    "parquet": read_parquet,
    "html": read_html,
    "warc": read_warc,
    "wet": read_warc,
}


def read_file(file: InputFile, source: Source, *, max_record_bytes: int, chunk_bytes: int) -> Iterator[Chunk]:
    """The records of one file in chunks of about `chunk_bytes` of text, in file order.

    What cannot be read comes as `Lost`, never as an exception; a file that holds nothing is one loss.
    Memory is bounded by `chunk_bytes`, one record of `max_record_bytes` and some blocks, whatever the
    file's size. Raises SourceError when the file cannot be opened or read at all.
    """
    reader = READERS.get(file.format)
    if reader is None:
        yield _only(file, Lost("file", "unknown-format", "the suffix names no format; name it in the recipe's source"))
        return
    seen = 0
    for chunk in reader(file, source, max_record_bytes=max_record_bytes, chunk_bytes=chunk_bytes):
        seen += chunk.rows.num_rows + len(chunk.lost)
        yield chunk
    if not seen:
        empty = Lost("file", "empty-file", "0 bytes")
        yield _only(
            file,
            empty if not file.size else Lost("file", "no-records", f"{file.size} bytes without a record"),
        )


def _only(file: InputFile, lost: Lost) -> Chunk:
    rows = Rows(file.relative, 1)
    rows.lose(lost)
    return rows.take()
