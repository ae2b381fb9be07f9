"""The ``musictx`` command: `commands` lists them, one file for each family.

The files hold options, messages and progress; the work is done elsewhere.
"""

from musictx.cli.commands import app, main

__all__ = ["app", "main"]
