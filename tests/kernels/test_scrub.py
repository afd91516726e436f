import re

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels import scrub as k
from aigc_data.text.arrow import strings_from, text_buffers
from aigc_data.text.cleaning.character_classes import classes

BLANKS = " \t\u00a0\u3000\u2003"
PIECES = [
    "a",
    "é",
    "数",
    "，",
    "😀",
    "\n",
    "\r",
    "\r\n",
    "\x0c",
    "\u2028",
    *BLANKS,
    "\x00",
    "\x85",
    "\x9b",
    "\ufeff",
    "\u202e",
    "\x1b",
]
PIECES += ["\x1b[31m", "\x1b[", "[m", "\x1b]0;t\x07", "\x1b(B", "\x07", "\u2060", "\ufffe"]


def reference(text: str) -> str:
    """The same rules as regular expressions, one after the other; joiners are not in PIECES."""
    text = re.sub("\r\n|[\r\x0b\x0c\x85\u2028\u2029]", "\n", text)
    text = re.sub("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x00-\x1f]{0,510}(?:\x07|\x1b\\\\)|\x1b[()][0-~]|\x1b", "", text)
    text = re.sub("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\u2060\u202e\ufffe]", "", text)
    text = re.sub(f"[{BLANKS}]+$", "", text, flags=re.MULTILINE)
    text = re.sub(f"(?<=[^{BLANKS}\n])[{BLANKS}]{{2,}}", lambda m: one_blank(m[0]), text)
    return re.sub("\n{3,}", "\n\n", text).strip(BLANKS + "\n")


def one_blank(run: str) -> str:
    return "\t" if "\t" in run else run[0] if len(set(run)) == 1 else " "


def scrub(*texts: str) -> tuple[list[str], list[int]]:
    out, offsets, masks = k.scrub(*text_buffers(pa.array(texts, pa.large_string())), classes())
    return strings_from(out, offsets).to_pylist(), masks.tolist()


@settings(deadline=None)  # the first example may compile
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), max_size=4))
def test_scrub__is_the_regular_expressions(texts: list[str]) -> None:
    cleaned, masks = scrub(*texts)
    assert cleaned == [reference(text) for text in texts]
    assert [mask != 0 for mask in masks] == [text != new for text, new in zip(texts, cleaned, strict=True)]


@settings(deadline=None)  # the first example may compile
@given(
    st.lists(
        st.sampled_from(
            [
                *PIECES,
                "\u200b",
                "\u200c",
                "\u200d",
                "\ufe0f",
                "م",
                "क",
                "\u094d",
                "ก",
                "👩",
                "\U0001f3f4",
                "\U000e0067",
            ]
        )
    )
)
def test_scrub__twice_is_once(pieces: list[str]) -> None:
    once, _ = scrub("".join(pieces))
    twice, masks = scrub(*once)
    assert twice == once
    assert masks == [0]


def test_scrub__reads_a_slice_with_an_offset() -> None:
    array = pa.array(["x\x00", "数  据\x00", "b "], pa.large_string()).slice(1, 1)
    out, offsets, masks = k.scrub(*text_buffers(array), classes())
    assert strings_from(out, offsets).to_pylist() == ["数 据"]
    assert masks.tolist() == [k.DID_CONTROL | k.DID_WHITESPACE]
