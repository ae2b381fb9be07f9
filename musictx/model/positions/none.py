"""``none``: the causal mask alone tells the order of tokens."""

from __future__ import annotations

from musictx.model.positions.base import Formula, Positions


class NoPositions(Positions):
    """No positions at all: in each layer, the tokens before are a set."""

    engine_supports, shift_invariant = True, True

    def formula(self) -> Formula:  # noqa: D102
        return Formula()
