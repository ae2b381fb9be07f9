"""``musical``: queries and keys turned by the index of their event, by its time and by its pitch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from musictx.errors import MusictxError
from musictx.events.vocabulary import NOTE_OFF, STEPS_PER_SECOND, TIME_SHIFT, VELOCITY, VOCABULARY_SIZE
from musictx.model.config import ModelConfig
from musictx.model.positions.rope import Rotating, index_frequencies, turn_by

TIME_PERIODS = 0.2, 600.0  # seconds in which the fastest and the slowest pair turns once
PITCH_PERIODS = 7.0, 128.0  # semitones


class Musical(Rotating):
    """Rotary positions (Su et al. 2021) with three coordinates: index, time and pitch.

    Of the pairs of a head, three eighths turn by the time and a quarter by the pitch, with periods in
    geometric order; the rest turn by the index as in ``rope``. What attention sees of the order is then
    how many events, seconds and semitones lie between two events: the same after a shift in time, and
    the same after a transposition.

    Time is the sum of the TIME_SHIFTs so far, the event's own included. Pitch is that of the last NOTE_ON
    or NOTE_OFF, again the event's own included: a velocity or a shift between two notes has no pitch, and
    any fixed one would tell it how high the music is. So that it does not matter for the events before
    the first note either, pitches are counted from that note, and it is 0 before. Both go on being counted
    behind a window, which hides events and not the clock.
    """

    has_kernel, shift_invariant = True, True
    beginning = 0, -1, -1  # time, last pitch and first pitch (-1: no note yet)
    frequency: Tensor  # (d / 2,), radians per unit
    coordinate: Tensor  # (d / 2,), which one turns each pair
    steps: Tensor  # (vocabulary,), 10 ms that an event takes
    pitch: Tensor  # (vocabulary,), of an event, or -1

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        if config.vocabulary != VOCABULARY_SIZE:
            raise MusictxError(
                f"musical positions need the vocabulary of {VOCABULARY_SIZE} events, which tells times and "
                f"pitches; this model's has {config.vocabulary}"
            )
        pairs = config.head_width // 2
        by_time, by_pitch = 3 * pairs // 8, pairs // 4
        by_index, self.gain = index_frequencies(config, pairs - by_time - by_pitch)
        rates = [by_index, _rates(TIME_PERIODS, by_time) / STEPS_PER_SECOND, _rates(PITCH_PERIODS, by_pitch)]
        which = torch.cat([torch.full((len(x),), i) for i, x in enumerate(rates)])
        self.register_buffer("frequency", torch.cat(rates), persistent=False)
        self.register_buffer("coordinate", which, persistent=False)
        token = torch.arange(VOCABULARY_SIZE)
        is_shift = (token >= TIME_SHIFT) & (token < VELOCITY)
        self.register_buffer("steps", torch.where(is_shift, token - TIME_SHIFT + 1, 0), persistent=False)
        pitch = torch.where(token < TIME_SHIFT, token % NOTE_OFF, -1)
        self.register_buffer("pitch", pitch, persistent=False)

    def coordinates(self, tokens: Tensor, start: int, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Index, time (10 ms) and pitch (semitones above the first note) [shape=(B, T, 3)].

        The state [shape=(B, 3)] is the time, the last pitch and the first pitch (-1: no note yet).
        """
        batch, length = tokens.shape
        if state is None:
            state = torch.tensor([self.beginning], device=tokens.device).expand(batch, -1)
        before, last, first = state.split(1, 1)
        time = before + self.steps[tokens].cumsum(1)
        own = self.pitch[tokens]
        note = (own >= 0).long().cumsum(1)  # how many note events there were; 0: the last one is in the state
        pitches = torch.cat([last, torch.full_like(own, -1)], 1).scatter_reduce(1, note, own, "amax")
        pitch = pitches.gather(1, note)
        first = torch.where(first >= 0, first, pitches[:, 1:2])
        index = torch.arange(start, start + length, device=tokens.device).expand(batch, -1)
        height = torch.where(pitch >= 0, pitch - first, 0)
        after = torch.cat([time[:, -1:], pitch[:, -1:], first], 1)
        return torch.stack([index, time, height], -1), after

    def rotation(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102
        angle = coordinates[:, None, :, self.coordinate] * self.frequency  # (B, 1, T, d / 2)
        return turn_by(angle, self.gain)


def _rates(periods: tuple[float, float], pairs: int) -> Tensor:
    """Radians per unit of pairs with periods from the shortest to the longest, in geometric order."""
    shortest, longest = (math.log10(period) for period in periods)
    return (2 * math.pi / torch.logspace(shortest, longest, pairs, dtype=torch.float64)).float()
