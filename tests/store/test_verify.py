from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from released import released

from aigc_data.hashing import digest_file
from aigc_data.store import parquet
from aigc_data.store.files import read_json, write_json
from aigc_data.store.verify import Problem, verify_release, verify_workspace
from aigc_data.store.verify_release import funnel_problems
from aigc_data.store.workspace import MANIFEST, Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return released(tmp_path)


def first(folder: Path) -> Path:
    return next(p for p in sorted(folder.rglob("*.parquet")) if parquet.footer(p)["rows"])


def release_of(workspace: Workspace) -> Path:
    return workspace.releases / read_json(workspace.releases / MANIFEST)["latest"]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def change(path: Path, edit: Callable[[Any], Any]) -> None:
    value = orjson.loads(path.read_bytes())
    edit(value)
    write_json(path, value)


def seen(problems: list[Problem]) -> str:
    return "\n".join(p.line() for p in problems)


def test_verify_workspace__finds_nothing_in_a_whole_one(workspace: Workspace) -> None:
    assert verify_workspace(workspace) == []


def test_verify_workspace__says_what_to_do_without_a_base(tmp_path: Path) -> None:
    (problem,) = verify_workspace(Workspace(tmp_path))
    assert problem.path == "data/base/manifest.json"
    assert "aigc-data stage ingest" in problem.do


@pytest.mark.parametrize("where", ["base", "quarantine", "layers/clean", "layers/gate", "layers/dedupe", "born"])
def test_verify_workspace__finds_one_flipped_bit(workspace: Workspace, where: str) -> None:
    path = first(workspace.data / where)
    expected = digest_file(path)
    flip(path)
    problems = verify_workspace(workspace)
    mine = [p for p in problems if p.path == path.relative_to(workspace.root).as_posix() and "SHA-256" in p.seen]
    assert [p.expected for p in mine] == [expected]


def test_verify_workspace__does_not_trust_the_cache_of_digests(workspace: Workspace) -> None:
    path = first(workspace.base)
    workspace.digests.of(path)
    expected = digest_file(path)
    flip(path)
    workspace.digests.learn(path, expected)
    assert workspace.digests.matches(path, expected)
    assert any(p.expected == expected for p in verify_workspace(workspace))


def test_verify_workspace__finds_missing_and_unlisted_files(workspace: Workspace) -> None:
    path = first(workspace.layer("pii"))
    path.rename(path.with_name("stray.parquet"))
    (workspace.born / ".tmp-1-x.parquet").write_bytes(b"half")
    problems = {p.path.rsplit("/", 1)[1]: p.seen for p in verify_workspace(workspace)}
    assert problems[path.name] == "missing"
    assert problems["stray.parquet"] == "a file that no manifest lists"
    assert problems[".tmp-1-x.parquet"] == "left behind by a run that was killed"


def test_verify_workspace__finds_a_layer_of_another_base(workspace: Workspace) -> None:
    path = first(workspace.layer("license") / "measure")
    foot = parquet.footer(path)
    del foot["rows"]
    written = parquet.write(path, parquet.read(path), footer={**foot, "base": "0" * 64})

    def relist(manifest: Any) -> None:
        manifest["files"][f"measure/{path.name}"].update(sha256=written.sha256, bytes=written.bytes)

    change(workspace.layer("license") / MANIFEST, relist)
    assert f"made from base shard: {'0' * 64}" in seen(verify_workspace(workspace))


def test_verify_workspace__counts_the_reasons_again(workspace: Workspace) -> None:
    def lose(manifest: Any) -> None:
        manifest["reasons"]["gate:duplicate"] -= 1
        manifest["kept"] += 1

    change(workspace.layer("gate") / MANIFEST, lose)
    text = seen(verify_workspace(workspace))
    assert "data/layers/gate/manifest.json: reasons:" in text
    assert "data/layers/gate/manifest.json: kept rows:" in text


def test_verify_workspace__counts_the_records_read_again(workspace: Workspace) -> None:
    change(workspace.base / MANIFEST, lambda m: m.update(read=m["read"] + 1))
    assert "data/base/manifest.json: records read:" in seen(verify_workspace(workspace))


def test_verify_workspace__refuses_paths_out_of_the_folder(workspace: Workspace) -> None:
    entry = {"sha256": "0" * 64, "rows": 1}
    change(workspace.born / MANIFEST, lambda m: m["files"].update({"../base/manifest.json": entry}))
    assert "expected a path inside the folder" in seen(verify_workspace(workspace))


def test_verify_workspace__names_no_absolute_path(workspace: Workspace) -> None:
    flip(first(workspace.base))
    first(workspace.layer("clean")).write_bytes(b"")
    (workspace.layer("pii") / MANIFEST).write_text("[")
    problems = verify_workspace(workspace)
    assert problems
    assert str(workspace.root) not in seen(problems)


def test_verify_workspace__holds_the_pointer_to_the_release(workspace: Workspace) -> None:
    change(workspace.releases / MANIFEST, lambda m: m.update(manifest="0" * 64))
    assert [p.expected for p in verify_workspace(workspace)] == ["0" * 64]


def test_verify_release__holds_a_release_that_was_moved(workspace: Workspace, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(release_of(workspace), moved)
    assert verify_release(moved) == []


def test_verify_release__recomputes_the_id_from_the_rows(workspace: Workspace) -> None:
    release = release_of(workspace)
    path = first(release)
    foot = parquet.footer(path)
    del foot["rows"]
    table = parquet.read(path)
    source = pc.replace_substring(table["source"], "raw", "war")
    table = table.set_column(table.schema.get_field_index("source"), table.schema.field("source"), source)
    written = parquet.write(path, table, footer=foot, level=parquet.RELEASE_LEVEL)

    def relist(manifest: Any) -> None:
        entry = manifest["files"][path.relative_to(release).as_posix()]
        entry.update(sha256=written.sha256, bytes=written.bytes)

    change(release / MANIFEST, relist)
    text = seen(verify_release(release))
    assert "release id: the manifest says" in text
    assert "rows by source differ" in text


def test_verify_release__finds_a_row_too_few(workspace: Workspace) -> None:
    release = release_of(workspace)
    change(release / MANIFEST, lambda m: m.update(rows=m["rows"] + 1))
    text = seen(verify_release(release))
    assert "rows: the manifest says" in text
    assert "the funnel ends with" in text


def test_verify_release__finds_columns_of_another_type(workspace: Workspace) -> None:
    release = release_of(workspace)
    path = first(release)
    foot = parquet.footer(path)
    del foot["rows"]
    table = parquet.read(path)
    at = table.schema.get_field_index("quality")
    table = table.set_column(at, pa.field("quality", pa.int64()), table["quality"].cast(pa.int64()))
    written = parquet.write(path, table, footer=foot)

    def relist(manifest: Any) -> None:
        manifest["files"][path.relative_to(release).as_posix()].update(sha256=written.sha256, bytes=written.bytes)

    change(release / MANIFEST, relist)
    assert "('quality', 'int64')" in seen(verify_release(release))


def test_verify_release__says_when_there_is_no_release(tmp_path: Path) -> None:
    (problem,) = verify_release(tmp_path / "none")
    assert problem.expected == "the manifest of a release"


def test_verify_release__survives_a_manifest_of_another_form(workspace: Workspace) -> None:
    release = release_of(workspace)
    change(release / MANIFEST, lambda m: m.pop("schema"))
    assert "does not have the form of a manifest" in seen(verify_release(release))


def test_funnel_problems__finds_rows_lost_within_and_between_stages() -> None:
    whole = [
        {"stage": "ingest", "in": 10, "kept": 9, "born": 0, "dropped": {"bad-json": 1}},
        {"stage": "augment", "in": 9, "kept": 9, "born": 2, "dropped": {}},
        {"stage": "release", "in": 11, "kept": 10, "born": 0, "dropped": {"quality:min-tokens": 1}},
    ]
    assert funnel_problems(whole, 10) == []
    assert funnel_problems([{**whole[0], "kept": 8}, *whole[1:]], 10) == [
        "ingest: 10 in, 8 kept, 1 dropped",
        "augment: 9 in, 8 left by the stage before",
    ]
    assert funnel_problems(whole, 11) == ["the funnel ends with 10 rows of 11"]
