from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from aigc_data.errors import IntegrityError
from aigc_data.hashing import digest_file
from aigc_data.store import parquet

TABLE = pa.table(
    {
        "id": [f"{i:032x}" for i in range(9000)],
        "text": pa.array([f"行 {i} line" * 9 for i in range(9000)], pa.large_string()),
    }
)


def test_write__same_rows_in_other_chunks_give_the_same_bytes(tmp_path: Path) -> None:
    one = parquet.write(tmp_path / "a.parquet", TABLE, footer={"key": "k"})
    chunked = pa.concat_tables([TABLE.slice(0, 17), TABLE.slice(17, 5000), TABLE.slice(5017)])
    two = parquet.write(tmp_path / "b.parquet", chunked, footer={"key": "k"})
    assert one == two
    assert one.sha256 == digest_file(tmp_path / "a.parquet") == digest_file(tmp_path / "b.parquet")
    assert parquet.read(tmp_path / "b.parquet") == TABLE
    assert parquet.footer(tmp_path / "a.parquet") == {"key": "k", "rows": 9000}


def test_read__every_flipped_bit_is_an_error_or_the_same_values(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write(path, TABLE.slice(0, 800), footer={"key": "k"})
    raw, rng, rows = path.read_bytes(), random.Random(0), TABLE.slice(0, 800).to_pylist()
    caught = 0
    for _ in range(200):
        broken = bytearray(raw)
        broken[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        path.write_bytes(broken)
        try:
            # A flip in the footer may change how a type is called; the values stay, and the file's digest tells.
            assert parquet.read(path, ["id", "text"]).to_pylist() == rows
        except IntegrityError as error:
            caught += str(path) in str(error)
    assert caught > 150


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all"])
def test_read__what_is_no_parquet_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.parquet"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"broken\.parquet"):
        parquet.read(path)
    with pytest.raises(IntegrityError, match="is missing"):
        parquet.read(tmp_path / "nowhere.parquet")


def test_read__a_missing_column_is_named(tmp_path: Path) -> None:
    parquet.write(tmp_path / "a.parquet", TABLE.slice(0, 3), footer={})
    with pytest.raises(IntegrityError, match="no column nothing"):
        parquet.read(tmp_path / "a.parquet", ["id", "nothing"])


def test_write__a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    wrong = pa.table({"x": pa.array([[{"a": 1}]])}).append_column("y", pa.array([None], pa.null()))
    (tmp_path / "a.parquet").mkdir()  # a folder where the file should go: the rename fails
    with pytest.raises(OSError, match=r"a\.parquet"):
        parquet.write(tmp_path / "a.parquet", wrong, footer={})
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == []


def test_write__footer_holds_no_text_statistics(tmp_path: Path) -> None:
    secret = pa.table({"text": pa.array(["13812345678 is a phone number"], pa.large_string())})
    parquet.write(tmp_path / "a.parquet", secret, footer={})
    import pyarrow.parquet as pq

    assert pq.ParquetFile(tmp_path / "a.parquet").metadata.row_group(0).column(0).statistics is None


@pytest.mark.parametrize("limit", [100, 4096, 200_000])
def test_write__a_full_disk_leaves_nothing(tmp_path: Path, limit: int) -> None:
    code = (
        "import resource, signal, sys, pyarrow as pa\n"
        "from pathlib import Path\n"
        "from aigc_data.store import parquet\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "import random\n"
        "texts = [str(random.Random(i).random()) * 20 for i in range(30_000)]\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "try:\n"
        "    parquet.write(Path(sys.argv[1]) / 'a.parquet', pa.table({'text': texts}), footer={})\n"
        "except OSError as error:\n"
        "    sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert list(tmp_path.iterdir()) == []
