"""Plain text, Markdown and reStructuredText: one file is one record, its text as it stands, front matter
and all."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from hashlib import sha256

from aigc_data.recipe import Source
from aigc_data.sources.chunks import Chunk, Facts, Lost, Rows
from aigc_data.sources.inputs import InputFile
from aigc_data.sources.streams import DamageError, blocks, bom_encoding


def whole_file(file: InputFile, max_record_bytes: int) -> bytes | Lost:
    """All bytes of a file, decompressed, or why it is lost. At most `max_record_bytes` and one block are
    held."""
    parts: list[bytes] = []
    size = 0
    try:
        for block in blocks(file):
            size += len(block)
            if size > max_record_bytes:
                return Lost("file", "too-long", f"more than {max_record_bytes} bytes in one record")
            parts.append(block)
    except DamageError as damage:
        return Lost(f"byte 0-{max(size - 1, 0)}", damage.reason, damage.detail)
    if not size:
        return Lost("file", "empty-file", "0 bytes")
    return b"".join(parts)


def read_document(file: InputFile, source: Source, *, max_record_bytes: int, chunk_bytes: int) -> Iterator[Chunk]:
    """One row, or one loss. A byte order mark wins over the source's encoding and is not part of the text."""
    rows = Rows(file.relative, chunk_bytes)
    raw = whole_file(file, max_record_bytes)
    if isinstance(raw, Lost):
        rows.lose(raw)
    else:
        text = utf8_text(raw, source.encoding)
        if isinstance(text, Lost):
            rows.lose(text)
        else:
            rows.add(text, Facts(license=source.license), "", sha256(raw).hexdigest())
    yield rows.take()


def utf8_text(raw: bytes, encoding: str) -> bytes | Lost:
    """The text as UTF-8, or the loss with the offset of the first byte that `encoding` has no character
    for."""
    marked = bom_encoding(raw)
    name = marked or encoding
    try:
        if marked == "utf-8":
            raw = raw[3:]
        if codecs.lookup(name).name == "utf-8":
            raw.decode("utf-8")  # checked, not kept: the bytes are the text
            return raw
        return raw.decode(name).encode("utf-8")
    except UnicodeDecodeError as error:
        reason = "bad-utf8" if codecs.lookup(name).name == "utf-8" else "bad-encoding"
        return Lost(f"byte {error.start + (3 if marked == 'utf-8' else 0)}", reason, f"not {name}: {error.reason}")
    except UnicodeEncodeError:
        return Lost("file", "bad-encoding", f"decoded as {name} the text holds lone surrogates")
