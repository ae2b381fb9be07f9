"""What a study asks: which primers, how long, how often."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musictx.corpus import Corpus
from musictx.corpus.grouping import joined
from musictx.errors import require
from musictx.events import STEP_SECONDS, decode, encode
from musictx.events.grammar import MAX_NOTE_STEPS
from musictx.lab.evaluation.loading import open_music, unit_numbers
from musictx.performance import Performance, apply_pedal, slice_time
from musictx.sampling.continuation import check_variations
from musictx.settings import SamplingSettings, read_shape

MAX = 86_400  # a day; more continuations of each primer than that nobody asks for either


@dataclass(frozen=True)
class StudySettings:
    """How continuations are made.

    Attributes
    ----------
    seconds : float
        Of each continuation.
    tokens : int, optional
        Largest number of events of each continuation, instead of seconds.
    primer_seconds : float
    seeds : int
        Continuations for each primer and model.
    seed : int
        Of the random numbers; each continuation of a primer has a stream of its own.
    temperature : float
    top_k : int
    top_p, min_p : float
    theme, form : float
    shape : str
        All as in `musictx.sampling.SamplingSettings`.
    """

    seconds: float = 60.0
    tokens: int | None = None
    primer_seconds: float = 15.0
    seeds: int = 3
    seed: int = 0
    temperature: float = SamplingSettings.temperature
    top_k: int = SamplingSettings.top_k
    top_p: float = SamplingSettings.top_p
    min_p: float = SamplingSettings.min_p
    theme: float = SamplingSettings.theme
    form: float = SamplingSettings.form
    shape: str = SamplingSettings.shape

    def __post_init__(self) -> None:
        for name in ("seconds", "primer_seconds", "seeds"):
            value = getattr(self, name)
            require(0 < value <= MAX, name, value, f"be more than 0 and at most {MAX}")
        read_shape(self.shape)
        check_variations(self.seeds)
        require(self.tokens is None or self.tokens >= 1, "tokens", self.tokens, "be at least 1")


@dataclass(frozen=True)
class StudyPrimer:
    """A primer, and how the piece really goes on.

    Attributes
    ----------
    name : str
        Fit for a file's name.
    title : str
    performance : Performance
        The primer, cut, from 0. Its notes end at the cut at the latest, so that the model has no note to
        release there.
    cut : float
        Where it ends (s).
    real : Performance or None
        Primer and real continuation on one time axis, if the piece is long enough.
    source : str
        The folder that it comes from.
    """

    name: str
    title: str
    performance: Performance
    cut: float
    real: Performance | None
    source: str = ""


def _file_name(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-").lower() or "primer"


def choose_primers(
    folders: Sequence[Path],
    settings: StudySettings,
    count: int,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[StudyPrimer], list[str]]:
    """Primers from folders of MIDI files: the beginnings of pieces, one for each piece.

    Pieces that are long enough for primer and real continuation come first; of these, as many from each
    folder as the others leave room for, spread evenly over it.

    Parameters
    ----------
    folders : sequence of path
        Each with MIDI files, or an encoded corpus.
    settings : StudySettings
    count : int
        Largest number of primers.
    progress : callable, optional
        Called with the files encoded and their number.

    Returns
    -------
    primers : list of StudyPrimer
    left_out : list of str
        Files that could not be used, and why.

    Examples
    --------
    >>> from musictx.shipped import shipped_folder
    >>> from musictx.lab.study import StudySettings, choose_primers
    >>> settings = StudySettings(primer_seconds=4, seconds=4)
    >>> primers, _ = choose_primers([shipped_folder("primers")], settings, 2)
    >>> [primer.name for primer in primers], primers[0].real.duration
    (['bach-chorale', 'two-bar-loop'], 8.0)
    """
    require(count >= 1, "primers", count, "be at least 1")
    found: dict[str, list[StudyPrimer]] = {str(folder): [] for folder in folders}
    left_out = []
    every = [_one_of_each(open_music(folder, progress=progress)) for folder in folders]
    # A piece of two folders is one; each corpus is one source, whatever it was made of.
    both = _one_of_each(joined([replace(c, source=np.zeros_like(c.source), folders=1) for c in every]))
    for name, source, i in zip(both.names, both.source.tolist(), range(len(both)), strict=True):
        folder = str(folders[source])
        found[folder].append(_primer(name, decode(both.piece(i)), settings, folder))
    for corpus in every:
        left_out += [f"{path}: {why}" for path, why in corpus.skipped.items()]
    whole = {folder: [p for p in primers if p.real] for folder, primers in found.items()}
    short = {folder: [p for p in primers if not p.real] for folder, primers in found.items()}
    chosen = _share_out(whole, count)
    chosen += _share_out(short, count - len(chosen))
    chosen.sort(key=lambda p: list(found).index(p.source))
    if lacking := sum(p.real is None for p in chosen):
        left_out.append(
            f"{lacking} of {len(chosen)} primers come from pieces too short to show how they really go on"
        )
    return _with_own_names(chosen), left_out


def _one_of_each(corpus: Corpus) -> Corpus:
    """The first performance of each piece."""
    return corpus.subset(np.unique(unit_numbers(corpus), return_index=True)[1])


def _share_out(found: dict[str, list[StudyPrimer]], count: int) -> list[StudyPrimer]:
    """As many primers from each folder as the others leave room for, spread evenly over it."""
    chosen: list[StudyPrimer] = []
    # The folder with the fewest first, so that the others can make up for what it lacks.
    for k, primers in enumerate(sorted(found.values(), key=len)):
        some = min(len(primers), -(-(count - len(chosen)) // (len(found) - k)))
        chosen += [primers[i] for i in np.linspace(0, len(primers) - 1, some).round().astype(int)]
    return chosen


def _primer(name: str, piece: Performance, settings: StudySettings, source: str) -> StudyPrimer:
    piece = slice_time(piece, float(piece.notes["onset"][0]))
    title = str(Path(name).with_suffix(""))
    cut = min(settings.primer_seconds, piece.duration)
    real = None
    if settings.tokens is not None:
        rest = encode(slice_time(piece, cut)) if piece.duration > cut else np.empty(0, np.uint16)
        if len(rest) >= settings.tokens:
            real = slice_time(piece, 0, cut + decode(rest[: settings.tokens]).duration)
    elif piece.duration >= cut + settings.seconds:
        real = slice_time(piece, 0, cut + settings.seconds)
    if real is not None:  # a pedal that a file forgot to lift is no music: models release such notes, too
        real = apply_pedal(real)
        longest = real.notes["onset"] + MAX_NOTE_STEPS * STEP_SECONDS
        real.notes["offset"] = np.minimum(real.notes["offset"], longest)
    return StudyPrimer(_file_name(title), title, slice_time(piece, 0, cut), cut, real, source)


def _with_own_names(primers: list[StudyPrimer]) -> list[StudyPrimer]:
    """Number primers whose file names would be equal."""
    seen: dict[str, int] = {}
    result = []
    for primer in primers:
        seen[primer.name] = number = seen.get(primer.name, 0) + 1
        result.append(primer if number == 1 else replace(primer, name=f"{primer.name}-{number}"))
    return result
