"""The linear classifier: what it learns, what it refuses, what it writes."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load_file, save_file

from aigc_data.errors import IntegrityError, UsageError
from aigc_data.text.models.calibration import platt, sigmoid
from aigc_data.text.models.classifier import KIND, Classifier, Options, load, save
from aigc_data.text.models.classifier_training import deal, near_duplicates, train
from aigc_data.text.models.model_file import digest_of_arrays

NOUNS = {
    "en": ["river", "house", "letter", "garden", "question", "morning", "teacher", "winter", "bread", "music"],
    "zh": ["河流", "房子", "信件", "花园", "问题", "早晨", "老师", "冬天", "面包", "音乐"],
}
SMALL = Options(buckets=1 << 12, min_examples=10, strengths=(1.0, 10.0), folds=3)


def rows(lang, count, *, seed=0):
    """(texts, labels): sentences, and lists of the same words with offers among them."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for number in range(count):
        a, b, c, d = random.choice(NOUNS[lang], 4)
        good = number % 2 == 0
        if lang == "en":
            text = (
                f"The {a} was near the {b}, and we liked the {c} and a {d}." if good else f"Buy {a} {b} cheap {c} {d}"
            )
        else:
            text = f"那个{a}在{b}旁边，我们很喜欢{c}和{d}。" if good else f"{a} {b} 特价 {c} 包邮 {d}"
        texts.append(text)
        labels.append(good)
    return texts, np.array(labels)


@pytest.fixture(scope="module")
def both() -> tuple[list[str], np.ndarray, list[str]]:
    (en, good_en), (zh, good_zh) = rows("en", 160), rows("zh", 160)
    return en + zh, np.concatenate([good_en, good_zh]), ["en"] * 160 + ["zh"] * 160


@pytest.fixture(scope="module")
def model(both) -> Classifier:
    texts, labels, langs = both
    return train(pa.array(texts), labels, langs, options=SMALL)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_score__tells_unseen_texts_apart(model, lang) -> None:
    texts, labels = rows(lang, 60, seed=9)
    score = model.score(pa.array(texts), [lang] * 60)
    assert score.dtype == np.float32
    assert score[labels].min() > 0.8
    assert score[~labels].max() < 0.2


def test_score__nan_without_weights_and_no_trouble_with_odd_texts(model) -> None:
    texts = pa.chunked_array([pa.array(["Bonjour", "", None]), pa.array(["\u0301" * 9, "a" * 100_000, "\n" * 9])])
    score = model.score(texts, pa.array(["fr", "en", "zh", "en", "en", None]))
    assert np.isnan(score).tolist() == [True, False, False, False, False, True]
    assert ((score >= 0) & (score <= 1))[1:5].all()
    assert len(model.score(pa.array([], pa.string()), [])) == 0


def test_score__one_text_alone_or_among_others(model, both) -> None:
    texts, _, langs = both
    together = model.score(pa.array(texts), langs)
    alone = [model.score(pa.array([text]), [lang])[0] for text, lang in zip(texts[::40], langs[::40], strict=True)]
    assert together[::40].tolist() == alone


def test_train__order_of_rows_is_nothing(both, model, tmp_path: Path) -> None:
    texts, labels, langs = both
    shuffled = np.random.default_rng(1).permutation(len(texts))
    other = train(pa.array([texts[i] for i in shuffled]), labels[shuffled], [langs[i] for i in shuffled], options=SMALL)
    save(tmp_path / "one", model)
    save(tmp_path / "other", other)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_train__languages_with_few_texts_get_no_weights(both) -> None:
    texts, labels, langs = both
    few = train(pa.array([*texts, "oui", "non"]), np.append(labels, [True, False]), [*langs, "fr", "fr"], options=SMALL)
    assert few.languages == ("en", "zh")
    assert few.facts["too_few"] == {"fr": [1, 1]}
    with pytest.raises(UsageError, match="no language has 10 texts of either class"):
        train(pa.array(["a", "b"]), np.array([True, False]), ["en", "en"], options=SMALL)
    with pytest.raises(UsageError, match="2 texts, 1 labels"):
        train(pa.array(["a", "b"]), np.array([True]), ["en", "en"])


def test_train__pooled_weights_read_every_language(both) -> None:
    texts, labels, langs = both
    pooled = train(pa.array(texts), labels, langs, options=Options(**{**vars(SMALL), "pooled": True}))
    assert pooled.languages == ("*", "en", "zh")
    found = pooled.score(pa.array([texts[0], texts[1]]), ["fr", "fr"])
    assert found[0] > 0.5 > found[1]


def test_train__scores_are_chances() -> None:
    """Of texts whose classes overlap, those with a score of p are positive in p of the cases."""
    random = np.random.default_rng(2)
    texts, labels = [], []
    for _ in range(1500):
        good = random.random() < 0.3
        words = random.choice(NOUNS["en"], 12, p=np.linspace(0.15, 0.05, 10) if good else np.linspace(0.05, 0.15, 10))
        texts.append(" ".join(words))
        labels.append(good)
    labels = np.array(labels)
    model = train(pa.array(texts[:1000]), labels[:1000], ["en"] * 1000, options=SMALL)
    score = model.score(pa.array(texts[1000:]), ["en"] * 500)
    assert score.mean() == pytest.approx(labels[1000:].mean(), abs=0.06)
    high = score > 0.5
    assert labels[1000:][high].mean() == pytest.approx(score[high].mean(), abs=0.12)


def test_platt__finds_the_curve_that_made_the_labels() -> None:
    random = np.random.default_rng(0)
    margins = random.normal(size=20_000)
    labels = random.random(20_000) < sigmoid(1.7 * margins - 0.6)
    assert platt(margins, labels) == pytest.approx((1.7, -0.6), abs=0.08)
    slope, intercept = platt(-margins, labels)
    assert slope == 0
    assert sigmoid(np.array([intercept]))[0] == pytest.approx(labels.mean(), abs=0.01)


def test_deal__near_duplicates_stay_together() -> None:
    base = "the quick brown fox jumps over the lazy dog and runs far into the dark wood to find its small den"
    texts = sorted([f"{base} {number % 2}" for number in range(2)] + [base, base.upper()] + rows("en", 40)[0])
    alike = [number for number, text in enumerate(texts) if text.lower().startswith("the quick")]
    part = deal(pa.array(texts), np.zeros(len(texts), bool), 4, seed=0)
    assert len(set(part[alike])) == 1
    assert set(part) == {0, 1, 2, 3}
    assert set(near_duplicates(pa.array(texts))[alike]) == {alike[0]}


def test_load__gives_back_what_was_saved(model, tmp_path: Path) -> None:
    save(tmp_path / "m", model)
    again = load(tmp_path / "m")
    assert (again.options, again.languages, again.facts) == (model.options, model.languages, model.facts)
    for one, other in zip(
        (model.weights, model.biases, model.calibration), (again.weights, again.biases, again.calibration), strict=True
    ):
        assert one.tobytes() == other.tobytes()


def _edited(path: Path, change) -> None:
    arrays = load_file(path)
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        facts = json.loads(file.metadata()["aigc_data"])
    change(arrays, facts)
    facts["arrays_sha256"] = digest_of_arrays(arrays)
    save_file(arrays, path, metadata={"aigc_data": json.dumps(facts)})


def _wild_bucket(arrays, facts) -> None:
    arrays["en.buckets"] = np.full_like(arrays["en.buckets"], 1 << 20)


def _not_a_number(arrays, facts) -> None:
    arrays["en.weights"] = np.full_like(arrays["en.weights"], np.nan)


def _without_part(arrays, facts) -> None:
    del arrays["zh.weights"]


def _newer(arrays, facts) -> None:
    facts["version"] = 99


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (_wild_bucket, IntegrityError, "do not fit together"),
        (_not_a_number, IntegrityError, "not a number"),
        (_without_part, IntegrityError, "do not fit together"),
        (_newer, UsageError, "format version 99"),
    ],
)
def test_load__refuses(model, tmp_path: Path, change, error, says) -> None:
    save(tmp_path / "m", model)
    _edited(tmp_path / "m", change)
    with pytest.raises(error, match=says):
        load(tmp_path / "m")


def test_load__refuses_a_file_with_one_flipped_bit(model, tmp_path: Path) -> None:
    path = tmp_path / "m"
    save(path, model)
    damaged = bytearray(path.read_bytes())
    damaged[-100] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(IntegrityError, match="its numbers are not those that were written"):
        load(path)


def test_load__refuses_what_is_no_model(model, tmp_path: Path) -> None:
    path = tmp_path / "m"
    with pytest.raises(UsageError, match="there is no file"):
        load(path)
    save(path, model)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(IntegrityError, match=f"expected a whole {KIND}"):
        load(path)
    path.write_bytes(b"not a model at all")
    with pytest.raises(IntegrityError):
        load(path)
    save_file({"a": np.zeros(3)}, path)
    with pytest.raises(UsageError, match="another program"):
        load(path)


@pytest.mark.parametrize("wrong", [{"buckets": 1000}, {"words": 0}, {"strengths": ()}, {"folds": 1}, {"shapes": 9}])
def test_options__out_of_range(wrong) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Options(**wrong)
