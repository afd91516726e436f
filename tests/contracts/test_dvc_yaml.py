"""dvc.yaml says of each stage what the code reads, writes and takes from the recipe: no less, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from aigc_data.pipeline import STAGES, load_stage
from aigc_data.recipe import Recipe, load_recipe

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATES = REPOSITORY / "aigc_data" / "templates"
OUTS = {"ingest": {"data/base", "data/quarantine"}, "augment": {"data/born"}, "release": {"data/releases"}}
CODE = ["aigc_data", "constraints.txt"]
#: What of a recipe no release depends on: who runs it, when, and what is trained on it.
NOT_IN_A_RELEASE = {"workers", "memory_mb", "schedule", "train"}


def pipeline(path: Path = REPOSITORY / "dvc.yaml") -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]


def deps(stage: str) -> set[str]:
    return set(pipeline(TEMPLATES / "dvc.yaml")[stage]["deps"])


def outs(entry: dict) -> dict[str, dict]:
    found = [*entry.get("outs", []), *entry.get("metrics", []), *entry.get("plots", [])]
    return {name: options for out in found for name, options in out.items()}


def reached(stage: str) -> set[str]:
    """`recipe.X` and `params` wherever the stage's module says so."""
    tree = ast.parse((REPOSITORY / "aigc_data" / "stages" / f"{stage}.py").read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            value = node.value
            name = value.id if isinstance(value, ast.Name) else value.attr if isinstance(value, ast.Attribute) else ""
            if name == "recipe":
                found.add(node.attr)
    return found & set(Recipe.model_fields)


def test_stages__are_those_of_the_pipeline_and_the_training() -> None:
    assert list(pipeline()) == [*STAGES, "train"]
    for name in STAGES:
        assert pipeline()[name]["cmd"] == f"aigc-data stage {name}"
    assert pipeline()["train"]["cmd"] == "aigc-data train"


@pytest.mark.parametrize("stage", STAGES)
def test_outs__are_what_the_stage_writes_and_persist(stage: str) -> None:
    found = outs(pipeline()[stage])
    assert set(found) == OUTS.get(stage, {f"data/layers/{stage}"})
    assert all(options["persist"] is True for options in found.values())


def test_outs__of_the_training_persist() -> None:
    assert all(options["persist"] is True for options in outs(pipeline()["train"]).values())


@pytest.mark.parametrize("stage", STAGES)
def test_deps__are_what_the_stage_reads(stage: str) -> None:
    shape = load_stage(stage)
    if shape.reads:
        parents = {name.split(".")[0] for name in shape.reads if "." in name}
        assert deps(stage) == {"data/base", *(f"data/layers/{p}/measure" for p in parents)}
        return
    module = ast.unparse(ast.parse((REPOSITORY / "aigc_data" / "stages" / f"{stage}.py").read_text(encoding="utf-8")))
    for part in ("born", "quarantine", "releases"):
        if f"workspace.{part}" in module and f"data/{part}" not in OUTS.get(stage, set()):
            assert f"data/{part}" in deps(stage)
    for layer in ("clean", "dedupe", "pii", "license", "quality", "safety", "gate"):
        named = f"'{layer}'" in module or f"'{layer}." in module
        if named and layer != stage:
            assert any(d.startswith(f"data/layers/{layer}") for d in deps(stage)), layer


@pytest.mark.parametrize("stage", STAGES)
def test_params__are_what_the_stage_takes_from_the_recipe(stage: str) -> None:
    named = set(pipeline()[stage]["params"])
    if stage == "release":
        assert named == set(Recipe.model_fields) - NOT_IN_A_RELEASE
        return
    # The memory that a step takes never changes what it finds.
    assert named == reached(stage) - {"memory_mb"} | {stage}


def test_template__is_the_same_but_for_the_raw_folder_and_the_code() -> None:
    ours, template = pipeline(), pipeline(TEMPLATES / "dvc.yaml")
    assert ours["ingest"]["deps"][0] == "examples/raw"
    for name, entry in ours.items():
        assert entry["deps"][-2:] == CODE, name
        entry["deps"] = [("raw" if d == "examples/raw" else d) for d in entry["deps"][:-2]]
    assert ours == template


def test_recipes__have_every_section_that_dvc_names() -> None:
    named = {key for entry in pipeline().values() for key in entry["params"]}
    for path in (REPOSITORY / "params.yaml", TEMPLATES / "params.yaml"):
        load_recipe(path)
        assert named <= set(yaml.safe_load(path.read_text(encoding="utf-8"))), path
