"""What another threshold would do: rows that would come back and rows that would go, from the layers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_data.errors import UsageError
from aigc_data.pool import Each
from aigc_data.recipe import Recipe, with_value
from aigc_data.rules.broken import JUDGED, broken, check_complete, measures, rules_in_force
from aigc_data.store import stack
from aigc_data.store.population import named
from aigc_data.store.workspace import Shard, Workspace
from aigc_data.text.quality.rules import rule_names

#: Where values are not given, they are these quantiles of the signal.
QUANTILES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995)


@dataclass(frozen=True)
class Change:
    """Rows of one language that would come back and that would go, and their tokens."""

    come: int = 0
    go: int = 0
    come_tokens: int = 0
    go_tokens: int = 0


@dataclass(frozen=True)
class Outcome:
    """One value of the threshold: rows that no stage would drop, and how they differ from those of now."""

    value: Any
    kept: int
    total: Change
    languages: dict[str, Change]


@dataclass(frozen=True)
class Tuning:
    """`path` in the recipe, its value in force, the rows kept now, and an outcome a value."""

    path: str
    value: Any
    rows: int
    kept: int
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class _Job:
    workspace: Workspace
    shard: Shard
    stage: str
    now: Any
    others: tuple[Any, ...]


def tune(
    workspace: Workspace, recipe: Recipe, stage: str, key: str, values: Sequence[Any] = (), *, each: Each = map
) -> Tuning:
    """Judge every row again with each of `values` at `key` of the stage's rules (`zh.min_tokens`); without values with
    quantiles of the signal.

    Of the rows that every other stage keeps: duplicates are elected after that, and not here. Raises UsageError before
    a finished run, RecipeError for a key or a value that the recipe does not take.
    """
    check_complete(workspace)
    key = key.removeprefix(f"{stage}.rules.")
    now = rules_in_force(workspace, recipe, stage)
    base = recipe.model_copy(update={stage: getattr(recipe, stage).model_copy(update={"rules": now})})
    path = f"{stage}.rules.{key}"
    if not values:
        with_value(base, path, "off")  # a misspelt key is told before the first shard is read
        values = _quantiles(workspace, recipe, stage, key)
    others = tuple(getattr(with_value(base, path, value), stage).rules for value in values)
    jobs = [_Job(workspace, shard, stage, now, others) for shard in workspace.shards()]
    parts = list(each(_judge_again, jobs))
    rows, kept = sum(part[0] for part in parts), sum(part[1] for part in parts)
    outcomes = []
    for index, rules in enumerate(others):
        languages: dict[str, Change] = {}
        for part in parts:
            for lang, change in part[2][index].items():
                languages[lang] = _sum(languages.get(lang, Change()), change)
        total = Change()
        for change in languages.values():
            total = _sum(total, change)
        outcomes.append(
            Outcome(_value_at(rules, key), kept + total.come - total.go, total, dict(sorted(languages.items())))
        )
    return Tuning(path, _value_at(now, key), rows, kept, tuple(outcomes))


def _judge_again(job: _Job) -> tuple[int, int, list[dict[str, Change]]]:
    """Rows, rows kept now, and for each of the other rules the changes by language."""
    columns = measures(job.workspace, job.shard, job.stage)
    names = [f"{stage}.reason" for stage in JUDGED if stage != job.stage]
    rows = stack.read_rows(job.workspace, job.shard, [*names, "clean.lang", "quality.tokens"])
    open_ = np.ones(len(rows), bool)
    for name in names:
        open_ &= rows[name].is_null().to_numpy()
    keeps = open_ & ~_any(broken(columns, job.stage, job.now))
    lang, tokens = named([rows["clean.lang"]]), rows["quality.tokens"].to_numpy()
    changes = []
    for rules in job.others:
        would = open_ & ~_any(broken(columns, job.stage, rules))
        come, go = would & ~keeps, keeps & ~would
        by_lang = {}
        for code in np.unique(lang.codes[come | go]).tolist():
            mine = lang.codes == code
            sums = [int((mine & some).sum()) for some in (come, go)]
            sums += [int(tokens[mine & some].sum()) for some in (come, go)]
            by_lang[lang.names[code]] = Change(*sums)
        changes.append(by_lang)
    return len(rows), int(keeps.sum()), changes


def _any(table: pa.Table) -> np.ndarray:
    found = np.zeros(table.num_rows, bool)
    for column in table.columns:
        found |= column.to_numpy()
    return found


def _sum(a: Change, b: Change) -> Change:
    return Change(a.come + b.come, a.go + b.go, a.come_tokens + b.come_tokens, a.go_tokens + b.go_tokens)


def _value_at(rules: Any, key: str) -> Any:
    for name in key.split("."):
        rules = rules.get(name) if isinstance(rules, Mapping) else getattr(rules, name)
    return rules


def _quantiles(workspace: Workspace, recipe: Recipe, stage: str, key: str) -> list[Any]:
    """Distinct quantiles of the signal that `zh.min_signal` or `en.max_signal` bounds, over the rows that the rule
    judges, and `off`."""
    table, _, field = key.partition(".")
    side, _, signal = field.partition("_")
    if stage != "quality" or field not in dict(rule_names()):
        raise UsageError(
            f"`{stage}.rules.{key}` bounds no single signal", expected="values to try", do="name some after the key"
        )
    rules = rules_in_force(workspace, recipe, stage)
    parts = []
    for shard in workspace.shards():
        columns = measures(workspace, shard, stage)
        values = columns[signal].to_numpy()
        # A bound that no value meets: whoever is judged breaks it.
        limits = np.iinfo(values.dtype) if values.dtype.kind == "i" else np.finfo(values.dtype)
        bound = limits.max if side == "min" else limits.min
        alone = {name: "off" for name, _ in rule_names()} | {field: bound}
        other = {"zh": "en", "en": "zh"}[table]
        hard = {table: getattr(rules, table).model_copy(update=alone)}
        hard |= {other: getattr(rules, other).model_copy(update={**alone, field: "off"})}
        parts.append(values[_any(broken(columns, stage, rules.model_copy(update=hard)))])
    every = np.concatenate(parts)
    if not len(every):
        return ["off"]
    found = np.quantile(every, QUANTILES, method="nearest")
    exact = every.dtype.kind == "i"
    return [*dict.fromkeys(int(v) if exact else float(np.format_float_positional(v, 4)) for v in found), "off"]
