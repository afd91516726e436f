"""What many tests share: a small workspace of literal rows, and the frame of nasty texts that every stage must
survive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from aigc_data.recipe import Recipe, load_recipe
from aigc_data.store.workspace import Workspace

ENGLISH = (
    "The harbour was quiet in the morning, and the boats that had come in with the tide lay side by side along the "
    "stone wall. An old man was mending a net with patient hands. He had learned the work from his father, who had "
    "learned it from the men of the village before there was a road. When the sun rose above the hill, the women came "
    "down to buy fish, and the children ran between the baskets until they were told to be still."
)
CHINESE = (
    "清晨的港口十分安静，随着潮水进来的船只并排停靠在石墙边。一位老人正在耐心地修补渔网，他的手艺是从父亲那里学来的，而父亲又是在村里"
    "还没有公路的时候向老一辈的人学的。太阳升到山顶以后，妇女们下来买鱼，孩子们在篮子之间跑来跑去，直到有人叫他们安静下来。"
    "集市散去的时候，石板路上只剩下几片鱼鳞和海水的气味，远处的灯塔在雾里显得很小。"
)


_WORDS = [
    *("amber", "basket", "candle", "dormouse", "ember", "feather", "garden", "hammer", "island", "jacket", "kettle"),
    *(
        "lantern",
        "meadow",
        "needle",
        "orchard",
        "pebble",
        "quarry",
        "ribbon",
        "saddle",
        "thimble",
        "umbrella",
        "valley",
    ),
    *("willow", "yarrow", "zephyr", "anchor", "bridge", "cellar", "dagger", "engine", "furnace", "gravel"),
]


def english(n: int) -> str:
    """A different English document for each n: no near-duplicate of the others, and good prose to every rule."""
    words = ENGLISH.split()
    return " ".join(
        f"{_WORDS[(i * (n + 3) + n * 7) % len(_WORDS)]} {w}" if (i + n) % 3 == 0 else w for i, w in enumerate(words)
    )


def chinese(n: int) -> str:
    """A different Chinese document for each n: no near-duplicate of the others."""
    extra = "山水风云日月星辰花草树木江河湖海春夏秋冬"
    return "".join(
        c if (i * 7919 + n * 104729) % 5 else c + extra[(i + n) % 20] + extra[(i * n + n) % 20]
        for i, c in enumerate(CHINESE)
    )


MakeWorkspace = Callable[..., tuple[Workspace, Recipe]]


@pytest.fixture
def make_workspace(tmp_path: Path) -> MakeWorkspace:
    """Write rows (mappings) as JSON Lines files of one source and a params.yaml with the given sections."""

    def make(
        files: Mapping[str, Sequence[Mapping[str, Any]]],
        *,
        folder: str = "workspace",
        source: Mapping[str, Any] | None = None,
        **sections: Any,
    ) -> tuple[Workspace, Recipe]:
        root = tmp_path / folder
        for name, rows in files.items():
            path = root / "raw" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))
        recipe = {
            "name": "test",
            "sources": [{"name": "raw", "path": "raw", "id": "id", "license": "CC0-1.0", **(source or {})}],
            "workers": 1,
            **sections,
        }
        (root / "params.yaml").write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
        return Workspace(root), load_recipe(root / "params.yaml")

    return make


@pytest.fixture
def documents() -> list[dict[str, Any]]:
    """Twenty-four documents in two languages with an id of their own."""
    rows = [{"id": f"en-{n}", "text": english(n)} for n in range(12)]
    return rows + [{"id": f"zh-{n}", "text": chinese(n)} for n in range(12)]
