"""Semantic pairs against all pairs; embeddings from columns and from a real, tiny model folder."""

import json
import socket
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from aigc_data import columns
from aigc_data.errors import RecipeError, SourceError, StageError
from aigc_data.text.dedupe import semantic
from aigc_data.text.dedupe.semantic import MOST, embed, from_column, semantic_pairs

torch = pytest.importorskip("torch")
SENTENCES = [
    "the old man mends a net",
    "海边的老人在补网",
    "The old man mends a net!",
    "quantum chromodynamics",
    "量子色动力学",
]


def families(count, dimension=32, copies=0.3, noise=0.2, seed=0, topics=20):
    """Unit vectors around topics, a share of them near another one."""
    rng = np.random.default_rng(seed)
    base = count - int(count * copies)
    around = rng.standard_normal((topics, dimension))[rng.integers(0, topics, base)]
    vectors = around + rng.standard_normal((base, dimension))
    near = vectors[rng.integers(0, base, count - base)]
    vectors = np.concatenate([vectors, near + noise * rng.standard_normal(near.shape)])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def all_pairs(vectors, threshold):
    """Every pair of places with a cosine at or above the threshold."""
    cosine = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    left, right = np.nonzero(np.triu(cosine >= threshold, 1))
    return {(int(a), int(b)): cosine[a, b] for a, b in zip(left, right, strict=True)}


def listed(links):
    return {(a, b): s for a, b, s, _ in zip(*(c.to_pylist() for c in links.columns), strict=True)}


def test_semantic_pairs__are_those_of_all_with_all():
    vectors = families(3000)
    links = semantic_pairs(vectors, np.arange(3000), threshold=0.95)
    assert links.schema == columns.DEDUPE_LINKS
    assert set(links["method"].to_pylist()) == {"semantic"}
    wanted, found = all_pairs(vectors, 0.95), listed(links)
    assert len(wanted) > 500
    assert not set(found) - set(wanted)
    assert len(set(found) & set(wanted)) >= 0.99 * len(wanted)
    assert found == pytest.approx({pair: wanted[pair] for pair in found}, abs=1e-6)
    keys = list(zip(links["a"].to_pylist(), links["b"].to_pylist(), strict=True))
    assert keys == sorted(keys)


def test_semantic_pairs__in_one_cluster_are_exact():
    vectors = families(400, seed=3)
    for threshold in (0.8, 0.9, 0.97):
        links = semantic_pairs(vectors, np.arange(400), threshold=threshold, clusters=1)
        assert set(listed(links)) == set(all_pairs(vectors, threshold))


def test_semantic_pairs__depend_neither_on_order_nor_on_threads():
    vectors, rng = families(2500, dimension=48), np.random.default_rng(5)
    ranks = rng.permutation(10_000)[:2500].astype(np.uint64)
    links = semantic_pairs(vectors, ranks, threshold=0.93)
    order = rng.permutation(2500)
    assert semantic_pairs(vectors[order], ranks[order], threshold=0.93) == links
    before = torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        try:
            assert semantic_pairs(vectors, ranks, threshold=0.93) == links
        finally:
            torch.set_num_threads(before)
    assert torch.get_float32_matmul_precision() == "highest"


def test_semantic_pairs__of_many_equal_vectors_are_a_star():
    vectors = np.repeat(families(2, seed=1), [20_000, 3], axis=0)
    links = semantic_pairs(vectors, np.arange(20_003)[::-1], threshold=0.99)
    assert links.num_rows == 19_999 + 2
    assert set(links["a"].to_pylist()) == {0, 3}
    assert (links["similarity"].to_numpy() == 1).all()


def test_semantic_pairs__of_a_family_larger_than_any_cluster_have_one_head():
    rng = np.random.default_rng(1)
    vectors = (rng.standard_normal(64) + 0.15 * rng.standard_normal((9000, 64))).astype(np.float32)
    for clusters in (1, None):
        links = semantic_pairs(vectors, np.arange(9000), threshold=0.95, clusters=clusters)
        assert {0} == set(range(9000)) - set(links["b"].to_pylist())
        assert (links["a"].to_numpy() == 0).sum() > 0.99 * 9000
        assert links.num_rows < 5 * 9000


def test_semantic_pairs__cost_no_square_where_clusters_hold_nothing(monkeypatch):
    """Vectors that k-means cannot tell apart and none of which is near another."""
    monkeypatch.setattr(semantic, "FITS", 64)
    cells = []
    near = semantic._near
    monkeypatch.setattr(semantic, "_near", lambda s, a, b: (cells.append(len(a) * len(b)), near(s, a, b))[1])
    for count in (2000, 4000):
        cells.clear()
        vectors = 1 + 0.01 * np.eye(count, 512, dtype=np.float32)[np.arange(count) % 512]
        vectors[np.arange(count), (np.arange(count) * 7) % 512] += 0.004 * (1 + np.arange(count) % 97)
        semantic_pairs(vectors, np.arange(count), threshold=1.0, clusters=1)
        assert sum(cells) < 64 * count * 4


def test_semantic_pairs__of_few_and_of_zeros():
    assert semantic_pairs(np.zeros((0, 8), np.float32), [], threshold=0.9).num_rows == 0
    assert semantic_pairs(np.ones((1, 8), np.float32), [4], threshold=0.9).num_rows == 0
    vectors = np.array([[0, 0], [3, 4], [0, 0], [6, 8], [4, -3]], np.float32)
    links = semantic_pairs(vectors, [9, 8, 7, 6, 5], threshold=1.0)
    assert listed(links) == {(6, 8): 1.0}


def test_semantic_pairs__at_the_threshold_are_links():
    vectors = np.array([[1, 0, 0], [0.8, 0.6, 0], [0.7998, 0.60026657, 0]], np.float32)
    assert set(listed(semantic_pairs(vectors, [0, 1, 2], threshold=0.8))) == {(0, 1), (1, 2)}


def test_semantic_pairs__larger_families_than_all_pairs_allow():
    rng = np.random.default_rng(0)
    vectors = (rng.standard_normal(8) * 9 + 0.01 * rng.standard_normal((MOST + 2, 8))).astype(np.float32)
    links = semantic_pairs(vectors, np.arange(MOST + 2), threshold=0.9, clusters=1)
    assert set(listed(links)) == {(0, i) for i in range(1, MOST + 2)}
    fewer = semantic_pairs(vectors[:-1], np.arange(MOST + 1), threshold=0.9, clusters=1)
    assert fewer.num_rows == (MOST + 1) * MOST // 2


@pytest.mark.parametrize(
    ("vectors", "ranks", "threshold", "error"),
    [
        (np.ones((2, 3)), [1, 1], 0.9, StageError),
        (np.ones((2, 3)), [1, 2, 3], 0.9, StageError),
        (np.ones(3), [1, 2, 3], 0.9, StageError),
        (np.full((2, 3), np.nan), [1, 2], 0.9, StageError),
        (np.ones((2, 3)), [1, 2], 0.0, RecipeError),
        (np.ones((2, 3)), [1, 2], 1.1, RecipeError),
    ],
)
def test_semantic_pairs__refuses(vectors, ranks, threshold, error):
    with pytest.raises(error):
        semantic_pairs(vectors, ranks, threshold=threshold)


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float32(), 2), pa.list_(pa.int8())]
)
def test_from_column__reads_lists_of_numbers(kind):
    column = pa.array([[9, 9], [3, 4], [0, 0], [-6, 8]], kind)
    for given in (column[1:], pa.chunked_array([column[1:2], column[2:]])):
        vectors = from_column(given)
        assert (vectors.dtype, vectors.shape) == (np.float32, (3, 2))
        assert vectors.tolist() == pytest.approx(np.array([[0.6, 0.8], [0, 0], [-0.6, 0.8]]))
    assert from_column(column[:0]).shape[0] == 0


@pytest.mark.parametrize(
    ("column", "seen"),
    [
        (pa.array(["a"]), "a column of string"),
        (pa.array([["a"]]), "a column of list"),
        (pa.array([[1.0], None]), "1 rows without an embedding"),
        (pa.array([[1.0], None], pa.list_(pa.float32(), 1)), "1 rows without an embedding"),
        (pa.array([[1.0], [1.0, 2.0]]), "lists of 1 to 2 numbers"),
        (pa.array([[], []], pa.list_(pa.float32())), "lists of 0 to 0 numbers"),
        (pa.array([[1.0, None]]), "1 nulls inside lists"),
        (pa.array([[1.0, float("nan")]]), "NaN"),
        (pa.array([[1.0, float("inf")]]), "infinite"),
    ],
)
def test_from_column__refuses_what_is_no_embedding(column, seen):
    with pytest.raises(SourceError, match=seen):
        from_column(column)


def test_embed__refuses_folders_that_hold_no_safe_model(tmp_path: Path):
    texts = pa.array(SENTENCES)
    with pytest.raises(SourceError, match="is no folder"):
        embed(tmp_path / "missing", texts)
    with pytest.raises(SourceError, match=r"holds no modules\.json"):
        embed(tmp_path, texts)
    (tmp_path / "modules.json").write_text("{broken")
    with pytest.raises(SourceError, match="is no list of modules"):
        embed(tmp_path, texts)
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "own_code.Model", "path": ""}]))
    with pytest.raises(SourceError, match=r"code of its own: own_code\.Model"):
        embed(tmp_path, texts)
    kinds = [{"type": "sentence_transformers.models.Transformer", "path": "0_T"}]
    (tmp_path / "modules.json").write_text(json.dumps(kinds))
    (tmp_path / "0_T").mkdir()
    (tmp_path / "0_T" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(SourceError, match=r"pytorch_model\.bin holds weights that can run code"):
        embed(tmp_path, texts)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A BERT of two layers over single characters, saved as sentence-transformers saves models."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    characters = sorted({c for s in SENTENCES for c in s.lower() if not c.isspace()})
    vocabulary = {c: i for i, c in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Split("", "isolated")]
    )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", model_max_length=32
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    folder = tmp_path_factory.mktemp("model")
    BertModel(config).save_pretrained(folder / "bert")
    wrapped.save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"))
    SentenceTransformer(modules=[transformer, Pooling(16)], device="cpu").save(str(folder / "model"))
    return folder / "model"


@pytest.mark.slow
def test_embed__answers_with_one_unit_vector_a_text_and_no_network(model, monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    texts = pa.chunked_array([pa.array([*SENTENCES, None, " \n"], pa.large_string())])
    vectors = embed(model, texts, device="cpu", batch=2)
    assert (vectors.dtype, vectors.shape) == (np.float32, (7, 16))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1] * 5 + [0] * 2, abs=1e-5)
    assert embed(model, texts, device="cpu", batch=7) == pytest.approx(vectors, abs=1e-5)
    assert embed(model, pa.array([], pa.string()), device="cpu").shape == (0, 16)


@pytest.mark.slow
def test_embed__finds_the_same_words_in_another_form(model):
    vectors = embed(model, pa.array([*SENTENCES, "the  old man\nmends a net"]), device="cpu")
    links = semantic_pairs(vectors, np.arange(6), threshold=0.9999, device="cpu")
    assert (0, 5) in listed(links)
    assert (3, 4) not in listed(links)


@pytest.mark.slow
def test_embed__reads_safetensors_where_pickles_lie_beside_them(model):
    assert list(model.glob("*.safetensors"))
    (model / "pytorch_model.bin").write_bytes(b"not a pickle")
    assert embed(model, pa.array(SENTENCES), device="cpu").shape == (5, 16)
