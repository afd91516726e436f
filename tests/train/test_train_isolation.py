import ast
import subprocess
import sys
from pathlib import Path

import aigc_data.train

ALLOWED = {"torch", "numpy", "pyarrow", "tokenizers", "safetensors"}
FOLDER = Path(aigc_data.train.__file__).parent

# The project's other dependencies, as if they were not installed.
BLOCKED = """
import sys
class Refuse:
    names = {"pydantic", "orjson", "polars", "numba", "yaml", "typer", "rich", "xxhash", "dvc", "dvclive", "prefect",
             "great_expectations", "zstandard", "ftfy", "pandas", "scipy", "langdetect", "datasketch", "resiliparse"}
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ModuleNotFoundError(f"{name} is blocked")
sys.meta_path.insert(0, Refuse())
import aigc_data.train.loop, aigc_data.train.generate, aigc_data.train.__main__
mine = sorted(m for m in sys.modules if m.startswith("aigc_data") and not m.startswith("aigc_data.train"))
assert mine == ["aigc_data", "aigc_data.errors"], mine
"""


def test_train__imports_only_what_a_torch_image_has() -> None:
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                own = name == "aigc_data.errors" or name.startswith("aigc_data.train")
                optional = top in ("dvclive", "scmrepo") and path.name == "record.py"
                assert top in sys.stdlib_module_names or top in ALLOWED or own or optional, f"{path.name}: {name}"


def test_train__imports_where_nothing_else_is_installed() -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
