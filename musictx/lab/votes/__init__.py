"""Votes of the blind test, and what they say.

`book` keeps and reads them, `rules` says which of them count, `shares` counts and tests, `strengths` fits
Bradley and Terry's model, `power` says how many votes are needed, `report` puts it together
(``musictx votes``).
"""

from musictx.lab.votes.book import Vote, default_path, read_votes
from musictx.lab.votes.power import votes_needed
from musictx.lab.votes.report import report_votes
from musictx.lab.votes.rules import Rules, judge_votes
from musictx.lab.votes.strengths import fit_strengths

__all__ = [
    "Rules",
    "Vote",
    "default_path",
    "fit_strengths",
    "judge_votes",
    "read_votes",
    "report_votes",
    "votes_needed",
]
