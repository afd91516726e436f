"""Personal data in text: spans with validators, and what a release shows in their place.

    find_spans(texts) -> list<SPAN>, tokens        redact(texts, spans, actions=…) -> texts        scrub,
    scrub_json: both at once

Offsets are code points. Detectors see a candidate and a few code points around it, never a whole text.
"""

from aigc_data.text.pii.documents import scrub_json
from aigc_data.text.pii.rendering import ACTIONS, PLACEHOLDERS, redact, scrub
from aigc_data.text.pii.scan import KINDS, REGIONS, RELEASE_CONFIDENCE, find_spans

__all__ = [
    "ACTIONS",
    "KINDS",
    "PLACEHOLDERS",
    "REGIONS",
    "RELEASE_CONFIDENCE",
    "find_spans",
    "redact",
    "scrub",
    "scrub_json",
]
