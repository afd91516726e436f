"""Files that broke other readers: each ends in rows or in losses with position and reason (data/SOURCES.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent / "data"
FILES = sorted(p for folder in ("parquet", "json", "csv", "warc") for p in (DATA / folder).iterdir())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_read_file__hostile_file_ends_in_rows_or_losses(read: Any, path: Path) -> None:
    rows, lost = read(path, text="id" if path.parent.name == "csv" else "text")
    assert rows or lost
    assert all(x.position and x.reason and x.detail for x in lost)


def test_read_file__cut_archive_names_the_byte(read: Any) -> None:
    rows, lost = read(DATA / "warc/example-trunc.warc")
    assert rows == []
    assert [(x.position, x.reason) for x in lost] == [("byte 1197-2559", "truncated"), ("byte 2560-2565", "bad-record")]


def test_read_file__lone_surrogate_and_nan_are_refused(read: Any) -> None:
    for name in ("n_number_NaN", "i_string_1st_surrogate_but_2nd_missing", "n_object_trailing_comma"):
        assert [x.reason for x in read(DATA / f"json/{name}.jsonl")[1]] == ["bad-json"]
    assert [x.reason for x in read(DATA / "json/i_string_invalid_utf-8.jsonl")[1]] == ["bad-utf8"]
