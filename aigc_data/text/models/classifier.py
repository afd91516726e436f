"""A linear classifier over hashed n-grams, one set of weights a language: how likely a text is of the positive class.

Joulin et al. 2016 ("Bag of tricks for efficient text classification", arXiv:1607.01759) showed how far hashed n-grams
and a linear model go; here without a hidden layer, so that a score is a sum of weights. `text.classifier_training`
makes classifiers: `train(texts, labels, langs, options=Options())`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.errors import UsageError
from aigc_data.kernels.codepoints import TABLES
from aigc_data.kernels.ngrams import LONGEST, score_rows
from aigc_data.text.arrow import text_buffers
from aigc_data.text.models.calibration import sigmoid
from aigc_data.text.models.model_file import damaged, read_model, write_model

KIND = "linear classifier"
VERSION = 1
#: The name of the weights that read texts in languages without weights of their own.
ANY = "*"
#: What a classifier was trained for, in its facts as `purpose`: a high score is a good text, or a harmful one.
QUALITY, SAFETY = "quality", "safety"
#: Languages whose tokens are mostly single characters.
UNSPACED = frozenset(("zh", "yue", "wuu", "ja", "th", "lo", "km", "my", "bo"))


@dataclass(frozen=True)
class Options:
    """How a classifier reads texts, and how it is trained. Raises UsageError for what is out of range."""

    words: int = 2  # longest n-gram of tokens and marks in languages that put spaces between words
    characters: int = 2  # longest n-gram in the others, see UNSPACED
    shapes: int = 3  # longest n-gram of shapes (kernels.ngrams); 0 reads none
    buckets: int = 1 << 18  # weights a language; a power of two
    tokens: int = 50_000  # tokens of a text that are read
    strengths: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0)  # values of C; cross-validation chooses
    folds: int = 5
    min_examples: int = 20  # rows of either class below which a language gets no weights
    pooled: bool = False  # also weights `*`, trained on all rows, for languages without weights of their own
    seed: int = 0

    def __post_init__(self) -> None:
        checks = {
            "words": 1 <= self.words <= LONGEST,
            "characters": 1 <= self.characters <= LONGEST,
            "shapes": 0 <= self.shapes <= LONGEST,
            "buckets": 1 << 8 <= self.buckets <= 1 << 26 and self.buckets & (self.buckets - 1) == 0,
            "tokens": self.tokens >= 1,
            "strengths": bool(self.strengths) and all(s > 0 for s in self.strengths),
            "folds": self.folds >= 2,
            "min_examples": self.min_examples >= 2,
            "seed": 0 <= self.seed < 1 << 32,
        }
        for name, good in checks.items():
            if not good:
                raise UsageError(f"{name} is {getattr(self, name)}", expected=f"what Options.{name} allows")

    def sizes(self, lang: str) -> tuple[int, int]:
        """(longest n-gram of tokens, longest n-gram of shapes) for texts of a language, or for ANY."""
        return (self.characters if lang in UNSPACED else self.words), self.shapes


@dataclass(frozen=True)
class Classifier:
    """Trained weights. Languages are in order of their names; arrays are not to be written to."""

    options: Options
    languages: tuple[str, ...]
    weights: np.ndarray  # float32[languages, buckets]
    biases: np.ndarray  # float64[languages]
    calibration: np.ndarray  # float64[languages, 2]: Platt's slope and intercept
    facts: dict[str, Any] = field(default_factory=dict)  # JSON: what it was trained on, how well it did

    def score(self, texts: pa.Array | pa.ChunkedArray, langs: Sequence[str] | pa.Array | pa.ChunkedArray) -> np.ndarray:
        """The calibrated probability of the positive class (float32[n]); nan where the language has no weights.

        A null is an empty text; a text without n-grams gets what the bias says. The probability is that of a text
        drawn as the training texts were: among fewer positives it is too high.
        """
        margins, models = self.margins(texts, langs)
        known = models >= 0
        slopes, intercepts = self.calibration[np.maximum(models, 0)].T if len(self.languages) else (margins, margins)
        return np.where(known, sigmoid(slopes * margins + intercepts), np.nan).astype(np.float32)

    def margins(
        self, texts: pa.Array | pa.ChunkedArray, langs: Sequence[str] | pa.Array | pa.ChunkedArray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(float64[n] decision values before calibration, int64[n] which language's weights read a text, -1 none)."""
        models = self._models(langs)
        sizes = np.array([self.options.sizes(lang) for lang in self.languages], np.int64).reshape(-1, 2)
        data, offsets = text_buffers(texts)
        margins = score_rows(data, offsets, TABLES, models, self.weights, sizes, self.options.tokens)
        return margins + np.where(models >= 0, self.biases[models] if len(self.languages) else 0, 0), models

    def _models(self, langs: Sequence[str] | pa.Array | pa.ChunkedArray) -> np.ndarray:
        if not isinstance(langs, pa.Array | pa.ChunkedArray):
            langs = pa.array(list(langs), pa.string())
        found = pc.index_in(langs.cast(pa.string()), pa.array(self.languages, pa.string()))
        other = self.languages.index(ANY) if ANY in self.languages else -1
        return pc.fill_null(found, other).to_numpy(zero_copy_only=False).astype(np.int64)


def save(path: Path, classifier: Classifier) -> None:
    """Write a classifier: for each language the buckets that have a weight (uint32), and their weights (float32)."""
    arrays: dict[str, np.ndarray] = {"biases": classifier.biases, "calibration": classifier.calibration}
    for index, lang in enumerate(classifier.languages):
        used = np.flatnonzero(classifier.weights[index])
        arrays[f"{lang}.buckets"] = used.astype(np.uint32)
        arrays[f"{lang}.weights"] = classifier.weights[index, used]
    facts = {"options": asdict(classifier.options), "languages": list(classifier.languages), "facts": classifier.facts}
    write_model(path, KIND, VERSION, arrays, facts)


def load(path: Path, *, purpose: str = "") -> Classifier:
    """The classifier of a file; with a `purpose`, QUALITY or SAFETY, only one that was trained for it.

    Raises UsageError for a file that is none, newer, or of another purpose, IntegrityError for damage.
    """
    arrays, header = read_model(path, KIND, VERSION)
    try:
        named = {f.name for f in fields(Options)} & header["options"].keys()
        given = {name: header["options"][name] for name in named}
        options = Options(**given | {"strengths": tuple(given["strengths"])})
        languages = tuple(header["languages"])
        weights = np.zeros((len(languages), options.buckets), np.float32)
        for index, lang in enumerate(languages):
            weights[index, _buckets(arrays[f"{lang}.buckets"], options.buckets)] = arrays[f"{lang}.weights"]
        biases = arrays["biases"].astype(np.float64).reshape(len(languages))
        calibration = arrays["calibration"].astype(np.float64).reshape(len(languages), 2)
        facts = dict(header["facts"])
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise damaged(path, KIND, f"its parts do not fit together ({type(error).__name__})") from error
    if not all(np.isfinite(part).all() for part in (weights, biases, calibration)):
        raise damaged(path, KIND, "a weight is not a number")
    found = Classifier(options, languages, weights, biases, calibration, facts)
    if purpose:
        _check_purpose(path, found, purpose)
    return found


def _check_purpose(path: Path, found: Classifier, purpose: str) -> None:
    # The positive class of the one is what the other looks for: scores would mean the opposite.
    given = found.facts.get("purpose", "")
    if given != purpose:
        what = f"a model of {given}" if given else "a model that does not say what it judges"
        raise UsageError(
            f"{path.name} is {what}",
            expected=f"a model of {purpose}",
            do=f"name one that `aigc-data {purpose} train` wrote",
        )


def _buckets(found: np.ndarray, most: int) -> np.ndarray:
    if found.dtype != np.uint32 or (len(found) and int(found.max()) >= most):
        raise ValueError("buckets out of range")
    return found
