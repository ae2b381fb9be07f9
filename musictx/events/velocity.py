"""MIDI velocity ↔ the 32 levels of the VELOCITY event."""

from __future__ import annotations

import numpy as np

from musictx.events.vocabulary import VELOCITIES_PER_LEVEL, VELOCITY_LEVELS


def velocity_to_level(velocity: np.ndarray) -> np.ndarray:
    """MIDI velocity (1 to 127) to one of 32 levels (0 to 31), four velocities a level.

    Examples
    --------
    >>> from musictx.events import velocity_to_level
    >>> velocity_to_level([1, 4, 5, 127]).tolist()
    [0, 0, 1, 31]
    """
    return np.clip((np.asarray(velocity, np.int64) - 1) // VELOCITIES_PER_LEVEL, 0, VELOCITY_LEVELS - 1)


def level_to_velocity(level: np.ndarray) -> np.ndarray:
    """Velocity in the middle of a level; encoding it gives the level again.

    Examples
    --------
    >>> from musictx.events import level_to_velocity
    >>> level_to_velocity([0, 1, 31]).tolist()
    [2, 6, 126]
    """
    middle = np.asarray(level, np.int64) * VELOCITIES_PER_LEVEL + VELOCITIES_PER_LEVEL // 2
    return np.minimum(middle, 127)
