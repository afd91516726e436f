"""What a person sees of the rules: the report's table, and a threshold's outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import yaml
from rich.table import Table

from aigc_data.console import OUT, progress_bars, wide
from aigc_data.errors import UsageError
from aigc_data.pool import LocalPool
from aigc_data.recipe import Recipe
from aigc_data.rules.broken import JUDGED, rules_in_force
from aigc_data.store.files import write_bytes
from aigc_data.store.workspace import Workspace

_LANGUAGES = 3


def show_rules(workspace: Workspace, recipe: Recipe, to: Path | None, workers: int) -> None:
    """The table of all rules; with `to` the whole report as .json or .html."""
    from aigc_data.cards.rules_page import render_rules
    from aigc_data.rules.report import rule_report

    if to is not None and to.suffix not in (".json", ".html"):
        raise UsageError(f"{to.name} ends in {to.suffix or 'nothing'}", expected="a file that ends in .json or .html")
    with LocalPool(workers) as pool:
        report = rule_report(workspace, recipe, each=pool.each)
    _warn_of_change(workspace, recipe)
    if to is not None:
        plain = report.as_json()
        page = orjson.dumps(plain, option=orjson.OPT_INDENT_2)
        write_bytes(to, page if to.suffix == ".json" else render_rules(recipe.name, plain).encode())
    table = Table("rule", "hits", "share", "first", "alone", "by language", "beside", "", box=None, pad_edge=False)
    for rule in report.rules:
        languages = [f"{s.name} {s.hits / s.rows:.1%}" for s in rule.languages if s.hits][:_LANGUAGES]
        beside = [f"{other.partition(':')[2]} {count:,}" for other, count in rule.beside]
        numbers = (f"{rule.hits:,}", f"{rule.hits / rule.rows:.1%}", f"{rule.first:,}", f"{rule.alone:,}")
        table.add_row(rule.rule, *numbers, ", ".join(languages), ", ".join(beside), "; ".join(rule.flags))
    for column in table.columns[1:5]:
        column.justify = "right"
    wide().print(table)
    OUT.print(f"{report.broken:,} of {report.rows:,} records break a rule", markup=False)
    if to is not None:
        OUT.print(f"report {to}")


def show_tuning(workspace: Workspace, recipe: Recipe, key: str, values: Sequence[str], workers: int) -> None:
    """A line for each value of a quality threshold."""
    from aigc_data.rules.tune import tune

    given = [_value(text) for text in values]
    with LocalPool(workers) as pool, progress_bars():
        tuning = tune(workspace, recipe, "quality", key, given, each=pool.each)
    _warn_of_change(workspace, recipe)
    OUT.print(f"{tuning.path} is {_shown(tuning.value)}; {tuning.kept:,} of {tuning.rows:,} records pass every rule")
    table = Table("value", "kept", "come", "go", "tokens come", "tokens go", "by language", box=None, pad_edge=False)
    for outcome in tuning.outcomes:
        total = outcome.total
        numbers = (outcome.kept, total.come, total.go, total.come_tokens, total.go_tokens)
        changes = [f"{lang} +{c.come:,} −{c.go:,}" for lang, c in outcome.languages.items()]
        table.add_row(_shown(outcome.value), *(f"{n:,}" for n in numbers), ", ".join(changes[:_LANGUAGES]))
    for column in table.columns[1:6]:
        column.justify = "right"
    wide().print(table)
    OUT.print("before duplicates are elected; no text was read")


def _warn_of_change(workspace: Workspace, recipe: Recipe) -> None:
    changed = [s for s in JUDGED if rules_in_force(workspace, recipe, s) != getattr(recipe, s).rules]
    if changed:
        OUT.print(f"the rules of {', '.join(changed)} have changed in params.yaml: this is about the last run's")


def _value(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"`{text}` is no value", expected="a number, or off") from error


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
