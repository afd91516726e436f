import math
import shutil
from pathlib import Path

import pytest
import torch
from release_builder import document, write_release

from aigc_data.errors import TrainError, UsageError
from aigc_data.train.checkpoint import NAME
from aigc_data.train.config import TrainConfig
from aigc_data.train.generate import LABEL, Sampling, choose, generate, load_run, stream
from aigc_data.train.loop import train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generate")
    documents = [document(n) for n in range(20)]
    release = write_release(folder / "release", [("train", documents), ("validation", documents[:1])])
    size = {"vocab_size": 400, "context": 32, "layers": 1, "heads": 2, "width": 32}
    config = TrainConfig(**size, batch=8, steps=60, warmup=5, learning_rate=0.02)
    return train(release, folder / "runs", config, revisions={}, device="cpu")


def test_generate__same_seed_same_text_other_seed_other_text(run: Path) -> None:
    prompts = ["数据是", "Data is"]
    texts = [
        [g.completion for g in generate(run, prompts, sampling=Sampling(seed=s, temperature=1.0, max_tokens=40))]
        for s in (1, 1, 2)
    ]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]
    assert all(texts[0])


def test_generate__labels_the_text_and_names_run_and_release(run: Path) -> None:
    given = generate(run, ["数据是"], sampling=Sampling(max_tokens=5), producer="Example Ltd")[0]
    assert given.text == f"[AI 生成 / AI-generated]\n数据是{given.completion}"
    assert given.text.startswith(LABEL)
    assert given.metadata["AIGC"]["Label"] == "1"
    assert given.metadata["AIGC"]["ContentProducer"] == "Example Ltd"
    assert given.metadata["release"] == "ab" * 32
    assert given.metadata["run"] == run.name
    assert generate(run, ["x"], sampling=Sampling(max_tokens=1), label=False)[0].text.startswith("x")


def test_stream__goes_on_beyond_the_context_in_whole_characters(run: Path) -> None:
    loaded = load_run(run)
    pieces = list(stream(loaded, "春眠" * 40, sampling=Sampling(temperature=0, max_tokens=80)))
    text = "".join(pieces)
    assert all(pieces)
    assert text.encode().decode() == text
    assert list(stream(loaded, "春眠" * 40, sampling=Sampling(temperature=0, max_tokens=80))) == pieces


def test_generate__from_an_empty_prompt(run: Path) -> None:
    assert generate(run, [""], sampling=Sampling(max_tokens=3))[0].prompt == ""


def test_choose__draws_only_from_the_nucleus() -> None:
    logits = torch.log(torch.tensor([0.05, 0.5, 0.15, 0.3]))
    source = torch.Generator().manual_seed(0)
    drawn = {choose(logits, Sampling(temperature=1.0, top_p=0.7), source) for _ in range(200)}
    assert drawn == {1, 3}
    assert choose(logits, Sampling(temperature=0), source) == 1


@pytest.mark.parametrize("values", [{"temperature": -1}, {"top_p": 0}, {"max_tokens": 0}, {"temperature": math.nan}])
def test_sampling__refuses_what_cannot_be_drawn(values: dict) -> None:
    with pytest.raises(UsageError):
        Sampling(**values)


def test_load_run__names_what_does_not_hold(run: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"checkpoint\.safetensors cannot be read"):
        load_run(tmp_path)
    shutil.copy(run / NAME, tmp_path / NAME)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(TrainError, match=r"tokenizer\.json has SHA-256"):
        load_run(tmp_path)
