"""One release held to its manifest: its id recomputed from its rows, its counts, its funnel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.hashing import release_digest
from aigc_data.store import parquet
from aigc_data.store.release_rows import Counts, counts_of, digests_of, merge_counts, sort_digests
from aigc_data.store.workspace import MANIFEST

_REMAKE = "do not use this release: fetch it again, or make it again with `aigc-data run`"


class Complain(Protocol):
    """How a finding is told."""

    def __call__(self, path: Path, seen: str, expected: str, do: str) -> None:
        """Path, what was seen, what was expected, what to do."""


def check_release(folder: Path, manifest: Mapping[str, Any], say: Complain) -> None:
    """Read every row once, a row group at a time: 32 bytes a row stay in memory for the sorted digests."""
    path = folder / MANIFEST
    files = {name: e for name, e in sorted(manifest["files"].items()) if (folder / name).is_file()}
    if len(files) < len(manifest["files"]):
        return  # said already; nothing that is recomputed from the rest could be right
    schema = [(str(name), str(kind)) for name, kind in manifest["schema"]]
    seen = _Seen()
    for name, entry in files.items():
        seen.read(folder / name, schema, entry, say)
    _differ(say, path, "rows", manifest["rows"], seen.rows)
    _differ(say, path, "tokens", manifest["tokens"], seen.tokens)
    _differ(say, path, "text bytes", manifest["text_bytes"], seen.text_bytes)
    _differ(
        say,
        path,
        "release id",
        manifest["id"],
        release_digest(schema, seen.rows, [sort_digests(b"".join(seen.digests))]),
    )
    for split, counts in manifest["splits"].items():
        _differ(say, path, f"rows of {split}", counts["rows"], seen.splits.get(split, 0))
    for column, values in manifest["counts"].items():
        if values != seen.counts.get(column, {}):
            say(path, f"rows by {column} differ from the rows", "the counts of the rows", _REMAKE)
    for problem in funnel_problems(manifest["funnel"], manifest["rows"]):
        say(path, problem, "in = kept + dropped, and what one stage keeps is what the next takes in", _REMAKE)
    failed = [e["metric"] for e in manifest["expectations"] if e["severity"] == "critical" and not e["success"]]
    if failed:
        say(
            path,
            f"published though {', '.join(failed)} was missed",
            "every critical expectation met",
            _REMAKE,
        )


class _Seen:
    """What the rows themselves say."""

    def __init__(self) -> None:
        self.rows = self.tokens = self.text_bytes = 0
        self.splits: dict[str, int] = {}
        self.counts: Counts = {}
        self.digests: list[bytes] = []

    def read(self, path: Path, schema: list[tuple[str, str]], entry: Mapping[str, Any], say: Complain) -> None:
        names = [name for name, _ in schema]
        for batch in parquet.batches(path, names):
            batch = batch.select(names)
            kinds = [(f.name, str(f.type)) for f in batch.schema]
            if kinds != schema:
                say(path, f"columns {kinds}", f"{schema}", _REMAKE)
                return
            rows = pa.Table.from_batches([batch])
            self.digests.append(digests_of(rows))
            self._count(rows)
            strange = set(pc.unique(batch["split"]).to_pylist()) - {entry["split"]}
            if strange:
                say(path, f"rows of split {', '.join(sorted(strange))}", str(entry["split"]), _REMAKE)

    def _count(self, rows: pa.Table) -> None:
        self.rows += rows.num_rows
        self.tokens += pc.sum(rows["tokens"]).as_py() or 0
        self.text_bytes += pc.sum(pc.binary_length(rows["text"])).as_py() or 0
        self.counts = merge_counts([self.counts, counts_of(rows)])
        for c in pc.value_counts(rows["split"]).to_pylist():
            self.splits[c["values"]] = self.splits.get(c["values"], 0) + c["counts"]


def funnel_problems(funnel: Iterable[Mapping[str, Any]], rows: int) -> list[str]:
    """Where the funnel loses or invents rows; [] when it conserves them and ends with `rows`."""
    problems = []
    left: int | None = None
    for entry in funnel:
        dropped = sum(entry["dropped"].values())
        if entry["in"] != entry["kept"] + dropped:
            problems.append(f"{entry['stage']}: {entry['in']} in, {entry['kept']} kept, {dropped} dropped")
        if left is not None and entry["in"] != left:
            problems.append(f"{entry['stage']}: {entry['in']} in, {left} left by the stage before")
        left = entry["kept"] + entry.get("born", 0)
    if left != rows:
        problems.append(f"the funnel ends with {left} rows of {rows}")
    return problems


def _differ(say: Complain, path: Path, what: str, told: Any, seen: Any) -> None:
    if told != seen:
        say(path, f"{what}: the manifest says {told}", f"{seen}, counted from the rows", _REMAKE)
