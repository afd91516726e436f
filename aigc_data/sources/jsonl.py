"""JSON Lines: one object a line (jsonlines.org; RFC 8259), strictly.

orjson refuses what JSON has no word for (NaN, Infinity, lone surrogates, invalid UTF-8), which is wanted
here: such a line goes to quarantine instead of changing its meaning. A key that appears twice keeps its
last value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from aigc_data.recipe import Source
from aigc_data.sources.chunks import Chunk, Facts, Lost, Rows, UnusableError, facts_left, facts_of
from aigc_data.sources.inputs import InputFile
from aigc_data.sources.pages import page_in_field
from aigc_data.sources.streams import blocks, split_lines, too_long, utf8_blocks


def read_jsonl(file: InputFile, source: Source, *, max_record_bytes: int, chunk_bytes: int) -> Iterator[Chunk]:
    """Rows of a JSON Lines file; blank lines are skipped. The record is the line: that is what
    `max_record_bytes` caps."""
    rows = Rows(file.relative, chunk_bytes)
    stream, encoding = utf8_blocks(blocks(file), source.encoding)
    recode = encoding.lower().replace("_", "-") not in ("utf-8", "utf8", "ascii")
    plain = Facts(license=source.license) if _only_text(source) else None
    pages = source.markup == "html"
    for part in split_lines(stream, max_record_bytes):
        if isinstance(part, Lost):
            rows.lose(part)
            continue
        at = part.offset
        for number, line in enumerate(part.lines, part.first):
            if not line:
                at += 1
                continue
            if len(line) > max_record_bytes:
                rows.lose(too_long(number, at, len(line)))
            else:
                try:
                    record = orjson.loads(_recode(line, encoding) if recode else line)
                    text = record[source.text]
                    facts = plain or facts_of(record, source)
                    if text is None or not pages:
                        rows.add(None if text is None else text.encode(), facts, f"line={number}")
                    else:
                        found, facts, digest = page_in_field(text.encode(), facts, record, source)
                        rows.add(found, facts, f"line={number}", digest)
                except (ValueError, KeyError, TypeError, AttributeError, UnusableError) as error:
                    if lost := _diagnose(line, number, at, source, encoding if recode else "utf-8", error):
                        rows.lose(lost)
            at += len(line) + 1
            if rows.full:
                yield rows.take()
    if not rows.empty:
        yield rows.take()


def _only_text(source: Source) -> bool:
    return not (source.id or source.license_field or source.url_field or source.created_field or source.meta)


def _recode(line: bytes, encoding: str) -> bytes:
    return line.decode(encoding).encode("utf-8")


def _diagnose(line: bytes, number: int, offset: int, source: Source, encoding: str, error: Exception) -> Lost | None:
    """Why a line gave no row; None for a blank one. The good lines do not pay for these questions."""
    if not line.strip():
        return None
    where = f"line {number}"
    if isinstance(error, orjson.JSONDecodeError):
        if encoding == "utf-8" and (at := _bad_utf8(line)) is not None:
            return Lost(f"{where}, byte {offset + at}", "bad-utf8", "the line is not UTF-8")
        return Lost(where, "bad-json", f"{error.msg.split(':')[0]} at character {error.pos} of the line")
    if isinstance(error, UnicodeDecodeError):
        return Lost(f"{where}, byte {offset + error.start}", "bad-encoding", f"the line is not {source.encoding}")
    record: Any = orjson.loads(line if encoding == "utf-8" else _recode(line, encoding))
    if not isinstance(record, dict):
        rest = Facts(license=source.license)
        return Lost(where, "not-an-object", f"the line holds a JSON {_kind(record)}", record=rest)
    return _refused(record, where, source, error)


def _refused(record: dict[str, Any], where: str, source: Source, error: Exception) -> Lost:
    rest = facts_left(record, source)
    if isinstance(error, UnusableError):
        return Lost(where, error.reason, error.detail, record=rest)
    key, name = None if rest.key is None else str(rest.key), source.text
    if name not in record:
        detail = f"no field {name!r} among the object's {len(record)} fields"
        return Lost(where, "no-text-field", detail, key, rest, tuple(record))
    return Lost(where, "text-not-string", f"field {name!r} holds a JSON {_kind(record[name])}", key, rest)


def _bad_utf8(line: bytes) -> int | None:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return None


def _kind(value: Any) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
