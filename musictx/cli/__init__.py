"""The ``musictx`` command: `commands` lists them, one file a family parses and calls."""

from musictx.cli.commands import app, main

__all__ = ["app", "main"]
