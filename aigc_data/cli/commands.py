"""The command line: argument parsing only. Heavy imports stay inside the commands, so that `--help` is quick."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from aigc_data.cli.options import HERE, Folder, Workers, open_workspace
from aigc_data.cli.quality import quality_app
from aigc_data.cli.safety import safety_app
from aigc_data.errors import AigcDataError, about_system

app = typer.Typer(
    name="aigc-data",
    help="Raw Chinese and English text to a versioned, licensed, de-duplicated release, its card and a trained model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(quality_app, name="quality")
app.add_typer(safety_app, name="safety")


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="the new workspace")]) -> None:
    """Make a workspace: params.yaml, dvc.yaml, flows, .gitignore."""
    from aigc_data.scaffold import init_workspace

    for path in init_workspace(folder):
        typer.echo(f"wrote {path}")


@app.command()
def run(
    workspace: Folder = HERE,
    workers: Workers = None,
    engine: Annotated[str, typer.Option(help="local, or prefect for the flow")] = "local",
) -> None:
    """Bring every stage up to date."""
    from aigc_data import console
    from aigc_data.errors import UsageError

    where, recipe = open_workspace(workspace)
    if engine == "prefect":
        raise SystemExit(console.run_flow(where, recipe.workers if workers is None else workers))
    if engine != "local":
        raise UsageError(f"there is no engine `{engine}`", expected="local or prefect")
    console.run_all(where, recipe, recipe.workers if workers is None else workers)


@app.command()
def stage(
    name: Annotated[str, typer.Argument(help="ingest, clean, … release")],
    workspace: Folder = HERE,
    workers: Workers = None,
) -> None:
    """Bring one stage up to date."""
    from aigc_data import console

    where, recipe = open_workspace(workspace)
    console.run_one(name, where, recipe, recipe.workers if workers is None else workers)


@app.command()
def status(workspace: Folder = HERE) -> None:
    """Show each stage: fresh or stale, rows, seconds, MB/s."""
    from aigc_data import console

    console.show_status(*open_workspace(workspace))


@app.command()
def report(
    workspace: Folder = HERE,
    evaluations: Annotated[bool, typer.Option(help="instead: which records hold items of evaluation sets")] = False,
    rules: Annotated[bool, typer.Option(help="instead: what each rule removes, alone and beside others")] = False,
    to: Annotated[
        Path | None, typer.Option(help="with --evaluations: all as JSON Lines; with --rules: .json or .html")
    ] = None,
    workers: Workers = None,
) -> None:
    """Show the funnel of the latest release, its runs, a sample of each and the card's path."""
    from aigc_data import console, console_rules

    if evaluations and rules:
        raise typer.BadParameter("is another report than --evaluations", param_hint="--rules")
    if to is not None and not (evaluations or rules):
        raise typer.BadParameter("needs --evaluations or --rules beside it", param_hint="--to")
    if evaluations:
        console.show_evaluations(open_workspace(workspace)[0], to)
    elif rules:
        where, recipe = open_workspace(workspace)
        console_rules.show_rules(where, recipe, to, recipe.workers if workers is None else workers)
    else:
        console.show_report(open_workspace(workspace)[0])


@app.command()
def verify(
    workspace: Folder = HERE,
    release: Annotated[Path | None, typer.Option(help="one release's folder instead of the whole workspace")] = None,
) -> None:
    """Re-hash every file and cross-check counts, footers and the release id; exit code 1 when something differs."""
    from aigc_data import console
    from aigc_data.store.verify import verify_release, verify_workspace

    problems = verify_release(release) if release else verify_workspace(open_workspace(workspace)[0])
    raise SystemExit(console.show_problems(problems))


@app.command()
def show(
    record: Annotated[str, typer.Argument(help="a record id, or enough of its beginning")],
    workspace: Folder = HERE,
    raw: Annotated[bool, typer.Option(help="personal data as it stands in base")] = False,
) -> None:
    """Show one record: its text and what every layer says of it."""
    from aigc_data import console
    from aigc_data.lineage import show_record

    console.show_mapping(show_record(open_workspace(workspace)[0], record, raw=raw))


@app.command()
def apply(
    name: Annotated[str, typer.Argument(metavar="STAGE", help="clean, dedupe, pii, license, quality or safety")],
    source: Annotated[
        Path | None,
        typer.Argument(metavar="INPUT", help="jsonl, csv, tsv, parquet, txt, md, html, warc, wet; also .gz, .zst"),
    ] = None,
    output: Annotated[Path | None, typer.Argument(help=".jsonl or .parquet")] = None,
    params: Annotated[Path | None, typer.Option(help="a params.yaml whose settings to use")] = None,
    text_field: Annotated[str, typer.Option(help="field of the text")] = "text",
    id_field: Annotated[str, typer.Option(help="field of the record's id")] = "id",
    license_field: Annotated[str, typer.Option(help="field of the declared licence")] = "license",
    license_name: Annotated[
        str | None, typer.Option("--license", help="the licence that the file as a whole declares")
    ] = None,
    file_format: Annotated[str, typer.Option("--format", help="when the suffix does not say it")] = "auto",
    explain: Annotated[bool, typer.Option(help="dedupe: print bands, rows and the curve of found pairs")] = False,
) -> None:
    """Run one stage on one file, without a workspace; one row out for each row in."""
    from aigc_data import console
    from aigc_data.recipe import load_recipe

    recipe = load_recipe(params) if params else None
    if explain:
        console.explain(name, recipe)
    if source is None and output is None and explain:
        return
    if source is None or output is None:
        missing = "INPUT" if source is None else "OUTPUT"
        raise typer.BadParameter(f"an {missing} is needed", param_hint=missing)
    fields = {"text": text_field, "id": id_field, "license_field": license_field, "format": file_format}
    fields |= {"license": license_name} if license_name else {}
    console.apply(name, source, output, recipe, params.parent if params else HERE, fields)


@app.command()
def card(
    workspace: Folder = HERE,
    release: Annotated[str | None, typer.Option(help="a release id; default: the latest")] = None,
) -> None:
    """Write the data card: datacards/<name>/README.md and index.html."""
    from aigc_data.cards import write_card

    for path in write_card(open_workspace(workspace)[0], release):
        typer.echo(str(path))


@app.command()
def train(
    workspace: Folder = HERE,
    release: Annotated[str | None, typer.Option(help="a release id; default: the latest")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; default: cuda where there is one")] = None,
    commit: Annotated[
        bool, typer.Option("--commit", help="then `dvc commit` the training; not inside `dvc repro`")
    ] = False,
) -> None:
    """Train on a release as the recipe's `train` says."""
    from aigc_data import console

    where, recipe = open_workspace(workspace)
    console.train(where, recipe, release, device, commit=commit)


@app.command()
def generate(
    run: Annotated[Path | None, typer.Argument(help="a run's folder; default: the latest in runs/")] = None,
    prompt: Annotated[list[str] | None, typer.Option(help="may be given several times")] = None,
    workspace: Folder = HERE,
    tokens: Annotated[int, typer.Option(help="tokens to generate at most")] = 100,
    temperature: float = 0.8,
    top_p: float = 0.95,
    seed: int = 0,
) -> None:
    """Sample from a trained model."""
    from aigc_data import console

    folder = run if run is not None else console.latest_run(open_workspace(workspace)[0])
    console.generate(
        folder,
        prompt or ["数据是", "The data"],
        max_tokens=tokens,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
    )


@app.command()
def lineage(thing: Annotated[str, typer.Argument(metavar="RELEASE|RUN|CHECKPOINT")], workspace: Folder = HERE) -> None:
    """Which runs ate a release; which release made a run or a checkpoint."""
    from aigc_data import console
    from aigc_data.lineage import trace

    console.show_mapping(trace(open_workspace(workspace)[0], thing))


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of an error")] = False,
) -> None:
    global _debug
    _debug = debug


_debug = False


def main() -> Any:
    """Entry point: errors of ours are one line on stderr and exit code 1; a bug keeps its traceback."""
    try:
        return app()
    except AigcDataError as error:
        if _debug:
            raise
        print(f"aigc-data: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        # A full disk, a path without rights: not ours, and still no reason for a traceback.
        if _debug:
            raise
        print(f"aigc-data: {about_system(error)}", file=sys.stderr)
        return 1
