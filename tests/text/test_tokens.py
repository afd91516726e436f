import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aigc_data.text.tokens import count_tokens, list_tokens, tokens_of

#: Characters on which the rules differ, far denser than in random text.
CHARACTERS = st.sampled_from("aZ0é中国。，あアーｱก한אب \u0301\u0e34\n\u3000ＡＺ９！𠀀😀\ufe0f\u200d\u00adİȺß'-_")
TEXTS = st.text(CHARACTERS, max_size=60) | st.text(max_size=30)

CASES = [
    ("", []),
    ("  ,.!? 。，！😀👨‍👩‍👧❤️", []),
    ("Hello, World!", ["hello", "world"]),
    ("don't stop_now", ["don", "t", "stop", "now"]),
    ("数据是关键。", ["数", "据", "是", "关", "键"]),
    ("用GPT2训练", ["用", "gpt2", "训", "练"]),
    ("ＡＢＣ１２３", ["abc123"]),
    ("e\u0301te\u0301", ["e\u0301te\u0301"]),
    ("東京タワーｶﾅ", ["東", "京", "タ", "ワ", "ー", "カ", "ナ"]),
    ("שלום עולם", ["שלום", "עולם"]),
    ("한국어 텍스트", ["한국어", "텍스트"]),
    ("\U00020000\U0001d400", ["\U00020000", "\U0001d400"]),
    ("ไทย", ["ไ", "ท", "ย"]),
    ("中，国", ["中", "国"]),
]


@pytest.mark.parametrize(("text", "tokens"), CASES)
def test_tokens_of__splits_spaced_and_unspaced_scripts(text, tokens):
    assert tokens_of(text) == tokens


def test_list_tokens__equals_the_reference_row_by_row():
    texts = pa.array([text for text, _ in CASES], pa.large_string())
    assert list_tokens(texts).to_pylist() == [tokens for _, tokens in CASES]
    assert count_tokens(texts).tolist() == [len(tokens) for _, tokens in CASES]


@settings(deadline=None)
@given(st.lists(TEXTS | st.none(), max_size=5), st.integers(0, 2))
@example(["ȺȺȺȺȺȺȺȺȺȺȺȺ"], 0)
def test_list_tokens__equals_the_reference_on_any_text(texts, skip):
    array = pa.array(texts, pa.large_string()).slice(skip)
    expected = [tokens_of(text or "") for text in texts[skip:]]
    assert list_tokens(array).to_pylist() == expected
    assert count_tokens(array).tolist() == [len(tokens) for tokens in expected]


def test_list_tokens__of_no_rows_and_of_chunks():
    assert list_tokens(pa.array([], pa.large_string())).to_pylist() == []
    chunked = pa.chunked_array([["a b"], [], ["中"]], pa.large_string())
    assert list_tokens(chunked).to_pylist() == [["a", "b"], ["中"]]
