"""What a reader yields: chunks of rows, and what was lost on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_data.columns import RAW
from aigc_data.hashing import canonical_json
from aigc_data.recipe import Source

#: A chunk also ends after so many rows, so that millions of empty texts stay within bounds.
MAX_ROWS = 65_536


@dataclass(frozen=True)
class Lost:
    """A record or a byte range that could not be read.

    `position` is "file", "line 12", "line 12, byte 4096", "byte 4096-8191", "row 3" …; `detail` holds no
    raw content. Two things that are not compared serve who wants a row for every record: `record` is what a record that
    was parsed says of itself (null where nothing could be parsed), `fields` the names there are where the text's is not
    among them.
    """

    position: str
    reason: str
    detail: str
    key: str | None = None
    record: Facts | None = field(default=None, compare=False)
    fields: tuple[str, ...] = field(default=(), compare=False)


@dataclass
class Chunk:
    """Rows (`columns.RAW`) in file order, and the losses met while reading them.

    `keys` are the rows' own keys before they became strings; `places` says for each loss how many rows came before it.
    """

    rows: pa.Table
    lost: list[Lost]
    keys: list[str | int | None]
    places: list[int]


@dataclass(frozen=True)
class Facts:
    """What a record says about itself beside its text; `rights` as in `sources.rights`."""

    key: str | int | None = None
    url: str | None = None
    license: str | None = None
    rights: str | None = None  # JSON object of raw licence and opt-out signals
    created: str | None = None
    meta: str | None = None


class UnusableError(Exception):
    """A record's fields cannot be taken over: `reason` and `detail` go to quarantine."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def facts_of(fields: Mapping[str, Any], source: Source) -> Facts:
    """The record's key, url, licence, date and meta as the recipe names them; its own licence wins over the
    source's.

    Raises UnusableError: "bad-key" for a key that is neither string nor integer, "bad-meta" for values that
    are no JSON (nested deeper than the encoder goes).
    """
    key = _key(fields, source)
    declared = own_license(fields, source)
    kept = {name: fields[name] for name in source.meta if fields.get(name) is not None}
    return Facts(
        key=key,
        url=_scalar(fields.get(source.url_field)) if source.url_field else None,
        license=declared or source.license,
        created=_scalar(fields.get(source.created_field)) if source.created_field else None,
        meta=_json(kept) if kept else None,
    )


def facts_left(fields: Mapping[str, Any], source: Source) -> Facts:
    """What a record that is lost still says about itself: all of `facts_of`, or the key alone where that is usable."""
    try:
        return facts_of(fields, source)
    except UnusableError:
        pass
    try:
        return Facts(key=_key(fields, source), license=source.license)
    except UnusableError:
        return Facts(license=source.license)


def _key(fields: Mapping[str, Any], source: Source) -> str | int | None:
    key = fields.get(source.id) if source.id else None
    if key is not None and (isinstance(key, bool) or not isinstance(key, str | int)):
        raise UnusableError("bad-key", f"the key is a {type(key).__name__}; strings and integers can be keys")
    return None if key == "" else key


def own_license(fields: Mapping[str, Any], source: Source) -> str | None:
    """The licence that the record itself declares in the field that the recipe names."""
    return _license(fields.get(source.license_field)) if source.license_field else None


def _license(value: Any) -> str | None:
    """A list of licences holds for the parts of a record, so all of them bind the whole."""
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        names = [v.strip() for v in value if v.strip()]
        return " AND ".join(names) or None
    return (_scalar(value) or "").strip() or None


def _scalar(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else _json(value).strip('"')


def _json(value: Any) -> str:
    # orjson decodes deeper nesting than it encodes, and tables hold types that JSON lacks.
    try:
        return canonical_json(value).decode()
    except TypeError:
        pass
    try:
        return canonical_json(_plain(value)).decode()
    except (TypeError, RecursionError) as error:
        raise UnusableError("bad-meta", "a field holds a value that cannot be written as JSON") from error


def _plain(value: Any) -> Any:
    """Types of tables that JSON lacks: dates as ISO 8601, decimals as text, bytes as hex, maps as pairs."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal) or (isinstance(value, int) and not -(1 << 63) <= value < 1 << 64):
        return str(value)
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


class Rows:
    """Collects records of one file into chunks of at most about `chunk_bytes` of text.

    A class because readers append millions of times: lists and a counter that belong together.
    """

    def __init__(self, relative: str, chunk_bytes: int) -> None:
        self._relative, self._chunk_bytes = relative, chunk_bytes
        self.seen = 0
        self._reset()

    def _reset(self) -> None:
        self._texts: list[bytes | None] = []
        self._digests: list[str] = []
        self._locators: list[str] = []
        self._facts: list[Facts] = []
        self._lost: list[Lost] = []
        self._places: list[int] = []
        self._bytes = 0

    def add(self, text: bytes | None, facts: Facts, position: str, digest: str | None = None) -> None:
        """One record: its text as valid UTF-8, where it stood ("line=12", "" for the whole file), and the
        SHA-256 of the raw record where that is not the text itself. A null text has the digest of no bytes.
        """
        self._texts.append(text)
        self._digests.append(digest or sha256(text or b"").hexdigest())
        self._locators.append(f"{self._relative}#{position}" if position else self._relative)
        self._facts.append(facts)
        self._bytes += len(text) if text else 0

    def lose(self, lost: Lost) -> None:
        """One loss."""
        self._lost.append(lost)
        self._places.append(len(self._texts))

    @property
    def full(self) -> bool:
        """Whether the chunk should be taken now."""
        return self._bytes >= self._chunk_bytes or len(self._texts) + len(self._lost) >= MAX_ROWS

    @property
    def empty(self) -> bool:
        """Whether there is nothing to take."""
        return not self._texts and not self._lost

    def take(self) -> Chunk:
        """The chunk so far; starts the next one."""
        facts = self._facts
        keys = [f.key for f in facts]
        columns: list[pa.Array] = [
            _strings([None if key is None else str(key) for key in keys]),
            _strings(self._digests),
            text_array(self._texts),
            _strings(self._locators),
            *(_strings([getattr(f, name) for f in facts]) for name in ("url", "license", "rights", "created", "meta")),
        ]
        chunk = Chunk(pa.Table.from_arrays(columns, schema=RAW), self._lost, keys, self._places)
        self.seen += len(self._texts) + len(self._lost)
        self._reset()
        return chunk


def _strings(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, type=pa.string())


def text_array(texts: Sequence[bytes | None]) -> pa.Array:
    """A large_string array of UTF-8 byte strings that are known to be valid: no second pass over the text."""
    lengths = np.fromiter((len(t) if t else 0 for t in texts), dtype=np.int64, count=len(texts))
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    data = b"".join([t for t in texts if t])
    nulls = sum(t is None for t in texts)
    mask = None
    if nulls:
        valid = np.fromiter((t is not None for t in texts), dtype=np.bool_, count=len(texts))
        mask = pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(data), mask, nulls)
