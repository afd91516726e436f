"""Which rules each row of a shard breaks: the stages' own checks over the measures that are there."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from aigc_data.errors import UsageError
from aigc_data.pipeline import load_stage
from aigc_data.recipe import Recipe
from aigc_data.runner import judged_columns
from aigc_data.stage import Map
from aigc_data.store import stack
from aigc_data.store.population import JUDGED
from aigc_data.store.workspace import Shard, Workspace

__all__ = ["JUDGED", "broken", "check_complete", "measures", "rules_in_force"]


def check_complete(workspace: Workspace) -> None:
    """Raise UsageError unless the gate has judged some rows: until then there are layers without rows."""
    manifest = workspace.manifest(workspace.layer("gate"))
    if manifest is None or not manifest["rows"]:
        raise UsageError("the gate has not judged yet", expected="a finished run", do="run `aigc-data run`")


def rules_in_force(workspace: Workspace, recipe: Recipe, stage: str) -> Any:
    """The rule parameters that the stage's layer was judged by; the recipe may have changed since."""
    kind = type(getattr(recipe, stage).rules)
    manifest = workspace.manifest(workspace.layer(stage)) or {}
    return kind.model_validate(manifest["params"]["rules"])


def measures(workspace: Workspace, shard: Shard, stage: str) -> pa.Table:
    """What the stage's checks look at, under bare names, for every row of the shard."""
    found = load_stage(stage)
    names = judged_columns(found.schema) if isinstance(found, Map) else list(found.checked)
    return stack.read_rows(workspace, shard, [f"{stage}.{n}" for n in names]).rename_columns(names)


def broken(columns: pa.Table, stage: str, rules: Any) -> pa.Table:
    """One boolean column `stage:rule` for each rule that is switched on."""
    checks = load_stage(stage).checks
    assert checks is not None, stage
    table = checks(columns, rules)
    return table.rename_columns([f"{stage}:{rule}" for rule in table.column_names])
