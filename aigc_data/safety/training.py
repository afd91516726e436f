"""A safety classifier from labelled sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from aigc_data.errors import UsageError
from aigc_data.safety.sets import LabelledSet, SetSpec, read_set
from aigc_data.text.models.classifier import SAFETY, Classifier, Options, save
from aigc_data.text.models.classifier_training import train


def train_on(sets: Sequence[LabelledSet], options: Options | None = None) -> Classifier:
    """One binary classifier a language, on all rows of all sets together; what it was trained on is in its facts.

    The order of sets and of rows changes no weight. Raises UsageError where no language has enough rows of both
    classes.
    """
    if not sets:
        raise UsageError("no set is named", expected="at least one FILE,text=…,label=…")
    texts = pa.chunked_array([one.texts for one in sets])
    langs = pa.chunked_array([one.langs for one in sets])
    labels = np.concatenate([one.labels for one in sets])
    trained = train(texts, labels, langs, options=options or Options())
    facts = [
        {
            "name": one.name,
            "sha256": one.digest,
            "rows": len(one.labels),
            "positive": int(one.labels.sum()),
            "lost": one.lost,
            "languages": dict(sorted(Counter(one.langs.to_pylist()).items())),
        }
        for one in sorted(sets, key=lambda one: (one.name, one.digest))
    ]
    return replace(trained, facts={**trained.facts, "purpose": SAFETY, "sets": facts})


def train_to(specs: Sequence[SetSpec], target: Path) -> Classifier:
    """Read the sets, train, write `target`; the same files give the same bytes."""
    if target.suffix != ".safetensors":
        raise UsageError(f"{target.name} ends in {target.suffix or 'nothing'}", expected="a name in .safetensors")
    trained = train_on([read_set(spec) for spec in specs])
    save(target, trained)
    return trained
