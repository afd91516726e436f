from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_data.hashing import canonical_json, record_id, release_digest, row_digests, seed_of

VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()


@given(st.lists(VALUES, max_size=6))
def test_canonical_json__is_what_the_standard_library_writes(row: list[object]) -> None:
    assert canonical_json(row) == json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


@given(st.lists(st.tuples(st.text(), st.none() | st.integers(0, 99)), max_size=5))
def test_row_digests__are_sha256_of_the_json_array_of_a_row(rows: list[tuple[str, int | None]]) -> None:
    columns = [[r[0] for r in rows], [r[1] for r in rows]]
    expected = [
        hashlib.sha256(json.dumps(list(r), ensure_ascii=False, separators=(",", ":")).encode()).digest() for r in rows
    ]
    assert row_digests(columns) == expected


def test_row_digests__write_binary_as_hex_and_refuse_floats_of_other_types() -> None:
    assert row_digests([[b"\x01\xff"]]) == [hashlib.sha256(b'["01ff"]').digest()]
    with pytest.raises(TypeError):
        row_digests([[{1, 2}]])


def test_record_id__parts_cannot_run_into_each_other() -> None:
    assert record_id("a", "bc") != record_id("ab", "c")
    assert record_id("a", "bc") == record_id("a", "bc")
    assert len(record_id("中文")) == 32


def test_release_digest__depends_on_schema_rows_and_digests() -> None:
    rows = sorted([b"a" * 32, b"b" * 32])
    base = release_digest([("id", "string")], 2, rows)
    assert base == release_digest([("id", "string")], 2, [b"".join(rows)])
    assert base != release_digest([("id", "int64")], 2, rows)
    assert base != release_digest([("id", "string")], 3, rows)
    assert base != release_digest([("id", "string")], 2, rows[::-1])


def test_seed_of__fits_a_signed_64_bit_integer() -> None:
    assert all(0 <= seed_of("x", n) < 2**63 for n in range(1000))
