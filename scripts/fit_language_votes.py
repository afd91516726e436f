"""Fits the weights of the two language voters (aigc_data/text/language/vote.py) on labelled texts.

    python scripts/fit_language_votes.py DATA [--seconds 300]

DATA/lid holds sentences, words, Tatoeba and web documents with a language each (benchmarks/text_language.py says
which); texts whose hash is even are fitted on, the others are for the benchmark. A random search with a fixed seed over
the macro average of the sets, with English counted on top; prints the constants. They depend on the time that is given
in the last digits only.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import text_language as benchmark

from aigc_data.kernels.codepoints import TABLES
from aigc_data.kernels.samples import sample_words
from aigc_data.kernels.scripts import count_scripts
from aigc_data.text.arrow import text_buffers
from aigc_data.text.language import model as language_model
from aigc_data.text.language import vote as language_vote
from aigc_data.text.language.scripts import SCRIPTS, script_table
from aigc_data.text.language.weights import PLACE, other_scripts, weigh_scripts, written

NAMES = (
    "FIRST", "FIRST_ALONE", "SECOND", "SECOND_GROWS", "SECOND_ALONE", "ONLY_FIRST", "ONLY_FIRST_GROWS", "ONLY_SECOND",
    "ONLY_SECOND_GROWS", "ENGLISH", "SECOND_FLOOR",
)  # fmt: skip
STEPS = np.array([0.2, 0.5, 0.4, 0.2, 0.3, 1, 0.7, 1, 0.7, 0.4, 2])
SETS = {"sentences": 2.0, "tatoeba": 2.0, "web": 3.0, "word-pairs": 0.5, "single-words": 0.25}
ENGLISH = {"sentences": 2.0, "tatoeba": 2.0, "word-pairs": 0.2, "single-words": 0.15}


def main() -> None:
    """Search, and print what is better than before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seconds", type=float, default=300)
    args = parser.parse_args()
    rows = benchmark.labelled(args.data, odd=0, most=60)
    data, offsets = text_buffers(pa.array([text for *_, text in rows], pa.large_string()))
    counts = count_scripts(data, offsets[:-1], offsets[1:], script_table(), len(SCRIPTS))
    counts[:, 0] = 0
    asked = np.flatnonzero(~weigh_scripts(data, offsets[:-1], offsets[1:], counts).decided)
    sample, at = sample_words(data, offsets[asked], offsets[asked + 1], script_table(), other_scripts(), TABLES, 160)
    first, second = language_model.log_probabilities(sample, at)[0], language_vote.log_probabilities(sample, at)
    others = counts[asked] * other_scripts()
    allowed = (5 * others >= others.sum(axis=1, keepdims=True)) @ written()
    kinds, truth = np.array([rows[i][0] for i in asked]), np.array([PLACE[rows[i][1]] for i in asked])

    def score(values: np.ndarray) -> float:
        for name, value in zip(NAMES, values.tolist(), strict=True):
            setattr(language_vote, name, value)
        right = language_vote.weigh(first, second, np.diff(at), allowed).argmax(axis=1) == truth
        total = 0.0
        for kind, weight in SETS.items():
            of, hits = truth[kinds == kind], right[kinds == kind]
            total += weight * float(np.mean([hits[of == language].mean() for language in np.unique(of)]))
            english = hits[of == PLACE["en"]]
            total += ENGLISH.get(kind, 0) * float(english.mean()) if len(english) else 0
        return total

    rng = np.random.default_rng(0)
    best = np.array([getattr(language_vote, name) for name in NAMES])
    highest, until = score(best), time.monotonic() + args.seconds
    print(f"{len(asked):,} texts; as it is: {highest:.4f}")
    while time.monotonic() < until:
        tried = best + STEPS * rng.standard_normal(len(best)) * (rng.random(len(best)) < 0.3) * rng.choice([0.3, 1])
        reached = score(tried)
        if reached > highest:
            best, highest = tried, reached
            print(f"{highest:.4f}", dict(zip(NAMES, best.round(2).tolist(), strict=True)), flush=True)


if __name__ == "__main__":
    main()
