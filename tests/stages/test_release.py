from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from pipeline_runs import bytes_of, release_id, release_rows, run_all
from prose import chinese, english

from aigc_data.cards.build import build_card
from aigc_data.columns import RELEASE
from aigc_data.errors import GateError, StageError
from aigc_data.pipeline import context_of, is_fresh, run_stage
from aigc_data.recipe import PiiMeasure, ReleaseParams, load_recipe
from aigc_data.stages import augment, release
from aigc_data.store.files import read_json, write_json
from aigc_data.store.verify import verify_workspace
from aigc_data.store.workspace import MANIFEST, Workspace

EMAIL = "anna.lee@example.org"
#: Ends the process at the first event whose path ends so: before the call that raises it has done anything.
KILLED = """
import os, sys
from pathlib import Path
from aigc_data.pipeline import run_stage
from aigc_data.recipe import load_recipe
from aigc_data.store.workspace import Workspace

root, event, argument, ending = sys.argv[1:]

def kill(name, arguments):
    if name == event and str(arguments[int(argument)]).endswith(ending):
        os._exit(9)

workspace = Workspace(Path(root))
sys.addaudithook(kill)
run_stage("release", workspace, load_recipe(workspace.params))
"""


@pytest.fixture
def make(make_workspace: Any) -> Any:
    def build(folder: str = "workspace", **sections: Any) -> Any:
        rows = [{"id": f"en-{n}", "text": english(n), "when": f"2021-03-{n + 1:02d}"} for n in range(24)]
        rows += [{"id": f"zh-{n}", "text": chinese(n), "when": f"{EMAIL}，2021年3月{n + 1}日"} for n in range(24)]
        defaults = {
            "gate": {"validation_share": 0.1, "test_share": 0.1},
            "ingest": {"shard_text_bytes": 4096, "batch_bytes": 4096},
            "augment": {"variants": ["typo"], "share": 1.0},
            "quality": {"rules": {"en": {"min_terminal_lines": "off"}, "zh": {"min_terminal_lines": "off"}}},
        }
        files = {"a.jsonl": rows[::2], "b.jsonl": rows[1::2]}
        return make_workspace(files, folder=folder, source={"created_field": "when"}, **{**defaults, **sections})

    return build


def change(workspace: Workspace, **sections: Any) -> Any:
    recipe = yaml.safe_load(workspace.params.read_text(encoding="utf-8"))
    workspace.params.write_text(yaml.safe_dump({**recipe, **sections}, allow_unicode=True), encoding="utf-8")
    return load_recipe(workspace.params)


def pointer_of(workspace: Workspace) -> dict[str, Any]:
    pointer: dict[str, Any] = read_json(workspace.releases / MANIFEST)
    return pointer


def stamps(folder: Path) -> dict[Path, tuple[int, int]]:
    return {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_run__a_published_release_stays_as_it_is_when_the_same_rows_come_out(make: Any) -> None:
    workspace, recipe = make()
    run_all(workspace, recipe)
    folder, before = workspace.releases / release_id(workspace), pointer_of(workspace)
    published = stamps(folder)
    recipe = change(workspace, description="More is said. 说得更多。")
    assert not is_fresh("release", workspace, recipe)
    run_stage("release", workspace, recipe)
    after = pointer_of(workspace)
    assert stamps(folder) == published
    assert after["key"] != before["key"]
    assert {n: after[n] for n in ("latest", "rows", "files", "manifest")} == {
        n: before[n] for n in before.keys() & {"latest", "rows", "files", "manifest"}
    }
    assert after["made"]["description"] == "More is said. 说得更多。"
    assert read_json(folder / MANIFEST)["description"] == ""
    assert is_fresh("release", workspace, recipe)
    assert verify_workspace(workspace) == []


def test_run__the_card_of_a_kept_release_tells_of_the_present_layers(make: Any) -> None:
    workspace, recipe = make()
    run_all(workspace, recipe)
    recipe = change(
        workspace,
        quality={"rules": {"en": {"min_terminal_lines": "off", "min_tokens": 6}, "zh": {"min_terminal_lines": "off"}}},
    )
    before = release_id(workspace)
    run_all(workspace, recipe)
    assert release_id(workspace) == before
    card = build_card(workspace)
    assert dict(card.parents)["quality"] == workspace.digests.of(workspace.layer("quality") / MANIFEST)
    assert read_json(workspace.releases / before / MANIFEST)["parents"]["quality"] != dict(card.parents)["quality"]


def test_run__another_layout_takes_the_place_of_the_old_one(make: Any) -> None:
    workspace, recipe = make()
    run_all(workspace, recipe)
    before = pointer_of(workspace)
    recipe = change(workspace, release={"shard_text_bytes": 4096})
    run_stage("release", workspace, recipe)
    after = pointer_of(workspace)
    assert after["latest"] == before["latest"]
    assert len(after["files"]) > len(before["files"])
    assert verify_workspace(workspace) == []


def test_run__a_manifest_that_was_tampered_with_is_made_again(make: Any) -> None:
    workspace, recipe = make()
    run_all(workspace, recipe)
    good = bytes_of(workspace.data)
    path = workspace.releases / release_id(workspace) / MANIFEST
    write_json(path, {**read_json(path), "name": "another"})
    assert not is_fresh("release", workspace, recipe)
    run_stage("release", workspace, recipe)
    assert bytes_of(workspace.data) == good


@pytest.mark.parametrize(
    ("event", "argument", "ending"),
    [
        ("os.rename", 0, "/{id}"),  # before the old layout goes aside
        ("os.rename", 1, "/{id}"),  # before the new one comes in
        ("os.rename", 1, "/releases/manifest.json"),  # before it is pointed to
        ("shutil.rmtree", 0, ".rows"),  # before what is no longer needed goes
    ],
)
def test_run__killed_while_publishing_renders_nothing_again(make: Any, event: str, argument: int, ending: str) -> None:
    workspace, recipe = make()
    run_all(workspace, recipe)
    recipe = change(workspace, release={"shard_text_bytes": 4096})
    calm = Workspace(shutil.copytree(workspace.root, workspace.root.with_name("calm")))
    run_stage("release", calm, recipe)
    expected, id_ = bytes_of(calm.data), release_id(workspace)
    command = [sys.executable, "-c", KILLED, str(workspace.root), event, str(argument), ending.format(id=id_)]
    assert subprocess.run(command, check=False).returncode == 9
    assert bytes_of(workspace.data) != expected
    assert not is_fresh("release", workspace, recipe)
    assert run_stage("release", Workspace(workspace.root), recipe).written == 0
    assert bytes_of(workspace.data) == expected
    assert is_fresh("release", workspace, recipe)


def only(count: int) -> Any:
    """Runs so many jobs, then loses its worker."""

    def each(function: Any, jobs: Iterable[Any]) -> Iterator[Any]:
        for done, job in enumerate(jobs):
            if done == count:
                raise StageError("a worker process ended")
            yield function(job)

    return each


def test_run__goes_on_with_whole_shards_and_renders_a_damaged_one_again(make: Any) -> None:
    workspace, recipe = make(release={"shard_text_bytes": 4096})
    for stage in ("ingest", "clean", "dedupe", "pii", "license", "quality", "safety", "gate", "augment"):
        run_stage(stage, workspace, recipe)
    calm = Workspace(shutil.copytree(workspace.root, workspace.root.with_name("calm")))
    total = run_stage("release", calm, recipe).written
    with pytest.raises(StageError, match="worker"):
        run_stage("release", workspace, recipe, each=only(3))
    rendered = sorted(p for p in workspace.releases.rglob("*.parquet"))
    assert len(rendered) == 3
    flip(rendered[1])
    rendered[0].with_name(".tmp-1-00009.parquet").write_bytes(b"half")  # a worker's, killed while it wrote
    (workspace.releases / ".tmp-1-manifest.json").write_bytes(b"half")
    report = run_stage("release", workspace, recipe)
    assert (report.written, report.fresh) == (total - 2, 2)
    assert bytes_of(workspace.data) == bytes_of(calm.data)
    assert verify_workspace(workspace) == []


def test_run__damaged_row_digests_are_made_again(make: Any) -> None:
    refusing = {"shard_text_bytes": 4096, "expectations": [{"metric": "rows", "min": 1000}]}
    workspace, recipe = make(release=refusing)
    with pytest.raises(GateError, match="rows ≥ 1000"):
        run_all(workspace, recipe)
    digests = next(p for p in sorted(workspace.releases.rglob("*.bin")))
    good = digests.read_bytes()
    before = stamps(workspace.releases)
    flip(digests)
    with pytest.raises(GateError, match="rows ≥ 1000"):
        run_stage("release", workspace, recipe)
    assert digests.read_bytes() == good
    shards = {p: s for p, s in stamps(workspace.releases).items() if p.suffix == ".parquet"}
    assert sum(before[p] != s for p, s in shards.items()) == 1
    assert not list(workspace.releases.rglob(".tmp-*.bin"))


def test_run__dates_are_rendered_in_living_and_born_rows(make: Any) -> None:
    workspace, recipe = make()
    run_all(workspace, recipe)
    rows = release_rows(workspace)
    for born in (False, True):
        dates = [row["created"] for row in rows if bool(row["parent"]) == born]
        assert {d[:8] for d in dates if d.startswith("2021")} == {"2021-03-"}
        assert {d[:13] for d in dates if not d.startswith("2021")} == {"[EMAIL]，2021年"}


def test_residual__looks_into_every_column_that_a_person_may_have_filled() -> None:
    for column in ("text", "url", "created", "license", "meta"):
        row = {f.name: 1 if pa.types.is_integer(f.type) else "x" for f in RELEASE}
        told = {"meta": f'{{"by": "{EMAIL}"}}', "created": f"{EMAIL}，三月"}
        table = pa.Table.from_pylist([{**row, column: told.get(column, f"by {EMAIL}")}], schema=RELEASE)
        assert release.residual(table, PiiMeasure(), ReleaseParams()) == {"email": 1}, column


def test_augment__without_gate_says_so_and_leaves_the_born_rows(make: Any) -> None:
    workspace, recipe = make()
    run_all(workspace, recipe)
    born = bytes_of(workspace.born)
    assert len(born) > 1
    (workspace.layer("gate") / MANIFEST).unlink()
    context = context_of("augment", workspace, recipe)
    assert not augment.is_fresh(context)
    with pytest.raises(StageError, match=r"gate first.*aigc-data stage gate"):
        augment.run(context)
    assert bytes_of(workspace.born) == born


def test_libraries__name_what_the_rows_are_rendered_through() -> None:
    assert {"numba", "phonenumbers"} <= set(release.STAGE.libraries) & set(augment.STAGE.libraries)


def test_run__a_born_row_in_which_personal_data_came_to_stand_goes(make_workspace: Any) -> None:
    # An address that is everybody's is none; with two letters swapped it looks like somebody's.
    clone = "Clone git@github.com:org/repo.git first. " * 40
    rows = [{"id": f"{n}", "text": f"{english(n)} {clone} {english(n + 20)}"} for n in range(6)]
    off = {"quality": {"rules": {"en": dict.fromkeys(("max_top_3gram", "max_top_4gram"), "off")}}}
    off["quality"]["rules"]["en"] |= {f"max_dup_{n}gram": "off" for n in range(5, 11)}
    workspace, recipe = make_workspace(
        {"a.jsonl": rows},
        augment={"variants": ["typo"], "share": 1.0},
        gate={"validation_share": 0, "test_share": 0},
        **off,
    )
    run_all(workspace, recipe)
    manifest = workspace.manifest(workspace.releases / release_id(workspace))
    assert manifest is not None
    assert manifest["residual_pii"] == {}
    assert manifest["born_dropped"].get("pii:residual", 0) > 0
