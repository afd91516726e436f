"""The two shapes of a stage. Plain values that hold functions; no base class, no registry.

A stage's functions are pure: no I/O, no state, no dependence on the order of rows, inputs left unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Map:
    """One shard at a time.

    `measure(rows, measure_params)` gets a table with the columns of `reads` and returns the columns of `schema`,
    row for row.
    `checks(columns, rule_params)` gets those columns, texts left out, and returns one boolean column for each rule that
    is switched on, true where a row breaks it, in the order in which a row's reason is sought.
    `files` names the measure parameters that hold paths of models and lists (a string, `off`, or several strings): what
    stands in them is part of what a shard hangs on, and `measure` gets the paths as absolute ones.
    `reads` names base columns bare (`"url"`) and other layers' measures in full (`"clean.text"`).
    """

    name: str
    reads: tuple[str, ...]
    schema: pa.Schema
    measure: Callable[[pa.Table, Any], pa.Table]
    checks: Callable[[pa.Table, Any], pa.Table]
    libraries: tuple[str, ...] = ()  # distributions whose version is part of the code digest
    files: tuple[str, ...] = ()
    also: Callable[[Any], tuple[str, ...]] = lambda _: ()  # those that only some measure parameters need

    def judge(self, columns: pa.Table, rules: Any) -> pa.Array:
        """The reason of each row (string): null keeps it, else `stage:rule` of the first rule that it breaks."""
        return first_reasons(self.name, self.checks(columns, rules))


def first_reasons(stage: str, broken: pa.Table) -> pa.Array:
    """`stage:rule` of the first of `broken`'s boolean columns that is true in a row, null where none is (string[n])."""
    first = np.full(broken.num_rows, -1)
    for index in reversed(range(broken.num_columns)):
        first[broken.column(index).to_numpy()] = index
    rules = pa.array([f"{stage}:{rule}" for rule in broken.column_names], pa.string())
    return rules.take(pa.array(np.where(first < 0, 0, first), mask=first < 0))


@dataclass(frozen=True)
class Barrier:
    """A stage that plans over everything, works shard by shard and finishes: ingest, dedupe, gate, augment, release.

    `reads` are the layers' measures that it reads, and `checks` and `checked` its rules and the measures that these
    look at, where it is one that keeps a layer of measures: dedupe.
    """

    name: str
    run: Callable[[Any], Any]  # (runner.Context) -> runner.Report
    fresh: Callable[[Any], bool]  # (runner.Context) -> bool: a run would change nothing
    libraries: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    checks: Callable[[pa.Table, Any], pa.Table] | None = None
    checked: tuple[str, ...] = ()
