"""``python -m musictx``."""

from musictx.cli import main

main()
