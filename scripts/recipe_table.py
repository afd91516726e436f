"""The tables of docs/recipe.md, from the models.

`python scripts/recipe_table.py` prints them, with `--write` it puts them between the markers of that page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as at
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from aigc_data.recipe import (
    ChineseThresholds,
    Evaluation,
    Expectation,
    Off,
    Published,
    QualityThresholds,
    Recipe,
    Source,
)

PAGE = Path(__file__).resolve().parents[1] / "docs" / "recipe.md"
BEGIN = "<!-- tables: written by scripts/recipe_table.py --write -->"
END = "<!-- end of tables -->"

#: What works anew when a key changes, by the longest prefix of the key; words as docs/recipe.md explains them.
EFFECTS = {
    "name": "releases",
    "description": "releases",
    "workers": "nothing",
    "memory_mb": "nothing",
    "sources": "reads",
    "sources[].path": "reads what is new",
    "ingest": "reads",
    "clean.measure": "measures",
    "clean.rules": "judges",
    "dedupe.measure": "measures",
    "dedupe.rules": "judges",
    "against[]": "measures",
    "evaluations[]": "measures",
    "pii.measure": "measures",
    "pii.rules": "judges",
    "license.measure": "measures",
    "license.rules": "judges",
    "quality.measure": "measures",
    "quality.rules": "judges",
    "safety.measure": "measures",
    "safety.rules": "judges",
    "gate": "gates",
    "augment": "augments",
    "release": "releases",
    "release.actions": "augments",
    "release.min_pii_confidence": "augments",
    "train": "trains",
    "train.prompts": "nothing",
    "schedule": "nothing",
    "expectations[]": "as the list it is in",
}
_HEAD = ("key", "allowed", "default", "meaning", "changing it")


def effect_of(key: str) -> str:
    """The word for a dotted key; raises KeyError for a key that no prefix covers."""
    parts = key.split(".")
    for end in range(len(parts), 0, -1):
        if (word := EFFECTS.get(".".join(parts[:end]))) is not None:
            return word
    return EFFECTS[parts[0].removesuffix("[]")]


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """(dotted key, field) of every field that is no section, in the models' order."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def tables() -> str:
    """All tables, a heading for each section of the recipe."""
    sections: dict[str, list[tuple[str, FieldInfo]]] = {"(top level)": []}
    for key, field in leaves(Recipe):
        sections.setdefault(key.rpartition(".")[0] or "(top level)", []).append((key, field))
        if key == "sources":
            sections["sources[]"] = [(f"sources[].{n}", f) for n, f in Source.model_fields.items()]
    del sections["quality.rules.zh"]
    sections["against[]"] = [(f"against[].{n}", f) for n, f in Published.model_fields.items()]
    sections["evaluations[]"] = [(f"evaluations[].{n}", f) for n, f in Evaluation.model_fields.items()]
    sections["expectations[]"] = [(f"expectations[].{n}", f) for n, f in Expectation.model_fields.items()]
    return "\n".join(_section(name, rows) for name, rows in sections.items())


def _section(name: str, rows: list[tuple[str, FieldInfo]]) -> str:
    heads, title = list(_HEAD), name
    if name == "quality.rules.en":
        title, heads[2:3] = "quality.rules.en, quality.rules.zh", ["default en", "default zh"]
    lines = [f"### {title}", "", _row(heads), _row(["---"] * len(heads))]
    for key, field in rows:
        short = key.rpartition(".")[2]
        defaults = [_default(field)]
        if name == "quality.rules.en":
            defaults = [_default(model.model_fields[short]) for model in (QualityThresholds, ChineseThresholds)]
        if not field.description:
            raise ValueError(f"{key} has no description in aigc_data/recipe/")
        lines.append(_row([f"`{short}`", _allowed(field), *defaults, field.description, effect_of(key)]))
    return "\n".join([*lines, ""])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _allowed(field: FieldInfo) -> str:
    bounds = [_bound(one) for one in field.metadata]
    return ", ".join([_type(field.annotation), *filter(None, bounds)])


def _bound(one: Any) -> str:
    """One constraint in words."""
    for kind, sign, name in ((at.Ge, "≥", "ge"), (at.Gt, ">", "gt"), (at.Le, "≤", "le"), (at.Lt, "<", "lt")):
        if isinstance(one, kind):
            return f"{sign} {_number(getattr(one, name))}"
    if isinstance(one, at.MinLen):
        return "not empty"
    pattern = getattr(one, "pattern", None)
    return f"`{pattern}`" if pattern else ""


_SIMPLE = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true`, `false`",
    Expectation: "expectations",
    Source: "sources",
    Published: "releases",
    Evaluation: "evaluation sets",
}


def _type(annotation: Any) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    if origin is Annotated:
        return _type(args[0])
    if origin is Literal:
        return "one of " + ", ".join(f"`{a}`" for a in args)
    if origin is tuple:
        return f"list of {_type(args[0]).removeprefix('one of ')}"
    if origin is dict:
        return f"mapping of {_type(args[0]).removeprefix('one of ')} to {_type(args[1])}"
    if origin in (UnionType, Union):
        words = {type(None): "`null`", Off: "`off`"}
        return " or ".join(words[a] if a in words else _type(a) for a in args)
    raise TypeError(f"no words for {annotation}")


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, tuple):
        shown = ", ".join(_expectation(v) if isinstance(v, Expectation) else f"{v}" for v in value)
        return f"`[{shown}]`" if not value or not isinstance(value[0], Expectation) else shown
    if isinstance(value, dict):
        return "`{}`"
    if value is None or isinstance(value, bool):
        return {None: "`null`", True: "`true`", False: "`false`"}[value]
    return f"`{value!r}`".replace("'", '"') if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    if isinstance(value, int) and value >= 1 << 12 and value & (value - 1) == 0:
        return f"{value} (2^{value.bit_length() - 1})"
    return f"{value}"


def _expectation(one: Expectation) -> str:
    bounds = [f"{sign} {bound:g}" for sign, bound in (("≥", one.min), ("≤", one.max)) if bound is not None]
    return f"`{one.metric} {' '.join(bounds)}`" + (" (warning)" if one.severity == "warning" else "")


def page(old: str) -> str:
    """The page with its tables made anew; raises ValueError when the markers are missing."""
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/recipe.md lacks {BEGIN!r} or {END!r}")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(tables())
