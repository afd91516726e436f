from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import aigc_data


def answer(root: Path) -> str:
    """What a fresh process says of a kernel that adds the constant of another module, and whether it compiled it."""
    code = "from aigc_data.kernels.outer import outer; print(outer(1), len(outer.stats.cache_misses))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


def test_kernels__a_change_in_what_a_kernel_calls_is_seen(tmp_path: Path) -> None:
    package = tmp_path / "aigc_data"
    (package / "kernels").mkdir(parents=True)
    real = Path(aigc_data.__file__).parent
    for name in (
        "__init__.py",
        "codedigest.py",
        "errors.py",
        "hashing.py",
        "kernels/__init__.py",
        "kernels/cache.py",
        "kernels/flags.py",
    ):
        shutil.copy(real / name, package / name)
    inner, outer = package / "kernels" / "inner.py", package / "kernels" / "outer.py"
    head = "from aigc_data.kernels.flags import inlined, kernel\n"
    outer.write_text(
        f"{head}from aigc_data.kernels.inner import inner\n\n@kernel\ndef outer(x):\n    return inner(x)\n"
    )
    inner.write_text(f"{head}\n@inlined\ndef inner(x):\n    return x + 1\n")
    assert [answer(tmp_path), answer(tmp_path)] == ["2 1", "2 0"]
    inner.write_text(f"{head}\n@inlined\ndef inner(x):\n    return x + 7\n")
    assert [answer(tmp_path), answer(tmp_path)] == ["8 1", "8 0"]
