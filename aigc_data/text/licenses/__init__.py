"""Licences: names to SPDX expressions, expressions to classes, notices in texts.

declared_licence(field) -> expression        class_of(expression) -> one of CLASSES        find_notices(texts,
reach=…) -> Notices
"""

from aigc_data.text.licenses.classes import CLASSES, UNKNOWN
from aigc_data.text.licenses.declared import declared_licence
from aigc_data.text.licenses.expressions import NOASSERTION, class_of, join, normalise
from aigc_data.text.licenses.notices import Notice, Notices, find_notices

__all__ = [
    "CLASSES",
    "NOASSERTION",
    "UNKNOWN",
    "Notice",
    "Notices",
    "class_of",
    "declared_licence",
    "find_notices",
    "join",
    "normalise",
]
