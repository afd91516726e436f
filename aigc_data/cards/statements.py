"""What only people can say of a data set: `datacards/<name>/statements.yaml`. Where it is silent nothing is made up."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from aigc_data.cards.model import Statement
from aigc_data.errors import RecipeError

#: key → what a card calls it. All optional; the values are plain text.
TITLES = {
    "summary": "Summary",
    "rationale": "Curation rationale",
    "producers": "Who are the source data producers?",
    "collection": "How and when the sources were collected",
    "curated_by": "Curated by",
    "funded_by": "Funded by",
    "contact": "Contact",
    "uses": "Direct use",
    "out_of_scope": "Out-of-scope use",
    "legal_basis": "Legal basis for personal data",
    "limitations": "Bias, risks and limitations",
    "recommendations": "Recommendations",
    "citation": "Citation",
}
FILE = "statements.yaml"


def read_statements(folder: Path, name: str) -> tuple[tuple[Statement, ...], dict[str, str]]:
    """The statements in the order of TITLES, and what is declared as the origin of each source.

    `sources:` in the file maps a source's name to its origin in words. Raises RecipeError for what cannot be used.
    """
    path = folder / FILE
    where = f"datacards/{name}/{FILE}"
    given = _load(path, where) if path.is_file() else {}
    origins = given.pop("sources", None) or {}
    if not isinstance(origins, Mapping) or not all(isinstance(v, str) for v in origins.values()):
        raise RecipeError(f"{where}: `sources` is no mapping of names to text", expected="source-name: its origin")
    for key, value in given.items():
        if key not in TITLES:
            near = difflib.get_close_matches(str(key), [*TITLES, "sources"], n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"one of {', '.join([*TITLES, 'sources'])}"
            raise RecipeError(f"{where}: unknown key `{key}`", expected=hint)
        if value is not None and not isinstance(value, str):
            raise RecipeError(f"{where}: `{key}` holds {type(value).__name__}", expected="text")
    statements = []
    for key, title in TITLES.items():
        text = (given.get(key) or "").strip()
        missing = f"Not stated. State it as `{key}:` in {where}."
        statements.append(Statement(key, title, text or missing, "declared" if text else "missing"))
    return tuple(statements), {str(k): " ".join(v.split()) for k, v in origins.items()}


def _load(path: Path, where: str) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{where} is not YAML: {' '.join(str(error).split())}", do="mend the line named") from error
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise RecipeError(f"{where} holds {type(raw).__name__}", expected="a mapping of keys to text")
    return dict(raw)
