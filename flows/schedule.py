"""Serve the curate flow on the recipe's schedule. It needs a running Prefect server, and runs until it is stopped.

prefect server start                                                            # in one terminal
PREFECT_API_URL=http://127.0.0.1:4200/api python flows/schedule.py [WORKSPACE]  # in another
"""

from __future__ import annotations

from pathlib import Path

from curate import curate  # the flow beside this file; it prepares Prefect's environment
from prefect.settings import PREFECT_API_URL

from aigc_data import drive


def serve(workspace: Path) -> None:
    """Check that a server is there, then serve; one run at a time, because two would write the same files."""
    drive.require_server(PREFECT_API_URL.value())
    schedule = drive.schedule_of(workspace)
    root, recipe = drive.open_workspace(workspace)
    curate.serve(name=recipe.name, parameters={"workspace": str(root.root)}, limit=1, **schedule)


if __name__ == "__main__":
    drive.call(serve, drive.arguments(__doc__, Path(__file__).resolve().parent.parent).workspace)
