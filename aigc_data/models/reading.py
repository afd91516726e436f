"""Texts for models, from files in any format that ingest reads."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from aigc_data.errors import SourceError, UsageError
from aigc_data.hashing import digest_file
from aigc_data.recipe import Source
from aigc_data.sources.inputs import list_inputs
from aigc_data.sources.reading import read_file
from aigc_data.text.language.identify import identify

IDENTIFIED = "identified"
_LETTERS = 160  # the default of the recipe's `clean.measure.language_chars`
_CHUNK_BYTES = 8 << 20
_RECORD_BYTES = 16 << 20


class Texts(NamedTuple):
    """`texts` (large_string[n]) and `langs` (string[n]) in order of file and record; `files` says where they came from,
    each with name, bytes, SHA-256 and rows; `lost` counts by reason the records that gave none."""

    texts: pa.ChunkedArray
    langs: pa.ChunkedArray
    files: list[dict[str, Any]]
    lost: dict[str, int]


def read_texts(path: str, *, field: str = "text", lang: str = IDENTIFIED) -> Texts:
    """The texts of a file, a folder, a glob or an fsspec URL; of a record the field.

    `lang` is the language of all of them, or IDENTIFIED. Raises SourceError when there is no file or no text.
    """
    if lang != IDENTIFIED and not re.fullmatch(r"[a-z]{2,3}", lang):
        raise UsageError(f"`{lang}` is no language code", expected=f"two or three letters (en, zh), or `{IDENTIFIED}`")
    if "://" not in path and not any(c in path for c in "*?[") and not Path(path).exists():
        raise SourceError(f"there is no file or folder {path}", do="mend the path")
    source = Source(name="texts", path=path, text=field)
    parts: list[pa.ChunkedArray] = []
    files, lost = [], Counter[str]()
    for file in list_inputs(source, Path.cwd()):
        rows = 0
        for chunk in read_file(file, source, max_record_bytes=_RECORD_BYTES, chunk_bytes=_CHUNK_BYTES):
            lost.update(loss.reason for loss in chunk.lost)
            texts = chunk.rows["text"].drop_null()
            rows += len(texts)
            parts.append(texts)
        digest = digest_file(file.location) if "://" not in file.location else ""
        files.append({"name": file.relative, "bytes": file.size, "sha256": digest, "rows": rows})
    chunks = [chunk.cast(pa.large_string()) for part in parts for chunk in part.chunks]
    found = pa.chunked_array(chunks, pa.large_string())
    if not len(found):
        reasons = ", ".join(f"{count} × {reason}" for reason, count in sorted(lost.items()))
        raise SourceError(
            f"{path} gave no text" + (f" ({reasons})" if reasons else ""),
            expected=f"records with text in the field {field!r}",
            do="mend the path, or name the field with --field",
        )
    if lang == IDENTIFIED:
        langs = pa.chunked_array([identify(found, letters=_LETTERS).lang])
    else:
        langs = pa.chunked_array([pa.array([lang] * len(found), pa.string())])
    return Texts(found, langs, files, dict(sorted(lost.items())))
