"""Bytes of an input file: opened locally or through fsspec, decompressed as a stream, cut into lines.

Every step holds a block or one record, whatever the size of the file. What is wrong with the container is
raised as `DamageError` after the last good block, so that the rows before it are kept.
"""

from __future__ import annotations

import bz2
import codecs
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import fsspec
import zstandard

from aigc_data.errors import SourceError
from aigc_data.sources.chunks import Lost
from aigc_data.sources.inputs import InputFile

BLOCK = 1 << 20
#: A decoder may ask for so much memory for its window or dictionary.
WINDOW = 128 << 20
#: zstd expands four bytes to 128 KiB at worst: a KiB of input is at most 32 MiB of output.
ZSTD_INPUT = 1 << 10


class DamageError(Exception):
    """The byte stream ends early or stops making sense; the blocks before are good."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def raw_blocks(file: InputFile) -> Iterator[bytes]:
    """The file's bytes as stored. Raises SourceError when it cannot be opened or read."""
    try:
        # Local files are opened here and not by fsspec: a third of the cost of a small file.
        remote = "://" in file.location
        with fsspec.open(file.location, "rb") if remote else open(file.location, "rb") as stream:
            while block := stream.read(BLOCK):
                yield block
    except OSError as error:
        raise SourceError(
            f"source {file.source!r}: {file.relative} cannot be read ({type(error).__name__})",
            expected="a readable file",
            do="check that it is still there and its permissions, then run again",
        ) from error


def blocks(file: InputFile) -> Iterator[bytes]:
    """The file's bytes, decompressed as `file.compression` says. Raises DamageError after the last good
    block."""
    raw = raw_blocks(file)
    if not file.compression:
        return raw
    if file.compression == "zst":
        return _unpack(
            _cut(raw, ZSTD_INPUT), lambda: zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj()
        )
    return _unpack(raw, _DECODERS[file.compression])


class _Gzip:
    """zlib's decoder with the interface of bz2's and lzma's (`max_length` that keeps the rest of the input
    inside)."""

    def __init__(self) -> None:
        self._z = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._z.decompress(self._z.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._z.eof

    @property
    def unused_data(self) -> bytes:
        return self._z.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._z.unconsumed_tail


_DECODERS: dict[str, Callable[[], Any]] = {
    "gz": _Gzip,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=WINDOW),
}
_BROKEN = (zlib.error, OSError, EOFError, ValueError, lzma.LZMAError, zstandard.ZstdError)


def _cut(raw: Iterator[bytes], size: int) -> Iterator[bytes]:
    for block in raw:
        for start in range(0, len(block), size):
            yield block[start : start + size]


def _unpack(raw: Iterator[bytes], fresh: Callable[[], Any]) -> Iterator[bytes]:
    """Members or frames one after another; zero bytes between and after them are padding."""
    decoder, inside, members, out, held = fresh(), False, 0, [], 0
    for block in raw:
        data = block
        while data:
            if not inside:
                data = data.lstrip(b"\0")
                if not data:
                    break
                inside = True
            try:
                parts = _drain(decoder, data)
                for part in parts:
                    out.append(part)
                    held += len(part)
                    if held >= BLOCK:
                        yield b"".join(out)
                        out, held = [], 0
            except _BROKEN as error:
                if out:
                    yield b"".join(out)
                reason = "broken-container" if not members else "trailing-garbage"
                raise DamageError(reason, f"{type(error).__name__} in compressed member {members + 1}") from error
            data = b""
            if decoder.eof:
                data, decoder, inside, members = decoder.unused_data, fresh(), False, members + 1
    if out:
        yield b"".join(out)
    if inside:
        raise DamageError("truncated", f"the compressed stream ends inside member {members + 1}")


def _drain(decoder: Any, data: bytes) -> Iterator[bytes]:
    if not hasattr(decoder, "needs_input"):  # zstd: its output is bounded by the size of `data`
        yield decoder.decompress(data)
        return
    yield decoder.decompress(data, BLOCK)
    while not decoder.eof and not decoder.needs_input:
        part = decoder.decompress(b"", BLOCK)
        if not part:
            return
        yield part


def utf8_blocks(stream: Iterator[bytes], encoding: str) -> tuple[Iterator[bytes], str]:
    """The stream in an encoding that can be cut at line breaks, and that encoding.

    A UTF-16 or UTF-32 byte order mark wins over `encoding`; such streams are decoded here as a whole,
    because their line breaks are no single byte. All others are left alone, but for a UTF-8 byte order mark.
    """
    try:
        first = next(stream, b"")
    except DamageError as damage:  # raised again where the lines are cut
        return _broken(damage), encoding
    marked = bom_encoding(first)
    if marked == "utf-8":
        return _chain(first[3:], stream), "utf-8"
    name = marked or encoding
    if marked or '\n"0'.encode(name) != b'\n"0':
        return _transcode(_chain(first, stream), name), "utf-8"
    return _chain(first, stream), name


def bom_encoding(head: bytes) -> str | None:
    """The encoding that a byte order mark names, None without one."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return name
    return None


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _broken(damage: DamageError) -> Iterator[bytes]:
    raise damage
    yield b""


def _transcode(stream: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    at = 0
    for block in stream:
        yield _step(decoder, block, at, encoding)
        at += len(block)
    yield _step(decoder, b"", at, encoding, final=True)


def _step(decoder: Any, block: bytes, at: int, encoding: str, *, final: bool = False) -> bytes:
    try:
        return decoder.decode(block, final).encode("utf-8")
    except UnicodeError as error:
        raise DamageError("bad-encoding", f"bytes near {at} are not {encoding}") from error


@dataclass(frozen=True)
class Lines:
    """Whole lines without their line feed: the number of the first, its byte offset in the decompressed
    stream."""

    lines: list[bytes]
    first: int
    offset: int


def split_lines(stream: Iterator[bytes], max_bytes: int) -> Iterator[Lines | Lost]:
    """Cut a stream at line feeds. A line over `max_bytes` is lost without being held; so is the tail of a
    damaged stream."""
    pending: list[bytes] = []
    size, offset, line, skipping = 0, 0, 1, False
    try:
        for block in stream:
            cut = block.rfind(b"\n") + 1
            body = block[:cut]
            if skipping and cut:
                end = body.index(b"\n") + 1
                yield too_long(line, offset, size + end - 1)
                offset, line, size, skipping, body = offset + size + end, line + 1, 0, False, body[end:]
            elif cut:
                body = b"".join((*pending, body))
            if cut:
                pending, size = [], 0
            if body:
                lines = body.split(b"\n")
                lines.pop()
                yield Lines(lines, line, offset)
                line, offset = line + len(lines), offset + len(body)
            if cut < len(block):
                pending.append(block[cut:])
                size += len(block) - cut
            if size > max_bytes:
                pending, skipping = [], True
    except DamageError as damage:
        where = f"byte {offset}-{offset + size - 1}" if size else f"byte {offset}-"
        yield Lost(f"line {line}, {where}", damage.reason, damage.detail)
        return
    if skipping:
        yield too_long(line, offset, size)
    elif size:
        yield Lines([b"".join(pending)], line, offset)


def too_long(line: int, offset: int, size: int) -> Lost:
    """The loss of one line over the size cap."""
    return Lost(f"line {line}, byte {offset}-{offset + size - 1}", "too-long", f"{size} bytes in one record")
