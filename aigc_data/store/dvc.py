"""DVC as transport and history: commit what the runner made, say under which revision it is known, set a workspace up.

DVC neither verifies what it pulls (unless the remote says `verify`) nor notices that params.yaml changed between a run
and its commit. So recipe and inputs are compared with how they were when the run began, before and after the commit,
and the result is looked at again instead of believed.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Protocol

import yaml

from aigc_data.errors import StageError
from aigc_data.store.files import remove_unlisted, write_bytes
from aigc_data.store.workspace import MANIFEST, Workspace

LOCK = "dvc.lock"
CONFIG = """\
[core]
    analytics = false
    check_update = false
    remote = storage
['remote "storage"']
    url = ../.aigc/dvc-storage
    verify = true
"""
_QUIET = {"DVC_NO_ANALYTICS": "1", "DVC_STUDIO_OFFLINE": "1"}


class Checkable(Protocol):
    """What a run remembers of its beginning: `pipeline.Snapshot`."""

    def check(self, workspace: Workspace) -> None:
        """Raise StageError when the recipe or an input is not what it was."""


def is_repository(workspace: Workspace) -> bool:
    """Whether the workspace is a DVC project of its own."""
    return (workspace.root / ".dvc" / "config").is_file()


def initialise(folder: Path) -> None:
    """Make `folder` a git repository, where it is in none, and a DVC project whose remote is verified on every pull."""
    folder = folder.resolve()
    if not _in_git(folder):
        _call(["git", "init", "--quiet", "."], folder)
    if not (folder / ".dvc").is_dir():
        os.environ.update(_QUIET)
        from dvc.exceptions import DvcException
        from dvc.repo import Repo

        try:
            Repo.init(str(folder), subdir=not (folder / ".git").exists()).close()
        except DvcException as error:
            raise StageError(f"DVC cannot be set up in {folder}: {_line(error)}") from error
    write_bytes(folder / ".dvc" / "config", CONFIG.encode())


def commit(workspace: Workspace, snapshot: Checkable, *, stage: str = "release") -> None:
    """Record in dvc.lock and DVC's cache what lies in the outputs of `stage`; and, for `release`, of all before it.

    Raises StageError when recipe or inputs changed since `snapshot`, when git or DVC is not set up, when another DVC
    command holds the lock, and when DVC is not clean afterwards. dvc.lock is then as it was.
    """
    _check_repository(workspace)
    _check_params(workspace)
    snapshot.check(workspace)
    lock = workspace.root / LOCK
    before = lock.read_bytes() if lock.is_file() else None
    os.environ.update(_QUIET)
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    target = f"{workspace.root / 'dvc.yaml'}:{stage}"  # a bare name would be looked up where the process stands
    try:
        with Repo(str(workspace.root)) as repo:
            repo.commit(target, with_deps=stage == "release", force=True)
        with Repo(str(workspace.root)) as repo:
            left = repo.status(targets=[target], with_deps=stage == "release")
        if left:
            raise StageError(
                f"DVC is not clean after its commit: {', '.join(sorted(left))}",
                do="look at `dvc status`, then run again",
            )
        snapshot.check(workspace)
    except DvcException as error:
        _restore(lock, before)
        raise StageError(
            f"`dvc commit` failed: {_line(error)}", do="mend what it names, then run the same command again"
        ) from error
    except (StageError, OSError):
        _restore(lock, before)
        raise


def revision(workspace: Workspace) -> dict[str, str | None]:
    """{"git": HEAD, "dvc": md5 of data/releases in dvc.lock}; None where there is none, or it is about other bytes."""
    head = _git(["rev-parse", "--verify", "--quiet", "HEAD"], workspace.root)
    return {"git": head or None, "dvc": _release_revision(workspace)}


def publish_run(workspace: Workspace, run: Path) -> Path:
    """Copy what `dvc metrics` and `dvc plots` read of a finished run to `runs/latest`, the outputs of DVC's `train`."""
    latest = workspace.runs / "latest"
    copies = {"record.json": "run.json", "metrics.json": "metrics.json"}
    copies |= {f"plots/{name}.tsv": f"plots/{name}.tsv" for name in ("loss", "validation")}
    for target, origin in copies.items():
        write_bytes(latest / target, (run / origin).read_bytes())
    remove_unlisted(latest, copies)
    return latest


def _release_revision(workspace: Workspace) -> str | None:
    """The md5, if the directory object that it names lists the manifest that lies in data/releases now."""
    path, pointer = workspace.root / LOCK, workspace.releases / MANIFEST
    if not path.is_file() or not pointer.is_file():
        return None
    lock = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    outs = lock.get("stages", {}).get("release", {}).get("outs", [])
    found = [str(out["md5"]) for out in outs if out.get("path") == "data/releases"]
    if not found:
        return None
    listing = workspace.root / ".dvc" / "cache" / "files" / "md5" / found[0][:2] / found[0][2:]
    if not listing.is_file():
        return None
    seen = hashlib.md5(pointer.read_bytes(), usedforsecurity=False).hexdigest()
    entries = {entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_bytes())}
    return found[0] if entries.get(MANIFEST) == seen else None


def _check_repository(workspace: Workspace) -> None:
    if not _in_git(workspace.root):
        raise StageError(
            f"{workspace.root} is in no git repository", expected="one, which DVC needs", do="run `git init`"
        )
    if not is_repository(workspace):
        raise StageError(
            f"{workspace.root} has no .dvc folder", expected="a DVC project", do="run `dvc init`, or `aigc-data init`"
        )


def _check_params(workspace: Workspace) -> None:
    """DVC refuses keys that dvc.yaml names and params.yaml lacks, with a message that does not say how to mend it."""
    named = _params_of(yaml.safe_load((workspace.root / "dvc.yaml").read_text(encoding="utf-8")))
    recipe = yaml.safe_load(workspace.params.read_text(encoding="utf-8"))
    missing = sorted(named - set(recipe))
    if missing:
        raise StageError(
            f"params.yaml lacks {', '.join(missing)}, which dvc.yaml names",
            expected="every section, if only to say that its defaults hold",
            do=f"add `{missing[0]}: {{}}` and the like",
        )


def _params_of(pipeline: dict[str, Any]) -> set[str]:
    return {key for stage in pipeline["stages"].values() for key in stage.get("params", []) if isinstance(key, str)}


def _restore(lock: Path, before: bytes | None) -> None:
    if before is None:
        lock.unlink(missing_ok=True)
    else:
        write_bytes(lock, before)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _in_git(folder: Path) -> bool:
    return _git(["rev-parse", "--is-inside-work-tree"], folder) == "true"


def _git(arguments: list[str], folder: Path) -> str:
    """Standard output of a git command, empty when it fails; raises StageError when there is no git."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise StageError("git is not installed", expected="it on the PATH", do="install git") from error
    return done.stdout.strip() if done.returncode == 0 else ""


def _call(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise StageError(
            f"{command[0]} is not installed", expected="it on the PATH", do=f"install {command[0]}"
        ) from error
    except subprocess.CalledProcessError as error:
        raise StageError(f"`{' '.join(command)}` failed in {folder}: {' '.join(error.stderr.split())}") from error
