"""The command line: argument parsing only. Heavy imports stay inside the commands, so that `--help` is quick."""

from __future__ import annotations

from aigc_data.cli.commands import app, main

__all__ = ["app", "main"]
