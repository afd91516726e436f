"""From manifests and layers to the card model. Nothing else is read, so that a card cannot disagree with the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from aigc_data import render
from aigc_data.cards.differences import COMPARED, side_by_side
from aigc_data.cards.excerpts import read_excerpts
from aigc_data.cards.model import (
    Bin,
    CardModel,
    Cluster,
    Count,
    Duplicates,
    Evaluation,
    Examples,
    Excerpt,
    Expectation,
    File,
    LicenceRow,
    PersonalData,
    Quarantined,
    ReasonCount,
    Recall,
    Run,
    SourceFacts,
    Step,
)
from aigc_data.cards.statements import read_statements
from aigc_data.cards.tally import PER_CLUSTER, Tally, columns_of, tally
from aigc_data.columns import LAYERS, SPLITS
from aigc_data.errors import IntegrityError
from aigc_data.hashing import digest_file
from aigc_data.lineage import HIDE_ALL, find_release, pii_measure, runs_of
from aigc_data.store import parquet
from aigc_data.store.publish import as_made_now
from aigc_data.store.workspace import MANIFEST, Workspace

_CLUSTERS = 4
_ROWS = 40  # of a table that grows with the data
_FEW = 3


def build_card(workspace: Workspace, release_id: str | None = None) -> CardModel:
    """The card of a release (its id or the beginning of it), of the latest one without.

    Raises UsageError when there is no such release, IntegrityError when the layers are not those it was made from,
    RecipeError when `statements.yaml` cannot be used.
    """
    release = as_made_now(workspace, find_release(workspace, release_id)[1])
    _check_parents(workspace, release)
    base = workspace.manifest(workspace.base) or {}
    layers = {stage: workspace.manifest(workspace.layer(stage)) or {} for stage in LAYERS}
    seen = tally(workspace)
    statements, origins = read_statements(workspace.cards / release["name"], release["name"])
    expectations = tuple(_expectations("gate", layers["gate"])) + tuple(_expectations("release", release))
    quarantined, lost = _quarantined(workspace)
    licences = tuple(_licences(seen))
    duplicates, dropped, kept = _shown(workspace, seen, layers)
    sought = pii_measure(workspace)
    return CardModel(
        id=release["id"],
        name=release["name"],
        description=release["description"],
        schema=tuple((name, kind) for name, kind in release["schema"]),
        rows=release["rows"],
        tokens=release["tokens"],
        text_bytes=release["text_bytes"],
        born_rows=release["born"]["rows"],
        read=base["read"],
        base_rows=base["rows"],
        verdict=_verdict(expectations),
        splits=tuple(Count(n, c["rows"], c["tokens"], c["text_bytes"]) for n, c in _in_order(release["splits"])),
        languages=_counts(release, "lang"),
        scripts=tuple(sorted((Count(n, r, t, 0) for n, (r, t) in seen.scripts.items()), key=_by_size)),
        licences=_counts(release, "license"),
        licence_classes=_counts(release, "license_class"),
        licence_rows=licences[:_ROWS],
        licence_rows_left_out=len(licences[_ROWS:]),
        conflicts=sum(row.conflicts for row in licences),
        sources=tuple(_sources(workspace, seen, base, release, lost, origins)),
        funnel=tuple(_steps(release["funnel"])),
        reasons=tuple(_reasons(layers)),
        lengths=_bins(seen),
        scores=tuple(Bin(h * 100, h * 100 + 100, seen.scores.get(h, 0), 0) for h in range(10)),
        personal=tuple(_personal(seen, release)),
        looked_for=sought.kinds,
        regions=sought.regions,
        duplicates=duplicates,
        expectations=expectations,
        quarantined=quarantined[:_ROWS],
        quarantined_left_out=len(quarantined[_ROWS:]),
        parents=tuple(sorted((k, v or "none") for k, v in release["parents"].items())),
        recipe=release["recipe"]["digest"],
        code=release["code"],
        stages=(("ingest", base["code"]), *((stage, layer["code"]) for stage, layer in layers.items())),
        models=tuple(tuple(model) for model in release.get("models", [])),
        files=tuple(
            File(n, f["split"], f["rows"], f["bytes"], f["sha256"]) for n, f in sorted(release["files"].items())
        ),
        runs=tuple(_run(run) for run in runs_of(workspace, release["id"])),
        dropped_examples=dropped,
        kept_examples=kept,
        statements=statements,
    )


def _check_parents(workspace: Workspace, release: Mapping[str, Any]) -> None:
    folders = {"base": workspace.base, "born": workspace.born, **{s: workspace.layer(s) for s in LAYERS}}
    for name, folder in folders.items():
        path, promised = folder / MANIFEST, release["parents"].get(name)
        now = digest_file(path) if path.is_file() else "none"
        if now != promised:
            raise IntegrityError(
                f"the manifest of `{name}` is {now[:12]}",
                expected=f"{str(promised)[:12]}, from which release {release['id'][:12]} was made",
                do="run `aigc-data run`, or check out the version of that release, and make the card then",
            )


def _in_order(splits: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, splits[name]) for name in SPLITS]


def _by_size(count: Count) -> tuple[int, str]:
    return -count.rows, count.name


def _count(name: str, counts: Mapping[str, int]) -> Count:
    return Count(name, counts["rows"], counts["tokens"], counts["bytes"])


def _counts(release: Mapping[str, Any], column: str) -> tuple[Count, ...]:
    return tuple(sorted((_count(n, c) for n, c in release["counts"][column].items()), key=_by_size))


def _expectations(stage: str, manifest: Mapping[str, Any]) -> Iterable[Expectation]:
    for e in manifest["expectations"]:
        bounds = [(e["seen"] - e["min"]) if e["min"] is not None else None]
        bounds.append((e["max"] - e["seen"]) if e["max"] is not None else None)
        margin = min(b for b in bounds if b is not None)
        names = ("metric", "min", "max", "seen", "severity", "success")
        yield Expectation(stage=stage, margin=margin, **{n: e[n] for n in names})


def _verdict(expectations: Iterable[Expectation]) -> str:
    missed = {e.severity for e in expectations if not e.success}
    return "refused" if "critical" in missed else "passed with warnings" if missed else "passed"


def _steps(funnel: Iterable[Mapping[str, Any]]) -> Iterable[Step]:
    for e in funnel:
        yield Step(e["stage"], e["in"], e["kept"], e.get("born", 0), _most(e["dropped"]), _most(e["found"]))


def _most(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda c: (-c[1], c[0])))


def _reasons(layers: Mapping[str, Mapping[str, Any]]) -> list[ReasonCount]:
    """Every rule that hit a row: how many rows at all, beside those for which it was the first."""
    first = layers["gate"]["reasons"]
    rules = [r for stage in LAYERS for r in _most(layers[stage]["reasons"]) if r[0].startswith(f"{stage}:")]
    return [ReasonCount(reason, n, first.get(reason, 0)) for reason, n in rules]


def _bins(seen: Tally) -> tuple[Bin, ...]:
    if not seen.lengths:
        return ()
    exponents = range(min(seen.lengths), max(seen.lengths) + 1)
    return tuple(Bin(1 << e, 1 << (e + 1), *seen.lengths.get(e, [0, 0])) for e in exponents)


def _personal(seen: Tally, release: Mapping[str, Any]) -> Iterable[PersonalData]:
    acted_on, residual = release["pii_acted_on"], release["residual_pii"]
    for kind in sorted({*seen.personal, *acted_on, *residual}):
        found, rows, in_kept = seen.personal.get(kind, [0, 0, 0])
        yield PersonalData(kind, found, rows, in_kept, acted_on.get(kind, 0), residual.get(kind, 0))


def _licences(seen: Tally) -> list[LicenceRow]:
    rows = [LicenceRow(*key, *numbers) for key, numbers in seen.licences.items()]
    return sorted(rows, key=lambda r: (-r.rows, r.declared, r.detected, r.license))


def _sources(
    workspace: Workspace,
    seen: Tally,
    base: Mapping[str, Any],
    release: Mapping[str, Any],
    quarantined: Counter[tuple[str, str]],
    origins: Mapping[str, str],
) -> Iterable[SourceFacts]:
    for name, about in sorted(base["sources"].items()):
        alive, dead = seen.sources[name, True], seen.sources[name, False]
        lost = sum(n for (source, _), n in quarantined.items() if source == name)
        released = release["counts"]["source"].get(name, {"rows": 0})["rows"]
        yield SourceFacts(
            name=name,
            origin=origins.get(name, ""),
            origin_from="declared" if name in origins else "missing",
            hosts=tuple(_hidden(workspace, _few(seen.hosts, name))),
            declared=_few(seen.declared, name),
            files=about["files"],
            read=alive + dead + lost,
            quarantined=lost,
            rows=alive + dead,
            kept=alive,
            tokens=seen.source_tokens[name],
            released=released,
            absent="" if released else _absent(name, about["files"], seen.refusals + quarantined),
        )


def _absent(source: str, files: int, reasons: Counter[tuple[str, str]]) -> str:
    own = _most({reason: n for (name, reason), n in reasons.items() if name == source})
    if not own:
        return "its files hold no record" if files else "no file was found"
    (reason, n), read = own[0], sum(n for _, n in own)
    return f"{reason}, {n:,} of {read:,} {'record' if read == 1 else 'records'}"


def _few(counts: Counter[tuple[str, str]], source: str) -> tuple[str, ...]:
    own = {value: n for (name, value), n in counts.items() if name == source}
    shown = [value for value, _ in _most(own)]
    return (*shown[:_FEW], f"and {len(shown) - _FEW} more") if len(shown) > _FEW else tuple(shown)


def _hidden(workspace: Workspace, values: Iterable[str]) -> list[str]:
    """Short values as they may be shown: a host can be an address, a file's name a person's number."""
    column = pa.chunked_array([pa.array(list(values), pa.string())])
    return [str(v) for v in render.render_field(column, pii_measure(workspace), HIDE_ALL).to_pylist()]


def _quarantined(workspace: Workspace) -> tuple[tuple[Quarantined, ...], Counter[tuple[str, str]]]:
    """What was lost, the most first; and how much of it by source and reason."""
    counts: Counter[tuple[str, str, str]] = Counter()
    manifest = workspace.manifest(workspace.quarantine) or {"files": {}}
    for name in manifest["files"]:
        table = parquet.read(workspace.quarantine / name, ["source", "file", "reason"])
        counts.update(zip(*(column.to_pylist() for column in table.columns), strict=True))
    by_reason: Counter[tuple[str, str]] = Counter()
    for (source, _, reason), n in counts.items():
        by_reason[source, reason] += n
    ordered = sorted(counts.items(), key=lambda c: (-c[1], c[0]))
    files = _hidden(workspace, [file for (_, file, _), _ in ordered])
    rows = (Quarantined(s, file, reason, n) for ((s, _, reason), n), file in zip(ordered, files, strict=True))
    return tuple(rows), by_reason


def _shown(
    workspace: Workspace, seen: Tally, layers: Mapping[str, Mapping[str, Any]]
) -> tuple[Duplicates, tuple[Examples, ...], tuple[Examples, ...]]:
    """The texts of the card: members of the largest clusters, and examples of what was dropped and kept."""
    largest = seen.largest_clusters(_CLUSTERS)
    radii = {c["cluster"]: c["radius"] for c in layers["dedupe"].get("groups", {}).get("largest", ())}
    members = _members(workspace, [name for name, _ in largest])
    excerpts = read_excerpts(workspace, [i for ids in seen.examples.values() for i in ids])
    pairs = read_excerpts(workspace, [i for m in members.values() for i in m["shown"]], length=COMPARED)
    clusters = tuple(
        Cluster(
            name, size, members[name]["kept"], radii.get(name), _compared([pairs[i] for i in members[name]["shown"]])
        )
        for name, size in largest
    )
    duplicates = _duplicates(seen, layers, clusters)

    def examples(kind: str) -> tuple[Examples, ...]:
        headings = sorted((name, ids) for (k, name), ids in seen.examples.items() if k == kind)
        return tuple(Examples(name, tuple(excerpts[i] for i in ids)) for name, ids in headings)

    return duplicates, examples("dropped"), examples("kept")


def _compared(members: list[Excerpt]) -> tuple[Excerpt, ...]:
    """The members with what differs from the first one; a text that is withheld is compared with nothing."""
    first, others = side_by_side(members[0].text, [e.text for e in members[1:]])
    if not members[0].text:  # nothing to compare with: the texts as they are
        others = [side_by_side(e.text, [])[0] for e in members[1:]]
    return tuple(replace(e, pieces=pieces) for e, pieces in zip(members, [first, *others], strict=True))


def _duplicates(seen: Tally, layers: Mapping[str, Mapping[str, Any]], largest: tuple[Cluster, ...]) -> Duplicates:
    """What dedupe's manifest says of its run; a key that is absent was not asked for."""
    dedupe = layers["dedupe"]
    params, cuts, held = dedupe.get("params") or {}, dedupe.get("cuts", {}), dedupe.get("contamination", {})
    names = ("pairs", "found", "low", "high")
    return Duplicates(
        clusters=len(seen.clusters),
        rows=sum(seen.clusters.values()) + len(seen.clusters),
        dropped=layers["gate"]["reasons"].get("gate:duplicate", 0),
        threshold=(params.get("measure") or params).get("threshold"),
        largest=largest,
        sizes=_size_classes(dedupe.get("groups", {}).get("sizes", {})),
        recalls=tuple(
            Recall(lang=r["lang"], kind=r["kind"], low_edge=r["from"], to=r["to"], **{n: r[n] for n in names})
            for r in dedupe.get("planted", ())
        ),
        cut_rows=cuts.get("rows"),
        cut_characters=cuts.get("characters"),
        evaluations=tuple(
            Evaluation(e["set"], *(e.get(n, 0) for n in ("items", "too_short", "items_found", "records")))
            for e in held.get("sets", ())
        ),
        evaluations_dropped=bool(held.get("dropped")),
        published=tuple(sorted(dedupe.get("against", {}).items())),
    )


def _size_classes(sizes: dict[str, int]) -> tuple[tuple[str, int], ...]:
    """Classes such as "3-5" and ">100" in their order: a manifest's keys are in that of the alphabet."""
    return tuple(sorted(sizes.items(), key=lambda one: (one[0][0] == ">", int(one[0].lstrip(">").split("-")[0]))))


def _members(workspace: Workspace, names: list[str]) -> dict[str, dict[str, Any]]:
    """For each cluster how many of its members are kept, and the ids to show: kept ones first, then the smallest."""
    found: dict[str, list[tuple[bool, str]]] = {name: [] for name in names}
    for shard in workspace.shards() if names else []:
        rows = columns_of(workspace, shard, ("id", "dedupe.cluster", "gate.reason"))
        rows = rows.filter(rows["dedupe.cluster"].is_in(names))
        for id_, cluster, reason in rows.iter_rows():
            found[cluster].append((reason is not None, id_))
    return {
        name: {"kept": sum(not dropped for dropped, _ in ids), "shown": [i for _, i in sorted(ids)[:PER_CLUSTER]]}
        for name, ids in found.items()
    }


def _run(run: Mapping[str, Any]) -> Run:
    metrics, config = run["metrics"] or {}, run["config"] or {}
    validation = metrics.get("validation") or {}
    return Run(
        name=run["name"],
        steps=config.get("steps"),
        parameters=run["parameters"],
        train_loss=metrics.get("train_loss"),
        bits_per_byte=validation.get("bits_per_byte"),
        done=run["done"],
    )
