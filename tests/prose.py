"""Literal prose in two languages, and as many different documents of it as a test asks for."""

from __future__ import annotations

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
