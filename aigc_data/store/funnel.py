"""The funnel: how many rows came into each stage, how many it kept, and why the others left."""

from __future__ import annotations

from typing import Any

from aigc_data.columns import LAYERS
from aigc_data.store.workspace import Workspace


def funnel(workspace: Workspace, release: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """One entry a stage: in, kept, born, dropped by reason, and what it found beside that.

    A row leaves at its first reason in stage order; dedupe and pii (unless the recipe says so) only find.

    Ends with the last stage that has run.
    """
    base = workspace.manifest(workspace.base)
    if base is None:
        return []
    rows = [_entry("ingest", base["read"], base["rows"], base["quarantined"])]
    gate = workspace.manifest(workspace.layer("gate"))
    if gate is None:
        return rows
    left = base["rows"]
    for stage in LAYERS:
        dropped = {r: n for r, n in gate["reasons"].items() if r.startswith(f"{stage}:")}
        entry = _entry(stage, left, left - sum(dropped.values()), dropped)
        if stage == "clean":
            entry["found"] = gate.get("second_opinions", {})
        if stage == "dedupe":
            entry["found"] = gate.get("duplicates", {})
        if stage == "pii" and release is not None:
            entry["found"] = release.get("pii_acted_on", {})
        rows.append(entry)
        left -= sum(dropped.values())
    born = workspace.manifest(workspace.born)
    if born is None:
        return rows
    rows.append({**_entry("augment", left, left, {}), "born": born["rows"]})
    left += born["rows"]
    if release is not None:
        rows.append(_entry("release", left, release["rows"], release["born_dropped"]))
    return rows


def _entry(stage: str, rows: int, kept: int, dropped: dict[str, int]) -> dict[str, Any]:
    return {"stage": stage, "in": rows, "kept": kept, "born": 0, "dropped": dict(sorted(dropped.items())), "found": {}}
