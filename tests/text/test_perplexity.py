"""The character model against Kneser and Ney's definition, written down plainly."""

import math
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from aigc_data.errors import IntegrityError, UsageError
from aigc_data.text.models import classifier
from aigc_data.text.models.perplexity import Options, fit, load, save

ENGLISH = [
    f"The {a} of the {b} is {c}, and that is what the {a} has to be."
    for a in ("cat", "data", "model", "river") for b in ("house", "text", "world") for c in ("good", "new")
]  # fmt: skip
CHINESE = [f"{a}的质量决定了{b}的上限，这是我们的经验。" for a in ("数据", "文本", "训练") for b in ("模型", "方法")]
START = "\0"
SMALL = {"min_bytes": 1}


class Plain:
    """Interpolated modified Kneser-Ney by dictionaries: Chen and Goodman 1999, equations 25 to 27."""

    def __init__(self, texts, order):
        self.order = order
        raw = defaultdict(Counter)
        for text in texts:
            text = START + text
            for n in range(1, order + 1):
                for end in range(n, len(text) + 1):
                    raw[n][text[end - n : end]] += 1
        self.counts = {}
        for n in range(1, order + 1):
            if n == order:
                self.counts[n] = dict(raw[n])
                continue
            before = Counter(gram[1:] for gram in raw[n + 1])
            self.counts[n] = {g: raw[n][g] if g[0] == START else before[g] for g in raw[n]}
        self.counts[1][START] = 0
        self.whole, self.taken = defaultdict(Counter), defaultdict(Counter)
        self.discount = {n: self._discounts(self.counts[n].values()) for n in self.counts}
        for n, grams in self.counts.items():
            for gram, count in grams.items():
                self.whole[n][gram[:-1]] += count
                self.taken[n][gram[:-1]] += self.discount[n][min(count, 3)]

    @staticmethod
    def _discounts(counts):
        n = Counter(min(c, 5) for c in counts)
        if not (n[1] and n[2]):
            return [0, 0.5, 0.5, 0.5]
        y = n[1] / (n[1] + 2 * n[2])
        raw = [k - (k + 1) * y * n[k + 1] / n[k] if n[k] else k / 2 for k in (1, 2, 3)]
        return [0, *(min(max(d, 0.05 * k), 0.95 * k) for k, d in zip((1, 2, 3), raw, strict=True))]

    def chance(self, history, symbol):
        n = len(history) + 1
        lower = self.chance(history[1:], symbol) if history else 2.0**-17
        if not self.whole[n][history]:
            return lower
        count = self.counts[n].get(history + symbol, 0)
        mine = (count - self.discount[n][min(count, 3)]) / self.whole[n][history]
        return mine + self.taken[n][history] / self.whole[n][history] * lower

    def bits(self, text):
        whole = START + text
        parts = [self.chance(whole[max(0, i - self.order + 1) : i], whole[i]) for i in range(1, len(whole))]
        return -sum(map(math.log2, parts)) / len(parts)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize(("texts", "lang"), [(ENGLISH, "en"), (CHINESE, "zh")])
def test_bits__are_those_of_the_definition(texts, lang, order) -> None:
    asked = [texts[0], texts[-1][4:], "zq", "The 模 of", "质量", "a", texts[1] * 3]
    model = fit(pa.array(texts), [lang] * len(texts), options=Options(order=order, **SMALL))
    plain = Plain(texts, order)
    found = model.bits(pa.array(asked), [lang] * len(asked))
    assert found.tolist() == pytest.approx([plain.bits(text) for text in asked], abs=0.002)


@pytest.mark.parametrize(("entries", "pruned"), [(256, True), (1 << 19, False)])
@pytest.mark.parametrize("history", ["x", "The_cat_of", "is_go", "zzzz", "_"])
def test_bits__chances_of_what_may_follow_sum_to_one(entries, pruned, history) -> None:
    # Without blanks, because a blank is only read with what follows it.
    texts = [f"{one.replace(' ', '_')}_{number % 7}" for number, one in enumerate(ENGLISH * 3)]
    model = fit(pa.array(texts), ["en"] * len(texts), options=Options(entries=entries, **SMALL))
    facts = model.facts["languages"]["en"]
    assert (facts["ngrams"] < facts["ngrams_seen"]) == pruned
    assert facts["ngrams"] <= entries
    letters = sorted(set("".join(texts)) - set("123456"))  # read as 0
    asked = [history + letter for letter in [*letters, "㐀"]]
    before = model.bits(pa.array([history]), ["en"])[0] * len(history)
    chances = 2.0 ** (before - model.bits(pa.array(asked), ["en"] * len(asked)) * (len(history) + 1))
    assert chances[:-1].sum() + chances[-1] * (2**17 - len(letters)) == pytest.approx(1, abs=0.003)


def test_bits__good_text_is_less_surprising() -> None:
    texts = ENGLISH + CHINESE
    model = fit(pa.array(texts), ["en"] * len(ENGLISH) + ["zh"] * len(CHINESE), options=Options(**SMALL))
    asked = ["The data of the world is good.", "xq zjk vvw qqp", "数据的质量是经验。", "的是不了龘"]
    good, bad, fine, worse = model.bits(pa.array(asked), ["en", "en", "zh", "zh"]).tolist()
    assert good < bad
    assert fine < worse


def test_bits__where_there_is_nothing_to_say() -> None:
    model = fit(pa.array(ENGLISH), ["en"] * len(ENGLISH), options=Options(**SMALL))
    texts = pa.chunked_array([pa.array(["", " \n", None, "Bonjour", "7 cats"]), pa.array(["3  cats", "3\ncats"])])
    found = model.bits(texts, ["en", "en", "en", "fr", "en", "en", "en"])
    assert np.isnan(found[:4]).all()
    assert found[4] == found[5] == found[6]  # digits and blanks are alike
    assert len(model.bits(pa.array([], pa.large_string()), [])) == 0


def test_fit__order_of_rows_is_nothing_and_files_come_back(tmp_path: Path) -> None:
    texts = ENGLISH + CHINESE
    langs = ["en"] * len(ENGLISH) + ["zh"] * len(CHINESE)
    for name, step in (("one", 1), ("other", -1)):
        options = Options(entries=300, bytes=600, **SMALL)
        save(tmp_path / name, fit(pa.array(texts[::step]), langs[::step], options=options))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    again = load(tmp_path / "one")
    assert again.languages == ("en", "zh")
    assert again.facts["languages"]["en"]["bytes"] <= 600
    again_saved = tmp_path / "again"
    save(again_saved, again)
    assert again_saved.read_bytes() == (tmp_path / "one").read_bytes()


def test_fit__too_little_text() -> None:
    with pytest.raises(UsageError, match="no language has enough text"):
        fit(pa.array(["short"]), ["en"])


def test_load__refuses_what_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save(path, fit(pa.array(ENGLISH), ["en"] * len(ENGLISH), options=Options(**SMALL)))
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with pytest.raises(IntegrityError, match="whole character language model"):
        load(path)
    path.write_bytes(whole)
    with pytest.raises(UsageError, match="a linear classifier"):
        classifier.load(path)
