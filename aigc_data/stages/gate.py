"""gate: the one place where rows leave. Taken down, refused by a stage, or worse than a copy that stays: else it lives.

It works on columns alone (no text is read), over all shards at once: about a hundred bytes a record.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.columns import GATE, REASON, SPLITS, on_disk
from aigc_data.election import Verdict, elect_survivors, with_duplicates
from aigc_data.errors import IntegrityError
from aigc_data.expectations import as_json, judge, refuse_on_failure
from aigc_data.hashing import digest_of
from aigc_data.ids import to_hex
from aigc_data.runner import Context, Report, barrier_report, dump, entry_of, files_are, finish_layer, fresh_entry
from aigc_data.split import parent_splits, split_of
from aigc_data.stage import Barrier
from aigc_data.store import parquet
from aigc_data.store.files import read_json, write_json
from aigc_data.store.population import JUDGED, Population, load_links, load_population
from aigc_data.store.takedown import named_rows, read_takedown
from aigc_data.store.workspace import MANIFEST, Workspace
from aigc_data.text.dedupe.planted import ALL
from aigc_data.text.licenses import CLASSES
from aigc_data.text.quality.rules import rule_names

LIBRARIES = ("great-expectations", "numba", "numpy", "polars", "pyarrow")
_STEPS = 4


def run(context: Context) -> Report:
    """Judge every row, elect among duplicates, split, and hold the result to the expectations."""
    started = time.perf_counter()
    workspace, folder = context.workspace, context.workspace.layer("gate")
    if is_fresh(context):
        manifest = workspace.manifest(folder) or {}
        return barrier_report(STAGE, started, 0, len(manifest["files"]) // 2, manifest["rows"], manifest["reasons"])
    # Until this run has passed, no older verdict may let a release through.
    (folder / MANIFEST).unlink(missing_ok=True)
    context.progress("gate", 0, _STEPS)
    people = load_population(workspace)
    links, unlike = (load_links(workspace, people, kind) for kind in ("links", "unlike"))
    named = read_takedown(workspace.root / context.params.takedown) if context.params.takedown else None
    taken = np.empty(0, np.int64)
    if named:
        taken = with_duplicates(
            workspace, people, named_rows(workspace, people, named), links, unlike, context.recipe.dedupe.measure
        )
    context.progress("gate", 1, _STEPS)
    verdict = elect_survivors(workspace, people, links, unlike, taken, context.params, context.recipe.dedupe.measure)
    context.progress("gate", 2, _STEPS)
    parent = parent_splits(workspace.root / context.params.parent_splits) if context.params.parent_splits else {}
    split, moved = split_of(people, verdict.living, context.params, parent)
    files = _write(workspace, people, verdict, split, _key(context))
    context.progress("gate", 3, _STEPS)
    promise = _promise(context, people, verdict, split, files)
    promise["split_moves"] = moved
    promise["duplicates"] = duplicates_of(people, links)
    promise["second_opinions"] = second_opinions(people)
    verdicts = judge(promise["metrics"], context.params.expectations, _layer_files(workspace))
    promise["expectations"] = as_json(verdicts)
    write_json(workspace.private / "gate-expectations.json", promise["expectations"])
    most = sorted(promise["reasons"].items(), key=lambda item: -item[1])[:3]
    refuse_on_failure("gate", verdicts, because=", ".join(f"{reason} {count:,}" for reason, count in most))
    finish_layer(workspace, folder, promise, seconds=time.perf_counter() - started)
    context.progress("gate", _STEPS, _STEPS)
    return barrier_report(STAGE, started, len(people.shards), 0, promise["rows"], promise["reasons"])


def _key(context: Context) -> str:
    """Everything that the verdicts depend on: reasons, measures, links, sketches, the takedown list and a parent's
    map."""
    workspace, params = context.workspace, context.params
    takedown = workspace.root / params.takedown if params.takedown else None
    # By its id: which rows a parent has where, however it is laid out and whatever made it.
    parent = workspace.root / params.parent_splits / MANIFEST if params.parent_splits else None
    return digest_of(
        {
            "base": workspace.digests.of(workspace.base / MANIFEST),
            "layers": {stage: workspace.digests.of(workspace.layer(stage) / MANIFEST) for stage in JUDGED},
            "params": dump(params),
            "takedown": workspace.digests.of(takedown) if takedown and takedown.is_file() else None,
            "parent": read_json(parent)["id"] if parent and parent.is_file() else None,
            "code": context.code(LIBRARIES),
        }
    )


def is_fresh(context: Context) -> bool:
    """Whether the verdicts are those of the layers as they are."""
    workspace = context.workspace
    manifest = workspace.manifest(workspace.layer("gate"))
    folders = [workspace.base, *(workspace.layer(s) for s in JUDGED)]
    if manifest is None or not all((f / MANIFEST).is_file() for f in folders):
        return False
    key = _key(context)
    wanted = {f"{kind}/{s.name}.parquet": key for s in workspace.shards() for kind in ("measure", "reason")}
    return files_are(workspace, workspace.layer("gate"), manifest["files"], wanted)


def _write(
    workspace: Workspace, people: Population, verdict: Verdict, split: np.ndarray, key: str
) -> dict[str, dict[str, Any]]:
    files = {}
    kept = np.where(verdict.duplicate_of >= 0, verdict.duplicate_of, 0)
    for shard, rows in people.slices():
        copy = verdict.duplicate_of[rows] >= 0
        names = np.where(copy, to_hex(people.ids[kept[rows]]).to_numpy(zero_copy_only=False), "")
        table = pa.table(
            [
                pa.array(names, pa.string()),
                verdict.similarity[rows],
                verdict.method[rows].tolist(),
                _names(SPLITS, split[rows]),
            ],
            schema=on_disk("gate", GATE),
        )
        reasons = pa.array([reason or None for reason in verdict.reason[rows]], pa.string())
        counts = verdict.counts(rows)
        for kind, written, counted in (
            ("measure", table, {}),
            ("reason", pa.table([reasons], [f"gate.{REASON.name}"]), counts),
        ):
            name = f"{kind}/{shard.name}.parquet"
            path = workspace.layer("gate") / name
            footer = {"key": key, "base": shard.sha256, "reasons": counted}
            # A run that was killed here has left whole files: the key decides what is in them.
            files[name] = fresh_entry(workspace, workspace.layer("gate"), name, key, {}) or entry_of(
                workspace, path, key, parquet.write(path, written, footer=footer), counted
            )
    return files


def _names(names: tuple[str, ...], codes: np.ndarray) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(names, pa.string())).cast(pa.string())


def _promise(
    context: Context, people: Population, verdict: Verdict, split: np.ndarray, files: dict[str, Any]
) -> dict[str, Any]:
    base = context.workspace.manifest(context.workspace.base) or {}
    living = {}
    for shard, rows in people.slices():
        share = base["files"][f"{shard.name}.parquet"]["text_bytes"] / max(int(people.chars[rows].sum()), 1)
        alive = verdict.living[rows]
        living[shard.name] = {
            name: [
                int((alive & (split[rows] == i)).sum()),
                int(people.chars[rows][alive & (split[rows] == i)].sum() * share),
            ]
            for i, name in enumerate(SPLITS)
        }
    reasons = verdict.counts(slice(None))
    return {
        "stage": "gate",
        "code": context.code(LIBRARIES),
        "params": dump(context.params),
        "rows": people.count,
        "kept": int(verdict.living.sum()),
        "reasons": reasons,
        "living": living,
        "metrics": metrics_of(
            people, verdict, split, base, all_reasons(context.workspace), languages_of(context.workspace)
        )
        | recall_of(context.workspace),
        "files": files,
    }


def metrics_of(
    people: Population,
    verdict: Verdict,
    split: np.ndarray,
    base: dict[str, Any],
    reasons_known: list[str],
    languages: list[str],
) -> dict[str, float]:
    """The table that the expectations judge; every share of nothing is 0."""
    living, rows = verdict.living, people.count
    alive = int(living.sum())
    reasons = verdict.counts(slice(None))
    unknown = people.license_class.of(living).get("unknown", 0)
    groups = np.bincount(people.group[living], minlength=1)
    metrics: dict[str, float] = {
        "rows": rows,
        "living_rows": alive,
        "living_share": alive / max(rows, 1),
        "living_tokens": int(people.tokens[living].sum()),
        "quarantine_rows": sum(base["quarantined"].values()),
        "quarantine_share": sum(base["quarantined"].values()) / max(base["read"], 1),
        "unknown_license_share": unknown / max(alive, 1),
        "duplicate_share": reasons.get("gate:duplicate", 0) / max(rows, 1),
        "empty_sources": sum(not source["rows"] for source in base["sources"].values()),
        "largest_group_share": int(groups.max()) / max(alive, 1),
    }
    metrics |= {f"{name}_rows": int((living & (split == i)).sum()) for i, name in enumerate(SPLITS)}
    # What the recipe names is measured even where there is none of it: 0 is a value, and a bound may be about it.
    langs = {**dict.fromkeys(languages, 0), **people.lang.of(living)}
    sources = {**dict.fromkeys(base["sources"], 0), **people.source.of(living)}
    every_reason = {**dict.fromkeys(reasons_known, 0), **reasons}
    metrics |= {f"lang_share.{name}": n / max(alive, 1) for name, n in langs.items()}
    metrics |= {f"source_share.{name}": n / max(alive, 1) for name, n in sources.items()}
    metrics |= {f"reason_share.{name}": n / max(rows, 1) for name, n in every_reason.items()}
    return metrics


def recall_of(workspace: Workspace) -> dict[str, float]:
    """How many of the planted duplicates at or above the threshold were found: the share, and the lower end of its
    interval; over all and by language. Of no pair 0: what was not measured meets no bar."""
    planted = (workspace.manifest(workspace.layer("dedupe")) or {}).get("planted", [])
    rows = {row["lang"]: row for row in planted if row["kind"] == "threshold"}
    languages = _params_of(workspace, "dedupe")["measure"]["planted"]["languages"]
    metrics = {}
    for lang in (ALL, *languages):
        row, name = rows.get(lang, {}), "" if lang == ALL else f".{lang}"
        metrics[f"dedupe_recall{name}"] = row.get("recall") or 0.0
        metrics[f"dedupe_recall_low{name}"] = row.get("low") or 0.0
    return metrics


def _params_of(workspace: Workspace, stage: str) -> dict[str, Any]:
    """What a layer was made with, from its manifest: gate's key knows the layers, not the rest of the recipe."""
    manifest = workspace.manifest(workspace.layer(stage)) or {}
    params: dict[str, Any] = manifest["params"]
    return params


def languages_of(workspace: Workspace) -> list[str]:
    """The languages that the clean layer lets pass."""
    return list(_params_of(workspace, "clean")["rules"]["languages"])


def all_reasons(workspace: Workspace) -> list[str]:
    """Every reason that a row can have, given how the layers were made."""
    named = {
        "clean": ("empty", "garbled", "language", "language-score"),
        "dedupe": ("published", "contaminated", "boilerplate"),
        "pii": (*_params_of(workspace, "pii")["measure"]["kinds"], "dense"),
        "license": (*CLASSES, "conflict"),
        "quality": tuple(rule for _, rule in rule_names()),
        "safety": (
            "blocked",
            "blocked-links",
            "model-score",
            "density",
            *_params_of(workspace, "safety")["rules"]["max_terms"],
        ),
        "gate": ("duplicate", "takedown"),
    }
    return [f"{stage}:{rule}" for stage, rules in named.items() for rule in rules]


def duplicates_of(people: Population, links: pa.Table) -> dict[str, int]:
    """What dedupe found: links by how they were verified, clusters and groups of more than one record."""
    methods = {f"links_{c['values']}": c["counts"] for c in pc.value_counts(links["method"]).to_pylist()}
    sizes = {name: np.bincount(getattr(people, name), minlength=1) for name in ("cluster", "group")}
    found = {f"{name}s": int((size > 1).sum()) for name, size in sizes.items()}
    return {**dict(sorted(methods.items())), **found, "largest_group": int(sizes["group"].max())}


def second_opinions(people: Population) -> dict[str, int]:
    """On how many records langdetect was asked, and on how many it agreed; it never decides."""
    asked = np.flatnonzero(np.array([name != "" for name in people.second_lang.names], bool)[people.second_lang.codes])
    # langdetect says zh-cn and zh-tw.
    bare = [[name.split("-")[0] for name in column.names] for column in (people.lang, people.second_lang)]
    names = [np.array(bare[i], object)[c.codes[asked]] for i, c in enumerate((people.lang, people.second_lang))]
    return {"langdetect_asked": len(asked), "langdetect_agreed": int((names[0] == names[1]).sum())}


def _layer_files(workspace: Workspace) -> list[dict[str, Any]]:
    """What every layer file says of itself beside what it should say, for the expectations."""
    rows = []
    for stage in (*JUDGED, "gate"):
        for shard in workspace.shards():
            for path in (workspace.measure_file(stage, shard.name), workspace.reason_file(stage, shard.name)):
                footer = parquet.footer(path)
                if "base" not in footer:
                    raise IntegrityError(f"{path} names no base shard", do=f"run `aigc-data stage {stage}`")
                name = path.relative_to(workspace.data).as_posix()
                rows.append({"file": name, "rows": footer["rows"], "base_rows": shard.rows, "base": footer["base"]})
                rows[-1]["base_expected"] = shard.sha256
    return rows


STAGE = Barrier(name="gate", run=run, fresh=is_fresh, libraries=LIBRARIES)
