"""The direction of imports, as the design draws it: flows, cli → pipeline → runner → stages → text → kernels."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "aigc_data"
LEAVES = {"columns", "errors", "hashing", "recipe"}
DRIVERS = {"cli", "console", "drive", "scaffold", "apply", "pipeline"}
#: What a part may not import, by the first parts of a module's name below aigc_data.
FORBIDDEN = {
    "kernels": {"text", "dedupe", "stages", "store", "sources", "cards", "train", "runner", "render", *DRIVERS},
    "text": {"dedupe", "stages", "store", "sources", "cards", "train", "runner", "render", *DRIVERS},
    "sources": {"dedupe", "stages", "cards", "train", "runner", "render", "text", *DRIVERS},
    "store": {"dedupe", "stages", "cards", "train", "runner", *DRIVERS},
    "stages": {"cards", "train", "safety", "rules", *DRIVERS},
    "runner": {"dedupe", "stages", "cards", "train", *DRIVERS},
    "dedupe": {"stages", "cards", "train", "render", "election", *DRIVERS},
    "render": {"stages", "cards", "train", "runner", *DRIVERS},
    "cards": {"dedupe", "stages", "train", "runner", *DRIVERS},
    "safety": {"stages", "pipeline", "cards", "train", "runner", "cli", "console", "drive"},
    "pipeline": {"cards", "train", "cli", "console", "drive"},
}
#: What train/ may import from outside: it also runs inside a vendor's torch image. The last two if installed.
TRAIN_OUTSIDE = {"torch", "numpy", "pyarrow", "tokenizers", "safetensors", "dvclive", "scmrepo"}
TRAIN_INSIDE = {"train", "errors", "hashing"}
ADAPTERS = {
    "prefect": set(),
    "great_expectations": {"expectations"},
    "dvc": {"store.dvc"},
    "torch": {"train", "text.dedupe.semantic"},
}


def modules() -> list[Path]:
    return [p for p in sorted(PACKAGE.rglob("*.py")) if "templates" not in p.relative_to(PACKAGE).parts]


def name_of(path: Path) -> str:
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at the top or inside a function; names from packages as modules too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found.add(node.module or "")
            found |= {f"{node.module}.{a.name}" for a in node.names}
    return found


def inside(path: Path) -> set[str]:
    return {n.removeprefix("aigc_data.") for n in imports(path) if n.startswith("aigc_data.")}


def outside(path: Path) -> set[str]:
    tops = {n.split(".")[0] for n in imports(path)}
    return {t for t in tops if t not in sys.stdlib_module_names and t not in ("aigc_data", "")}


@pytest.mark.parametrize("part", sorted(FORBIDDEN))
def test_imports__go_down_only(part: str) -> None:
    wrong = {
        f"{name_of(path)} imports {found}"
        for path in modules()
        if name_of(path).split(".")[0] == part
        for found in inside(path)
        if found.split(".")[0] in FORBIDDEN[part]
    }
    assert not wrong


def test_imports__of_leaves_stay_among_leaves() -> None:
    for leaf in (path for path in modules() if name_of(path).split(".")[0] in LEAVES):
        assert {n.split(".")[0] for n in inside(leaf)} <= LEAVES, leaf


def test_imports__stages_never_import_each_other() -> None:
    stages = {p.stem for p in (PACKAGE / "stages").glob("*.py")} - {"__init__"}
    for path in (PACKAGE / "stages").glob("*.py"):
        others = {n.split(".")[1] for n in inside(path) if n.startswith("stages.")} & stages
        assert not others, f"{path.name} imports {others}"


def test_imports__train_needs_little() -> None:
    for path in (PACKAGE / "train").glob("*.py"):
        assert outside(path) <= TRAIN_OUTSIDE, path.name
        assert {n.split(".")[0] for n in inside(path)} <= TRAIN_INSIDE, path.name


@pytest.mark.parametrize("library", sorted(ADAPTERS))
def test_imports__of_a_heavy_library_stay_in_its_adapter(library: str) -> None:
    allowed = ADAPTERS[library]
    for path in modules():
        name = name_of(path)
        if library in outside(path):
            assert any(name == a or name.startswith(f"{a}.") for a in allowed), f"{name} imports {library}"


def test_imports__of_prefect_are_in_flows_and_its_tests_only() -> None:
    for folder in ("aigc_data", "benchmarks", "scripts", "tests"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            if not path.is_symlink():  # the templates of the flows are links to flows/
                assert "prefect" not in outside(path), path


def test_calls__nothing_is_unpickled_or_evaluated() -> None:
    for path in modules():
        assert not {"pickle", "cloudpickle", "dill", "marshal", "shelve"} & {n.split(".")[0] for n in imports(path)}, (
            path
        )
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), path
