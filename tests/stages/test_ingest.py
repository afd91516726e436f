from __future__ import annotations

import gzip
import random
from collections import Counter
from typing import Any

from aigc_data.pipeline import is_fresh, run_stage
from aigc_data.recipe import Recipe
from aigc_data.sources.inputs import InputFile
from aigc_data.stages.ingest import plan_batches
from aigc_data.store import parquet
from aigc_data.store.workspace import Workspace


def base_rows(workspace: Workspace) -> list[dict[str, Any]]:
    return [row for s in workspace.shards() for row in parquet.read(workspace.base_file(s.name)).to_pylist()]


def quarantine_rows(workspace: Workspace) -> list[dict[str, Any]]:
    return [row for p in sorted(workspace.quarantine.glob("*.parquet")) for row in parquet.read(p).to_pylist()]


def ingest(workspace: Workspace, recipe: Recipe) -> Counter[str]:
    run_stage("ingest", workspace, recipe)
    return Counter(row["reason"] for row in quarantine_rows(workspace))


def test_ingest__ids_do_not_depend_on_position_shards_or_batches(make_workspace: Any) -> None:
    rows = [{"text": f"text 文本 {n % 40}"} for n in range(200)]  # each content five times, without a key
    seen = []
    for name, order, params in (
        ("a", rows, {}),
        ("b", random.Random(1).sample(rows, len(rows)), {"shard_text_bytes": 4096}),
        ("c", rows[::-1], {"batch_bytes": 4096}),
    ):
        workspace, recipe = make_workspace({"one.jsonl": order, "two.jsonl": rows[:50]}, folder=name, ingest=params)
        ingest(workspace, recipe)
        seen.append(sorted(row["id"] for row in base_rows(workspace)))
    assert seen[0] == seen[1] == seen[2]
    assert len(set(seen[0])) == len(seen[0]) == 250


def test_ingest__same_key_and_content_keeps_one_whatever_the_order(make_workspace: Any) -> None:
    rows = [{"id": "k", "text": "same", "url": f"https://example.org/{n}"} for n in range(3)] + [
        {"id": "other", "text": "x"}
    ]
    kept = []
    for name, order in (("a", rows), ("b", rows[::-1])):
        workspace, recipe = make_workspace({"one.jsonl": order}, folder=name, source={"url_field": "url"})
        assert ingest(workspace, recipe) == {"key-copy": 2}
        kept.append({row["id"]: row["url"] for row in base_rows(workspace)})
        assert is_fresh("ingest", workspace, recipe)
    assert kept[0] == kept[1]
    assert len(kept[0]) == 2


def test_ingest__same_key_and_other_content_keeps_none_across_files(make_workspace: Any) -> None:
    workspace, recipe = make_workspace(
        {
            "one.jsonl": [{"id": 1, "text": "first"}],
            "two.jsonl": [{"id": 1, "text": "second"}, {"id": 2, "text": "第二"}],
        },
        ingest={"batch_bytes": 4096},
    )
    assert ingest(workspace, recipe) == {"key-conflict": 2}
    assert [row["text"] for row in base_rows(workspace)] == ["第二"]
    # The conflict is mended in the source: both keys come back, and only then.
    (workspace.root / "raw" / "two.jsonl").write_text('{"id": 2, "text": "第二"}\n')
    assert ingest(workspace, recipe) == {}
    assert sorted(row["text"] for row in base_rows(workspace)) == ["first", "第二"]


def test_ingest__counts_add_up_and_broken_input_is_named(make_workspace: Any) -> None:
    workspace, recipe = make_workspace({"good.jsonl": [{"id": 1, "text": "ok"}, {"id": 2, "text": None}]})
    raw = workspace.root / "raw"
    (raw / "bad.jsonl").write_bytes(b'{"id": 3, "text": "b"\n{"id": 4, "text": "\xff"}\n{"id": 5, "text": 7}\n[1]\n')
    (raw / "empty.txt").write_bytes(b"")
    (raw / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"id": 9, "text": "nine"}\n' * 5000)[:90])
    reasons = ingest(workspace, recipe)
    manifest = workspace.manifest(workspace.base)
    assert manifest is not None
    assert manifest["read"] == manifest["rows"] + sum(manifest["quarantined"].values())
    assert {
        "bad-json": 1,
        "bad-utf8": 1,
        "text-not-string": 1,
        "not-an-object": 1,
        "empty-file": 1,
    }.items() <= reasons.items()
    assert reasons["truncated"] == 1
    assert all(row["position"] and row["file"] for row in quarantine_rows(workspace))
    assert {row["text"] for row in base_rows(workspace)} >= {"ok", None}


def test_ingest__a_changed_file_rebuilds_its_batch_alone(make_workspace: Any) -> None:
    files = {
        f"{n:02d}.jsonl": [{"id": f"{n}-{i}", "text": f"text {n} {i} " * 50} for i in range(20)] for n in range(16)
    }
    workspace, recipe = make_workspace(files, ingest={"batch_bytes": 8192})
    run_stage("ingest", workspace, recipe)
    before = {p.name: p.stat().st_mtime_ns for p in workspace.base.glob("*.parquet")}
    assert len(before) > 3
    path = workspace.root / "raw" / "07.jsonl"
    path.write_bytes(path.read_bytes().replace(b"text 7 3", b"text 7 x"))
    assert not is_fresh("ingest", workspace, recipe)
    report = run_stage("ingest", workspace, recipe)
    after = {p.name: p.stat().st_mtime_ns for p in workspace.base.glob("*.parquet")}
    assert report.written == 1
    assert len([name for name in after if after[name] != before.get(name)]) == 1
    assert run_stage("ingest", workspace, recipe).written == 0


def test_ingest__a_moved_workspace_is_the_same_base(make_workspace: Any, documents: list[dict[str, Any]]) -> None:
    digests = []
    for name in ("here", "there"):
        workspace, recipe = make_workspace({"a.jsonl": documents}, folder=name)
        run_stage("ingest", workspace, recipe)
        digests.append([s.sha256 for s in workspace.shards()])
    assert digests[0] == digests[1]


def test_plan_batches__a_new_file_moves_no_other() -> None:
    files = [InputFile("s", f"{n}.txt", f"/x/{n}.txt", 1000, "text", "") for n in range(64)]
    before = plan_batches(files, 20_000)
    after = plan_batches([*files, InputFile("s", "new.txt", "/x/new.txt", 10, "text", "")], 20_000)
    assert sum(len(b.files) for b in before) == 64
    changed = [b for b in after if b not in before]
    assert [b.name for b in before] == [b.name for b in after]
    assert len(changed) == 1


def test_ingest__one_big_file_spans_shards_and_small_ones_share(make_workspace: Any) -> None:
    workspace, recipe = make_workspace(
        {"big.jsonl": [{"id": n, "text": "字" * 400} for n in range(50)]}, ingest={"shard_text_bytes": 8192}
    )
    run_stage("ingest", workspace, recipe)
    sizes = [s.rows for s in workspace.shards()]
    assert sizes == [6] * 8 + [2]
