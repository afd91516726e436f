"""The two shapes of a stage. Plain values that hold functions; no base class, no registry.

A stage's functions are pure: no I/O, no state, no dependence on the order of rows, inputs left unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Map:
    """One shard at a time.

    `measure(rows, measure_params)` gets a table with the columns of `reads` and returns the columns of `schema`,
    row for row.
    `judge(columns, rule_params)` gets those columns and returns a string array: null keeps the row, else `stage:rule`.
    `reads` names base columns bare (`"url"`) and other layers' measures in full (`"clean.text"`).
    """

    name: str
    reads: tuple[str, ...]
    schema: pa.Schema
    measure: Callable[[pa.Table, Any], pa.Table]
    judge: Callable[[pa.Table, Any], pa.Array]
    libraries: tuple[str, ...] = ()  # distributions whose version is part of the code digest


@dataclass(frozen=True)
class Barrier:
    """A stage that plans over everything, works shard by shard and finishes: ingest, dedupe, gate, augment, release.

    `reads` are the layers' measures that it reads, where it is one that keeps a layer of measures: dedupe.
    """

    name: str
    run: Callable[[Any], Any]  # (runner.Context) -> runner.Report
    fresh: Callable[[Any], bool]  # (runner.Context) -> bool: a run would change nothing
    libraries: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
