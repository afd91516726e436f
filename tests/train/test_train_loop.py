import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from release_builder import document, write_release
from safetensors import safe_open

from aigc_data.errors import IntegrityError, TrainError
from aigc_data.recipe import TrainParams
from aigc_data.train.checkpoint import NAME, load_checkpoint, read_metadata
from aigc_data.train.config import TrainConfig, config_from, run_id
from aigc_data.train.loop import learning_rate, train
from aigc_data.train.order import Progress

REVISIONS = {"git": "0123abc", "dvc": "md5-of-out"}


class Killed(BaseException):
    """Ends a run between two steps, as a signal would."""


def stop_after(step: int):
    def report(p: Progress) -> None:
        if p.phase == "train" and p.done == step:
            raise Killed

    return report


def losses(run: Path) -> list[tuple[int, float]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [(row["step"], row["loss"]) for row in lines]


def test_train__lowers_the_loss_and_records_the_run(release: Path, tmp_path: Path, tiny) -> None:
    config = tiny(steps=120, checkpoint_every=60)
    run = train(release, tmp_path / "runs", config, revisions=REVISIONS, device="cpu")
    assert run == tmp_path / "runs" / run_id("ab" * 32, config)
    seen = losses(run)
    assert [s for s, _ in seen] == list(range(1, 121))
    assert seen[0][1] > 5.0
    assert seen[-1][1] < 1.0
    order = json.loads((run / "run.json").read_text())
    assert order["release"] == {
        "id": "ab" * 32,
        "manifest_sha256": order["release"]["manifest_sha256"],
        "recipe_digest": "cd" * 32,
    }
    assert order["revisions"] == REVISIONS
    assert order["config"] == config.as_dict()
    assert order["train"]["documents"] == 40
    assert order["train"]["tokens_seen"] == 120 * 4 * 32
    assert order["sessions"][0]["packages"].keys() >= {"torch", "numpy", "pyarrow", "tokenizers", "safetensors"}
    metrics = json.loads((run / "metrics.json").read_text())
    validation = metrics["validation"]
    assert validation["documents"] == 6
    assert validation["bytes"] == sum(len(document(n).text.encode()) for n in range(40, 46))
    assert set(validation["languages"]) == {"en", "zh"}
    assert 0 < validation["bits_per_byte"] < 3
    rows = [line.split("\t") for line in (run / "plots/validation.tsv").read_text().splitlines()]
    assert rows[0] == ["step", "train_loss", "bytes", "all", "en", "zh"]
    assert [row[0] for row in rows[1:]] == ["60", "120"]
    assert (run / "plots/loss.tsv").read_text().startswith("step\tloss\n1\t")


def test_train__checkpoint_names_its_release(release: Path, tmp_path: Path, tiny) -> None:
    run = train(release, tmp_path / "runs", tiny(steps=2), revisions=REVISIONS, device="cpu")
    metadata = read_metadata(run / NAME)
    assert metadata["release"] == "ab" * 32
    assert metadata["recipe"] == "cd" * 32
    assert metadata["step"] == "2"
    assert metadata["run"] == run.name
    with safe_open(run / NAME, framework="pt") as file:
        assert {n.split(".")[0] for n in file.keys()} == {"model", "optimizer", "rng"}  # noqa: SIM118


def test_train__resumed_after_a_stop_gives_the_same_bytes(release: Path, tmp_path: Path, tiny) -> None:
    config = tiny()
    whole = train(release, tmp_path / "whole", config, revisions=REVISIONS, device="cpu")
    # Killed at 27: seven steps after the checkpoint of 20 are done again, and their rows are not there twice.
    with pytest.raises(Killed):
        train(release, tmp_path / "parts", config, revisions=REVISIONS, device="cpu", progress=stop_after(27))
    part = tmp_path / "parts" / whole.name
    assert read_metadata(part / NAME)["step"] == "20"
    train(release, tmp_path / "parts", config, revisions=REVISIONS, device="cpu")
    for name in (NAME, "metrics.json", "metrics.jsonl", "plots/loss.tsv", "plots/validation.tsv", "tokenizer.json"):
        assert (part / name).read_bytes() == (whole / name).read_bytes(), name
    assert [s["from_step"] for s in json.loads((part / "run.json").read_text())["sessions"]] == [0, 20]


def test_train__killed_process_goes_on(release: Path, tmp_path: Path, tiny) -> None:
    config = tiny(steps=60, checkpoint_every=10)
    (tmp_path / "config.json").write_text(json.dumps(config.as_dict()))
    command = [sys.executable, "-m", "aigc_data.train", str(release), "--runs", str(tmp_path / "killed")]
    command += ["--config", str(tmp_path / "config.json"), "--device", "cpu"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("train 12/"):
                os.kill(process.pid, signal.SIGKILL)
                break
    run = tmp_path / "killed" / run_id("ab" * 32, config)
    assert not (run / "metrics.json").exists()
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stdout.strip() == str(run)
    assert [s for s, _ in losses(run)] == list(range(1, 61))
    assert int(json.loads((run / "run.json").read_text())["sessions"][-1]["from_step"]) >= 10


def test_train__finished_run_is_only_returned(release: Path, tmp_path: Path, tiny) -> None:
    run = train(release, tmp_path / "runs", tiny(steps=2), revisions=REVISIONS, device="cpu")
    before = (run / NAME).stat().st_mtime_ns
    assert train(release, tmp_path / "runs", tiny(steps=2), revisions=REVISIONS, device="cpu") == run
    assert (run / NAME).stat().st_mtime_ns == before


def test_train__layout_of_shards_changes_nothing(tmp_path: Path, tiny) -> None:
    documents = [document(n) for n in range(44)]
    one = write_release(tmp_path / "one", [("train", documents[:40]), ("validation", documents[40:])])
    two = write_release(
        tmp_path / "two",
        [("train", documents[30:40]), ("train", documents[:30]), ("validation", documents[:39:-1])],
    )
    runs = [train(f, tmp_path / f"runs-{f.name}", tiny(steps=6), revisions=REVISIONS, device="cpu") for f in (one, two)]
    weights = [load_checkpoint(run / NAME)[1]["model_sha256"] for run in runs]
    assert weights[0] == weights[1]
    assert (runs[0] / "metrics.json").read_bytes() == (runs[1] / "metrics.json").read_bytes()


def test_train__refuses_a_tampered_release(release: Path, tmp_path: Path, tiny) -> None:
    shard = release / "train/00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    with pytest.raises(IntegrityError, match=r"shard train/00000\.parquet"):
        train(release, tmp_path / "runs", tiny(), revisions=REVISIONS, device="cpu")
    assert not (tmp_path / "runs").exists()


def test_train__refuses_to_resume_with_another_config_or_release(release: Path, tmp_path: Path, tiny) -> None:
    run = train(release, tmp_path / "runs", tiny(steps=2), revisions=REVISIONS, device="cpu")
    changed = tiny(steps=2, learning_rate=0.02)
    with pytest.raises(TrainError, match=r"learning_rate: 0\.01 → 0\.02"):
        train(release, tmp_path / "runs", changed, revisions=REVISIONS, device="cpu", resume=run)
    manifest = json.loads((release / "manifest.json").read_text()) | {"id": "ef" * 32}
    (release / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(TrainError, match=f"release: {'ab' * 32} → {'ef' * 32}"):
        train(release, tmp_path / "runs", tiny(steps=2), revisions=REVISIONS, device="cpu", resume=run)


def test_train__refuses_a_checkpoint_with_a_flipped_bit(release: Path, tmp_path: Path, tiny) -> None:
    with pytest.raises(Killed):
        train(release, tmp_path, tiny(), revisions=REVISIONS, device="cpu", progress=stop_after(21))
    path = tmp_path / run_id("ab" * 32, tiny()) / NAME
    raw = bytearray(path.read_bytes())
    raw[-100] ^= 1
    path.write_bytes(raw)
    with pytest.raises(TrainError, match=r"(model|optimizer|rng) tensors have SHA-256"):
        train(release, tmp_path, tiny(), revisions=REVISIONS, device="cpu")


def test_train__loss_that_is_no_number_stops_and_keeps_the_checkpoint(release: Path, tmp_path: Path, tiny) -> None:
    config = tiny(learning_rate=1e38, warmup=30, checkpoint_every=1, clip=1e30)
    with pytest.raises(TrainError, match=r"at step \d+ the loss is .*the checkpoint of step \d+ is whole and stays"):
        train(release, tmp_path, config, revisions=REVISIONS, device="cpu")
    assert int(read_metadata(tmp_path / run_id("ab" * 32, config) / NAME)["step"]) >= 1


def test_train__full_disk_keeps_the_last_checkpoint(release: Path, tmp_path: Path, tiny) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def no_room(p: Progress) -> None:
        if p.phase == "train" and p.done == 30:
            resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))

    try:
        with pytest.raises(TrainError, match=r"step 40 cannot be written.* of step 20 is whole and stays"):
            train(release, tmp_path, tiny(), revisions=REVISIONS, device="cpu", progress=no_room)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    run = tmp_path / run_id("ab" * 32, tiny())
    assert load_checkpoint(run / NAME)[1]["step"] == "20"
    assert not list(run.glob("*.tmp"))


def test_train__without_validation_says_that_nothing_was_scored(tmp_path: Path, tiny) -> None:
    folder = write_release(tmp_path / "release", [("train", [document(n) for n in range(20)])])
    run = train(folder, tmp_path / "runs", tiny(steps=2), revisions={}, device="cpu")
    validation = json.loads((run / "metrics.json").read_text())["validation"]
    assert validation == {"bits_per_byte": None, "documents": 0, "bytes": 0, "tokens": 0, "languages": {}}


@pytest.mark.parametrize(("texts", "says"), [([], "has no documents"), (["短"], "expected at least 33, one sequence")])
def test_train__refuses_a_train_split_too_small(tmp_path: Path, tiny, texts: list[str], says: str) -> None:
    documents = [document(n)._replace(text=t) for n, t in enumerate(texts)]
    folder = write_release(tmp_path / "release", [("train", documents), ("validation", [document(1)])])
    with pytest.raises(TrainError, match=says):
        train(folder, tmp_path / "runs", tiny(), revisions={}, device="cpu")


def test_train__writes_nothing_outside_its_folders(release: Path, tmp_path: Path, tiny, monkeypatch) -> None:
    work = tmp_path / "work"
    work.mkdir()
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    commands = [["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]]
    for command in [*commands, ["git", *who, "commit", "-q", "-m", "begin"]]:
        subprocess.run(command, cwd=work, check=True)
    monkeypatch.chdir(work)

    def files() -> set[str]:
        return {str(p.relative_to(work)) for p in work.rglob("*") if not p.is_relative_to(work / "runs")}

    before = files()
    run = train(release, work / "runs", tiny(steps=4, checkpoint_every=2), revisions={}, device="cpu")
    assert files() == before
    live = (run / "dvclive/plots/metrics/bits_per_byte/all.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in live] == ["step", "2", "4"]


def test_learning_rate__warms_up_and_ends_at_a_tenth(tiny) -> None:
    config = tiny(steps=100, warmup=10, learning_rate=1.0)
    assert learning_rate(1, config) == 0.1
    assert learning_rate(10, config) == 1.0
    assert learning_rate(55, config) == pytest.approx(0.55)
    assert learning_rate(100, config) == pytest.approx(0.1)


def test_config__has_the_names_and_defaults_of_the_recipe() -> None:
    recipe = TrainParams().model_dump()
    recipe.pop("prompts")
    assert recipe == TrainConfig().as_dict()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"leraning_rate": 1}, "unknown key `leraning_rate`.*did you mean `learning_rate`"),
        ({"width": 100, "heads": 8}, "width is 100 with 8 heads"),
        ({"steps": 0}, "train.steps is 0; expected 1 or more"),
        ({"steps": "many"}, "train.steps is 'many'; expected a whole number"),
        ({"vocab_size": 256}, "expected 257 to 65536"),
        ({"clip": 0}, "train.clip is 0; expected more than 0"),
    ],
)
def test_config_from__says_what_cannot_work(values: dict, says: str) -> None:
    with pytest.raises(TrainError, match=says):
        config_from(values)


def test_train__refuses_a_device_that_is_not_there(release: Path, tmp_path: Path, tiny) -> None:
    with pytest.raises(TrainError, match="device 'cuda:99' cannot be used"):
        train(release, tmp_path, tiny(), revisions={}, device="cuda:99")
