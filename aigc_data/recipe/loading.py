"""Reading params.yaml: the first problem, where it is, and what was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from aigc_data.errors import RecipeError
from aigc_data.recipe.base import Params
from aigc_data.recipe.whole import Recipe


class _OnceLoader(yaml.SafeLoader):
    """YAML without a second value for one key: the last would win, and the first be believed."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping; raises yaml.YAMLError with the line of a key that stands there twice."""
        names = [key.value for key, _ in node.value]
        for index, (key, _) in enumerate(node.value):
            if key.value in names[:index] and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key `{key.value}` stands there twice", key.start_mark
                )
        return super().construct_mapping(node, deep)


def load_recipe(path: Path) -> Recipe:
    """Read params.yaml.

    Raises RecipeError naming the file, the key, what was seen and, for an unknown key, the nearest known one.
    """
    if not path.is_file():
        raise RecipeError(
            f"no recipe at {path}", expected="a params.yaml", do="run `aigc-data init DIR` or name the folder"
        )
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _OnceLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not YAML: {' '.join(str(error).split())}", do="mend the line named") from error
    if not isinstance(raw, Mapping):
        raise RecipeError(f"{path} holds {type(raw).__name__}", expected="a mapping of keys to values")
    return parse_recipe(raw, where=str(path))


def parse_recipe(raw: Mapping[str, Any], *, where: str = "recipe") -> Recipe:
    """Validate a mapping; raises RecipeError with the first problem and a suggestion for misspelt keys."""
    # `quality:` with nothing behind it is how YAML writes a section that has the defaults.
    given = {key: {} if value is None and key in _SECTIONS else value for key, value in raw.items()}
    try:
        return Recipe.model_validate(given)
    except ValidationError as error:
        raise RecipeError(f"{where}: {_describe(error)}") from error


def with_value(recipe: Recipe, path: str, value: Any) -> Recipe:
    """The recipe with another value at `path` (`quality.rules.zh.min_tokens`); raises RecipeError as `parse_recipe`
    does."""
    raw = recipe.model_dump(mode="json")
    *parents, last = path.split(".")
    inner = raw
    for done, name in enumerate(parents):
        if not isinstance(inner.get(name), dict):
            where = ".".join(parents[:done]) or "the recipe"
            near = difflib.get_close_matches(name, [k for k, v in inner.items() if isinstance(v, dict)], n=1)
            hint = f", did you mean `{near[0]}`?" if near else ""
            raise RecipeError(f"`{name}` is no section of {where}{hint}")
        inner = inner[name]
    inner[last] = value
    return parse_recipe(raw)


def _describe(error: ValidationError) -> str:
    first, *others = error.errors()
    where = first["loc"]
    # Of `int | Off` both branches are told, each under a name of its own behind the key's.
    may_be_off = any(one["loc"] == (*where[:-1], "literal['off']") for one in others)
    where = where[:-1] if may_be_off else where
    key = ".".join(str(part) for part in where) or "(top level)"
    if first["type"] == "extra_forbidden":
        *parents, last = first["loc"]
        near = difflib.get_close_matches(str(last), _known_keys(tuple(parents)), n=1) or _deeper(
            tuple(parents), str(last)
        )
        hint = f", did you mean `{near[0]}`?" if near else ""
        return f"unknown key `{key}`{hint}"
    seen = first.get("input")
    written = "null" if seen is None else str(seen).lower() if isinstance(seen, bool) else repr(seen)
    shown = f", saw {written}" if seen is None or isinstance(seen, str | int | float) else ""
    wanted = first["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    wanted = re.sub(r"a valid dictionary or instance of \w+", "a mapping of keys to values", wanted)
    return f"`{key}`: {wanted}{', or `off`' if may_be_off else ''}{shown}"


def _deeper(parents: tuple[Any, ...], key: str) -> list[str]:
    """The path of a key that stands one section further down (`clean.languages` is `clean.rules.languages`)."""
    for section in _known_keys(parents):
        inner = (*parents, section)
        if key in _known_keys(inner) and _known_keys(inner) != _known_keys(parents):
            return [".".join(str(part) for part in (*inner, key))]
    return []


def _known_keys(parents: tuple[Any, ...]) -> list[str]:
    model: Any = Recipe
    for part in parents:
        if isinstance(part, int):
            continue
        field = model.model_fields[part]
        model = next((a for a in _models_in(field.annotation)), model)
    return list(model.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for arg in getattr(annotation, "__args__", ()) for m in _models_in(arg)]


_SECTIONS = frozenset(name for name, field in Recipe.model_fields.items() if isinstance(field.default, Params))
