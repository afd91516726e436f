"""One pass over the layers' columns, without any text: everything that the card counts and the manifests do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from aigc_data.store import stack
from aigc_data.store.workspace import Shard, Workspace

#: Ids that are remembered for each heading of the examples, and members of each of the largest clusters.
PER_HEADING = 2
PER_CLUSTER = 3

_READS = (
    *("id", "source", "url", "license_declared", "clean.lang", "clean.script", "pii.spans"),
    *("license.license", "license.license_class", "license.detected", "license.conflict"),
    *("dedupe.tokens_left", "quality.score", "dedupe.cluster", "gate.reason"),
)
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?([^/?#:@]+)"


@dataclass
class Tally:
    """Sums over shards; `add` is given each once, in any order."""

    sources: Counter[tuple[str, bool]] = field(default_factory=Counter)  # (source, kept) → rows
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, first reason) → rows
    source_tokens: Counter[str] = field(default_factory=Counter)
    hosts: Counter[tuple[str, str]] = field(default_factory=Counter)
    declared: Counter[tuple[str, str]] = field(default_factory=Counter)
    # (declared, detected, license, class) → [rows, kept, conflicts]
    licences: dict[tuple[str, str, str, str], list[int]] = field(default_factory=dict)
    scripts: dict[str, list[int]] = field(default_factory=dict)  # of kept rows → [rows, tokens]
    lengths: dict[int, list[int]] = field(default_factory=dict)  # binary exponent → [rows, tokens]
    scores: Counter[int] = field(default_factory=Counter)  # hundreds of quality.score
    personal: dict[str, list[int]] = field(default_factory=dict)  # kind → [spans, rows, spans in kept rows]
    clusters: Counter[str] = field(default_factory=Counter)  # members beside the one that names it
    examples: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # ("dropped" | "kept", name) → ids

    def add(self, rows: pl.DataFrame) -> None:
        """Count the rows of one shard."""
        rows = rows.with_columns(kept=pl.col("gate.reason").is_null())
        kept = rows.filter("kept")
        for (source, alive), n in _counted(rows, "source", "kept"):
            self.sources[source, alive] += n
        for (source, reason), n in _counted(rows.filter(~pl.col("kept")), "source", "gate.reason"):
            self.refusals[source, reason] += n
        for source, tokens in kept.group_by("source").agg(pl.col("dedupe.tokens_left").sum()).iter_rows():
            self.source_tokens[source] += tokens
        hosts = rows.select("source", host=pl.col("url").str.extract(_HOST).str.to_lowercase()).drop_nulls()
        for (source, host), n in _counted(hosts, "source", "host"):
            self.hosts[source, host] += n
        for (source, licence), n in _counted(rows.drop_nulls("license_declared"), "source", "license_declared"):
            self.declared[source, licence] += n
        self._add_licences(rows)
        _merge(self.scripts, kept.group_by("clean.script").agg(pl.len(), pl.col("dedupe.tokens_left").sum()))
        # frexp, not a logarithm: that of a power of two may fall short of a whole number.
        exponent = pl.Series("exponent", np.frexp(kept["dedupe.tokens_left"].to_numpy().clip(1))[1] - 1)
        by_length = kept.with_columns(exponent).group_by("exponent")
        _merge(self.lengths, by_length.agg(pl.len(), pl.col("dedupe.tokens_left").sum()))
        for (score,), n in _counted(kept.select((pl.col("quality.score") // 100).clip(0, 9)), "quality.score"):
            self.scores[score] += n
        spans = (
            rows.select("kept", "pii.spans", row=pl.int_range(pl.len())).explode("pii.spans").drop_nulls("pii.spans")
        )
        kind = pl.col("pii.spans").struct.field("kind")
        _merge(self.personal, spans.group_by(kind).agg(pl.len(), pl.col("row").n_unique(), pl.col("kept").sum()))
        for (cluster,), n in _counted(rows.filter(pl.col("dedupe.cluster") != pl.col("id")), "dedupe.cluster"):
            self.clusters[cluster] += n
        self._remember("dropped", rows.filter(~pl.col("kept")), "gate.reason")
        self._remember("kept", kept, "clean.lang")

    def _add_licences(self, rows: pl.DataFrame) -> None:
        keys = (
            pl.col("license_declared").fill_null(""),
            "license.detected",
            "license.license",
            "license.license_class",
        )
        table = rows.group_by(keys).agg(pl.len(), pl.col("kept").sum().alias("alive"), pl.col("license.conflict").sum())
        for *key, n, alive, conflicts in table.iter_rows():
            old = self.licences.setdefault((key[0], key[1], key[2], key[3]), [0, 0, 0])
            for i, value in enumerate((n, alive, conflicts)):
                old[i] += value

    def _remember(self, kind: str, rows: pl.DataFrame, column: str) -> None:
        smallest = rows.select(column, "id").sort("id").group_by(column, maintain_order=True).head(PER_HEADING)
        for name, id_ in smallest.iter_rows():
            ids = self.examples.setdefault((kind, name), [])
            ids.append(id_)
            self.examples[kind, name] = sorted(ids)[:PER_HEADING]

    def largest_clusters(self, n: int) -> list[tuple[str, int]]:
        """(name, members) of the largest clusters, the largest first, equal ones by name."""
        ordered = sorted(self.clusters.items(), key=lambda c: (-c[1], c[0]))
        return [(name, members + 1) for name, members in ordered[:n]]


def _counted(rows: pl.DataFrame, *columns: str) -> Iterable[tuple[tuple, int]]:
    for *key, n in rows.group_by(columns).agg(pl.len()).iter_rows():
        yield tuple(key), n


def _merge(into: dict, table: pl.DataFrame) -> None:
    for key, *numbers in table.iter_rows():
        old = into.setdefault(key, [0] * len(numbers))
        for i, number in enumerate(numbers):
            old[i] += number


def tally(workspace: Workspace) -> Tally:
    """Go over every shard; raises IntegrityError when a layer does not belong to its base shard."""
    total = Tally()
    for shard in workspace.shards():
        total.add(columns_of(workspace, shard, _READS))
    return total


def columns_of(workspace: Workspace, shard: Shard, names: Iterable[str]) -> pl.DataFrame:
    """Columns of one shard as a frame."""
    frame = pl.from_arrow(stack.read_rows(workspace, shard, list(names)))
    assert isinstance(frame, pl.DataFrame)  # a table never becomes a series
    return frame
