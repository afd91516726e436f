"""WARC and WET files (ISO 28500:2017): pages out of response records, text out of conversion records.

Records are framed here and not by fastwarc, which passes over damaged records without saying where: every
byte range that gives neither a row nor a record of another kind has to come back as a loss with its offset.
Offsets are those of the decompressed stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

from aigc_data.recipe import Source
from aigc_data.sources.chunks import Chunk, Facts, Lost, Rows, UnusableError
from aigc_data.sources.documents import utf8_text
from aigc_data.sources.encodings import decode
from aigc_data.sources.http import content_type, first_of_each, parse_fields, parse_response
from aigc_data.sources.inputs import InputFile
from aigc_data.sources.pages import page
from aigc_data.sources.rights import Signals, add_fields
from aigc_data.sources.streams import DamageError, blocks

MAX_HEADER = 64 << 10
HTML = ("text/html", "application/xhtml+xml")
#: Kinds of record that hold no document of their own.
PASSED = ("warcinfo", "request", "metadata", "revisit")


class _Bytes:
    """A stream that can be read by count or by line; remembers damage instead of raising it."""

    def __init__(self, stream: Iterator[bytes]) -> None:
        self._stream, self._buffer, self._at, self._base = stream, b"", 0, 0
        self.damage: DamageError | None = None

    @property
    def position(self) -> int:
        return self._base + self._at

    def _more(self) -> bool:
        try:
            block = next(self._stream, b"")
        except DamageError as damage:
            self.damage = damage
            block = b""
        self._base += self._at
        self._buffer, self._at = self._buffer[self._at :] + block, 0
        return bool(block)

    def peek(self, size: int) -> bytes:
        while len(self._buffer) - self._at < size and self._more():
            pass
        return self._buffer[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        parts = []
        while size > 0:
            if self._at == len(self._buffer) and not self._more():
                break
            part = self._buffer[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def skip(self, size: int) -> int:
        done = 0
        while done < size and (part := self.read(min(size - done, 1 << 20))):
            done += len(part)
        return done

    def line(self, limit: int) -> bytes:
        while (end := self._buffer.find(b"\n", self._at, self._at + limit)) < 0:
            if len(self._buffer) - self._at >= limit or not self._more():
                return self.read(limit)
        return self.read(end + 1 - self._at)

    def seek_record(self) -> None:
        """Go to the next line that starts a record, or to the end."""
        while True:
            found = self._buffer.find(b"\nWARC/", self._at)
            if found >= 0:
                self._at = found + 1
                return
            self._at = max(self._at, len(self._buffer) - 5)
            if not self._more():
                self._at = len(self._buffer)
                return


@dataclass(frozen=True)
class _Record:
    headers: dict[str, str]
    block: bytes
    offset: int
    end: int


def read_warc(file: InputFile, source: Source, *, max_record_bytes: int, chunk_bytes: int) -> Iterator[Chunk]:
    """Rows of HTML and plain text; the key is the WARC-Record-ID, the digest that of the HTTP body as
    stored."""
    rows = Rows(file.relative, chunk_bytes)
    for record in _records(_Bytes(blocks(file)), max_record_bytes):
        if isinstance(record, Lost):
            rows.lose(record)
        else:
            _add(record, rows, source, max_record_bytes)
        if rows.full:
            yield rows.take()
    if not rows.empty:
        yield rows.take()


def _records(data: _Bytes, max_record_bytes: int) -> Iterator[_Record | Lost]:
    start = 0
    while data.peek(1):
        while data.peek(2)[:1] in (b"\r", b"\n"):
            data.read(1)
        if not data.peek(1):
            break
        start = data.position
        if data.peek(5) != b"WARC/":
            data.seek_record()
            yield Lost(f"byte {start}-{data.position - 1}", "bad-record", "no WARC record starts here")
            continue
        headers = _headers(data)
        if headers is None and not data.peek(1):
            yield _tail(data, start)
            return
        length = headers.get("content-length", "") if headers else ""
        if headers is None or not length.isdecimal() or len(length) > 15:
            data.seek_record()
            where = f"byte {start}-{data.position - 1}"
            yield Lost(where, "bad-record", "a header without a sound Content-Length")
            continue
        size = int(length)
        if size > max_record_bytes:
            got, block = data.skip(size), b""
        else:
            block = data.read(size)
            got = len(block)
        if got < size:
            yield _tail(data, start)
            return
        end = data.position - 1
        if size <= max_record_bytes:
            yield _Record(headers, block, start, end)
        elif headers.get("warc-type", "").lower() not in PASSED:
            key = headers.get("warc-record-id", "").strip("<>") or None
            yield Lost(f"byte {start}-{end}", "too-long", f"{size} bytes in one record", key)
        start = end + 1
    if data.damage:
        yield _tail(data, start)


def _tail(data: _Bytes, start: int) -> Lost:
    end = data.position - 1
    where = f"byte {start}-{end}" if end >= start else f"byte {start}-"
    if data.damage:
        return Lost(where, data.damage.reason, data.damage.detail)
    return Lost(where, "truncated", "the file ends inside a record")


def _headers(data: _Bytes) -> dict[str, str] | None:
    lines: list[bytes] = []
    size = 0
    while size < MAX_HEADER:
        line = data.line(MAX_HEADER)
        if not line.endswith(b"\n"):
            return None
        if line in (b"\r\n", b"\n"):
            return first_of_each(parse_fields(lines[1:]))
        lines.append(line.rstrip(b"\n"))
        size += len(line)
    return None


def _add(record: _Record, rows: Rows, source: Source, max_record_bytes: int) -> None:
    headers = record.headers
    kind = headers.get("warc-type", "").lower()
    if kind in PASSED:
        return
    key = headers.get("warc-record-id", "").strip("<>") or None
    where = f"byte {record.offset}-{record.end}"
    known = Facts(
        key=key,
        url=headers.get("warc-target-uri", "").strip("<>") or None,
        license=source.license,
        created=headers.get("warc-date") or None,
    )
    try:
        text, facts, digest = _document(kind, record, known, source.extractor, max_record_bytes)
    except UnusableError as error:
        rows.lose(Lost(where, error.reason, error.detail, key))
    else:
        rows.add(text, facts, f"byte={record.offset}", digest)


def _document(
    kind: str, record: _Record, known: Facts, extractor: str, max_record_bytes: int
) -> tuple[bytes, Facts, str]:
    signals = Signals()
    if kind == "response":
        response = parse_response(record.block, max_record_bytes)
        if response.status >= 300:
            raise UnusableError("http-status", f"status {response.status}")
        add_fields(signals, response.fields)
        stored, body, mime, charset = response.stored, response.body, response.mime, response.charset
    elif kind in ("resource", "conversion"):
        stored = body = record.block
        mime, charset = content_type(record.headers.get("content-type", "text/plain"))
    else:
        raise UnusableError("record-type", "a kind of record that holds no whole document")
    digest = sha256(stored).hexdigest()
    if mime in HTML:
        text, facts = page(decode(body, charset), known, extractor=extractor, signals=signals)
        return text.encode(), facts, digest
    if mime != "text/plain":
        raise UnusableError("not-text", "neither HTML nor plain text")
    if kind == "conversion":
        plain = utf8_text(body, charset or "utf-8")
        if isinstance(plain, Lost):
            raise UnusableError(plain.reason, f"{plain.position} of the record: {plain.detail}")
    else:
        plain = decode(body, charset).encode()
    if not plain.strip():
        raise UnusableError("no-content", "no text in the record")
    declared = signals.first("license") or known.license
    return plain, replace(known, license=declared, rights=signals.json()), digest
