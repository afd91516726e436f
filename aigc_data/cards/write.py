"""Write a release's card into `datacards/<name>/`. The same release gives the same bytes."""

from __future__ import annotations

from pathlib import Path

from aigc_data.cards.build import build_card
from aigc_data.cards.huggingface import render_readme
from aigc_data.cards.page import render_page
from aigc_data.store.files import write_bytes
from aigc_data.store.workspace import Workspace


def write_card(workspace: Workspace, release_id: str | None = None) -> tuple[Path, Path]:
    """Write README.md and index.html of a release (the latest one without an id); returns their paths."""
    card = build_card(workspace, release_id)
    folder = workspace.cards / card.name
    readme, page = folder / "README.md", folder / "index.html"
    texts = {readme: render_readme(card), page: render_page(card)}
    for path, text in texts.items():
        write_bytes(path, text.encode("utf-8"))
    return readme, page
