"""The train flow: train on a release in a process of its own, then commit the run's figures to DVC.

    python flows/train.py [WORKSPACE] [--release ID]

A second try goes on from the last checkpoint.
"""

from __future__ import annotations

import os
from pathlib import Path

from aigc_data import drive

ROOT = Path(__file__).resolve().parent.parent
os.environ.update(drive.prefect_environment(ROOT))

from prefect import flow, task  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402


def may_pass(_task: object, _run: object, state: object) -> bool:
    """Whether a failed task is tried again."""
    return drive.may_pass(getattr(state, "data", None))


@task(cache_policy=NO_CACHE, result_serializer="json", persist_result=False, retries=1, retry_condition_fn=may_pass)
def train_on(workspace: str, release: str | None) -> str:
    """One training run."""
    return drive.train(workspace, release)


@task(cache_policy=NO_CACHE, result_serializer="json", persist_result=False)
def record(workspace: str, recipe: str, inputs: str) -> None:
    """Commit the figures to DVC."""
    drive.record_training(workspace, recipe, inputs)


@flow(name="train", result_serializer="json", persist_result=False)
def train(workspace: str, release: str | None = None) -> str:
    """Train on a release, by default the latest; returns the release's id."""
    recipe, inputs = drive.begin(workspace)
    trained = train_on(workspace, release)
    record(workspace, recipe, inputs)
    return trained


if __name__ == "__main__":
    given = drive.arguments(
        __doc__, ROOT, ("--release", {"default": None, "help": "a release's id; the latest by default"})
    )
    print("trained on", drive.call(train, str(given.workspace.resolve()), given.release))
