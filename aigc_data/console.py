"""What a person sees of a run: progress bars, tables, closing lines. No logic beside layout."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from aigc_data.errors import StageError, UsageError
from aigc_data.recipe import Recipe
from aigc_data.runner import Progress as Tell
from aigc_data.runner import Report
from aigc_data.store.files import write_bytes
from aigc_data.store.funnel import funnel
from aigc_data.store.workspace import Workspace

OUT = Console(highlight=False, soft_wrap=True)
_ERR = Console(stderr=True, highlight=False)
_SHOWN_ITEMS = 50


def wide() -> Console:
    """For tables whose cells must not be cut off: an id of which half is shown is of no use."""
    return Console(highlight=False, width=max(OUT.width, 200))


@contextmanager
def progress_bars() -> Iterator[Tell]:
    """A bar a task on stderr; where stderr is no terminal, a line when a task begins and when it ends."""
    if not _ERR.is_terminal:
        yield _plain_progress
        return
    columns = (
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_ERR, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=max(total, 1))
            bars.update(tasks[what], completed=done if total else 1, total=max(total, 1))

        yield tell


def _plain_progress(what: str, done: int, total: int) -> None:
    if total and done in (0, total):
        _ERR.print(f"{what}: {done}/{total}")


def run_all(workspace: Workspace, recipe: Recipe, workers: int) -> None:
    """Run the pipeline with a local pool and print a line a stage."""
    from aigc_data.pipeline import run, stale_stages
    from aigc_data.pool import LocalPool

    if not stale_stages(workspace, recipe):
        workspace.digests.save()
        OUT.print("nothing to do: every stage is fresh")
        return
    with LocalPool(workers) as pool, progress_bars() as tell:
        for report in run(workspace, recipe, each=pool.each, progress=tell):
            OUT.print(stage_line(report))
            if report.stage == "ingest":
                show_warnings(workspace, recipe)
    OUT.print(f"release {_latest(workspace)}")


def show_warnings(workspace: Workspace, recipe: Recipe) -> None:
    """Sources that gave no row, with what stood in the way; licences that nobody knows."""
    from aigc_data.store import parquet
    from aigc_data.text.licenses import NOASSERTION, declared_licence

    base = workspace.manifest(workspace.base) or {"sources": {}}
    empty = [name for name, source in base["sources"].items() if not source["rows"]]
    if empty:
        lost = [row for p in sorted(workspace.quarantine.glob("*.parquet")) for row in parquet.read(p).to_pylist()]
        for name in empty:
            rows = [row for row in lost if row["source"] == name]
            why = (
                f"{rows[0]['file']}, {rows[0]['position']}: {rows[0]['reason']}, {rows[0]['detail']}"
                if rows
                else "no records"
            )
            OUT.print(f"warning: source `{name}` gave no rows ({len(rows)} in quarantine; {why})", markup=False)
    for source in recipe.sources:
        if source.license and declared_licence(source.license) == NOASSERTION:
            OUT.print(
                f"warning: source `{source.name}` declares `{source.license}`, which is no licence that is known: "
                "its records are `license:unknown` unless they say better",
                markup=False,
            )


def run_one(name: str, workspace: Workspace, recipe: Recipe, workers: int) -> None:
    """Run one stage with a local pool."""
    from aigc_data.pipeline import run_stage
    from aigc_data.pool import LocalPool

    with LocalPool(workers) as pool, progress_bars() as tell:
        OUT.print(stage_line(run_stage(name, workspace, recipe, each=pool.each, progress=tell)))


def run_flow(workspace: Workspace, workers: int) -> int:
    """Run flows/curate.py of the workspace in a process of its own; returns its exit code."""
    flow = workspace.root / "flows" / "curate.py"
    if not flow.is_file():
        raise UsageError(
            f"{flow} is missing",
            expected="the flow of an initialised workspace",
            do="run `aigc-data init`, or --engine local",
        )
    return subprocess.run(
        [sys.executable, str(flow), str(workspace.root), "--workers", str(workers)], check=False
    ).returncode


def stage_line(report: Report) -> str:
    """One stage in one line."""
    dropped = ", ".join(f"{reason} {count:,}" for reason, count in report.reasons.items())
    work = f"{report.written} written, {report.fresh} fresh" if report.written else "fresh"
    return f"{report.stage:<8} {report.rows:>9,} rows  {work:<24} {report.seconds:6.1f} s  {dropped}"


def show_status(workspace: Workspace, recipe: Recipe) -> None:
    """The table of stages."""
    from aigc_data.pipeline import STAGES, stale_stages

    stale = set(stale_stages(workspace, recipe))
    table = Table("stage", "state", "rows", "kept", "seconds", "MB/s", "reasons", box=None, pad_edge=False)
    for name in STAGES:
        manifest, timing = _manifest(workspace, name), _timing(workspace, name)
        rows = manifest.get("rows") if manifest else None
        kept = manifest.get("kept", rows) if manifest else None
        reasons = (manifest or {}).get("reasons") or (manifest or {}).get("quarantined") or {}
        rate = f"{timing['text_bytes'] / 1e6 / timing['seconds']:.1f}" if timing and timing["seconds"] > 0 else ""
        seconds = f"{timing['seconds']:.1f}" if timing else ""
        shown = ", ".join(
            f"{r.split(':')[-1]} {n:,}" for r, n in sorted(reasons.items(), key=lambda item: -item[1])[:4]
        )
        state = "stale" if name in stale else "fresh"
        table.add_row(name, state, _number(rows), _number(kept), seconds, rate, shown)
    OUT.print(table)
    workspace.digests.save()


def _manifest(workspace: Workspace, stage: str) -> dict[str, Any] | None:
    folders = {"ingest": workspace.base, "augment": workspace.born, "release": workspace.releases}
    return workspace.manifest(folders.get(stage, workspace.layer(stage)))


def _timing(workspace: Workspace, stage: str) -> dict[str, float] | None:
    path = workspace.private / "timings" / f"{stage}.json"
    return orjson.loads(path.read_bytes()) if path.is_file() else None


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _latest(workspace: Workspace) -> str:
    manifest = workspace.manifest(workspace.releases)
    if manifest is None:
        raise UsageError(f"{workspace.releases} holds no release", expected="a finished run", do="run `aigc-data run`")
    return str(manifest["latest"])


def show_funnel(workspace: Workspace) -> None:
    """Rows in, kept and dropped by reason, stage by stage."""
    release = workspace.manifest(workspace.releases / _latest(workspace))
    table = Table("stage", "in", "kept", "born", "dropped", "by reason; found", box=None, pad_edge=False)
    for entry in funnel(workspace, release):
        reasons = sorted(entry["dropped"].items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{reason.split(':')[-1]} {count:,}" for reason, count in reasons)
        found = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in entry["found"].items())
        verb = "acted on" if entry["stage"] == "pii" else "found"
        shown = "; ".join(part for part in (shown, f"{verb} {found}" if found else "") if part)
        numbers = (entry["in"], entry["kept"], entry["born"], sum(entry["dropped"].values()))
        table.add_row(entry["stage"], *(f"{n:,}" for n in numbers), shown)
    for column in table.columns[1:5]:
        column.justify = "right"
    table.columns[5].overflow = "fold"
    Console(highlight=False, width=max(OUT.width, 100)).print(table)


def show_report(workspace: Workspace) -> None:
    """The closing page of a demo: funnel, release id, bits per byte, samples, the card's path."""
    show_funnel(workspace)
    release = _latest(workspace)
    manifest = workspace.manifest(workspace.releases / release) or {}
    OUT.print(f"\nrelease        {release}")
    size = f"{manifest['tokens']:,} tokens, {manifest['text_bytes'] / 1e6:.2f} MB"
    OUT.print(f"               {manifest['rows']:,} rows, {size}")
    run = _run_of(workspace, release)
    if run is None:
        OUT.print("run            none yet: `aigc-data train`")
    else:
        metrics = orjson.loads((run / "metrics.json").read_bytes())
        OUT.print(f"run            {run}")
        for name, value in sorted(_bits(metrics).items()):
            OUT.print(f"bits per byte  {value:.3f}  {name}")
        samples = run / "samples.json"
        if samples.is_file():
            for sample in orjson.loads(samples.read_bytes()):
                shown = f"{_one_line(sample['prompt'])} → {_one_line(sample['completion'])}"
                OUT.print(f"AI-generated   {shown}", markup=False)
    card = workspace.cards / manifest["name"] / "index.html"
    OUT.print(f"card           {card if card.is_file() else 'none yet: `aigc-data card`'}")


def show_evaluations(workspace: Workspace, to: Path | None) -> None:
    """Items of evaluation sets and the records that hold them, the surest first; all of them to a file if asked."""
    from aigc_data.store.contamination import held_items

    held = held_items(workspace)
    if to is not None:
        rows = ({**row, "containment": round(row["containment"], 4)} for row in held.to_pylist())
        write_bytes(to, b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))
        OUT.print(f"{to}: {len(held):,} rows")
        return
    table = Table("set", "item", "record", "source", "containment", "hits", "reason", box=None, pad_edge=False)
    for row in held.slice(0, _SHOWN_ITEMS).to_pylist():
        containment = f"{row.pop('containment'):.2f}"
        cells = {**row, "containment": containment, "hits": f"{row['hits']:,}", "reason": row["reason"] or "kept"}
        table.add_row(*(str(cells[c.header]) for c in table.columns))
    wide().print(table if len(held) else "no record holds a shingle of an evaluation item")
    if len(held) > _SHOWN_ITEMS:
        OUT.print(f"… {len(held) - _SHOWN_ITEMS:,} more: --to FILE writes all")


def _bits(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in metrics.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            found |= _bits(value, f"{path}.")
        elif "bits_per_byte" in path:
            found[path] = float(value)
    return found


def _one_line(text: str) -> str:
    # Control characters of a generated text must not reach the terminal.
    return "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)[:160]


def _run_of(workspace: Workspace, release: str) -> Path | None:
    for record in sorted(workspace.runs.glob("*/run.json"), key=lambda path: -path.stat().st_mtime_ns):
        if orjson.loads(record.read_bytes())["release"]["id"] == release and (record.parent / "metrics.json").is_file():
            return record.parent
    return None


def latest_run(workspace: Workspace) -> Path:
    """The newest run of the latest release; raises UsageError when there is none."""
    run = _run_of(workspace, _latest(workspace))
    if run is None:
        raise UsageError(
            f"{workspace.runs} holds no finished run of the latest release",
            do="run `aigc-data train`, or name a run's folder",
        )
    return run


def show_problems(problems: Sequence[Any]) -> int:
    """Print what verification found; returns the exit code."""
    for problem in problems:
        OUT.print(f"{problem.path}: saw {problem.seen}, expected {problem.expected}; {problem.do}")
    OUT.print("all files are what their manifests say" if not problems else f"{len(problems)} problems")
    return 1 if problems else 0


def show_mapping(value: Mapping[str, Any]) -> None:
    """A nested mapping as indented JSON, non-ASCII as it is."""
    print(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())


def explain(name: str, recipe: Recipe | None) -> None:
    """Dedupe's bands, rows, cuts and sizes, and the chance that a pair is found, by similarity."""
    if name != "dedupe":
        raise UsageError(f"there is nothing to explain about `{name}`", expected="dedupe")
    from aigc_data.recipe import DedupeMeasure
    from aigc_data.text.dedupe.bands import band_curve, plan
    from aigc_data.text.dedupe.pairs import cuts, found_curve

    params = recipe.dedupe.measure if recipe else DedupeMeasure()
    (link, group), (near, _, loose), size = plan(params), cuts(params), params.permutations
    sketch = 32 + 4 * (link.bands + group.bands) + size
    OUT.print(f"shingles of {params.ngram} tokens, {size} permutations, {sketch} bytes a record")
    OUT.print(
        f"links  from Jaccard {params.threshold}: {link.bands} bands × {link.rows} rows, then {near} of {size} "
        "values that agree, then the texts are compared"
    )
    OUT.print(
        f"groups from Jaccard {params.group_threshold}: {group.bands} bands × {group.rows} rows, then {loose} of "
        f"{size} values that agree"
    )
    table = Table("similarity", "link bands", "any band", "compared", "grouped", box=None, pad_edge=False)
    for step in range(2, 21):
        at = step / 20
        shares = [float(band_curve(link.bands, link.rows, at)), *found_curve(at, params)]
        table.add_row(f"{at:.2f}", *(f"{share:.4f}" for share in shares))
    OUT.print(table)


def apply(name: str, source: Path, output: Path, recipe: Recipe | None, root: Path, fields: dict[str, Any]) -> None:
    """Run a stage on a file and say what came of it."""
    from aigc_data.apply import apply_stage, not_used

    done = apply_stage(name, source, output, recipe=recipe, root=root, source=fields)
    if recipe is not None and (passed := not_used(name, recipe)):
        OUT.print(f"not used without a workspace: {', '.join(passed)}")
    OUT.print(f"{output}: {done.rows:,} rows, {sum(done.reasons.values()):,} with a reason")
    for reason, count in sorted(done.reasons.items(), key=lambda item: -item[1]):
        OUT.print(f"  {count:>9,}  {reason}")
    if done.lost:
        OUT.print(f"  {done.lost:>9,}  could not be parsed and have no row: {done.lost_file}")


def train(workspace: Workspace, recipe: Recipe, release: str | None, device: str | None, *, commit: bool) -> None:
    """Train on a release with a progress bar, sample the recipe's prompts, and record the run for DVC."""
    from aigc_data import drive
    from aigc_data.store.dvc import publish_run, revision
    from aigc_data.train.config import config_from
    from aigc_data.train.generate import Sampling
    from aigc_data.train.generate import generate as sample
    from aigc_data.train.loop import train as start

    before = drive.begin(workspace.root) if commit else None
    folder = workspace.releases / (release or _latest(workspace))
    if not folder.is_dir():
        raise UsageError(
            f"there is no release {folder.name}",
            expected=f"a folder below {workspace.releases}",
            do="look at `aigc-data status`",
        )
    values = recipe.train.model_dump()
    prompts = values.pop("prompts")
    with progress_bars() as tell:
        run = start(
            folder,
            workspace.runs,
            config_from(values),
            revisions=revision(workspace),
            device=device,
            progress=lambda p: tell(f"train: {p.phase}", p.done, p.total or 0),
        )
    samples = [
        {"prompt": g.prompt, "completion": g.completion, "text": g.text}
        for g in sample(run, prompts, sampling=Sampling())
    ]
    (run / "samples.json").write_bytes(orjson.dumps(samples, option=orjson.OPT_INDENT_2))
    publish_run(workspace, run)
    if before is not None:
        drive.record_training(workspace.root, *before)
    OUT.print(f"run {run}")


def generate(run: Path, prompts: Sequence[str], **sampling: Any) -> None:
    """Print a sample a prompt."""
    from aigc_data.train.generate import Sampling
    from aigc_data.train.generate import generate as sample

    if not run.is_dir():
        raise StageError(f"there is no run {run}", expected="a folder that `aigc-data train` wrote")
    for made in sample(run, prompts, sampling=Sampling(**sampling)):
        OUT.print(made.text, markup=False)
