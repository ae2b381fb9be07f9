"""What a model attended to, and how surprised it was, in a take as a page sends it."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from musictx.errors import MusictxError
from musictx.events import STEPS_PER_SECOND, tokens_to_table
from musictx.lab.evaluation.attention_figures import HeadFigures, looking_back, measure_heads
from musictx.lab.evaluation.attention_maps import Listening
from musictx.lab.evaluation.note_tokens import choices, note_tokens
from musictx.lab.evaluation.surprise import primer_again, surprise
from musictx.model import MusicTransformer
from musictx.sampling.takes import Take, take_tokens

from .models import LaneModel
from .payloads import Malformed, read_length, read_notes

MAX_TAKE_TOKENS = 16_384  # tokens that are looked into: nine minutes of dense music
MAX_TOKENS = 16_384  # of takes that stay read: 12 kB each for a model of the shipped size, 200 MB in all
MEASURED = 48  # notes of a take by which its heads are ranked


class ReadTake:
    """A take that a model reads once, when it is first asked about.

    Parameters
    ----------
    model : MusicTransformer
    take : Take
    """

    def __init__(self, model: MusicTransformer, take: Take):
        self.model, self.take = model, take
        self._lock = threading.Lock()

    @cached_property
    def _read(self) -> tuple[Listening, list[HeadFigures]]:
        listening = Listening(self.model, self.take.tokens)
        notes, queries = choices(self.take)
        if not len(notes):
            notes, queries = choices(self.take, primer=True)
        places = np.unique(np.linspace(0, max(0, len(queries) - 1), MEASURED).astype(int))
        heads = measure_heads(listening, self.take.primer, queries[places]) if len(queries) else []
        return listening, looking_back(heads, len(heads))

    def read(self) -> tuple[Listening, list[HeadFigures]]:
        """What the model attends to, and its heads, those that look back farthest first."""
        with self._lock:  # several visitors, or one who taps fast, wait for one reading
            return self._read


class Insight:
    """Answers for the page; the takes that were asked about last stay read, `MAX_TOKENS` of them in all.

    Parameters
    ----------
    lanes : sequence of LaneModel
    """

    def __init__(self, lanes: Sequence[LaneModel]):
        self._models = {lane.key: lane.model for lane in lanes}
        self._takes: OrderedDict[tuple[str, bytes], ReadTake] = OrderedDict()
        self._lock = threading.Lock()

    def attention(self, sent: Any) -> dict[str, Any]:
        """The notes that a model attended to most when it chose a note.

        Parameters
        ----------
        sent : dict
            ``lane``, ``notes``, ``length`` and ``begins`` as a lane's request has them; ``note``, a row of
            ``notes``, or None to have the take read and nothing else; ``heads``, a list of
            ``[layer, head]``, or None for those that look back farthest.

        Returns
        -------
        dict
            ``arcs``: ``[row, weight]`` each, the strongest first; ``heads``: those whose mean it is;
            ``all``: ``[layer, head, reach]`` of every head, the farthest first.
        """
        name, take = self._take(sent)
        listening, ranked = self._read(name, take).read()
        heads = _heads(sent.get("heads"), self._models[name]) or [
            (h.layer, h.head) for h in looking_back(ranked)
        ]
        answer: dict[str, Any] = {
            "heads": heads,
            "all": [[h.layer, h.head, round(h.reach, 3)] for h in ranked],
        }
        if (note := sent.get("note")) is None:
            return answer
        if isinstance(note, bool) or not isinstance(note, int):
            raise Malformed("note must be the number of a note")
        rows = _rows(sent["notes"], take, listening.notes.onset, listening.notes.pitch)
        chosen = np.flatnonzero(rows == note)
        if not len(chosen):
            raise MusictxError("this note is outside what the model reads; choose a later one")
        arcs = listening.arcs(int(chosen[0]), heads)
        return answer | {"arcs": [[int(rows[arc.note]), round(arc.weight, 4)] for arc in arcs]}

    def surprise(self, sent: Any) -> dict[str, Any]:
        """Nats of each note that it comes, then, so loud, in the order of ``notes``; None where not read."""
        name, take = self._take(sent)
        found = surprise(self._models[name], take.tokens)
        nats: list[float | None] = [None] * len(sent["notes"])
        rows = _rows(sent["notes"], take, found.notes.onset, found.notes.pitch)
        for row, value in zip(rows.tolist(), found.strike.tolist(), strict=True):
            if row >= 0:
                nats[row] = round(value, 2)
        return {"nats": nats}

    def again(self, sent: Any) -> dict[str, Any]:
        """Nats per note of the primer, at the beginning and when it comes again after the take.

        Returns
        -------
        dict
            ``first``, ``second``: means; ``from``, ``at``: where (ms) the primer, or what the model reads of
            it, begins the first time and the second; ``notes``: ``[row, nats]`` of each of its notes, that
            it comes the second time, as `surprise` counts them.
        """
        name, take = self._take(sent)
        found = primer_again(self._models[name], take)
        heard = note_tokens(take.tokens[: take.primer])
        rows = _rows(sent["notes"], take, heard.onset, heard.pitch)
        end = take.begins + tokens_to_table(take.tokens).end / STEPS_PER_SECOND
        costs = zip(rows.tolist(), found.second_strike.tolist(), strict=True)
        return {
            "first": round(float(found.first.mean()), 2),
            "second": round(float(found.second.mean()), 2),
            "from": round(take.begins * 1000),
            "at": round(end * 1000),
            "notes": [[row, round(nats, 2)] for row, nats in costs],
        }

    def _take(self, sent: Any) -> tuple[str, Take]:
        lane = sent.get("lane") if isinstance(sent, Mapping) else None
        if not isinstance(lane, str) or lane not in self._models:
            raise Malformed(f"choose one of the lanes here: {', '.join(self._models)}")
        performance = read_notes(sent.get("notes"))
        if not len(performance):
            raise MusictxError("there is no note in this lane yet; press Continue first")
        length = read_length(sent.get("length"))
        begins = bool(sent.get("begins", True))
        take = take_tokens(self._models[lane], performance, length, from_beginning=begins)
        if len(take.tokens) > MAX_TAKE_TOKENS:
            raise MusictxError(
                f"{len(take.tokens):,} events of this model are too many to look into; it can be at most "
                f"{MAX_TAKE_TOKENS:,}"
            )
        return lane, take

    def _read(self, name: str, take: Take) -> ReadTake:
        digest = hashlib.sha256(take.tokens.tobytes() + bytes(str(take.primer), "ascii")).digest()
        with self._lock:
            read = self._takes.setdefault((name, digest), ReadTake(self._models[name], take))
            self._takes.move_to_end((name, digest))
            while len(self._takes) > 1 and self._tokens > MAX_TOKENS:
                self._takes.popitem(last=False)
            return read

    @property
    def _tokens(self) -> int:
        """Tokens of the takes that stay read."""
        return sum(len(read.take.tokens) for read in self._takes.values())


def _rows(sent: Sequence[Sequence[float]], take: Take, onset: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Which of the notes that the page sent each note of the tokens is [shape=(notes,)]; -1 for none."""
    table = np.asarray(sent, float)
    steps = np.rint(table[:, 0] / 1000 * STEPS_PER_SECOND).astype(int)
    place = {
        key: row for row, key in enumerate(zip(steps.tolist(), table[:, 2].astype(int).tolist(), strict=True))
    }
    own = np.rint((take.begins + onset) * STEPS_PER_SECOND).astype(int)
    found = [place.get(key, -1) for key in zip(own.tolist(), pitch.tolist(), strict=True)]
    return np.array(found, int)


def _heads(sent: Any, model: MusicTransformer) -> list[tuple[int, int]]:
    """The heads that a page asks for; none if it leaves the choice to the server."""
    if sent is None:
        return []
    shape = (model.config.layers, model.config.heads)
    known = [list(place) for place in np.ndindex(*shape)]
    whole = isinstance(sent, list) and sent and all(_is_place(head) and head in known for head in sent)
    if not whole or len(sent) > len(known):
        raise Malformed(f"this model has {shape[0]} layers of {shape[1]} heads; choose among them")
    return [(layer, head) for layer, head in sent]


def _is_place(head: Any) -> bool:
    return isinstance(head, list) and all(type(number) is int for number in head)
