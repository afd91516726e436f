"""`aigc-data quality`: models of text quality, and another bound for a rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aigc_data.cli.options import HERE, Folder, Workers, open_workspace

quality_app = typer.Typer(help="Models of text quality, for `quality.measure` of the recipe.", no_args_is_help=True)
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


@quality_app.command("tune", context_settings={"ignore_unknown_options": True})  # -0.1 is a value
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

    where, recipe = open_workspace(workspace)
    console_rules.show_tuning(where, recipe, key, values or (), recipe.workers if workers is None else workers)
