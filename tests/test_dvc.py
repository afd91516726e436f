"""DVC: what the runner made is committed, `dvc repro` gives the same and runs no more than it must."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from driver_workspace import call, change_recipe, files_of, make_workspace

from aigc_data.errors import StageError, UsageError
from aigc_data.pipeline import STAGES, Snapshot, open_workspace, run
from aigc_data.scaffold import init_workspace
from aigc_data.store import dvc
from aigc_data.store.workspace import Workspace

CLEAN = "Data and pipelines are up to date."


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that `aigc-data run` filled, not yet committed."""
    folder = make_workspace(tmp_path_factory.mktemp("curated") / "workspace")
    list(run(*open_workspace(folder)))
    return folder


@pytest.fixture
def workspace(curated: Path, tmp_path: Path) -> Workspace:
    folder = shutil.copytree(curated, tmp_path / "workspace")
    return open_workspace(folder)[0]


def test_commit__leaves_dvc_clean_and_nothing_to_reproduce(workspace: Workspace) -> None:
    dvc.commit(workspace, Snapshot.take(workspace))
    assert CLEAN in call(workspace.root, "dvc", "status", "release", "--with-deps")
    before = files_of(workspace.root)
    assert "Running stage" not in call(workspace.root, "dvc", "repro", "release")
    assert files_of(workspace.root) == before


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda folder: change_recipe(folder, quality={"rules": {"en": {"min_tokens": 51}}}), "recipe changed"),
        (lambda folder: (folder / "raw" / "en" / "new.txt").write_text("A new page."), "inputs changed"),
    ],
)
def test_commit__refuses_when_recipe_or_inputs_changed_since_the_run_began(workspace: Workspace, change, what) -> None:
    snapshot = Snapshot.take(workspace)
    change(workspace.root)
    with pytest.raises(StageError, match=what):
        dvc.commit(workspace, snapshot)
    assert not (workspace.root / "dvc.lock").exists()


def test_commit__takes_the_lock_back_when_the_recipe_changes_while_dvc_commits(workspace: Workspace) -> None:
    dvc.commit(workspace, Snapshot.take(workspace))
    lock = (workspace.root / "dvc.lock").read_bytes()

    class Late:
        """A recipe that is edited after the first look at it."""

        calls = 0

        def check(self, where: Workspace) -> None:
            self.calls += 1
            if self.calls == 2:
                snapshot.check(where)
            else:
                change_recipe(where.root, quality={"rules": {"en": {"min_tokens": 52}}})

    snapshot = Snapshot.take(workspace)
    with pytest.raises(StageError, match="recipe changed"):
        dvc.commit(workspace, Late())
    assert (workspace.root / "dvc.lock").read_bytes() == lock


def test_commit__names_what_is_not_set_up(workspace: Workspace) -> None:
    snapshot = Snapshot.take(workspace)
    shutil.rmtree(workspace.root / ".dvc")
    with pytest.raises(StageError, match=r"no \.dvc folder.*dvc init"):
        dvc.commit(workspace, snapshot)
    shutil.rmtree(workspace.root / ".git")
    with pytest.raises(StageError, match=r"in no git repository.*git init"):
        dvc.commit(workspace, snapshot)


def test_commit__names_a_section_that_params_lacks(workspace: Workspace) -> None:
    recipe = yaml.safe_load(workspace.params.read_text(encoding="utf-8"))
    del recipe["quality"]
    workspace.params.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    with pytest.raises(StageError, match=r"lacks quality.*add `quality: \{\}`"):
        dvc.commit(workspace, Snapshot.take(workspace))


def test_commit__says_who_holds_the_lock(workspace: Workspace) -> None:
    from dvc.repo import Repo

    snapshot, refused = (
        Snapshot.take(workspace),
        pytest.raises(StageError, match="`dvc commit` failed: Unable to acquire"),
    )
    with Repo(str(workspace.root)) as repo, repo.lock, refused:
        dvc.commit(workspace, snapshot)


def test_revision__is_that_of_the_release_that_lies_there(workspace: Workspace) -> None:
    assert dvc.revision(workspace) == {"git": None, "dvc": None}
    dvc.commit(workspace, Snapshot.take(workspace))
    call(workspace.root, "git", "add", ".")
    call(workspace.root, "git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "data")
    seen = dvc.revision(workspace)
    lock = yaml.safe_load((workspace.root / "dvc.lock").read_text())
    assert seen["dvc"] == lock["stages"]["release"]["outs"][0]["md5"]
    assert seen["git"] == call(workspace.root, "git", "rev-parse", "HEAD").strip()
    pointer = workspace.releases / "manifest.json"
    pointer.write_text(pointer.read_text() + " ")  # another release than the one that was committed
    assert dvc.revision(workspace)["dvc"] is None


def test_remote__refuses_a_corrupt_object(workspace: Workspace) -> None:
    dvc.commit(workspace, Snapshot.take(workspace))
    call(workspace.root, "dvc", "push", "-q")
    entry = next(
        f for f in sorted((workspace.root / ".aigc" / "dvc-storage").rglob("*")) if f.is_file() and f.suffix != ".dir"
    )
    entry.chmod(0o644)
    entry.write_bytes(b"junk" * 10)
    shutil.rmtree(workspace.root / ".dvc" / "cache")
    shutil.rmtree(workspace.data)
    call(workspace.root, "dvc", "pull", "-q", "release", "--with-deps", code=1)
    assert b"junk" not in b"".join(p.read_bytes() for p in workspace.data.rglob("*") if p.is_file())


def test_publish_run__copies_what_dvc_reads_and_drops_the_rest(tmp_path: Path) -> None:
    workspace, made = Workspace(tmp_path), tmp_path / "runs" / "0123456789abcdef"
    (made / "plots").mkdir(parents=True)
    for name in ("run.json", "metrics.json", "plots/loss.tsv", "plots/validation.tsv", "model.safetensors"):
        (made / name).write_text(name)
    stray = tmp_path / "runs" / "latest" / "old.json"
    stray.parent.mkdir()
    stray.write_text("{}")
    latest = dvc.publish_run(workspace, made)
    assert sorted(p.relative_to(latest).as_posix() for p in latest.rglob("*") if p.is_file()) == [
        "metrics.json",
        "plots/loss.tsv",
        "plots/validation.tsv",
        "record.json",
    ]
    assert (latest / "record.json").read_text() == "run.json"


def test_init_workspace__writes_a_workspace_once(tmp_path: Path) -> None:
    written = init_workspace(tmp_path / "new")
    names = [p.relative_to(tmp_path / "new").as_posix() for p in written]
    assert {"params.yaml", "dvc.yaml", "flows/curate.py", "flows/schedule.py", ".gitignore", ".dvc/config"} <= set(
        names
    )
    assert open_workspace(tmp_path / "new")[1].name == "my-data"
    assert "verify = true" in (tmp_path / "new" / ".dvc" / "config").read_text()
    with pytest.raises(UsageError, match=r"has a params\.yaml already"):
        init_workspace(tmp_path / "new")


def test_init_workspace__in_a_folder_of_a_git_repository_makes_no_second_one(tmp_path: Path) -> None:
    call(tmp_path, "git", "init", "-q")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / ".gitignore").write_text("mine\n")
    init_workspace(tmp_path / "part")
    assert not (tmp_path / "part" / ".git").exists()
    assert (tmp_path / "part" / ".gitignore").read_text() == "mine\n"
    call(tmp_path / "part", "dvc", "status")


@pytest.mark.slow
def test_repro__gives_the_same_bytes_as_run_and_repeats_only_what_a_threshold_reaches(
    curated: Path, tmp_path: Path
) -> None:
    folder = make_workspace(tmp_path / "workspace")
    out = call(folder, "dvc", "repro", "release")
    assert out.count("Running stage") == len(STAGES)
    assert files_of(folder) == files_of(curated)
    assert "Running stage" not in call(folder, "dvc", "repro", "release")
    call(folder, "aigc-data", "run")
    assert CLEAN in call(folder, "dvc", "status", "release", "--with-deps")

    before, measured = files_of(folder), _stamps(folder)
    change_recipe(folder, quality={"rules": {"en": {"min_tokens": 900}, "zh": {"min_tokens": 900}}})
    out = call(folder, "dvc", "repro", "release")
    assert [n for n in ("ingest", "clean", "dedupe", "pii", "license", "safety") if f"Running stage '{n}'" in out] == []
    assert [n for n in ("quality", "gate", "augment", "release") if f"Running stage '{n}'" in out] == [
        "quality",
        "gate",
        "augment",
        "release",
    ]
    after = files_of(folder)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert any(n.startswith("data/layers/quality/reason/") for n in changed)
    reached = ("quality/reason/", "quality/manifest.json", "gate/")
    follows = (*(f"data/layers/{part}" for part in reached), "data/born/", "data/releases/")
    assert [n for n in sorted(changed) if not n.startswith(follows)] == []
    assert _stamps(folder) == measured  # no text was opened: the measures were not even written again


@pytest.mark.slow
def test_repro__trains_as_a_stage_of_its_own_and_shows_its_metrics(curated: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(curated, tmp_path / "workspace")
    dvc.commit(open_workspace(folder)[0], Snapshot.take(open_workspace(folder)[0]))
    out = call(folder, "dvc", "repro")
    assert out.count("Running stage") == 1
    assert "Running stage 'train'" in out
    assert CLEAN in call(folder, "dvc", "status")
    metrics = json.loads(call(folder, "dvc", "metrics", "show", "--json"))
    assert "runs/latest/metrics.json" in metrics[""]["data"]
    record = json.loads((folder / "runs" / "latest" / "record.json").read_text())
    pointer = json.loads((folder / "data" / "releases" / "manifest.json").read_text())
    assert record["release"]["id"] == pointer["latest"]
    assert record["revisions"]["dvc"] == dvc.revision(open_workspace(folder)[0])["dvc"]
    call(folder, "dvc", "plots", "show", "-o", "plots")


def _stamps(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in (folder / "data").glob("layers/quality/measure/*.parquet")}
