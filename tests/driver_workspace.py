"""A small workspace of real text for the tests of the drivers, and how to run commands in it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from aigc_data.scaffold import init_workspace

REPOSITORY = Path(__file__).resolve().parent.parent
RECIPE = {
    "name": "tiny",
    "description": "A few pages in two languages.",
    "sources": [
        {"name": "en", "path": "raw/en", "license": "CC0-1.0"},
        {"name": "zh", "path": "raw/zh", "license": "CC-BY-SA-4.0"},
    ],
    "workers": 1,
    "ingest": {"shard_text_bytes": 65536, "batch_bytes": 65536},
    "gate": {"validation_share": 0.2, "test_share": 0.1},
    "augment": {"variants": ["typo"], "share": 0.5},
    "train": {
        "vocab_size": 300,
        "context": 32,
        "layers": 1,
        "heads": 2,
        "width": 16,
        "batch": 2,
        "steps": 4,
        "warmup": 1,
        "checkpoint_every": 2,
        "prompts": ["数据"],
    },
}


def make_workspace(folder: Path, **changes: object) -> Path:
    """A workspace with a dozen pages of the example corpus; `changes` replace sections of the recipe."""
    init_workspace(folder)
    for language, origin in (("en", "peps"), ("zh", "oi_wiki")):
        target = folder / "raw" / language
        target.mkdir()
        pages = sorted(p for p in (REPOSITORY / "examples" / "raw" / origin).rglob("*") if p.is_file())
        for page in sorted(pages, key=lambda p: (p.stat().st_size, p.name))[:6]:
            shutil.copy(page, target / page.name)
    recipe = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    write_recipe(folder, {**recipe, **RECIPE, **changes})
    return folder


def write_recipe(folder: Path, recipe: dict) -> None:
    (folder / "params.yaml").write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")


def change_recipe(folder: Path, **changes: object) -> None:
    recipe = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    write_recipe(folder, {**recipe, **changes})


def environment(folder: Path) -> dict[str, str]:
    """This environment's tools first, nothing of the user's Prefect, nobody reported to."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PREFECT_", "DVC_", "GIT_"))}
    tools = str(Path(sys.executable).parent)
    (home := folder / ".aigc" / "prefect").mkdir(parents=True, exist_ok=True)
    return {
        **kept,
        "PATH": f"{tools}{os.pathsep}{kept['PATH']}",
        "PREFECT_HOME": str(home),
        "DVC_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
    }


def call(folder: Path, *command: str, code: int = 0, **more: str) -> str:
    """Run a command in the workspace; returns what it printed. Fails the test on another exit code."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder) | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def flow(folder: Path, name: str = "curate", *arguments: str, code: int = 0) -> str:
    return call(folder, sys.executable, f"flows/{name}.py", *arguments, code=code)


def files_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below data/."""
    found = sorted(p for p in (folder / "data").rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}
