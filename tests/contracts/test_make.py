"""Makefile, continuous integration, pins and templates: what README and the documents promise is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[2]
TARGETS = ("help", "demo", "test", "test-slow", "check")


@pytest.mark.parametrize("target", TARGETS)
def test_make__has_the_target(target: str) -> None:
    listed = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^{target} ", listed, re.MULTILINE)


def test_ci__runs_every_check() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text()
    for step in ("make check", "make test 2>&1", "make test-slow", "scripts/fresh_resolve.py"):
        assert step in script


@pytest.mark.parametrize("script", ["scripts/make_venv.sh", "scripts/write_constraints.sh", ".ci/run"])
def test_scripts__are_executable_and_parse(script: str) -> None:
    path = REPOSITORY / script
    assert path.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_constraints__pin_every_requirement_within_its_range() -> None:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pinned = {_normal(n): v for n, _, v in (line.partition("==") for line in lines if not line.startswith("#"))}
    assert all(pinned.values()), "a line without an exact version"
    assert not [line for line in lines if re.search(r"\+|://|^-|--hash|@", line) and not line.startswith("#")]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for requirement in map(Requirement, [*project["dependencies"], *extras["train"], *extras["dev"]]):
        assert requirement.specifier.contains(pinned[_normal(requirement.name)]), requirement


def test_constraints__keep_off_what_breaks_prefect() -> None:
    text = (REPOSITORY / "constraints.txt").read_text().lower()
    fastapi, sqlalchemy = (
        tuple(map(int, re.search(rf"^{n}==(\d+)\.(\d+)", text, re.MULTILINE).groups()))
        for n in ("fastapi", "sqlalchemy")
    )
    assert fastapi < (0, 155)
    assert sqlalchemy < (2, 1)
    assert "torchvision" not in text
    assert "torch==2.13.0\n" in text


def test_templates__of_the_flows_are_the_flows() -> None:
    for path in sorted((REPOSITORY / "flows").glob("*.py")):
        assert (REPOSITORY / "aigc_data" / "templates" / "flows" / path.name).read_bytes() == path.read_bytes()
    template = REPOSITORY / "aigc_data" / "templates" / "dvcignore"
    # The repository has one line more: the templates' own pipeline.
    assert (REPOSITORY / ".dvcignore").read_bytes().startswith(template.read_bytes())


def test_dvc_config__is_the_one_that_init_writes() -> None:
    from aigc_data.store.dvc import CONFIG

    assert (REPOSITORY / ".dvc" / "config").read_text() == CONFIG


def test_fresh_resolve__names_what_would_break(capsys: pytest.CaptureFixture[str]) -> None:
    sys.path.insert(0, str(REPOSITORY / "scripts"))
    try:
        from fresh_resolve import report
    finally:
        sys.path.remove(str(REPOSITORY / "scripts"))
    report({"fastapi": "0.154.0", "torch": "2.13.0"}, {"fastapi": "0.165.0", "torch": "2.13.0+cpu", "newcomer": "1"})
    out = capsys.readouterr().out
    assert "3 packages, 1 with another version" in out
    assert "fastapi: 0.154.0 pinned, 0.165.0 would come" in out
    assert "WOULD BREAK: fastapi 0.165.0" in out
    assert "new: newcomer 1" in out
    report({"fastapi": "0.154.0"}, {"fastapi": "0.154.0"})
    assert "no known-bad combination would come" in capsys.readouterr().out


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
