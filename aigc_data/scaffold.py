"""A new workspace: recipe, DVC pipeline, flows. The templates of the flows are the project's own, by symbolic link."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from aigc_data.errors import UsageError
from aigc_data.store import dvc
from aigc_data.store.files import write_bytes

TEMPLATES = {
    "params.yaml": "params.yaml",
    "dvc.yaml": "dvc.yaml",
    ".gitignore": "gitignore",
    ".dvcignore": "dvcignore",
    "flows/curate.py": "flows/curate.py",
    "flows/train.py": "flows/train.py",
    "flows/schedule.py": "flows/schedule.py",
}


def init_workspace(folder: Path) -> list[Path]:
    """Write a workspace into `folder`, make it a git repository and a DVC project; returns the files written.

    Existing files are kept. Raises UsageError when there is a recipe already, StageError when git is missing.
    """
    if (folder / "params.yaml").exists():
        raise UsageError(
            f"{folder} has a params.yaml already",
            expected="a folder that is no workspace yet",
            do="name another folder",
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", expected="a folder, or a name that is free")
    (folder / "raw").mkdir(parents=True, exist_ok=True)
    dvc.initialise(folder)
    written = [folder / ".dvc" / "config"]
    for target, template in TEMPLATES.items():
        path = folder / target
        # DVC has just made a .dvcignore of comments; a user's own .gitignore stays.
        if path.exists() and target != ".dvcignore":
            continue
        write_bytes(path, (files("aigc_data") / "templates" / template).read_bytes())
        written.append(path)
    return written
