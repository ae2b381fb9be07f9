"""A study: primers × models × seeds → continuations, measured, compared, and shown on one page."""

from musictx.study.plan import StudyPrimer, StudySettings, choose_primers
from musictx.study.run import run_study

__all__ = ["StudyPrimer", "StudySettings", "choose_primers", "run_study"]
