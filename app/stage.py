"""Who may play now: a fair queue of visitors, and a way to let the slowest lane catch up."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from musictx.errors import MusictxError

COMFORTABLE_LEAD = 12.0  # seconds of music ahead of the listener from which a lane can afford to wait
SCARCE_LEAD = 5.0  # a lane with less than this needs the processor most
WELCOME_LEAD = 8.0  # another visitor is let in when every lane that plays has at least this
YIELD_SECONDS = 0.25  # how long a comfortable lane stands back at a time
LANES_OF_A_PAGE = 3
MAX_CROWDED = 10.0
MAX_STOPPED = 1000  # of so many parts it is remembered that they were stopped
MAX_PAGE_LANES = 10  # of a page, that play at once


@dataclass
class Ticket:
    """The place of one visitor's run; its lanes share it."""

    visitor: str
    run: str
    lanes: int = 0
    started: float | None = None
    leads: dict[str, float] = field(default_factory=dict)
    resting: set[str] = field(default_factory=set)
    playing: set[str] = field(default_factory=set)  # lanes that have said how far they are

    @property
    def is_well_ahead(self) -> bool:
        """Whether every lane that still plays, and does not rest, has music to spare."""
        known = len(self.leads.keys() | (self.resting & self.playing)) >= self.lanes
        return known and all(lead >= WELCOME_LEAD for lead in self.leads.values())


class Stage:
    """Admits at most `visitors` runs at once; the others wait in the order in which they came.

    A run is also kept waiting while those that play are hardly ahead of their listeners: on a slow
    machine one visitor after the other hears music without gaps.

    Parameters
    ----------
    visitors : int
        How many visitors' runs may generate at the same time.
    """

    def __init__(self, visitors: int = 3) -> None:
        self.visitors = visitors
        self._tickets: list[Ticket] = []
        self._stopped: deque[str] = deque(maxlen=MAX_STOPPED)
        self._changed = threading.Condition()

    def enter(self, visitor: str, run: str) -> Ticket:
        """Queue up one lane of `run`; the visitor's earlier runs lose their place.

        Raises
        ------
        MusictxError
            The run has too many lanes already.
        """
        with self._changed:
            self._tickets = [t for t in self._tickets if t.visitor != visitor or t.run == run]
            ticket = next((t for t in self._tickets if t.visitor == visitor and t.run == run), None)
            if ticket is None:
                ticket = Ticket(visitor, run)
                self._tickets.append(ticket)
            if ticket.lanes >= MAX_PAGE_LANES:
                raise MusictxError(f"a page has at most {MAX_PAGE_LANES} lanes that play at once")
            ticket.lanes += 1
            self._changed.notify_all()
            return ticket

    def leave(self, ticket: Ticket) -> None:
        """One lane has ended; with its last lane the run gives its place to the next visitor."""
        with self._changed:
            ticket.lanes -= 1
            if ticket.lanes <= 0 and ticket in self._tickets:
                self._tickets.remove(ticket)
            self._changed.notify_all()

    def stop(self, part: str) -> None:
        """End what one lane plays, or is going to play: the request for it may still be on its way."""
        with self._changed:
            self._stopped.append(part)
            self._changed.notify_all()

    def rest(self, run: str, lane: str, rests: bool) -> None:
        """Let a lane of a run rest while others of it play, or go on."""
        with self._changed:
            for ticket in self._tickets:
                if ticket.run == run and rests and len(ticket.resting) < MAX_PAGE_LANES:
                    ticket.resting.add(lane)
                elif ticket.run == run and not rests:
                    ticket.resting.discard(lane)

    def rests(self, ticket: Ticket, lane: str) -> bool:
        """Whether a lane is to rest, and another one of its run plays meanwhile."""
        with self._changed:
            resting = lane in ticket.resting and any(other not in ticket.resting for other in ticket.leads)
            if resting:  # then a small lead is no need
                ticket.leads.pop(lane, None)
            return resting

    def is_current(self, ticket: Ticket, part: str) -> bool:
        """Whether the visitor has neither stopped this part nor started another run since."""
        with self._changed:
            return ticket in self._tickets and part not in self._stopped

    def wait(self, ticket: Ticket, seconds: float) -> int:
        """Wait up to `seconds` for the run's turn.

        Returns
        -------
        int
            How many runs must end before this one starts; 0 if it may play.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            while (place := self._place(ticket)) > 0:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    break
                self._changed.wait(remaining)
            if place == 0 and ticket.started is None:
                ticket.started = time.monotonic()
            return place

    def stand_back(self, ticket: Ticket, lane: str, music_seconds: float) -> float:
        """How long (s) a lane that has made `music_seconds` of music should leave the processor to others."""
        with self._changed:
            played = time.monotonic() - (ticket.started or time.monotonic())
            lead = ticket.leads[lane] = music_seconds - played
            ticket.playing.add(lane)
            if lead < COMFORTABLE_LEAD:
                return 0.0
            needy = any(
                other < SCARCE_LEAD
                for each in self._tickets
                for name, other in each.leads.items()
                if not (each is ticket and name == lane)
            )
            return YIELD_SECONDS if needy else 0.0

    @property
    def crowd(self) -> float:
        """How many pages' lanes play now, from 1 to `MAX_CROWDED`: so much more seldom each has its say."""
        with self._changed:
            lanes = sum(len(ticket.leads) for ticket in self._tickets)
            return min(max(1.0, lanes / LANES_OF_A_PAGE), MAX_CROWDED)

    def lane_ended(self, ticket: Ticket, lane: str) -> None:
        """Forget the lane's lead: it no longer needs the processor."""
        with self._changed:
            ticket.leads.pop(lane, None)
            ticket.playing.discard(lane)

    def _place(self, ticket: Ticket) -> int:
        if ticket.started is not None or ticket not in self._tickets:
            return 0
        ahead = self._tickets[: self._tickets.index(ticket)]
        in_turn = len(ahead) < self.visitors and all(other.started is not None for other in ahead)
        if in_turn and all(other.is_well_ahead for other in ahead):
            return 0
        waiting = sum(other.started is None for other in ahead)
        return max(waiting + 1, len(ahead) - self.visitors + 1)
