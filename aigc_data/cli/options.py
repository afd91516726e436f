"""Options that several commands share, and opening the workspace that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aigc_data.recipe import Recipe
    from aigc_data.store.workspace import Workspace

Folder = Annotated[Path, typer.Option("--workspace", "-w", help="the workspace, or a folder inside it")]
Workers = Annotated[int | None, typer.Option(help="worker processes; 0 is one a core; default: the recipe's")]
HERE = Path()


def open_workspace(folder: Path) -> tuple[Workspace, Recipe]:
    """The workspace at or above `folder`, and its recipe."""
    from aigc_data.pipeline import open_workspace as found

    return found(folder)
