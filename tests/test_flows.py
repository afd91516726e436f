"""The flows, as a person starts them: each in a process of its own, on a real workspace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from driver_workspace import call, change_recipe, environment, files_of, flow, make_workspace

from aigc_data import drive
from aigc_data.errors import GateError, RecipeError, StageError, UsageError
from aigc_data.pipeline import STAGES

CLEAN = "Data and pipelines are up to date."


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that the flow filled and committed."""
    folder = make_workspace(tmp_path_factory.mktemp("flow") / "workspace")
    out = flow(folder)
    assert "release " in out
    return folder


def test_curate__commits_writes_the_card_and_leaves_dvc_clean(curated: Path) -> None:
    assert CLEAN in call(curated, "dvc", "status", "release", "--with-deps")
    assert (curated / "datacards" / "tiny" / "index.html").is_file()
    assert (curated / "datacards" / "tiny" / "README.md").is_file()


def test_curate__stores_ids_and_paths_only(curated: Path) -> None:
    with closing(sqlite3.connect(curated / ".aigc" / "prefect" / "prefect.db")) as database:
        parameters = [json.loads(row[0]) for row in database.execute("select parameters from flow_run")]
        names = {row[0] for row in database.execute("select name from task_run")}
    assert parameters == [{"workspace": str(curated), "workers": 0}]
    assert set(STAGES) <= names


def test_curate__without_a_change_ends_before_prefect_is_imported(curated: Path) -> None:
    before = _flow_runs(curated), files_of(curated)
    out = call(curated, sys.executable, "-X", "importtime", "flows/curate.py")
    assert "nothing to do: every stage is fresh" in out
    assert "prefect" not in out
    assert (_flow_runs(curated), files_of(curated)) == before


def _flow_runs(folder: Path) -> int:
    """How many runs Prefect knows of. Not the database's time: the server of the run before may still be closing it."""
    with closing(sqlite3.connect(folder / ".aigc" / "prefect" / "prefect.db")) as database:
        return database.execute("select count(*) from flow_run").fetchone()[0]


def test_curate__pays_what_a_killed_run_still_owes_without_a_server(curated: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(curated, tmp_path / "workspace")
    (folder / "dvc.lock").unlink()
    shutil.rmtree(folder / "datacards")
    assert "nothing to do" in flow(folder)
    assert CLEAN in call(folder, "dvc", "status", "release", "--with-deps")
    assert (folder / "datacards" / "tiny" / "index.html").is_file()


def test_curate__names_a_broken_recipe_in_one_line(curated: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(curated, tmp_path / "workspace")
    change_recipe(folder, qualty={})
    out = flow(folder, code=1)
    assert "unknown key `qualty`, did you mean `quality`?" in out
    assert len(out.strip().splitlines()) == 1


def test_schedule__refuses_without_a_server(curated: Path) -> None:
    out = flow(curated, "schedule", code=1)
    assert "PREFECT_API_URL is not set" in out
    assert "prefect server start" in out
    out = call(
        curated, sys.executable, "flows/schedule.py", code=1, PREFECT_API_URL=f"http://127.0.0.1:{_free_port()}/api"
    )
    assert "no Prefect server answers at" in out


def test_schedule_of__takes_interval_before_cron_and_refuses_neither(curated: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(curated, tmp_path / "workspace")
    change_recipe(folder, schedule={"cron": "0 3 * * *"})
    assert drive.schedule_of(folder) == {"cron": "0 3 * * *"}
    change_recipe(folder, schedule={"interval_seconds": 5})
    assert drive.schedule_of(folder) == {"interval": 5.0}
    change_recipe(folder, schedule={"cron": None})
    with pytest.raises(UsageError, match="no schedule"):
        drive.schedule_of(folder)


def test_scrubbed__keeps_the_place_of_an_error_and_none_of_its_text() -> None:
    with pytest.raises(StageError) as raised, drive.scrubbed("stage clean"):
        raise ValueError("could not parse 'wang@example.com'")
    assert "stage clean ended with ValueError" in str(raised.value)
    assert "example.com" not in str(raised.value)
    assert raised.value.__suppress_context__
    with pytest.raises(RecipeError, match="as it was"), drive.scrubbed("stage clean"):
        raise RecipeError("as it was")
    with pytest.raises(StageError, match="No space left on device"), drive.scrubbed("stage clean"):
        raise OSError(28, "No space left on device", "/a/path")


def test_may_pass__only_where_a_second_try_can_help() -> None:
    assert drive.may_pass(StageError("a worker process ended"))
    assert not drive.may_pass(GateError("refused"))
    assert not drive.may_pass(RecipeError("unknown key"))


@pytest.mark.slow
def test_curate__gives_the_same_bytes_as_the_command_line_with_two_workers(curated: Path, tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "workspace", workers=2)
    call(folder, "aigc-data", "run")
    assert files_of(folder) == files_of(curated)


@pytest.mark.slow
def test_curate__says_which_expectation_refused_and_stores_no_text(curated: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(curated, tmp_path / "workspace")
    shutil.rmtree(folder / ".aigc" / "prefect")
    lock = (folder / "dvc.lock").read_bytes()
    gate = {"expectations": [{"metric": "living_rows", "min": 100000}]}
    change_recipe(folder, gate=gate)
    out = flow(folder, code=1)
    assert "gate refused the release: living_rows ≥ 100000" in out
    assert "Traceback" not in out
    assert (folder / "dvc.lock").read_bytes() == lock


@pytest.mark.slow
def test_train__commits_the_run_and_leaves_all_of_dvc_clean(curated: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(curated, tmp_path / "workspace")
    assert "trained on" in flow(folder, "train")
    assert (folder / "runs" / "latest" / "metrics.json").is_file()
    assert CLEAN in call(folder, "dvc", "status")
    assert "Running stage" not in call(folder, "dvc", "repro")


@pytest.mark.slow
def test_schedule__fires_against_a_real_server(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "workspace", schedule={"interval_seconds": 5})
    url = f"http://127.0.0.1:{(port := _free_port())}/api"
    server = [
        str(Path(sys.executable).parent / "prefect"),
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with _running(folder, server, tmp_path / "server.log"):
        _until(lambda: _answers(f"{url}/health"), 120, tmp_path / "server.log")
        schedule = [sys.executable, "flows/schedule.py"]
        with _running(folder, schedule, tmp_path / "schedule.log", PREFECT_API_URL=url):
            _until(lambda: len(_completed(url)) >= 2, 240, tmp_path / "schedule.log")
    assert (folder / "data" / "releases" / "manifest.json").is_file()
    assert CLEAN in call(folder, "dvc", "status", "release", "--with-deps")


def _completed(url: str) -> list[dict]:
    body = json.dumps({"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}).encode()
    request = urllib.request.Request(f"{url}/flow_runs/filter", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return [r for r in json.loads(answer.read()) if r["auto_scheduled"]]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _until(holds, seconds: float, log: Path) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, log.read_text(errors="replace")[-4000:]
        time.sleep(0.5)


@contextmanager
def _running(folder: Path, command: list[str], log: Path, **more: str) -> Iterator[None]:
    with log.open("w") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(folder) | more, stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
