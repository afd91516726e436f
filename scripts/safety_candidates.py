"""Print candidates for a lexicon: runs of tokens that tell the positive rows of labelled sets from the others.

    python scripts/safety_candidates.py zh FILE,text=TEXT,label=label,lang=zh …

One a line: z score of the log-odds ratio (Monroe, Colaresi and Quinn 2008, with a prior of a half), the run, texts
with it among the positive and the negative. What comes out is read by a person, who files it, weighs it or leaves it:
most of the list names the groups that are talked about, which is no reason to drop a text.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

from aigc_data.safety.sets import parse_spec, read_set
from aigc_data.text.tokens import tokens_of

LEAST, SHOWN = 8, 400


def runs(text: str, lang: str) -> set[str]:
    """The distinct runs of one to three words, or of two to four Han characters."""
    tokens = tokens_of(text)
    shortest, longest, between = (2, 4, "") if lang == "zh" else (1, 3, " ")
    return {between.join(tokens[i : i + n]) for n in range(shortest, longest + 1) for i in range(len(tokens) - n + 1)}


def main() -> None:
    """Read the sets, count, print the runs that lean most to the positive rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lang", choices=("en", "zh"))
    parser.add_argument("sets", nargs="+")
    args = parser.parse_args()
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    rows = [0, 0]
    for one in map(read_set, map(parse_spec, args.sets)):
        for text, label in zip(one.texts.to_pylist(), one.labels.tolist(), strict=True):
            counts[label].update(runs(text, args.lang))
            rows[label] += 1
    scored = []
    for run, positive in counts[True].items():
        if positive < LEAST:
            continue
        negative = counts[False][run]
        odds = [np.log((n + 0.5) / (of - n + 0.5)) for n, of in ((positive, rows[1]), (negative, rows[0]))]
        scored.append(
            ((odds[0] - odds[1]) / np.sqrt(1 / (positive + 0.5) + 1 / (negative + 0.5)), run, positive, negative)
        )
    for score, run, positive, negative in sorted(scored, reverse=True)[:SHOWN]:
        print(f"{score:.1f}\t{run}\t{positive}\t{negative}")


if __name__ == "__main__":
    main()
