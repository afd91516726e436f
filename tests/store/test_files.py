from __future__ import annotations

import os
from pathlib import Path

import pytest

from aigc_data.errors import IntegrityError
from aigc_data.hashing import digest_bytes
from aigc_data.store.files import Digests, read_json, remove_unlisted, write_bytes, write_json


def test_digests__a_same_size_edit_with_its_mtime_put_back_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    os.utime(path, ns=(10**18, 10**18))
    digests = Digests(tmp_path / "cache.json")
    assert digests.of(path) == digest_bytes(b"one")
    digests.save()
    path.write_bytes(b"two")
    os.utime(path, ns=(10**18, 10**18))
    assert Digests(tmp_path / "cache.json").of(path) == digest_bytes(b"two")


def test_digests__a_broken_cache_is_only_a_slower_start(tmp_path: Path) -> None:
    (tmp_path / "cache.json").write_bytes(b"{")
    (tmp_path / "file").write_bytes(b"one")
    assert Digests(tmp_path / "cache.json").of(tmp_path / "file") == digest_bytes(b"one")


def test_digests__matches_is_false_for_a_missing_file(tmp_path: Path) -> None:
    assert not Digests(tmp_path / "cache.json").matches(tmp_path / "file", digest_bytes(b""))


def test_write_json__is_sorted_whole_and_leaves_no_temporary_name(tmp_path: Path) -> None:
    digest = write_json(tmp_path / "deep" / "a.json", {"b": 1, "a": "中"})
    raw = (tmp_path / "deep" / "a.json").read_bytes()
    assert raw.decode() == '{\n  "a": "中",\n  "b": 1\n}\n'
    assert digest == digest_bytes(raw)
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.json"]


def test_read_json__says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="is missing"):
        read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(IntegrityError, match="is not JSON"):
        read_json(tmp_path / "a.json")


def test_remove_unlisted__deletes_files_and_empty_folders_alone(tmp_path: Path) -> None:
    for name in ("keep/a", "gone/b", "keep/c"):
        write_bytes(tmp_path / name, b"x")
    assert remove_unlisted(tmp_path, ["keep/a"]) == ["gone/b", "keep/c"]
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == ["keep", "keep/a"]
    assert remove_unlisted(tmp_path / "nowhere", []) == []
