"""The commands that measure: parsing and calls, as in `musictx.cli`."""
