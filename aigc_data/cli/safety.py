"""`aigc-data safety`: classifiers of text that training data should not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

safety_app = typer.Typer(help="Classifiers of text that training data should not hold.", no_args_is_help=True)
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
