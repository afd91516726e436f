"""Extraction, cleaning, language, signals, models and safety on real text, beside their peers, in one run.

    python benchmarks/text.py DATA [--peers FOLDER] [--only signals language …] [--to report.md]

DATA holds the folders text_html, text_web, text_en, text_zh, lid, quality, safety and bad_input of the project's test
data (docs/benchmarks.md says what is in them). FOLDER holds virtual environments of the peers: datatrove, lid. Each
part also runs alone: `python benchmarks/text_signals.py DATA`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

PARTS = ("html", "cleaning", "language", "signals", "models", "safety")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--peers", type=Path, help="a folder with one virtual environment a peer")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--to", type=Path, help="write the tables there, too")
    args = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    tables = []
    for part in args.only:
        found = importlib.import_module(f"text_{part}").report(args.data, args.peers)
        tables.append(f"## {part}\n\n{found.strip()}\n")
        print(tables[-1], flush=True)
    if args.to:
        args.to.write_text("\n".join(tables), encoding="utf-8")


if __name__ == "__main__":
    main()
