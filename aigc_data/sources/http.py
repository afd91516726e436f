"""The HTTP response inside a WARC record: status, type, and a body without its codings (RFC 9110, 9112)."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import zstandard
from fastwarc.stream_io import BrotliReader

from aigc_data.sources.chunks import UnusableError
from aigc_data.sources.streams import WINDOW


@dataclass(frozen=True)
class Response:
    """A parsed response: `stored` is the body after transfer decoding, which is digested; `body` is
    unpacked, too; `fields` are all header fields in their order, with names in small letters."""

    status: int
    mime: str
    charset: str | None
    stored: bytes
    body: bytes
    fields: tuple[tuple[str, str], ...] = ()


def parse_response(block: bytes, max_bytes: int) -> Response:
    """Parse a response. Raises UnusableError: "bad-http", "bad-content-encoding", "too-long"."""
    head, found, rest = block.partition(b"\r\n\r\n")
    if not found:
        head, found, rest = block.partition(b"\n\n")
    lines = head.split(b"\n")
    words = lines[0].split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit() or len(words[1]) != 3:
        raise UnusableError("bad-http", "no status line")
    fields = parse_fields(lines[1:])
    headers = first_of_each(fields)
    stored = rest
    if "chunked" in headers.get("transfer-encoding", "").lower():
        stored = _dechunk(rest)
    mime, charset = content_type(headers.get("content-type", ""))
    body = unpack(stored, headers.get("content-encoding", ""), max_bytes)
    return Response(int(words[1]), mime, charset, stored, body, tuple(fields))


def parse_fields(lines: list[bytes]) -> list[tuple[str, str]]:
    """Header fields in their order, names in small letters; folded lines are joined."""
    fields: list[tuple[str, str]] = []
    named = False
    for raw in lines:
        line = raw.rstrip(b"\r").decode("utf-8", "replace")
        if line[:1] in (" ", "\t") and named:
            fields[-1] = (fields[-1][0], f"{fields[-1][1]} {line.strip()}")
            continue
        key, colon, value = line.partition(":")
        named = bool(colon and key.strip())
        if named:
            fields.append((key.strip().lower(), value.strip()))
    return fields


def first_of_each(fields: list[tuple[str, str]]) -> dict[str, str]:
    """The fields by name; where a name comes twice, the first counts."""
    return dict(reversed(fields))


def content_type(value: str) -> tuple[str, str | None]:
    """Media type in lower case, and the charset parameter."""
    mime, *parameters = value.split(";")
    for parameter in parameters:
        name, _, charset = parameter.partition("=")
        if name.strip().lower() == "charset":
            return mime.strip().lower(), charset.strip().strip("\"'") or None
    return mime.strip().lower(), None


def _dechunk(data: bytes) -> bytes:
    """RFC 9112, section 7.1. Archives that stored the body already joined keep the header: it is taken as
    it is."""
    out: list[bytes] = []
    at = 0
    while True:
        end = data.find(b"\n", at, at + 1024)
        size = data[at:end].split(b";")[0].strip() if end >= 0 else b""
        if not size or any(c not in b"0123456789abcdefABCDEF" for c in size) or len(size) > 15:
            if at == 0:
                return data
            raise UnusableError("bad-http", "the chunked body breaks off")
        length = int(size, 16)
        if length == 0:
            return b"".join(out)
        start, at = end + 1, end + 1 + length
        if at > len(data):
            raise UnusableError("bad-http", "the chunked body breaks off")
        out.append(data[start:at])
        at += 2 if data[at : at + 2] == b"\r\n" else 1


def unpack(data: bytes, coding: str, max_bytes: int) -> bytes:
    """Undo content codings, at most `max_bytes` of each. Data that is not in the coding named is refused."""
    for name in reversed([c.strip().lower() for c in coding.split(",")]):
        if name in ("", "identity") or not data:
            continue
        try:
            parts = _unpacked(name, data)
            pieces, size = [], 0
            for piece in parts:
                size += len(piece)
                if size > max_bytes:
                    raise UnusableError("too-long", f"more than {max_bytes} bytes in one record")
                pieces.append(piece)
            data = b"".join(pieces)
        except (zlib.error, OSError, zstandard.ZstdError) as error:
            raise UnusableError("bad-content-encoding", f"the body is not {_known(name)}") from error
    return data


def _known(name: str) -> str:
    return name if name in ("gzip", "x-gzip", "deflate", "br", "zstd") else "in a known coding"


def _unpacked(name: str, data: bytes) -> Iterator[bytes]:
    if name in ("gzip", "x-gzip", "deflate"):
        raw_deflate = name == "deflate" and data[:1] != b"\x78"
        decoder = zlib.decompressobj(-15 if raw_deflate else 47)
        while data and not decoder.eof:
            yield decoder.decompress(data, 1 << 20)
            data = decoder.unconsumed_tail
        if not decoder.eof:
            raise UnusableError("truncated", f"the body ends inside its {name} coding")
        return
    stream: Any
    if name == "br":
        stream = BrotliReader(io.BytesIO(data))
    elif name == "zstd":
        stream = zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(data)
    else:
        raise UnusableError("bad-content-encoding", f"the coding is {_known(name)}".replace("is in a", "is no"))
    while piece := stream.read(1 << 20):
        yield piece
