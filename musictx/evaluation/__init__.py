"""Measuring models and music: NLL in named conventions, structure, copies."""

from musictx.evaluation.structure import describe_continuation

__all__ = ["describe_continuation"]
