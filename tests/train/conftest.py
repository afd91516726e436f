from collections.abc import Callable
from pathlib import Path

import pytest
from release_builder import document, write_release

from aigc_data.train.config import TrainConfig


@pytest.fixture(autouse=True)
def outside_of_the_repository(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's DVCLive looks for a repository around the working folder: not this one, whose caches others use."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture
def release(tmp_path: Path) -> Path:
    documents = [document(n) for n in range(48)]
    shards = [
        ("train", documents[:20]),
        ("train", documents[20:40]),
        ("validation", documents[40:46]),
        ("test", documents[46:]),
    ]
    return write_release(tmp_path / "release", shards)


@pytest.fixture
def tiny() -> Callable[..., TrainConfig]:
    def make(**changes: float) -> TrainConfig:
        base = {"vocab_size": 320, "context": 32, "layers": 2, "heads": 2, "width": 32, "batch": 4}
        base |= {"steps": 40, "warmup": 4, "learning_rate": 0.01, "checkpoint_every": 20}
        return TrainConfig(**(base | changes))  # type: ignore[arg-type]

    return make
