"""CSV and TSV with RFC 4180 quoting: quoted fields may hold delimiters, doubled quotes and line breaks.

The standard library's parser does the work; its lines are cut from a bounded stream, so that a quote which
never closes costs one record of `max_record_bytes` and not the memory of the whole file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from aigc_data.recipe import Source
from aigc_data.sources.chunks import Chunk, Facts, Lost, Rows, UnusableError, facts_left, facts_of
from aigc_data.sources.inputs import InputFile
from aigc_data.sources.pages import page_in_field
from aigc_data.sources.streams import blocks, split_lines, too_long, utf8_blocks


class _RecordTooLongError(Exception):
    """The record under way has grown over the cap."""


class _Feed:
    """Lines for the parser, with their ends. `taken` counts what the record under way has taken.

    Bytes that the encoding has no character for become lone surrogates here: the parser keeps its place,
    and the record that holds one is refused afterwards. `tainted` says that there may be any.
    """

    def __init__(self, file: InputFile, source: Source, rows: Rows, max_bytes: int) -> None:
        stream, self.encoding = utf8_blocks(blocks(file), source.encoding)
        self._parts = split_lines(stream, max_bytes)
        self._rows, self._max = rows, max_bytes
        self._lines = iter(io.StringIO())
        self.taken, self.skipped, self.tainted = 0, 0, False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while (line := next(self._lines, None)) is None:
            self._refill()
        self.taken += len(line)
        if self.taken > self._max:
            self.skipped += 1  # the parser never sees this line, so it does not count it
            raise _RecordTooLongError
        return line

    def _refill(self) -> None:
        part = next(self._parts)
        if isinstance(part, Lost):
            self._rows.lose(part)
            self.skipped += 1
            return
        data = b"\n".join(part.lines) + b"\n"
        try:
            text = data.decode(self.encoding)
        except UnicodeDecodeError:
            text, self.tainted = data.decode(self.encoding, "surrogateescape"), True
        # An empty newline argument ends lines at a lone carriage return, too, and keeps all ends as they are.
        self._lines = iter(io.StringIO(text, newline=""))


def read_table(file: InputFile, source: Source, *, max_record_bytes: int, chunk_bytes: int) -> Iterator[Chunk]:
    """Rows below the header, which is required; blank lines are skipped, an empty field (but the text) is
    no value."""
    rows = Rows(file.relative, chunk_bytes)
    feed = _Feed(file, source, rows, max_record_bytes)
    # The parser's cap is one for the whole process and too small for documents; the feed has its own.
    csv.field_size_limit(max(csv.field_size_limit(), max_record_bytes + 1))
    reader = csv.reader(feed, delimiter="\t" if file.format == "tsv" else ",", strict=True)
    columns: _Columns | None = None
    while True:
        first, feed.taken = reader.line_num + feed.skipped + 1, 0
        try:
            row = next(reader)
        except StopIteration:
            break
        except (csv.Error, _RecordTooLongError) as error:
            last = reader.line_num + feed.skipped
            where = f"line {first}" if last <= first else f"line {first}-{last}"
            if isinstance(error, csv.Error):
                rows.lose(Lost(where, "bad-csv", f"{error}"))
            else:
                rows.lose(Lost(where, "too-long", f"a record of more than {max_record_bytes} characters"))
            continue
        if not row:
            continue
        if columns is None:
            columns = _Columns(row, source)
            if columns.problem:
                rows.lose(Lost(f"line {first}", *columns.problem, fields=tuple(row)))
                break
        else:
            columns.add(row, first, rows, feed, max_record_bytes)
        if rows.full:
            yield rows.take()
    if not rows.empty:
        yield rows.take()


class _Columns:
    """Where the header puts the fields that the recipe names."""

    def __init__(self, header: list[str], source: Source) -> None:
        wanted = [
            source.text,
            source.id,
            source.license_field,
            source.url_field,
            source.created_field,
            *source.meta,
        ]
        names = {name for name in wanted if name}
        self._source, self._width = source, len(header)
        self._at = {name: header.index(name) for name in sorted(names) if name in header}
        self._text = self._at.get(source.text, -1)
        self._plain = Facts(license=source.license) if names == {source.text} else None
        self.problem: tuple[str, str] | None = None
        if self._text < 0:
            self.problem = ("no-text-field", f"no column {source.text!r} among the header's {len(header)}")
        elif twice := [name for name in self._at if header.count(name) > 1]:
            self.problem = ("duplicate-column", f"the header names {twice[0]!r} more than once")

    def add(self, row: list[str], line: int, rows: Rows, feed: _Feed, max_record_bytes: int) -> None:
        """Add the row, or its loss."""
        try:
            self._check(row, feed)
            text = row[self._text].encode()
            if len(text) > max_record_bytes:
                raise UnusableError(*_size(len(text)))
            fields = {} if self._plain else {n: row[at] for n, at in self._at.items() if row[at]}
            facts, digest = self._plain or facts_of(fields, self._source), None
            if self._source.markup == "html":
                text, facts, digest = page_in_field(text, facts, fields, self._source)
        except UnusableError as error:
            rows.lose(Lost(f"line {line}", error.reason, error.detail, record=self._left(row)))
        else:
            rows.add(text, facts, f"line={line}", digest)

    def _check(self, row: list[str], feed: _Feed) -> None:
        if len(row) != self._width:
            raise UnusableError("wrong-width", f"{len(row)} fields, the header has {self._width}")
        if feed.tainted and any(not _encodable(row[at]) for at in self._at.values()):
            reason = "bad-utf8" if feed.encoding.lower().replace("-", "") == "utf8" else "bad-encoding"
            raise UnusableError(reason, f"a field is not {feed.encoding}")

    def _left(self, row: list[str]) -> Facts:
        """In a row of the wrong width no field can be told from another."""
        whole = self._at if len(row) == self._width else {}
        return facts_left({n: row[at] for n, at in whole.items() if row[at] and _encodable(row[at])}, self._source)


def _size(size: int) -> tuple[str, str]:
    lost = too_long(0, 0, size)
    return lost.reason, lost.detail


def _encodable(field: str) -> bool:
    try:
        field.encode()
    except UnicodeEncodeError:
        return False
    return True
