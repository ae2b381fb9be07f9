"""Every way a model can know the order of its tokens: one class each, in a file of its own.

=============  ===================================================  ==========================
name           how order enters                                     beyond the training length
=============  ===================================================  ==========================
``vanilla``    sinusoids added to the embeddings                    computed on, never trained
``learned``    a learned vector for each position, added            ends there
``relative``   a learned embedding for each distance, in the logits clamp or zero (by config)
``rope``       queries and keys turned by their position            none, NTK-aware, YaRN, window
``alibi``      logits fall with the distance                        falls on
``none``       the causal mask alone                                nothing to extend
=============  ===================================================  ==========================

To add one, derive a class from `Positions` and enter it in `SCHEMES`, or call `register_scheme`.
"""

from __future__ import annotations

from musictx.errors import MusictxError, require
from musictx.model.positions.alibi import ALiBi
from musictx.model.positions.base import Formula, Positions, PositionTerms
from musictx.model.positions.learned import Learned
from musictx.model.positions.none import NoPositions
from musictx.model.positions.relative import Relative
from musictx.model.positions.rope import Rotary, apply_rope
from musictx.model.positions.vanilla import Sinusoidal

SCHEMES: dict[str, type[Positions]] = {
    "vanilla": Sinusoidal,
    "learned": Learned,
    "relative": Relative,
    "rope": Rotary,
    "alibi": ALiBi,
    "none": NoPositions,
}

__all__ = [
    "SCHEMES",
    "ALiBi",
    "Formula",
    "Learned",
    "NoPositions",
    "PositionTerms",
    "Positions",
    "Relative",
    "Rotary",
    "Sinusoidal",
    "apply_rope",
    "find_scheme",
    "register_scheme",
]


def find_scheme(name: str) -> type[Positions]:
    """The class of a position scheme, made with a `ModelConfig`.

    Raises
    ------
    MusictxError
        There is none of this name.
    """
    known = isinstance(name, str) and name in SCHEMES
    require(known, "position", name, f"be one of {', '.join(SCHEMES)}")
    return SCHEMES[name]


def register_scheme(name: str, scheme: type[Positions]) -> None:
    """Let models, sizes and the command line know a scheme of one's own by this name.

    Raises
    ------
    MusictxError
        The name is taken.
    """
    if SCHEMES.get(name, scheme) is not scheme:
        raise MusictxError(f"{name} is the name of a position scheme already; choose another one")
    SCHEMES[name] = scheme
