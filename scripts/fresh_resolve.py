"""Resolve the project without constraints.txt, and say what a plain `pip install` would get today.

    python scripts/fresh_resolve.py

A report, never a failure: it always exits 0, and within five minutes. Nothing is installed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 280
#: Beside Prefect 3.8 these import or run into errors that pip cannot see: (package, first bad version, what breaks).
KNOWN_BAD = (
    ("fastapi", (0, 155), "every flow ends in TypeError: Body() got an unexpected keyword argument"),
    ("sqlalchemy", (2, 1), "schedules never create a run, and nothing says so"),
)


def main() -> int:
    """Print the report."""
    pinned = constraints(ROOT / "constraints.txt")
    wanted = [f"torch=={pinned['torch']}", ".[train,dev]"]
    print(f"fresh resolve, without constraints.txt: {' '.join(wanted)}")
    found = resolve(wanted)
    if found is not None:
        report(pinned, found)
    return 0


def constraints(path: Path) -> dict[str, str]:
    """Name → version of every line."""
    lines = [line.partition("==") for line in path.read_text(encoding="utf-8").splitlines() if "==" in line]
    return {normal(name): version for name, _, version in lines}


def resolve(wanted: list[str]) -> dict[str, str] | None:
    """Name → version that pip would install into an empty environment; None, and a line, when it could not tell."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += ["--disable-pip-version-check", "--no-input", "--report", str(path), *wanted]
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            print(f"  no answer within {TIMEOUT_SECONDS} s")
            return None
        if done.returncode or not path.is_file():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            print(f"  a plain install would fail: {last}")
            return None
        installs = json.loads(path.read_text(encoding="utf-8"))["install"]
    return {normal(i["metadata"]["name"]): i["metadata"]["version"] for i in installs}


def report(pinned: dict[str, str], found: dict[str, str]) -> None:
    """What differs, and which known-bad versions would come."""
    differ = {n: v for n, v in sorted(found.items()) if n in pinned and v.partition("+")[0] != pinned[n]}
    new = sorted(n for n in found if n not in pinned and n != "aigc-data")
    print(f"  {len(found)} packages, {len(differ)} with another version than constraints.txt, {len(new)} not in it")
    for name, version in differ.items():
        print(f"  {name}: {pinned[name]} pinned, {version} would come")
    if new:
        print(f"  new: {', '.join(f'{n} {found[n]}' for n in new)}")
    bad = [(n, found[n], why) for n, limit, why in KNOWN_BAD if n in found and numbers(found[n]) >= limit]
    for name, version, why in bad:
        print(f"  WOULD BREAK: {name} {version} beside prefect {found.get('prefect')}: {why}")
    if not bad:
        print("  no known-bad combination would come")


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def normal(name: str) -> str:
    """A distribution's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
