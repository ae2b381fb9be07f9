"""A study: primers × models × seeds → continuations, measured, compared, and shown on one page."""

from musictx.lab.study.plan import StudyPrimer, StudySettings, choose_primers
from musictx.lab.study.run import run_study

__all__ = ["StudyPrimer", "StudySettings", "choose_primers", "run_study"]
