"""`python -m aigc_data.train RELEASE --runs DIR`: the entry for a vendor's torch image, where the rest of the
project is not.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from aigc_data.errors import AigcDataError, TrainError
from aigc_data.train.config import TrainConfig, config_from
from aigc_data.train.loop import Progress, train


def main(arguments: list[str] | None = None) -> int:
    """Train and print the run's folder; 1 and one line on stderr for an error that has a name."""
    parser = argparse.ArgumentParser(
        prog="python -m aigc_data.train", description="Train a language model on a release."
    )
    parser.add_argument("release", type=Path, help="data/releases/<id>")
    parser.add_argument("--runs", type=Path, required=True, help="folder that gets <run id>/")
    parser.add_argument(
        "--config", type=Path, help="JSON with the keys of the recipe's `train` section; others keep defaults"
    )
    parser.add_argument("--device", help="cpu, cuda or cuda:N; the default is a GPU where there is one")
    parser.add_argument("--cache", type=Path, help="folder of tokenizers and tokens; default RUNS/.cache")
    parser.add_argument("--resume", type=Path, help="go on in this run folder")
    parser.add_argument("--git-revision", help="written into the record")
    parser.add_argument("--dvc-revision", help="written into the record")
    asked = parser.parse_args(arguments)
    revisions = {"git": asked.git_revision, "dvc": asked.dvc_revision}
    try:
        folder = train(
            asked.release, asked.runs, _config(asked.config), revisions=revisions, device=asked.device,
            progress=_print, cache=asked.cache, resume=asked.resume,
        )  # fmt: skip
    except AigcDataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(folder)
    return 0


def _config(path: Path | None) -> TrainConfig:
    if path is None:
        return TrainConfig()
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainError(f"{path} cannot be read ({error})", expected="a JSON object of training parameters") from error
    if not isinstance(values, dict):
        raise TrainError(f"{path} holds {type(values).__name__}", expected="a JSON object of training parameters")
    return config_from(values)


def _print(p: Progress) -> None:
    every = max(1, (p.total or 1) // 20)
    if p.done % every == 0 or p.done == p.total:
        loss = "" if p.loss is None else f"  loss {p.loss:.3f}  {p.tokens_per_second:,.0f} tokens/s"
        print(f"{p.phase} {p.done}/{p.total or '?'}{loss}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
