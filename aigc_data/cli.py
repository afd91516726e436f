"""The command line: argument parsing only. Heavy imports stay inside the commands, so that `--help` is quick."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigc_data.errors import AigcDataError, about_system

if TYPE_CHECKING:
    from aigc_data.recipe import Recipe
    from aigc_data.store.workspace import Workspace

app = typer.Typer(
    name="aigc-data",
    help="Raw Chinese and English text to a versioned, licensed, de-duplicated release, its card and a trained model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Folder = Annotated[Path, typer.Option("--workspace", "-w", help="the workspace, or a folder inside it")]
Workers = Annotated[int | None, typer.Option(help="worker processes; 0 is one a core; default: the recipe's")]
HERE = Path()


def _open(folder: Path) -> tuple[Workspace, Recipe]:
    from aigc_data.pipeline import open_workspace

    return open_workspace(folder)


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

    where, recipe = _open(workspace)
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

    where, recipe = _open(workspace)
    console.run_one(name, where, recipe, recipe.workers if workers is None else workers)


@app.command()
def status(workspace: Folder = HERE) -> None:
    """Show each stage: fresh or stale, rows, seconds, MB/s."""
    from aigc_data import console

    console.show_status(*_open(workspace))


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
        console.show_evaluations(_open(workspace)[0], to)
    elif rules:
        where, recipe = _open(workspace)
        console_rules.show_rules(where, recipe, to, recipe.workers if workers is None else workers)
    else:
        console.show_report(_open(workspace)[0])


@app.command()
def verify(
    workspace: Folder = HERE,
    release: Annotated[Path | None, typer.Option(help="one release's folder instead of the whole workspace")] = None,
) -> None:
    """Re-hash every file and cross-check counts, footers and the release id; exit code 1 when something differs."""
    from aigc_data import console
    from aigc_data.store.verify import verify_release, verify_workspace

    problems = verify_release(release) if release else verify_workspace(_open(workspace)[0])
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

    console.show_mapping(show_record(_open(workspace)[0], record, raw=raw))


@app.command()
def apply(
    name: Annotated[str, typer.Argument(metavar="STAGE", help="clean, dedupe, pii, license or quality")],
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
    console.apply(name, source, output, recipe, fields)


@app.command()
def card(
    workspace: Folder = HERE,
    release: Annotated[str | None, typer.Option(help="a release id; default: the latest")] = None,
) -> None:
    """Write the data card: datacards/<name>/README.md and index.html."""
    from aigc_data.cards import write_card

    for path in write_card(_open(workspace)[0], release):
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

    where, recipe = _open(workspace)
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

    folder = run if run is not None else console.latest_run(_open(workspace)[0])
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

    console.show_mapping(trace(_open(workspace)[0], thing))


quality_app = typer.Typer(help="Models of text quality, for `quality.measure` of the recipe.", no_args_is_help=True)
app.add_typer(quality_app, name="quality")
TextField = Annotated[str, typer.Option("--field", help="the field of the text, where records have fields")]
TextLanguage = Annotated[str, typer.Option("--lang", help="the code of the texts' language, or identified")]


@quality_app.command("train")
def quality_train(
    good: Annotated[str, typer.Argument(metavar="GOOD", help="texts as they should be: a file, a folder or a glob")],
    bad: Annotated[str, typer.Argument(metavar="BAD", help="texts as they should not be")],
    to: Annotated[Path, typer.Option(help="the model to write, a name in .safetensors; its report stands beside it")],
    field: TextField = "text",
    lang: TextLanguage = "identified",
    pooled: Annotated[bool, typer.Option(help="also weights for languages that have too few texts")] = False,
    seed: Annotated[int, typer.Option(help="of what is held out, and of the order of learning")] = 0,
) -> None:
    """Train a classifier of good and bad texts, one set of weights a language."""
    from aigc_data.models import console

    for line in console.train(good, bad, to, field=field, lang=lang, pooled=pooled, seed=seed):
        typer.echo(line)


@quality_app.command("fit")
def quality_fit(
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="texts to be like: a file, a folder or a glob")],
    to: Annotated[Path, typer.Option(help="the model to write, a name in .safetensors; its report stands beside it")],
    field: TextField = "text",
    lang: TextLanguage = "identified",
) -> None:
    """Fit a character language model to good texts, one a language; it gives bits a character."""
    from aigc_data.models import console

    for line in console.fit(reference, to, field=field, lang=lang):
        typer.echo(line)


@quality_app.command("evaluate")
def quality_evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="a model of `quality train`")],
    good: Annotated[str, typer.Argument(metavar="GOOD", help="texts as they should be")],
    bad: Annotated[str, typer.Argument(metavar="BAD", help="texts as they should not be")],
    field: TextField = "text",
    lang: TextLanguage = "identified",
    to: Annotated[Path | None, typer.Option(help="also write the figures as JSON")] = None,
) -> None:
    """ROC-AUC and precision of a classifier on labelled texts, with intervals."""
    from aigc_data.models import console

    for line in console.judge(model, good, bad, field=field, lang=lang, to=to):
        typer.echo(line)


@quality_app.command("tune")
def quality_tune(
    key: Annotated[str, typer.Argument(help="a threshold below quality.rules: zh.min_tokens, en.max_dup_5gram, …")],
    values: Annotated[
        list[str] | None, typer.Argument(help="values to try, off among them; default: quantiles of the signal")
    ] = None,
    workspace: Folder = HERE,
    workers: Workers = None,
) -> None:
    """How many records would come and go at another threshold; no text is read."""
    from aigc_data import console_rules

    where, recipe = _open(workspace)
    console_rules.show_tuning(where, recipe, key, values or (), recipe.workers if workers is None else workers)


safety_app = typer.Typer(help="Classifiers of text that training data should not hold.", no_args_is_help=True)
app.add_typer(safety_app, name="safety")
LabelledSets = Annotated[
    list[str],
    typer.Argument(metavar="SET...", help="FILE,text=FIELD,label=FIELD,positive=A+B,type=FIELD,lang=CODE,name=NAME"),
]


@safety_app.command("train")
def safety_train(
    sets: LabelledSets,
    to: Annotated[Path, typer.Option(help="the model to write, a name in .safetensors")],
) -> None:
    """Train a classifier on labelled sets, one set of weights a language."""
    from aigc_data.safety.sets import parse_spec
    from aigc_data.safety.training import train_to

    for name, facts in train_to([parse_spec(one) for one in sets], to).facts["languages"].items():
        typer.echo(f"{name}: {facts['positive']} positive, {facts['negative']} negative, log loss {facts['log_loss']}")


@safety_app.command("evaluate")
def safety_evaluate(
    model: Annotated[str, typer.Argument(help="a model of `safety train`, or off for the terms alone")],
    sets: LabelledSets,
    lexicon: Annotated[list[Path] | None, typer.Option(help="a TSV file of terms; may be given several times")] = None,
    builtin: Annotated[bool, typer.Option(help="look for the built-in terms too")] = True,
    threshold: Annotated[list[int] | None, typer.Option(help="of the model, 0 to 1000; several times")] = None,
    to: Annotated[Path | None, typer.Option(help="also write the figures as JSON")] = None,
) -> None:
    """Precision, recall and F1 of classifier and terms on labelled sets, and their functional tests."""
    from aigc_data.safety.report import show
    from aigc_data.safety.sets import parse_spec

    typer.echo(show(model, [parse_spec(one) for one in sets], lexicon or (), builtin, threshold or (), to))


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


if __name__ == "__main__":
    sys.exit(main())
