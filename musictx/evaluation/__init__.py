"""Measuring models and music: NLL in named conventions, structure, copies."""
