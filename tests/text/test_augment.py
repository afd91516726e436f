from __future__ import annotations

import pytest

from aigc_data.text.augment import VARIANTS, sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One. ", "Two! ", "Three?"]),
        ("见192.168.1.1。好的！走", ["见192.168.1.1。", "好的！", "走"]),
        ("Mail a@b.example.org or 3.5 now. Then go.", ["Mail a@b.example.org or 3.5 now. ", "Then go."]),
        ("Wait... what?!\nNo end", ["Wait... ", "what?!\n", "No end"]),
        ("他说：“走。”然后走了。", ["他说：“走。”", "然后走了。"]),
        ("...", ["..."]),
        ("", []),
    ],
)
def test_sentences__end_at_a_mark_and_not_inside_a_word(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts
    assert "".join(sentences(text)) == text


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_variants__of_long_runs_of_marks_take_no_time(variant: str) -> None:
    for text in ("." * 200_000, "." * 200_000 + "a", "a." * 20_000, "! " * 20_000, "。" * 20_000):
        assert len(VARIANTS[variant](text, 1)) <= len(text)
