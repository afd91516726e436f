"""The exceptions that aigc_data raises on purpose.

    AigcDataError
    ├── RecipeError        params.yaml cannot be used
    ├── SourceError        a source as a whole cannot be read (a single bad record goes to quarantine instead)
    ├── IntegrityError     bytes, counts or digests are not what a manifest or a footer promises
    ├── StageError         a stage cannot run or broke its contract
    │   └── GateError      the release was refused by an expectation
    ├── TrainError         a training run cannot start or go on
    └── UsageError         a command was called with arguments that do not fit

Every message says what was seen, what was expected and what to do next, in one line; none holds a raw value of a
record.
"""

from __future__ import annotations

import errno


class AigcDataError(Exception):
    """Base of all errors of this package.

    `seen`, `expected` and `do` are joined to the one-line message that the command line prints.
    """

    def __init__(self, seen: str, *, expected: str = "", do: str = "") -> None:
        self.seen, self.expected, self.do = seen, expected, do
        parts = [seen, f"expected {expected}" if expected else "", f"to mend it: {do}" if do else ""]
        super().__init__("; ".join(p for p in parts if p))

    def __reduce__(self) -> tuple:
        # Keyword-only arguments are lost by the default protocol when an error crosses a process pool.
        return (_rebuild, (type(self), self.seen, self.expected, self.do))


def about_system(error: OSError) -> AigcDataError:
    """What the system refused, with the remedy that fits: a full disk is not a missing file."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    do = "free the disk, then run the same command again" if full else "look at the path and its rights"
    seen = error.strerror or type(error).__name__
    return AigcDataError(f"{seen}: {error.filename}" if error.filename else seen, do=do)


def _rebuild(kind: type[AigcDataError], seen: str, expected: str, do: str) -> AigcDataError:
    return kind(seen, expected=expected, do=do)


class RecipeError(AigcDataError):
    """params.yaml cannot be used."""


class SourceError(AigcDataError):
    """A source as a whole cannot be read."""


class IntegrityError(AigcDataError):
    """Bytes, counts or digests differ from what was recorded."""


class StageError(AigcDataError):
    """A stage cannot run, or broke its contract."""


class GateError(StageError):
    """The release was refused by a critical expectation."""


class TrainError(AigcDataError):
    """A training run cannot start or go on."""


class UsageError(AigcDataError):
    """A command was called with arguments that do not fit."""
