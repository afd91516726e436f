"""One small released workspace for tests of what reads a release: made once a process, copied for each that asks."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import yaml
from pipeline_runs import run_all
from prose import chinese, english

from aigc_data.hashing import record_id
from aigc_data.recipe import load_recipe
from aigc_data.store.workspace import Workspace

EMAIL = "anna.lee@example.org"
PHONE = "13812345678"
ATTACK = "<img src=x onerror=alert(1)>\"'&</blockquote><script>alert(2)</script> [x](javascript:alert(3)) "


def rows() -> list[dict[str, Any]]:
    """Two languages, duplicates, personal data, markup, and a row for each kind of verdict."""
    found = [{"id": f"en-{n}", "text": english(n)} for n in range(12)]
    found += [{"id": f"zh-{n}", "text": chinese(n)} for n in range(12)]
    found += [{"id": f"copy-{n}", "text": english(n)} for n in range(3)] + [{"id": "复本", "text": chinese(0)}]
    found += [{"id": "mail", "text": english(40) + f" Write to {EMAIL}.", "url": "https://example.org/a/b"}]
    found += [{"id": "手机", "text": chinese(13) + f"我的手机号是{PHONE}。", "url": f"http://{EMAIL}@127.0.0.9/x"}]
    found += [{"id": "attack", "text": ATTACK + "\u202e" + english(50)}, {"id": "attack-short", "text": ATTACK}]
    found += [{"id": "taken", "text": "Taken down at the author's wish. " + english(60)}]
    found += [{"id": "short-mail", "text": f"Mail {EMAIL} to Anna Lee."}, {"id": "短", "text": "好的。"}]
    found += [{"id": "nc", "text": english(70), "license": "CC-BY-NC-4.0"}]
    found += [{"id": "odd", "text": english(71), "license": "<b>as | is</b>"}]
    return found


def id_of(key: str) -> str:
    """The record id of a row's key."""
    return record_id("key", "raw", key)


@cache
def _made() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="released-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    root = folder / "workspace"
    (root / "raw").mkdir(parents=True)
    lines = [orjson.dumps(row) for row in rows()] + [b"{broken"]
    for part in range(3):
        (root / "raw" / f"part-{part}.jsonl").write_bytes(b"\n".join(lines[part::3]) + b"\n")
    (root / "takedown.txt").write_text(f"{id_of('taken')}  # asked for\n", encoding="utf-8")
    recipe = {
        "name": "harbour",
        "description": "Two languages | <i>and</i> markup.",
        "workers": 1,
        "sources": [
            {
                "name": "raw",
                "path": "raw",
                "id": "id",
                "license": "CC0-1.0",
                "license_field": "license",
                "url_field": "url",
            }
        ],
        "ingest": {"shard_text_bytes": 4096, "batch_bytes": 4096},
        "gate": {"validation_share": 0.1, "test_share": 0.1, "takedown": "takedown.txt"},
        "augment": {"variants": ["typo"], "share": 0.5},
        "quality": {"rules": {"en": {"min_terminal_lines": "off"}, "zh": {"min_terminal_lines": "off"}}},
    }
    (root / "params.yaml").write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    run_all(Workspace(root), load_recipe(root / "params.yaml"))
    return root


def released(folder: Path) -> Workspace:
    """A copy of the workspace below `folder`."""
    shutil.copytree(_made(), folder / "workspace")
    return Workspace(folder / "workspace")
