"""From texts to spans: the kernel finds places, detectors look at a window around each, Arrow takes the
result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np
import pyarrow as pa

from aigc_data.columns import SPAN
from aigc_data.kernels.candidates import AT, COLON, NUMBER, find_candidates
from aigc_data.text.arrow import text_buffers
from aigc_data.text.pii import emails
from aigc_data.text.pii.addresses import find_ipv4, find_ipv6
from aigc_data.text.pii.cards import find_card, find_resident_id
from aigc_data.text.pii.emails import find_email
from aigc_data.text.pii.finding import CONTEXT, FOLD, ZERO_WIDTH, Finding, resolve_overlaps
from aigc_data.text.pii.phones import find_phones

KINDS = ("email", "phone", "cn_resident_id", "bank_card", "ip")
REGIONS = ("CN", "US")
#: Spans below this are noted and left as they are, unless the recipe asks for more.
RELEASE_CONFIDENCE = 50

#: What a masked value no longer holds.
_REVEALING = re.compile(r"[1-9a-wyzA-WYZ]")

#: (text, start, end, digits) -> findings, all in code points of the text.
Detector = Callable[[str, int, int, int], Iterable[Finding]]
Detectors = dict[int, tuple[Detector, ...]]


def detectors_for(kinds: Iterable[str], regions: tuple[str, ...] = REGIONS) -> Detectors:
    """The detectors that look at each kind of candidate. Raises ValueError for an unknown kind."""
    wanted = set(kinds)
    if unknown := wanted - set(KINDS):
        raise ValueError(f"unknown kinds of personal data: {sorted(unknown)}; expected some of {list(KINDS)}")
    phones = partial(find_phones, regions=tuple(regions))
    numbers: dict[str, Detector] = {
        "phone": phones,
        "cn_resident_id": find_resident_id,
        "bank_card": find_card,
        "ip": find_ipv4,
    }
    return {
        NUMBER: tuple(detector for kind, detector in numbers.items() if kind in wanted),
        AT: (find_email,) if "email" in wanted else (),
        COLON: (find_ipv6,) if "ip" in wanted else (),
    }


def find_spans(
    texts: pa.Array | pa.ChunkedArray, *, kinds: Iterable[str] = KINDS, regions: tuple[str, ...] = REGIONS
) -> tuple[pa.ListArray, np.ndarray]:
    """(spans, tokens) of n texts: a list<SPAN> array and int64[n]; a null text has no spans.

    Spans are in order and do not overlap; where two detectors claim the same place the more confident wins,
    then the longer.
    """
    data, offsets = text_buffers(texts)
    candidates, tokens = find_candidates(data, offsets)
    detectors = detectors_for(kinds, regions)
    rows: list[list[Finding]] = []
    row_of: list[int] = []
    # One step a candidate, a few per kilobyte of text: the kernel has left out everything else.
    for kind, row, first, last, point, digits in candidates.tolist():
        if not detectors[kind]:
            continue
        found = _look(data, int(offsets[row]), int(offsets[row + 1]), kind, first, last, point, digits, detectors[kind])
        if found:
            if not row_of or row_of[-1] != row:
                row_of.append(row)
                rows.append([])
            rows[-1].extend(found)
    return _to_arrow([resolve_overlaps(r) for r in rows], row_of, len(offsets) - 1), tokens


def look(
    kind: int, left: str, core: str, right: str, digits: int, detectors: tuple[Detector, ...]
) -> Iterator[Finding]:
    """Findings of the detectors at one candidate, in code points relative to where `core` begins.

    `left` and `right` are cut here to what a detector may see, so that a window and a whole text give the
    same findings.
    """
    reach_left, reach_right = (emails.LEFT, emails.RIGHT) if kind == AT else (CONTEXT, CONTEXT)
    left, right = left[-reach_left:], right[:reach_right]
    text = (left + core + right).translate(FOLD)
    start, end = len(left), len(left) + len(core)
    places: list[int] | None = None
    if kind == NUMBER and ZERO_WIDTH in text:
        # Invisible characters inside a number: look at the text without them, and translate the places back.
        places = [i for i, char in enumerate(text) if char != ZERO_WIDTH]
        start -= text.count(ZERO_WIDTH, 0, start)
        end = start + len(core) - text.count(ZERO_WIDTH, len(left), len(left) + len(core))
        text = text.replace(ZERO_WIDTH, "")
    for detector in detectors:
        for one in detector(text, start, end, digits):
            first, last = one.start, one.end
            if not _REVEALING.search(text, first, last):
                continue  # only what masking leaves; also how people write "any number"
            if places is not None:
                first, last = places[first], places[last - 1] + 1
            yield one._replace(start=first - len(left), end=last - len(left))


def _look(
    data: np.ndarray,
    row_start: int,
    row_end: int,
    kind: int,
    first: int,
    last: int,
    point: int,
    digits: int,
    detectors: tuple[Detector, ...],
) -> list[Finding]:
    reach = 4 * (emails.RIGHT if kind == AT else CONTEXT)  # a code point has four bytes at most
    # "ignore" drops the halves of characters at the two cuts, and nothing else: the text is valid UTF-8.
    left = data[max(row_start, first - reach) : first].tobytes().decode("utf-8", "ignore")
    core = data[first:last].tobytes().decode("utf-8")
    right = data[last : min(row_end, last + reach)].tobytes().decode("utf-8", "ignore")
    return [
        one._replace(start=one.start + point, end=one.end + point)
        for one in look(kind, left, core, right, digits, detectors)
    ]


def _to_arrow(rows: list[list[Finding]], row_of: list[int], count: int) -> pa.ListArray:
    lengths = np.zeros(count, np.int64)
    lengths[row_of] = [len(row) for row in rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    flat = [one for row in rows for one in row]
    columns = {
        "kind": [one.kind for one in flat],
        "start": [one.start for one in flat],
        "end": [one.end for one in flat],
        "validator": [one.validator for one in flat],
        "confidence": [one.confidence for one in flat],
    }
    arrays = [pa.array(columns[field.name], field.type) for field in SPAN]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.StructArray.from_arrays(arrays, fields=list(SPAN)))
