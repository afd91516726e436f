"""The three shapes of a stage. Plain values that hold functions; no base class, no registry.

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
class Global:
    """A stage that must see all shards: sketch each, pair by partition, verify in blocks, resolve once.

    Records are numbered by the rank of their id, so that nothing depends on how rows lie in shards.

    `sketch(rows, params)` returns a small table, row for row, in `sketch_schema`.
    `pairs(sketches, ranks, partition, partitions, params)` returns the candidates (a, b, …) of one partition of
    the keys;
    `merge(parts)` joins those of all partitions, each pair once.
    `asks(candidates)` is a mask of the candidates whose texts must be looked at; `evidence(rows, params)` boils those
    texts down to (values, offsets), shard by shard; `verify(candidates, (values, offsets), left, right, params)`
    returns
    links, `left` and `right` being places in the evidence.
    `resolve(links, candidates, count, params)` returns the row-aligned columns in rank order.
    """

    name: str
    reads: tuple[str, ...]
    schema: pa.Schema
    sketch_schema: pa.Schema
    sketch: Callable[[pa.Table, Any], pa.Table]
    pairs: Callable[..., pa.Table]
    merge: Callable[[Any], pa.Table]
    asks: Callable[[pa.Table], Any]
    evidence: Callable[[pa.Table, Any], tuple[Any, Any]]
    verify: Callable[..., pa.Table]
    resolve: Callable[..., pa.Table]
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Barrier:
    """A stage that plans over everything, works shard by shard and finishes: ingest, gate, augment, release."""

    name: str
    run: Callable[[Any], Any]  # (runner.Context) -> runner.Report
    fresh: Callable[[Any], bool]  # (runner.Context) -> bool: a run would change nothing
    libraries: tuple[str, ...] = ()
