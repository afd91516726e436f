"""The invariants of a whole run: conservation, determinism, freshness, trust."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
from pipeline_runs import bytes_of, release_id, release_rows, run_all, verdicts
from prose import chinese, english

from aigc_data.errors import GateError, IntegrityError, RecipeError, StageError
from aigc_data.pipeline import STAGES, Snapshot, run_stage, stale_stages
from aigc_data.pool import LocalPool
from aigc_data.recipe import Recipe, load_recipe
from aigc_data.store.funnel import funnel
from aigc_data.store.lock import hold
from aigc_data.store.workspace import Workspace

SECTIONS: dict[str, Any] = {
    "gate": {"validation_share": 0.1, "test_share": 0.1},
    "augment": {"variants": ["typo", "width"], "share": 0.5},
    "quality": {"rules": {"en": {"min_terminal_lines": "off"}, "zh": {"min_terminal_lines": "off"}}},
}


@pytest.fixture
def mixed(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Documents in two languages with duplicates, personal data, texts that rules drop, and licences of their own."""
    rows = [dict(row) for row in documents]
    rows += [{"id": f"copy-{n}", "text": documents[n]["text"] + (" Again." if n % 2 else "")} for n in range(6)]
    rows += [{"id": f"复本-{n}", "text": documents[12 + n]["text"] + ("又。" if n % 2 else "")} for n in range(6)]
    rows += [
        {
            "id": "mail",
            "text": english(40) + " Write to anna.lee@example.org.",
        }
    ]
    rows += [{"id": "手机", "text": chinese(41) + "我的手机号是13812345678。"}]
    rows += [
        {"id": "short", "text": "Yes."},
        {"id": "短", "text": "好的。"},
        {"id": "empty", "text": ""},
        {"id": "none", "text": None},
    ]
    rows += [{"id": "nc", "text": documents[0]["text"].replace("quiet", "loud"), "license": "CC-BY-NC-4.0"}]
    rows += [{"id": "unknown", "text": documents[1]["text"].replace("quiet", "still"), "license": "as is"}]
    return rows


def files_of(rows: list[dict[str, Any]], n: int) -> dict[str, list[dict[str, Any]]]:
    return {f"part-{i}.jsonl": rows[i::n] for i in range(n)}


@pytest.fixture
def make(make_workspace: Any) -> Any:
    def build(rows: list[dict[str, Any]], folder: str, *, files: int = 3, **sections: Any) -> Any:
        source = {"license_field": "license"}
        return make_workspace(files_of(rows, files), folder=folder, source=source, **{**SECTIONS, **sections})

    return build


def test_run__conserves_rows_from_input_to_release(make: Any, mixed: list[dict[str, Any]]) -> None:
    workspace, recipe = make(mixed, "a")
    run_all(workspace, recipe)
    manifest = workspace.manifest(workspace.releases / release_id(workspace))
    assert manifest is not None
    steps = funnel(workspace, manifest)
    assert [s["stage"] for s in steps] == list(STAGES)
    assert steps[0]["in"] == len(mixed)
    for step, following in pairwise(steps):
        assert step["in"] == step["kept"] + sum(step["dropped"].values())
        assert following["in"] == step["kept"] + step["born"]
    assert steps[-1]["kept"] == manifest["rows"] == len(release_rows(workspace))
    reasons = {r for s in steps for r in s["dropped"]}
    assert reasons >= {
        "clean:empty",
        "quality:min-tokens",
        "license:non-commercial",
        "license:unknown",
        "gate:duplicate",
    }
    for stage in ("clean", "dedupe", "pii", "license", "quality", "safety", "gate"):
        layer = workspace.manifest(workspace.layer(stage))
        assert layer is not None
        assert layer["rows"] == len(mixed)


def test_run__shuffled_rows_small_shards_and_workers_change_no_verdict(make: Any, mixed: list[dict[str, Any]]) -> None:
    seen = []
    shuffled = random.Random(3).sample(mixed, len(mixed))
    with LocalPool(2) as pool:
        for folder, rows, ingest, each in (
            ("a", mixed, {}, map),
            ("b", shuffled, {"shard_text_bytes": 4096}, map),
            ("c", mixed, {"batch_bytes": 4096}, pool.each),
        ):
            # One file: which file a row lies in is not part of a keyed record's identity, its position neither.
            workspace, recipe = make(rows, folder, files=1 if folder != "c" else 3, ingest=ingest)
            run_all(workspace, recipe, each=each)
            seen.append((release_id(workspace), verdicts(workspace)))
    assert seen[0] == seen[1] == seen[2]


def test_run__workers_and_a_second_run_leave_the_same_bytes(make: Any, mixed: list[dict[str, Any]]) -> None:
    found = []
    for folder, workers in (("a", 1), ("b", 2)):
        workspace, recipe = make(mixed, folder, ingest={"batch_bytes": 4096, "shard_text_bytes": 4096})
        with LocalPool(workers) as pool:
            run_all(workspace, recipe, each=pool.each)
            found.append(bytes_of(workspace.data))
            again = run_all(workspace, recipe, each=pool.each)
        assert {name: report.written for name, report in again.items()} == dict.fromkeys(STAGES, 0)
        assert bytes_of(workspace.data) == found[-1]
        assert stale_stages(workspace, recipe) == []
    assert found[0] == found[1]


def test_run__duplicates_keep_one_and_never_straddle_splits(make: Any, mixed: list[dict[str, Any]]) -> None:
    workspace, recipe = make(mixed, "a")
    run_all(workspace, recipe)
    rows = release_rows(workspace)
    alive = {row["id"] for row in rows}
    for verdict in verdicts(workspace).values():
        if verdict[4] == "gate:duplicate":
            assert verdict[5] in alive
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(row["group"], set()).add(row["split"])
    assert all(len(s) == 1 for s in splits.values())
    born = [row for row in rows if row["parent"]]
    assert born
    assert all(row["split"] == "train" and row["parent"] in alive for row in born)


def test_run__releases_no_personal_value(make: Any, mixed: list[dict[str, Any]]) -> None:
    workspace, recipe = make(mixed, "a")
    run_all(workspace, recipe)
    texts = "\n".join(row["text"] for row in release_rows(workspace))
    assert "[EMAIL]" in texts
    assert "[PHONE]" in texts
    for folder in (
        workspace.releases,
        workspace.born,
        workspace.layer("pii"),
        workspace.layer("gate"),
        workspace.layer("dedupe"),
    ):
        for path in folder.rglob("*"):
            if path.is_file():
                raw = path.read_bytes()
                assert b"13812345678" not in raw
                assert b"anna.lee@example.org" not in raw


def test_run__a_changed_threshold_rejudges_quality_and_what_follows(make: Any, mixed: list[dict[str, Any]]) -> None:
    workspace, recipe = make(mixed, "a")
    run_all(workspace, recipe)
    before, first = bytes_of(workspace.data), release_id(workspace)
    path = workspace.params
    path.write_text(path.read_text().replace("rules:\n    en:", "rules:\n    en:\n      min_tokens: 200"))
    recipe = load_recipe(path)
    assert recipe.quality.rules.en.min_tokens == 200
    assert stale_stages(workspace, recipe) == ["quality", "gate", "augment", "release"]
    measured = {p: p.stat().st_mtime_ns for p in workspace.layer("quality").glob("measure/*")}
    reports = run_all(workspace, recipe)
    assert all(reports[name].written == 0 for name in ("ingest", "clean", "dedupe", "pii", "license"))
    assert {p: p.stat().st_mtime_ns for p in measured} == measured
    assert release_id(workspace) != first
    after = bytes_of(workspace.data)
    changed = {name.split("/")[1] for name in after if after[name] != before.get(name) and name.startswith("layers/")}
    assert changed == {"quality", "gate"}


def test_run__a_damaged_layer_is_made_again_and_a_damaged_input_of_a_stage_is_refused(
    make: Any, mixed: list[dict[str, Any]]
) -> None:
    workspace, recipe = make(mixed, "a")
    run_all(workspace, recipe)
    good = bytes_of(workspace.data)
    victim = next(iter(workspace.layer("clean").glob("measure/*.parquet")))
    raw = bytearray(victim.read_bytes())
    raw[len(raw) // 2] ^= 1
    victim.write_bytes(raw)
    assert "clean" in stale_stages(workspace, recipe)
    run_all(workspace, recipe)
    assert bytes_of(workspace.data) == good
    # A layer of another base shard is refused, whoever put it there.
    shards = sorted(workspace.layer("pii").glob("measure/*.parquet"))
    if len(shards) > 1:
        shards[0].write_bytes(shards[1].read_bytes())
        with pytest.raises(IntegrityError):
            run_stage("release", workspace, load_recipe(workspace.params)) and run_stage("augment", workspace, recipe)


def test_gate__stops_and_says_which_expectation_and_by_how_much(make: Any, mixed: list[dict[str, Any]]) -> None:
    gate = {**SECTIONS["gate"], "expectations": [{"metric": "living_rows", "min": 1000}]}
    workspace, recipe = make(mixed, "a", gate=gate)
    for name in STAGES[: STAGES.index("gate")]:
        run_stage(name, workspace, recipe)
    with pytest.raises(GateError, match=r"living_rows ≥ 1000: saw \d+, missed by 9\d\d"):
        run_stage("gate", workspace, recipe)
    with pytest.raises(StageError):
        run_stage("release", workspace, recipe)
    assert not workspace.releases.exists()


def test_gate__an_unknown_metric_is_named_with_the_nearest(make: Any, mixed: list[dict[str, Any]]) -> None:
    workspace, recipe = make(mixed[:3], "a", gate={"expectations": [{"metric": "living_row", "min": 1}]})
    with pytest.raises(RecipeError, match="did you mean `living_rows`"):
        run_all(workspace, recipe)


def test_gate__takedown_takes_verified_duplicates_along(make: Any, mixed: list[dict[str, Any]]) -> None:
    workspace, recipe = make(mixed, "a")
    run_all(workspace, recipe)
    duplicate, verdict = next((i, v) for i, v in verdicts(workspace).items() if v[4] == "gate:duplicate")
    (workspace.root / "takedown.txt").write_text(f"# asked for on paper\n{duplicate}\n")
    gate = {**SECTIONS["gate"], "takedown": "takedown.txt"}
    workspace, recipe = make(mixed, "a", gate=gate)
    run_all(workspace, recipe)
    after = verdicts(workspace)
    assert after[duplicate][4] == after[verdict[5]][4] == "gate:takedown"
    assert not {duplicate, verdict[5]} & {row["id"] for row in release_rows(workspace)}


def test_split__a_parent_release_keeps_its_rows_where_they_were(make: Any, mixed: list[dict[str, Any]]) -> None:
    workspace, recipe = make(mixed, "a")
    run_all(workspace, recipe)
    first = {row["id"]: row["split"] for row in release_rows(workspace) if not row["parent"]}
    parent = f"data/releases/{release_id(workspace)}"
    gate = {**SECTIONS["gate"], "split_seed": 99, "parent_splits": parent}
    workspace, recipe = make(mixed, "a", gate=gate)
    run_all(workspace, recipe)
    second = {row["id"]: row["split"] for row in release_rows(workspace) if not row["parent"]}
    assert second == first
    assert set(first.values()) > {"train"}


def test_snapshot__a_recipe_changed_during_the_run_is_refused(make: Any, mixed: list[dict[str, Any]]) -> None:
    workspace, _ = make(mixed, "a")
    snapshot = Snapshot.take(workspace)
    snapshot.check(workspace)
    path = workspace.params
    path.write_text(path.read_text().replace("share: 0.5", "share: 0.25"))
    with pytest.raises(StageError, match="recipe changed"):
        snapshot.check(workspace)


def test_run__nothing_living_is_refused_by_the_gate_not_by_a_traceback(make: Any) -> None:
    workspace, recipe = make([{"id": "a", "text": ""}, {"id": "b", "text": None}], "a")
    with pytest.raises(GateError, match="living_rows"):
        run_all(workspace, recipe)


def change(workspace: Workspace, old: str, new: str) -> Recipe:
    """Edit params.yaml and read it again."""
    text = workspace.params.read_text()
    assert old in text
    workspace.params.write_text(text.replace(old, new))
    return load_recipe(workspace.params)


def test_stage__refuses_to_read_a_layer_that_is_not_up_to_date(make: Any, mixed: list[dict[str, Any]]) -> None:
    workspace, recipe = make(mixed, "a", clean={"measure": {"normalize": "NFC"}})
    run_all(workspace, recipe)
    recipe = change(workspace, "normalize: NFC", "normalize: NFKC")
    for name in ("dedupe", "quality", "gate"):
        with pytest.raises(StageError, match=r"`clean`, which .* reads, is not up to date"):
            run_stage(name, workspace, recipe)
    run_stage("clean", workspace, recipe)
    with pytest.raises(StageError, match="is not up to date"):
        run_stage("gate", workspace, recipe)


def test_stage__refuses_files_that_no_manifest_lists(make: Any, mixed: list[dict[str, Any]]) -> None:
    workspace, recipe = make(
        mixed, "a", clean={"measure": {"normalize": "NFC"}}, pii={"measure": {"regions": ["CN", "US"]}}
    )
    run_all(workspace, recipe)
    first, manifest = release_id(workspace), workspace.layer("clean") / "manifest.json"
    old = manifest.read_bytes()
    # As a run of another recipe leaves it that is killed before its manifest: new files, old manifest.
    changed = change(workspace, "normalize: NFC", "normalize: none")
    run_stage("clean", workspace, changed)
    manifest.write_bytes(old)
    recipe = change(workspace, "normalize: none", "normalize: NFC")
    recipe = change(workspace, "    - CN\n    - US\n", "    - CN\n")
    with pytest.raises(StageError, match="`clean`"):
        run_stage("pii", workspace, recipe)
    run_all(workspace, recipe)
    recipe = change(workspace, "    - CN\n", "    - CN\n    - US\n")
    run_all(workspace, recipe)
    assert release_id(workspace) == first


def test_run__unkeyed_rows_of_one_text_and_other_licences_do_not_depend_on_order(make_workspace: Any) -> None:
    rows = [{"text": english(1), "license": "CC0-1.0"}, {"text": english(1), "license": "CC-BY-4.0"}]
    rows += [{"text": chinese(n)} for n in range(5)] + [{"text": english(n + 2)} for n in range(5)]
    found = []
    for folder, order in (("a", rows), ("b", rows[::-1])):
        source = {"id": None, "license_field": "license"}
        workspace, recipe = make_workspace({"one.jsonl": order}, folder=folder, source=source)
        run_all(workspace, recipe)
        found.append((release_id(workspace), verdicts(workspace)))
    assert found[0] == found[1]
    assert len(found[0][1]) == len(rows)


def test_gate__takedown_of_any_of_many_near_copies_takes_them_all(make: Any) -> None:
    near = [{"id": f"n{i}", "text": english(3) + f" The end, {i}."} for i in range(8)]
    rest = [{"id": f"r{n}", "text": chinese(n)} for n in range(6)] + [
        {"id": f"e{n}", "text": english(n + 5)} for n in range(6)
    ]
    workspace, recipe = make(near + rest, "a", files=1)
    run_all(workspace, recipe)
    ids = [i for i, v in verdicts(workspace).items() if v[4] == "gate:duplicate"]
    assert len(ids) == 7
    for i, named in enumerate((ids[0], ids[-1], verdicts(workspace)[ids[0]][5])):
        workspace, recipe = make(near + rest, f"t{i}", files=1, gate={**SECTIONS["gate"], "takedown": "takedown.txt"})
        (workspace.root / "takedown.txt").write_text(named)
        run_all(workspace, recipe)
        reasons = [v[4] for v in verdicts(workspace).values()]
        assert reasons.count("gate:takedown") == 8


def test_run__a_release_may_be_its_own_parent_and_settles(make: Any, mixed: list[dict[str, Any]]) -> None:
    workspace, recipe = make(mixed, "a")
    run_all(workspace, recipe)
    parent = f"data/releases/{release_id(workspace)}"
    recipe = change(workspace, "test_share: 0.1", f"test_share: 0.1\n  parent_splits: {parent}")
    run_all(workspace, recipe)
    run_all(workspace, recipe)
    assert stale_stages(workspace, recipe) == []


def test_run__an_empty_source_beside_others_and_alone(make: Any, make_workspace: Any) -> None:
    workspace, recipe = make_workspace({"empty.jsonl": []}, folder="alone")
    with pytest.raises(GateError, match="living_rows"):
        run_all(workspace, recipe)
    assert workspace.manifest(workspace.layer("dedupe")) is not None


def test_gate__a_bound_on_what_the_recipe_names_may_see_zero(make: Any, mixed: list[dict[str, Any]]) -> None:
    bounds = [
        {"metric": "reason_share.quality:dup-lines", "max": 0.2},
        {"metric": "lang_share.zh", "min": 0.9, "severity": "warning"},
    ]
    rows = [row for row in mixed if row["id"].startswith("en-")]
    workspace, recipe = make(rows, "a", gate={**SECTIONS["gate"], "expectations": bounds})
    run_all(workspace, recipe)
    gate = workspace.manifest(workspace.layer("gate"))
    assert gate is not None
    assert [(v["metric"], v["success"]) for v in gate["expectations"]][:2] == [
        ("reason_share.quality:dup-lines", True),
        ("lang_share.zh", False),
    ]


def test_run__two_at_once_in_a_workspace_are_refused(make: Any, mixed: list[dict[str, Any]]) -> None:
    workspace, _ = make(mixed, "a")
    with hold(workspace):
        command = [sys.executable, "-m", "aigc_data.cli", "run", "--workspace", str(workspace.root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"another run holds {workspace.root} (process {os.getpid()})" in done.stderr


def test_run__a_source_without_rows_is_a_warning_that_names_it(
    make_workspace: Any, documents: list[dict[str, Any]]
) -> None:
    workspace, _ = make_workspace({"good.jsonl": documents, "sub/odd.jsonl": [{"body": "x"}] * 3})
    path = workspace.params
    path.write_text(
        path.read_text().replace("sources:", "sources:\n- {name: odd, path: raw/sub, license: Creative Comons}")
    )
    path.write_text(path.read_text().replace("path: raw\n", "path: raw/good.jsonl\n"))
    command = [sys.executable, "-m", "aigc_data.cli", "run", "--workspace", str(workspace.root), "--workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "source `odd` gave no rows (3 in quarantine; odd.jsonl" in done.stdout
    assert "declares `Creative Comons`, which is no licence that is known" in done.stdout
    gate = workspace.manifest(workspace.layer("gate"))
    assert gate is not None
    assert gate["metrics"]["empty_sources"] == 1
