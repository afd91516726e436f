"""The curate flow: every stage as one Prefect task, then the commit to DVC and the card.

    python flows/curate.py [WORKSPACE] [--workers N]

Prefect gives schedule, retries and sight; what is fresh and what is written the runner alone decides. Parameters are a
path and a number, and the errors that reach Prefect hold no value of a record, because it stores both.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from aigc_data import drive

ROOT = Path(__file__).resolve().parent.parent
os.environ.update(drive.prefect_environment(ROOT))

if __name__ == "__main__":
    GIVEN = drive.arguments(
        __doc__, ROOT, ("--workers", {"type": int, "default": 0, "help": "processes; 0 is the recipe's number"})
    )
    # Before Prefect is imported: a run that changes nothing pays neither for that nor for a server.
    if drive.call(drive.is_settled, GIVEN.workspace):
        sys.exit(0)

from prefect import flow, task  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402

from aigc_data.pipeline import STAGES  # noqa: E402


def may_pass(_task: object, _run: object, state: object) -> bool:
    """Whether a failed task is tried again."""
    return drive.may_pass(getattr(state, "data", None))


@task(
    task_run_name="{name}",
    cache_policy=NO_CACHE,
    result_serializer="json",
    persist_result=False,
    retries=1,
    retry_condition_fn=may_pass,
)
def stage(workspace: str, name: str, workers: int) -> str:
    """One stage, over all its shards."""
    return drive.run_stage(workspace, name, workers)


@task(cache_policy=NO_CACHE, result_serializer="json", persist_result=False)
def finish(workspace: str, recipe: str, inputs: str) -> str:
    """Commit to DVC, then the card."""
    return drive.finish(workspace, recipe, inputs)


@flow(name="curate", result_serializer="json", persist_result=False)
def curate(workspace: str, workers: int = 0) -> str:
    """Bring a workspace up to date; returns the id of its release."""
    recipe, inputs = drive.begin(workspace)
    for name in STAGES:
        stage(workspace, name, workers)
    return finish(workspace, recipe, inputs)


if __name__ == "__main__":
    print("release", drive.call(curate, str(GIVEN.workspace.resolve()), GIVEN.workers))
