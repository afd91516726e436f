import math
from collections import Counter

import numpy as np
import pytest
import torch
from release_builder import document

from aigc_data.train.data import Packed, Tokens
from aigc_data.train.evaluate import evaluate, windows
from aigc_data.train.model import Model
from aigc_data.train.tokenizer import document_key, encode, end_of_text, token_bytes, tokenizer_digest, train_tokenizer

DOCUMENTS = [document(n) for n in range(30)]


def tokenizer(documents=DOCUMENTS, vocab_size: int = 320):
    return train_tokenizer(documents, vocab_size=vocab_size, text_bytes=10_000)


def test_train_tokenizer__does_not_depend_on_the_order_of_documents() -> None:
    assert tokenizer_digest(tokenizer()) == tokenizer_digest(tokenizer(DOCUMENTS[::-1]))


@pytest.mark.parametrize("text", ["Hello  world\n", "你好，世界！𠮷", "\u0000\u202eمرحبا 👩‍👩‍👧", "", "<|endoftext|>"])
def test_encode__gives_the_same_bytes_back(text: str) -> None:
    t = tokenizer()
    ids = encode(t, [text])[0]
    assert ids.dtype == np.uint16
    assert b"".join(token_bytes(t)[i] for i in ids) == text.encode()
    assert end_of_text(t) not in ids


def packed(lengths: list[int], *, context: int, seed: int = 0, order: list[int] | None = None) -> Packed:
    """Document `n` is the ids 100n, 100n + 1, …"""
    order = order or list(range(len(lengths)))
    ids = np.concatenate([np.arange(lengths[n]) + 100 * n for n in order]).astype(np.uint16)
    starts = np.concatenate([[0], np.cumsum([lengths[n] for n in order])])
    keys = np.array([document_key(str(n)) for n in order], dtype=np.uint64)
    return Packed(Tokens(ids, starts, keys, 0), context=context, seed=seed)


def test_packed__an_epoch_shows_every_token_once_but_for_the_rest() -> None:
    p = packed([7, 20, 3, 1, 40], context=5)
    assert p.per_epoch == 14
    inputs, targets = p.batch(0, 14)
    seen = Counter(inputs.ravel().tolist())
    assert max(seen.values()) == 1
    assert len(seen) == 70
    assert (inputs[:, 1:] == targets[:, :-1]).all()


def test_packed__order_is_of_seed_and_epoch_and_not_of_the_file() -> None:
    lengths = [7, 20, 3, 1, 40]
    a, b = packed(lengths, context=5), packed(lengths, context=5, order=[4, 2, 0, 1, 3])
    for step in range(9):  # steps of 4 over epochs of 14 cross their ends
        assert (a.batch(step, 4)[0] == b.batch(step, 4)[0]).all()
    assert (a.batch(0, 14)[0] != a.batch(1, 14)[0]).any()
    assert (a.batch(0, 14)[0] != packed(lengths, context=5, seed=1).batch(0, 14)[0]).any()
    assert a.position(30) == (2, 2)


def test_model__cached_logits_equal_those_of_a_full_pass(tiny) -> None:
    model = Model(tiny(context=16), vocabulary=50).eval()
    with torch.no_grad():
        for p in model.parameters():  # what starts at zero would hide a wrong mask
            p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())) * 0.1)
        ids = torch.arange(13)[None] * 7 % 50
        whole = model(ids)
        cache = model.cache()
        parts = [model(ids[:, :5], cache), model(ids[:, 5:8], cache)]
        parts += [model(ids[:, n : n + 1], cache) for n in range(8, 13)]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=1e-4, atol=1e-5)


def test_model__sees_no_later_token(tiny) -> None:
    model = Model(tiny(context=16), vocabulary=50).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())) * 0.1)
        one, other = torch.zeros(1, 10, dtype=torch.long), torch.zeros(1, 10, dtype=torch.long)
        other[0, 6:] = 3
        a, b = model(one), model(other)
    torch.testing.assert_close(a[:, :6], b[:, :6])
    assert not torch.allclose(a[:, 6:], b[:, 6:])


@pytest.mark.parametrize("length", [0, 1, 5, 15, 16, 17, 24, 25, 100])
def test_windows__score_every_prediction_once_with_half_a_window_before(length: int) -> None:
    scored: list[int] = []
    for start, end, first in windows(length, 16):
        assert end - start <= 16
        assert first == 0 or first - start >= 8
        scored += range(first, end)
    assert scored == list(range(length))


def test_evaluate__uniform_model_needs_log2_vocabulary_bits_a_token(tiny) -> None:
    t = tokenizer()
    vocabulary = end_of_text(t) + 1
    model = Model(tiny(context=16), vocabulary=vocabulary)
    with torch.no_grad():
        model.norm.weight.zero_()
    documents = [*DOCUMENTS[:4], document(0)._replace(text="", lang="und")]
    result = evaluate(model, t, documents)
    for lang in ("en", "zh"):
        texts = [d.text for d in documents if d.lang == lang]
        tokens, size = sum(map(len, encode(t, texts))), sum(len(x.encode()) for x in texts)
        score = result.languages[lang]
        assert (score.documents, score.bytes, score.tokens) == (2, size, tokens)
        assert score.bits_per_byte == pytest.approx(math.log2(vocabulary) * tokens / size, rel=1e-6)
    assert result.overall.documents == 5
    assert result.languages["und"].bits_per_byte is None


def test_evaluate__equals_a_plain_pass_over_each_short_document(tiny) -> None:
    t = tokenizer()
    model = Model(tiny(context=512), vocabulary=end_of_text(t) + 1)
    expected = 0.0
    for d in DOCUMENTS[:3]:
        ids = torch.tensor([end_of_text(t), *encode(t, [d.text])[0].tolist()])[None]
        with torch.no_grad():
            shares = torch.log_softmax(model(ids[:, :-1]), dim=-1)
        expected -= float(shares.gather(2, ids[:, 1:, None]).double().sum())
    size = sum(len(d.text.encode()) for d in DOCUMENTS[:3])
    assert evaluate(model, t, DOCUMENTS[:3]).overall.bits_per_byte == pytest.approx(
        expected / math.log(2) / size, rel=1e-5
    )
