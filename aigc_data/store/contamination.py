"""Which records hold items of evaluation sets: the report behind the counts of the card."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.errors import UsageError
from aigc_data.store import stack
from aigc_data.store.workspace import Workspace

HELD = pa.schema(
    [
        pa.field("set", pa.string()),
        pa.field("item", pa.string()),
        pa.field("record", pa.string()),
        pa.field("source", pa.string()),
        pa.field("containment", pa.float32()),  # share of the item's shingles that stand in the record
        pa.field("hits", pa.int32()),
        pa.field("reason", pa.string()),  # the record's `dedupe.reason`
    ]
)


def held_items(workspace: Workspace) -> pa.Table:
    """One row for each item and record that holds a shingle of it (HELD), by set, containment and record.

    Raises UsageError when the recipe of the dedupe layer names no evaluation set.
    """
    manifest = workspace.manifest(workspace.layer("dedupe"))
    if manifest is None or "contamination" not in manifest:
        raise UsageError(
            "no evaluation set was looked for",
            expected="`dedupe.measure.evaluations` in params.yaml, and a run since",
            do="name the sets and run `aigc-data run`",
        )
    tables = []
    for shard in workspace.shards():
        rows = stack.read_rows(workspace, shard, ("id", "source", "dedupe.contamination", "dedupe.reason"))
        lists = rows["dedupe.contamination"].combine_chunks()
        hits, of = pc.list_flatten(lists), pc.list_parent_indices(lists)
        columns = {name: pc.struct_field(hits, name) for name in ("set", "item", "containment", "hits")}
        columns |= {"record": rows["id"].take(of), "source": rows["source"].take(of)}
        columns |= {"reason": rows["dedupe.reason"].take(of)}
        tables.append(pa.table([columns[n] for n in HELD.names], schema=HELD))
    order = [("set", "ascending"), ("containment", "descending"), ("item", "ascending"), ("record", "ascending")]
    return pa.concat_tables([HELD.empty_table(), *tables]).sort_by(order)
