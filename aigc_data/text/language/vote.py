"""The second voter: py3langid's naive Bayes model, read by our kernel."""

from __future__ import annotations

import importlib.util
import io
import lzma
from functools import cache
from pathlib import Path

import numpy as np

from aigc_data.errors import StageError
from aigc_data.kernels.langid import UNIT, naive_bayes
from aigc_data.text.language.model import FLOOR, read_only
from aigc_data.text.language.weights import FIRST_ONLY, PLACE, RENAMED, SECOND_ONLY, UND

Model = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

#: How the two voters are weighed, fitted on one half (by a hash of the text) of sentences, words, Tatoeba and web
#: documents in 69 to 111 languages: see docs/language.md. Lengths are logarithms of bytes / USUAL_BYTES.
USUAL_BYTES = 60
FIRST, FIRST_ALONE = 0.35, 1.25  # weight of lid.176: where both know the language, where it alone does
SECOND, SECOND_GROWS, SECOND_ALONE = 1.79, 0.22, 1.39  # of py3langid, which grows with the length
ONLY_FIRST, ONLY_FIRST_GROWS = -0.48, 0.42  # for a language that only lid.176 knows, in place of the other voter
ONLY_SECOND, ONLY_SECOND_GROWS = -7.4, 1.95
ENGLISH = 1.64  # what English has in advance: it is half of the web, and no label of 200 is as likely as another
SECOND_FLOOR = -12.4


def weigh(first: np.ndarray, second: np.ndarray, lengths: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """float32[n, languages]: how likely each language is by both voters' log probabilities; 0 in a row that allows
    none.

    first, second float32[n, languages] (`language_model.log_probabilities`, `log_probabilities`), lengths int64[n] in
    bytes of what they read, allowed bool[n, languages] by the script. The sum of log probabilities is the product of
    experts (Hinton 2002).
    """
    length = np.log(np.maximum(lengths, 4) / USUAL_BYTES).astype(np.float32)[:, None]
    trust = SECOND * np.exp(SECOND_GROWS * length)
    scores = np.where(FIRST_ONLY, FIRST_ALONE, FIRST) * np.maximum(first, FLOOR) * ~SECOND_ONLY
    scores += np.where(SECOND_ONLY, SECOND_ALONE, 1) * trust * np.maximum(second, SECOND_FLOOR) * ~FIRST_ONLY
    scores += FIRST_ONLY * (ONLY_FIRST + ONLY_FIRST_GROWS * length)
    scores += SECOND_ONLY * (ONLY_SECOND + ONLY_SECOND_GROWS * length)
    scores[:, PLACE["en"]] += ENGLISH
    scores = np.where(allowed, scores, -np.inf)
    best = np.maximum(scores.max(axis=1, keepdims=True), -1e30)
    likely = np.exp(scores - best, dtype=np.float32)
    return likely / np.maximum(likely.sum(axis=1, keepdims=True), 1)


def log_probabilities(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """float32[n, languages without "und"]: py3langid on n texts (uint8[], int64[n + 1]); -inf where it does not know
    the language."""
    model, columns = _model()
    scores = naive_bayes(read_only(data), read_only(offsets), model)
    merged = np.full((len(scores), UND), -np.inf, np.float32)
    for place, sources in columns.items():
        merged[:, place] = scores[:, sources[0]] if len(sources) == 1 else np.logaddexp.reduce(scores[:, sources], 1)
    return merged


@cache
def _model() -> tuple[Model, dict[int, list[int]]]:
    """The arrays that the kernel reads, and the columns of each language; read once a process, in some 0.5 s."""
    stored = _stored()
    states = np.stack([stored["nextmove_row"].astype(np.int32) << 8, stored["out_feat"]], axis=1)
    weights = np.rint(stored["ptc"].astype(np.float32) / UNIT).astype(np.int16)
    model = (
        stored["nextmove"].astype(np.uint32),
        np.ascontiguousarray(states),
        weights,
        stored["pc"].astype(np.float32),
    )
    for array in model:
        array.setflags(write=False)
    columns: dict[int, list[int]] = {}
    for column, name in enumerate(stored["classes"].tolist()):
        for of in RENAMED.get(name, (name,)):
            if of in PLACE:  # "zxx", no language at all, only takes its part of the probability
                columns.setdefault(PLACE[of], []).append(column)
    return model, columns


def _stored() -> dict[str, np.ndarray]:
    """The model's arrays as py3langid carries them. Raises StageError where the package or the layout is another."""
    found = importlib.util.find_spec("py3langid")  # not imported: only its file is read
    path = Path(found.origin).parent / "data" / "model.npz.xz" if found and found.origin else None
    if path is None or not path.is_file():
        raise StageError(
            "the language model of py3langid is not installed",
            expected=f"it at {path}" if path else "the package py3langid",
            do="pip install 'py3langid>=0.4,<0.5'",
        )
    with np.load(io.BytesIO(lzma.decompress(path.read_bytes())), allow_pickle=False) as arrays:
        missing = {"ptc", "pc", "classes", "nextmove", "nextmove_row", "out_feat"} - set(arrays.files)
        if missing:
            raise StageError(
                f"{path} has another layout: no {', '.join(sorted(missing))}",
                expected="the model of py3langid 0.4",
                do="pip install 'py3langid>=0.4,<0.5'",
            )
        return {name: arrays[name] for name in arrays.files}
