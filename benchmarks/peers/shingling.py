"""Token 5-grams as a careful user of a MinHash library would make them: in Python, Han and kana one token each.

It imports nothing but the standard library: every peer's environment has it.
"""

from __future__ import annotations

import json
import re
import resource
import time
from pathlib import Path

_TOKEN = re.compile(r"[㐀-鿿぀-ヿ豈-﫿]|[^\W_㐀-鿿぀-ヿ豈-﫿]+")


def shingles(text: str, n: int = 5) -> list[str]:
    """Every n consecutive tokens, lower case; a shorter text is one shingle of all its tokens."""
    tokens = _TOKEN.findall(text.lower())
    if len(tokens) < n:
        return [" ".join(tokens)] if tokens else []
    return [" ".join(window) for window in zip(*(tokens[i:] for i in range(n)), strict=False)]


class Clock:
    """Seconds by name, CPU seconds of process and children in all."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._begun = self._last = time.perf_counter()
        self._cpu = _cpu()

    def lap(self, name: str) -> None:
        """Since the last lap, or the start."""
        now = time.perf_counter()
        self.seconds[name], self._last = now - self._last, now

    def write(self, path: str, *, cluster: list[int], kept: list[bool], settings: str, version: str) -> None:
        """The answer, as benchmarks/measuring.py reads it."""
        answer = {"cluster": cluster, "kept": kept, "settings": settings, "version": version}
        answer |= {"seconds": self.seconds, "wall": time.perf_counter() - self._begun, "cpu": _cpu() - self._cpu}
        Path(path).write_text(json.dumps(answer))


def _cpu() -> float:
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in found)
