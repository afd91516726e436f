"""STAGES, in order, and how a recipe is run through them. `dvc repro`, the command line and the flows all come here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aigc_data.errors import StageError, UsageError
from aigc_data.hashing import digest_of
from aigc_data.pool import Each
from aigc_data.recipe import Recipe, load_recipe
from aigc_data.runner import Context, Progress, Report, dump, map_is_fresh, run_map, silent
from aigc_data.stage import Barrier, Map
from aigc_data.store.lock import hold
from aigc_data.store.workspace import Workspace

STAGES = ("ingest", "clean", "dedupe", "pii", "license", "quality", "safety", "gate", "augment", "release")


def module_of(name: str) -> str:
    """The module that defines a stage; raises UsageError for a name that is none."""
    if name not in STAGES:
        raise UsageError(f"there is no stage `{name}`", expected=f"one of {', '.join(STAGES)}")
    return f"aigc_data.stages.{name}"


def load_stage(name: str) -> Map | Barrier:
    """The stage's value. Imported late: a command that runs no stage does not pay for numba."""
    stage: Map | Barrier = importlib.import_module(module_of(name)).STAGE
    return stage


def context_of(
    name: str, workspace: Workspace, recipe: Recipe, *, each: Each = map, progress: Progress = silent
) -> Context:
    """What a run of the stage is given."""
    params: Any = getattr(recipe, name)
    return Context(workspace, params, recipe, module_of(name), each, progress)


def run_stage(
    name: str, workspace: Workspace, recipe: Recipe, *, each: Each = map, progress: Progress = silent
) -> Report:
    """Bring one stage up to date; raises StageError when a layer that it reads is stale, or another run is going on."""
    stage = load_stage(name)
    context = context_of(name, workspace, recipe, each=each, progress=progress)
    with hold(workspace):
        for earlier in STAGES[1 : STAGES.index(name)]:
            if reads_from(name, earlier) and not is_fresh(earlier, workspace, recipe):
                raise StageError(
                    f"stage `{earlier}`, which `{name}` reads, is not up to date",
                    expected="every stage before it",
                    do=f"run `aigc-data run`, or `aigc-data stage {earlier}` first",
                )
        if isinstance(stage, Map):
            return run_map(stage, context)
        return stage.run(context)


def is_fresh(name: str, workspace: Workspace, recipe: Recipe) -> bool:
    """Whether a run of the stage would change nothing, its inputs being as they are."""
    stage, context = load_stage(name), context_of(name, workspace, recipe)
    if isinstance(stage, Map):
        return map_is_fresh(stage, context)
    return bool(stage.fresh(context))


def stale_stages(workspace: Workspace, recipe: Recipe) -> list[str]:
    """The stages that a run would work on. After the first stale one its readers count as stale: their inputs will
    change."""
    stale: list[str] = []
    for name in STAGES:
        if any(reads_from(name, earlier) for earlier in stale) or not is_fresh(name, workspace, recipe):
            stale.append(name)
    return stale


def reads_from(name: str, earlier: str) -> bool:
    """Whether stage `name` depends on stage `earlier`, directly."""
    if earlier == "ingest":
        return True
    stage = load_stage(name)
    if stage.reads:
        return any(column.startswith(f"{earlier}.") for column in stage.reads)
    return STAGES.index(earlier) < STAGES.index(name)


def run(workspace: Workspace, recipe: Recipe, *, each: Each = map, progress: Progress = silent) -> Iterator[Report]:
    """Run all stages in order, yielding each report as it comes; the workspace is held meanwhile."""
    with hold(workspace):
        for name in STAGES:
            yield run_stage(name, workspace, recipe, each=each, progress=progress)


@dataclass(frozen=True)
class Snapshot:
    """Digests of the recipe and of the inputs as a run began: what DVC records afterwards must be about these."""

    recipe: str
    inputs: str

    @classmethod
    def take(cls, workspace: Workspace) -> Snapshot:
        """Read the recipe and the raw files' digests as they are now."""
        from aigc_data.stages.ingest import input_digests

        recipe = load_recipe(workspace.params)
        inputs = input_digests(context_of("ingest", workspace, recipe))
        workspace.digests.save()
        return cls(digest_of(dump(recipe)), digest_of(inputs))

    def check(self, workspace: Workspace) -> None:
        """Raise StageError when the recipe or an input changed since: the result would be recorded under a wrong
        name."""
        now = Snapshot.take(workspace)
        changed = [name for name in ("recipe", "inputs") if getattr(now, name) != getattr(self, name)]
        if changed:
            raise StageError(
                f"{' and '.join(changed)} changed while the run was going on",
                expected="the same as at its start",
                do="run again; nothing was committed to DVC",
            )


def open_workspace(folder: Path) -> tuple[Workspace, Recipe]:
    """The workspace at or above `folder`, and its recipe."""
    from aigc_data.store.workspace import find_workspace

    workspace = find_workspace(folder)
    return workspace, load_recipe(workspace.params)
