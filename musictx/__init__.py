"""musictx: a Music Transformer that plays on from a primer."""

__version__ = "0.1.0"
