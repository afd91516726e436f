"""What the flows share and Prefect need not know: its environment, one stage with a pool, how a run begins and ends."""

from __future__ import annotations

import argparse
import atexit
import ctypes
import os
import signal
import subprocess
import sys
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_data.columns import LAYERS
from aigc_data.errors import AigcDataError, StageError, TrainError, UsageError
from aigc_data.hashing import digest_of
from aigc_data.store import dvc
from aigc_data.store.files import read_json, write_json
from aigc_data.store.workspace import MANIFEST, Workspace

if TYPE_CHECKING:
    from aigc_data.pool import LocalPool

_PR_SET_PDEATHSIG = 1


def prefect_environment(root: Path) -> dict[str, str]:
    """What must stand in the environment before Prefect is imported; what the user has set stays.

    No telemetry; results as JSON and not as pickles; a server that may start slowly; its database inside the workspace,
    unless the user has a Prefect profile, which may name a server.
    """
    wanted = {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_LOGGING_LOG_PRINTS": "false",
        # Errors are printed once, by us, and in one line; Prefect keeps its own account in its database.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "GX_ANALYTICS_ENABLED": "False",
        "DVC_NO_ANALYTICS": "1",
    }
    if not (Path.home() / ".prefect" / "profiles.toml").is_file():
        wanted["PREFECT_HOME"] = str(root / ".aigc" / "prefect")
    found = {name: os.environ.get(name, value) for name, value in wanted.items()}
    if "PREFECT_HOME" in found:  # Prefect makes this folder, but not the one above it, and then only warns
        Path(found["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    return found


def arguments(description: str, root: Path, *options: tuple[str, dict[str, Any]]) -> argparse.Namespace:
    """Parse a flow's command line: the workspace (default: the one that the flow lies in) and further options."""
    parser = argparse.ArgumentParser(description=description.split("\n", 1)[0])
    parser.add_argument("workspace", nargs="?", type=Path, default=root, help="folder of params.yaml")
    for name, keywords in options:
        parser.add_argument(name, **keywords)
    return parser.parse_args()


def call(function: Callable[..., Any], *values: Any, **named: Any) -> Any:
    """Call and return; an error of ours ends the process with one line on stderr."""
    try:
        return function(*values, **named)
    except AigcDataError as error:
        print(f"aigc-data: {error}", file=sys.stderr)
        sys.exit(1)


def open_workspace(folder: str | Path) -> tuple[Workspace, Any]:
    """The workspace at or above a folder, and its recipe."""
    from aigc_data.pipeline import open_workspace as open_

    return open_(Path(folder))


def is_settled(folder: Path) -> bool:
    """Whether a run would change nothing. A commit or a card that a killed run still owes is then made here."""
    from aigc_data.pipeline import stale_stages

    workspace, recipe = open_workspace(folder)
    if stale_stages(workspace, recipe):
        return False
    if read_stamp(workspace) != _state(workspace, recipe.name):
        finish(folder, *begin(folder))
    workspace.digests.save()
    print(f"nothing to do: every stage is fresh, release {_latest(workspace)}")
    return True


def begin(folder: str | Path) -> tuple[str, str]:
    """Digests of recipe and inputs as they are now: what a later commit must be about."""
    from aigc_data.pipeline import Snapshot

    snapshot = Snapshot.take(open_workspace(folder)[0])
    return snapshot.recipe, snapshot.inputs


def run_stage(folder: str | Path, name: str, workers: int) -> str:
    """Bring one stage up to date; returns one line that says what was done."""
    from aigc_data.console import progress_bars, stage_line
    from aigc_data.pipeline import run_stage as run

    workspace, recipe = open_workspace(folder)
    pool = _shared_pool(workers or recipe.workers)
    with scrubbed(f"stage {name}"), progress_bars() as tell:
        line = stage_line(run(name, workspace, recipe, each=pool.each, progress=tell))
    print(line, flush=True)
    return line


@cache
def _shared_pool(workers: int) -> LocalPool:
    """One pool for all stages of a flow: each worker imports its libraries once (1 to 2 s). It ends with the
    process."""
    from aigc_data.pool import LocalPool

    pool = LocalPool(workers)
    atexit.register(pool.close)
    return pool


def finish(folder: str | Path, recipe_digest: str, inputs: str) -> str:
    """Commit to DVC, where the workspace is a DVC project, and write the card; returns the release's id."""
    from aigc_data.pipeline import Snapshot

    workspace, recipe = open_workspace(folder)
    with scrubbed("the end of the run"):
        if dvc.is_repository(workspace):
            dvc.commit(workspace, Snapshot(recipe_digest, inputs))
        from aigc_data.cards import write_card

        write_card(workspace, None)
    write_json(workspace.private / "finished.json", {"state": _state(workspace, recipe.name)})
    workspace.digests.save()
    return _latest(workspace)


def train(folder: str | Path, release: str | None) -> str:
    """Train in a process of its own, which dies with this one; returns the release's id. Started again, it goes on."""
    workspace, _ = open_workspace(folder)
    release = release or _latest(workspace)
    command = [sys.executable, "-m", "aigc_data.cli", "train", "--workspace", str(workspace.root), "--release", release]
    code = subprocess.run(command, check=False, preexec_fn=_die_with_parent).returncode
    if code:
        raise TrainError(
            f"training on {release} ended with exit code {code}",
            expected="0",
            do="look at the lines above, then run it again",
        )
    return release


def record_training(folder: str | Path, recipe_digest: str, inputs: str) -> None:
    """Commit the figures of the run to DVC, where the workspace is a DVC project."""
    from aigc_data.pipeline import Snapshot

    workspace, _ = open_workspace(folder)
    if dvc.is_repository(workspace):
        with scrubbed("the end of the training"):
            dvc.commit(workspace, Snapshot(recipe_digest, inputs), stage="train")


def may_pass(error: object) -> bool:
    """Whether a second try may end differently: after a lost worker yes, after a refused release no."""
    return type(error) in (StageError, TrainError)


def schedule_of(folder: Path) -> dict[str, Any]:
    """The recipe's schedule as Prefect takes it; raises UsageError when there is none."""
    schedule = open_workspace(folder)[1].schedule
    if schedule.interval_seconds is not None:
        return {"interval": schedule.interval_seconds}
    if schedule.cron is None:
        raise UsageError(
            "the recipe has no schedule",
            expected="schedule.cron or schedule.interval_seconds",
            do="set one in params.yaml",
        )
    return {"cron": schedule.cron}


def require_server(url: str | None) -> None:
    """Raise UsageError unless a Prefect server answers at `url`: a schedule on an ephemeral server never fires."""
    remedy = "run `prefect server start` elsewhere and set PREFECT_API_URL=http://127.0.0.1:4200/api"
    if not url:
        raise UsageError("PREFECT_API_URL is not set", expected="the address of a Prefect server", do=remedy)
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=10) as answer:
            answer.read()
    except (urllib.error.URLError, ValueError, OSError) as error:
        raise UsageError(
            f"no Prefect server answers at {url} ({error})", expected="a running server", do=remedy
        ) from error


@contextmanager
def scrubbed(what: str) -> Iterator[None]:
    """Let errors of ours through; turn any other into one that says where it was and nothing of what its message says.

    Prefect writes the text of an exception into its database, and the text of a parser's error may hold a record's.
    """
    try:
        yield
    except AigcDataError:
        raise
    except OSError as error:
        raise StageError(
            f"{what}: {error.strerror or type(error).__name__}", do="free the disk or mend the path, then run again"
        ) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, its message must not be stored
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f"{os.sep}aigc_data{os.sep}" in f.filename]
        where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        raise StageError(
            f"{what} ended with {type(error).__name__}{where}",
            do="run `aigc-data run`, which shows the traceback, and report it",
        ) from None


def read_stamp(workspace: Workspace) -> str | None:
    """What the last finished run said about itself."""
    path = workspace.private / "finished.json"
    return str(read_json(path)["state"]) if path.is_file() else None


def _state(workspace: Workspace, name: str) -> str:
    """A digest of all that commit and card depend on, and of what they wrote."""
    folders = [
        workspace.base,
        workspace.quarantine,
        workspace.born,
        workspace.releases,
        *(workspace.layer(s) for s in LAYERS),
    ]
    paths = [f / MANIFEST for f in folders] + [workspace.cards / name / n for n in ("README.md", "index.html")]
    paths += [workspace.root / n for n in ("params.yaml", "dvc.yaml", dvc.LOCK, ".dvc/config")]
    return digest_of(
        {p.relative_to(workspace.root).as_posix(): workspace.digests.of(p) if p.is_file() else None for p in paths}
    )


def _latest(workspace: Workspace) -> str:
    manifest = workspace.manifest(workspace.releases)
    if manifest is None:
        raise UsageError(f"{workspace.releases} holds no release", expected="a finished run", do="run `aigc-data run`")
    return str(manifest["latest"])


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
