"""How far the music must be ahead of the page's clock before it starts, or goes on.

`app/static/sound/lead.js` is this rule for the browser, with these numbers; `musictx bench load` listens by
it too.
"""

from __future__ import annotations

START_LEAD, MAX_START_LEAD = 0.35, 4.0  # seconds of music with which the clock starts
RESUME_LEAD, MAX_RESUME_LEAD = 1.2, 12.0  # … and goes on after a wait: twice as much with every one
HOLD = 0.1  # seconds of music that are left when it begins to wait, so that no note comes late
PACE_SHARE = 0.9  # of the pace so far, on which the rest is taken to come
PACE_SECONDS = 0.5  # of watching, before a pace is known


def lead_needed(waits: int, rest: float, pace: float | None) -> float:
    """Seconds of music that must be there.

    Parameters
    ----------
    waits : int
        How often the clock had to wait already.
    rest : float
        Seconds that are still to be heard.
    pace : float, optional
        Seconds of music that are made in a second, if that is known.
    """
    missing = 0.0 if pace is None else rest * (1 - PACE_SHARE * pace)
    if not waits:
        return max(START_LEAD, min(MAX_START_LEAD, missing))
    return min(MAX_RESUME_LEAD, max(RESUME_LEAD * 2 ** (waits - 1), missing))
