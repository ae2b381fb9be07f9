"""Published tables, made again from the data up: ``musictx reproduce``."""
