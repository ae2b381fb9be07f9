"""``SamplingSettings``: how tokens are drawn, and what commands, page and endpoints say of each setting.

It imports next to nothing: the command line needs it before it has loaded a model. The filters that it sets
are in `musictx.sampling.filters`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from musictx.errors import MusictxError, require

WISHES = (("denser", "calmer"), ("higher", "lower"), ("louder", "softer"))  # of `SamplingSettings.shape`
STEADY = "steady"  # one more, without an opposite


class Setting(NamedTuple):
    """What there is to know of a setting wherever it can be chosen.

    Attributes
    ----------
    label : str
        Its name in the page and in errors of endpoints.
    help : str
        For the command line and for programs that call an endpoint.
    remark : str
        For the page.
    allows : callable
        Whether a value makes sense.
    rule : str
        Which ones do, after "it must".
    lowest, highest : float
        What page and endpoints offer.
    step : float
        Of the page's arrows; 1: whole numbers alone.
    """

    label: str
    help: str
    remark: str
    allows: Callable[[float], bool]
    rule: str
    lowest: float
    highest: float
    step: float


def _setting(default: Any, *known: Any) -> Any:
    return field(default=default, metadata={"setting": Setting(*known)})


@dataclass(frozen=True, kw_only=True)
class SamplingSettings:
    """How tokens are drawn. All filters apply, one after the other, to the same distribution.

    Attributes
    ----------
    temperature : float
        Logits are divided by it; 0 always takes the likeliest token.
    top_k : int
        Keep the k likeliest tokens; 0 keeps all.
    top_p : float
        Keep the likeliest tokens that together have this probability (nucleus); 1 keeps all.
    min_p : float
        Keep tokens with at least this share of the likeliest one's probability; 0 keeps all.
    theme : float
        0 to 1: how strongly to favour what the whole music so far makes likelier than its last few
        tokens would alone (see `musictx.sampling.contrast`); 0 for nothing of it.
    form : float
        0 to 1: the same with the last 256 to 511 tokens in the place of the last few.
    shape : str
        What the music is to be beside its primer, with commas between the wishes: denser or calmer, higher
        or lower, louder or softer; and steady, which keeps it from becoming far denser or sparser, higher or
        lower, louder or softer than the primer ever is, from far longer rests, from holding far more or
        longer notes, from staying with one pattern, and from losing strict time and the scale of a song (see
        `musictx.sampling.shaping` and `musictx.sampling.steady`).
    grammar : bool
        Draw only events that can follow (see `musictx.events.grammar`).
    allow_end : bool
        Let the model end the piece before the length is reached.
    int8 : bool
        Decode with weights of 8 bits, quicker than in float32; where no engine does the steps
        (see `musictx.sampling.engine.engine_for`) it changes nothing.

    Examples
    --------
    >>> from musictx.sampling import SamplingSettings
    >>> SamplingSettings(temperature=0.9, top_p=1).top_k
    0
    """

    # fmt: off
    temperature: float = _setting(
        1.0, "Temperature",
        "Above 1 bolder, below 1 tamer; 0 always takes the likeliest.",
        "Below 1 the models play what they expect; above 1 they are more adventurous.",
        lambda x: 0 <= x <= 10, "lie between 0 and 10", 0, 2, 0.05,
    )
    top_p: float = _setting(
        0.98, "Top-p",
        "Draw from the likeliest tokens that together have this probability.",
        "Only the likeliest events, up to this total probability, can be chosen.",
        lambda x: 0 < x <= 1, "be greater than 0 and at most 1", 0.05, 1, 0.01,
    )
    top_k: int = _setting(
        0, "Top-k",
        "Draw from the k likeliest tokens only; 0: all.",
        "Only this many of the likeliest events can be chosen; 0 means any.",
        lambda x: x >= 0 and x % 1 == 0, "be a whole number, 0 (off) or more", 0, 391, 1,
    )
    min_p: float = _setting(
        0.0, "Min-p",
        "Leave out tokens less likely than this share of the likeliest.",
        "Events less likely than this share of the likeliest one cannot be chosen.",
        lambda x: 0 <= x <= 1, "lie between 0 and 1", 0, 0.5, 0.01,
    )
    theme: float = _setting(
        0.5, "Theme",
        "How strongly to develop earlier material, 0 to 1. 0: nothing of it.",
        "How strongly to develop earlier material.",
        lambda x: 0 <= x <= 1, "lie between 0 (off) and 1", 0, 1, 0.25,
    )
    form: float = _setting(
        0.0, "Form",
        "How strongly to bring back what was played some ten seconds ago or earlier, 0 to 1.",
        "How strongly to bring back what was played some ten seconds ago or earlier.",
        lambda x: 0 <= x <= 1, "lie between 0 (off) and 1", 0, 1, 0.25,
    )
    # fmt: on
    shape: str = ""
    grammar: bool = True
    allow_end: bool = True
    int8: bool = True

    def __post_init__(self) -> None:
        for name, setting in SETTINGS.items():
            value = getattr(self, name)
            require(setting.allows(value), name.replace("_", "-"), value, setting.rule)
        read_shape(self.shape)


def read_shape(shape: object) -> tuple[int, ...]:
    """For density, register and loudness whether a shape wishes for more (1), less (-1) or neither (0).

    Last comes whether it is to be steady (1).

    Raises
    ------
    MusictxError
        If a wish is none of `WISHES`, or two are of one pair.

    Examples
    --------
    >>> from musictx.settings import read_shape
    >>> read_shape("denser, softer"), read_shape("steady"), read_shape("")
    ((1, 0, -1, 0), (0, 0, 0, 1), (0, 0, 0, 0))
    """
    names = [part.strip() for part in shape.split(",")] if isinstance(shape, str) else [None]
    signs = (*((more in names) - (less in names) for more, less in WISHES), int(STEADY in names))
    if sum(map(abs, signs)) < len(names) and names != [""]:
        known = ", ".join(" or ".join(pair) for pair in (*WISHES, [STEADY]))
        raise MusictxError(f"shape is {shape!r:.80}; it must name one or more of {known}, with commas")
    return signs


SETTINGS: dict[str, Setting] = {
    f.name: f.metadata["setting"] for f in fields(SamplingSettings) if "setting" in f.metadata
}
