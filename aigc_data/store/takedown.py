"""The takedown list: which records must never be released again, and what goes with them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.errors import RecipeError
from aigc_data.store import stack
from aigc_data.store.population import Population
from aigc_data.store.workspace import Workspace

_LINE = re.compile(r"(?P<id>[0-9a-f]{32})|(?P<sha256>[0-9a-f]{64})|group:(?P<group>[0-9a-f]{32})")


def read_takedown(path: Path) -> dict[str, set[str]]:
    """The ids, content digests (sha256) and groups that a list names, one a line, `#` begins a comment.

    Raises RecipeError with the line number; the list is not silently shortened.
    """
    if not path.is_file():
        raise RecipeError(
            f"the takedown list {path} is missing",
            expected="a text file",
            do="write it, or remove `gate.takedown`",
        )
    named: dict[str, set[str]] = {"id": set(), "sha256": set(), "group": set()}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        entry = line.split("#", 1)[0].strip()
        if not entry:
            continue
        match = _LINE.fullmatch(entry)
        if match is None:
            raise RecipeError(
                f"line {number} of {path.name} is no takedown entry",
                expected="32 hex digits (id), 64 hex digits (content digest) or group:<32 hex digits>",
            )
        for kind, value in match.groupdict().items():
            if value:
                named[kind].add(value)
    return named


def named_rows(workspace: Workspace, people: Population, named: dict[str, set[str]]) -> np.ndarray:
    """bool[n]: the rows that the list names by id, content digest or group."""
    hit = np.zeros(people.count, bool)
    for shard, rows in people.slices():
        table = stack.read_rows(workspace, shard, ["id", "sha256", "dedupe.group"])
        for column, kind in (("id", "id"), ("sha256", "sha256"), ("dedupe.group", "group")):
            if named[kind]:
                hit[rows] |= pc.is_in(table[column], pa.array(sorted(named[kind]))).to_numpy()
    return hit
