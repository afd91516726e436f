"""kill -9 anywhere, then the same command: the same bytes, and finished shards are not made again."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pipeline_runs import bytes_of, release_id
from prose import chinese, english

from aigc_data.errors import IntegrityError
from aigc_data.store import parquet
from aigc_data.store.workspace import Workspace

MOMENTS = 20


def start(workspace: Workspace) -> subprocess.Popen[bytes]:
    """`aigc-data run` in a process group of its own, two workers."""
    command = [sys.executable, "-m", "aigc_data.cli", "run", "--workspace", str(workspace.root), "--workers", "2"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def whole_shards(workspace: Workspace) -> dict[Path, int]:
    """Every finished Parquet file outside releases, with its time of writing."""
    found = {}
    for path in workspace.data.rglob("*.parquet"):
        if ".tmp-" in path.as_posix() or workspace.releases in path.parents:
            continue
        try:
            parquet.footer(path)
        except IntegrityError:
            continue
        found[path] = path.stat().st_mtime_ns
    return found


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_run__killed_at_twenty_moments_ends_in_the_same_bytes(make_workspace: Any) -> None:
    texts = [
        english(n % 31) + "\n" + english(n % 29 + 40) if n % 2 else chinese(n % 70) + chinese(n % 67)
        for n in range(900)
    ]
    rows = [{"id": f"{n}", "text": text} for n, text in enumerate(texts)]
    files = {f"{n:02d}.jsonl": rows[n::12] for n in range(12)}
    sections: dict[str, Any] = {
        "ingest": {"batch_bytes": 1 << 18, "shard_text_bytes": 1 << 17},
        "augment": {"variants": ["typo"], "share": 0.5},
        "quality": {"rules": {"en": {"min_terminal_lines": "off"}, "zh": {"min_terminal_lines": "off"}}},
        "release": {"shard_text_bytes": 1 << 17},
    }
    calm, _ = make_workspace(files, folder="calm", **sections)
    began = time.monotonic()
    assert start(calm).wait() == 0
    lasted = time.monotonic() - began
    expected = bytes_of(calm.data)
    shaken, _ = make_workspace(files, folder="shaken", **sections)
    rng, kills, redone = random.Random(7), 0, []
    while kills < MOMENTS:
        process = start(shaken)
        time.sleep(rng.uniform(0.05, 0.9) * lasted)
        if process.poll() is not None:
            assert process.returncode == 0
            lose_some(shaken, rng)
            continue
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        if kills % 4 == 0:
            before = whole_shards(shaken)
            assert start(shaken).wait() == 0
            after = whole_shards(shaken)
            # What was whole when the run was killed was not written again.
            redone += [p for p in before if after.get(p) != before[p]]
            assert bytes_of(shaken.data) == expected
            assert release_id(shaken) == release_id(calm)
            lose_some(shaken, rng)
    assert redone == []


def lose_some(workspace: Workspace, rng: random.Random) -> None:
    """Delete some of a finished workspace from a random stage on, so that the next run has something to be killed in.

    Whole folders go, because a file whose partner is lost is rightly made again.
    """
    layers = [workspace.layer(name) for name in ("clean", "dedupe", "pii", "license", "quality", "safety", "gate")]
    folders = [workspace.base, *layers, workspace.born, workspace.releases]
    for folder in folders[rng.randrange(len(folders)) :]:
        shutil.rmtree(folder, ignore_errors=True)
