"""The card as a Hugging Face dataset card: YAML front matter and Markdown.

Source: huggingface_hub, templates/datasetcard_template.md and repocard_data.py; hub-docs, datasetcard.md.
"""

from __future__ import annotations

import html
import re
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from aigc_data.cards import words
from aigc_data.cards.model import CardModel, Count, Piece

#: SPDX identifiers (lower-case) that the Hub knows under the same or another name.
_SAME = (
    *("apache-2.0", "mit", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear"),
    *("c-uda-1.0", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
    *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"),
    *("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cdla-sharing-1.0", "cdla-permissive-1.0"),
    *("cdla-permissive-2.0", "wtfpl", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2"),
    *("isc", "lppl-1.3c", "ms-pl", "mpl-2.0", "osl-3.0", "postgresql", "ofl-1.1", "ncsa", "unlicense", "zlib"),
)
_RENAMED = {
    **{
        f"{name}{ending}": name
        for name in ("gpl-2.0", "gpl-3.0", "agpl-3.0", "lgpl-2.1", "lgpl-3.0")
        for ending in ("", "-only", "-or-later")
    },
    **{"odc-by-1.0": "odc-by", "odbl-1.0": "odbl", "pddl-1.0": "pddl", "c-uda-1.0": "c-uda"},
}
HUB_LICENCES = {**{name: name for name in _SAME}, **_RENAMED}
_SIZES = (
    *((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M")),
    *((10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"), (10**11, "10B<n<100B"), (10**12, "100B<n<1T")),
)
_DTYPES = {"large_string": "string"}
#: What begins markup inside a line; `://` and `@` because the Hub makes links and mentions of bare ones.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#!|~^$@]|:(?=//))")


def render_readme(card: CardModel) -> str:
    """The whole README.md."""
    environment = Environment(
        loader=PackageLoader("aigc_data.cards"),
        autoescape=False,  # Markdown has its own escape, `md`, which also takes care of HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(md=escape_markdown, text=escape_prose, number=words.number, size=words.size)
    environment.filters.update(language=words.language, script=lambda code: words.SCRIPTS.get(code, code))
    environment.filters.update(kind=words.kind)
    environment.globals.update(share=words.share, bound=words.bound, looked_for=words.looked_for)
    environment.globals.update(similarities=words.similarities, interval=words.interval)
    environment.filters.update(beside=_beside)
    front = yaml.safe_dump(front_matter(card), sort_keys=False, allow_unicode=True, width=1000)
    return environment.get_template("readme.md").render(card=card, front=front)


def front_matter(card: CardModel) -> dict[str, Any]:
    """The YAML of the card, as plain values; what the Hub validates."""
    languages = [c.name for c in card.languages if re.fullmatch(r"[a-z]{2,3}", c.name) and c.name != "und"]
    splits = [c for c in card.splits if c.rows]
    return {
        "pretty_name": card.name,
        "language": languages,
        "multilinguality": ["multilingual" if len(languages) > 1 else "monolingual"],
        **licence(card.licences),
        "size_categories": [size_category(card.rows)],
        "task_categories": ["text-generation"],
        "annotations_creators": ["no-annotation"],
        "tags": ["aigc-data", f"release-{card.id[:12]}"],
        "configs": [
            {"config_name": "default", "data_files": [{"split": c.name, "path": f"{c.name}/*.parquet"} for c in splits]}
        ],
        "dataset_info": {
            "features": [{"name": name, "dtype": _DTYPES.get(kind, kind)} for name, kind in card.schema],
            "splits": [{"name": c.name, "num_bytes": c.bytes, "num_examples": c.rows} for c in splits],
            "download_size": sum(f.bytes for f in card.files),
            "dataset_size": sum(c.bytes for c in splits),
        },
    }


def licence(licences: tuple[Count, ...]) -> dict[str, str]:
    """`license` as the Hub spells it; for a mixture, or one that the Hub does not know, `other` with name and link."""
    if len(licences) == 1 and licences[0].name.lower() in HUB_LICENCES:
        return {"license": HUB_LICENCES[licences[0].name.lower()]}
    names = " AND ".join(sorted(f"({c.name})" if " " in c.name else c.name for c in licences))
    # The Hub wants a short lower-case slug, and the particulars behind the link.
    slug = "mixed-see-card" if len(licences) != 1 else re.sub(r"[^a-z0-9.]+", "-", names.lower()).strip("-")
    return {"license": "other", "license_name": slug, "license_link": "README.md#licensing-information"}


def size_category(rows: int) -> str:
    """The Hub's size category of a number of rows."""
    return next((name for limit, name in _SIZES if rows < limit), "n>1T")


def escape_markdown(value: object) -> str:
    """A value as one line of plain text inside a Markdown table or sentence; no markup and no HTML of it survives."""
    line = " ".join(str(value).split())
    return html.escape(_MARKDOWN.sub(r"\\\1", line), quote=False)


def _beside(pieces: tuple[Piece, ...]) -> str:
    """Pieces of a text on one line; what is only in it in `<ins>`, what is only in the other in `<del>`."""
    marked = []
    for piece in pieces:
        # escape_markdown takes the white space at the ends away, which parts one word from the next.
        bare = piece.text.strip()
        before, after = (" " if piece.text[:1].isspace() else ""), (" " if piece.text[-1:].isspace() and bare else "")
        text = escape_markdown(bare)
        marked.append(
            before + (f"<{piece.kind}>{text}</{piece.kind}>" if text and piece.kind != "same" else text) + after
        )
    return "".join(marked).strip()


def escape_prose(value: str) -> str:
    """Text that a person wrote, of several paragraphs: Markdown stays theirs, HTML does not."""
    return html.escape(value.strip(), quote=False)
