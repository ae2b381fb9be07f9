"""What programs may call: endpoints with plain types, beside the page, in the same queue as its visitors."""

from __future__ import annotations

import inspect
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from musictx.errors import MusictxError
from musictx.labels import track_names
from musictx.midi import write_midi
from musictx.performance import Performance, apply_pedal, slice_time
from musictx.render.audio import SAMPLE_RATE, write_wav
from musictx.sampling import Continuation, continue_variations
from musictx.sampling.beat import check_beat
from musictx.settings import SETTINGS, SamplingSettings

from .downloads import MAX_WAV_SECONDS
from .models import LaneModel
from .payloads import (
    LIMITS,
    MAX_NOTES,
    Settings,
    read_bars,
    read_metre,
    read_notes,
    read_number,
    read_settings,
    sentence,
)
from .presets import presets
from .queueing import MAX_PROGRAMS, PROGRAMS
from .shelf import Shelf
from .stage import Stage, Ticket
from .uploads import ENDINGS, read_primer

QUEUE_SECONDS = 0.5  # how long it waits for its turn before it looks again
RINGS_ON = 30.0  # seconds that the last notes may sound after the end

_sounding = threading.BoundedSemaphore(1)  # sound files made at once


class Ask(NamedTuple):
    """What a program asks for besides the page's settings."""

    sound: bool = True
    bars: int = 0  # 0: the length is in seconds
    beat: str = "off"
    one_track: bool = False


def add_endpoints(models: Sequence[LaneModel], stage: Stage, shelf: Shelf) -> None:
    """Add ``/continue`` and ``/info`` to the `gr.Blocks` that are being laid out.

    Parameters
    ----------
    models : sequence of LaneModel
    stage : Stage
        Decides whose turn it is.
    shelf : Shelf
        Where the answers' files lie.
    """
    by_name = {lane.key: lane for lane in models}
    first = next((lane.key for lane in models if not lane.compared), models[0].key)

    def continue_primer(
        primer: str | None = None,
        model: str = first,
        seconds: float = Settings.seconds,
        seed: float = Settings.seed,
        primer_start: float = 0.0,
        primer_end: float = 0.0,
        sound: bool = True,
        bars: float = 0.0,
        beat: str = "off",
        one_track: bool = False,
        shape: str | None = None,
        **sampling: float | None,
    ) -> tuple[str, str | None]:
        """Play on from a MIDI file, the primer.

        What is not given is as the model's card has it: grand's has theme 0.3 and form 0.35, and steady.

        Args:
            primer: A MIDI file; without one, the first primer that comes with musictx.
            model: The model that plays on; /info lists them.
            seconds: Length of the continuation in seconds, 2 to 180.
            seed: The same seed gives the same music.
            primer_start: Where the primer starts in the file, in seconds.
            primer_end: Where it ends, in seconds; 0 for the end of the file.
            sound: Whether to make a WAV file too.
            bars: Length in bars of the file instead of seconds; 0 for seconds.
            beat: off, loose or strict: whether notes are moved to the sixteenths or triplets of the file.
            one_track: Primer and continuation in one track of the MIDI file.
            shape: denser or calmer, higher or lower, louder or softer than the primer, and steady, with
                commas; empty for none.

        Returns
        -------
            A MIDI file and a WAV file of primer and continuation.
        """
        try:
            if not isinstance(model, str) or model not in by_name:
                named = str(model)[:40]
                raise MusictxError(f"there is no model {named!r} here; choose one of {', '.join(by_name)}")
            sent = {"seconds": seconds, "seed": seed, "shape": shape, **sampling}
            given = {name: value for name, value in sent.items() if value is not None}
            settings = read_settings({**by_name[model].settings, **given}, labels=False)
            selection = (read_number(primer_start, "primer_start"), read_number(primer_end, "primer_end"))
            check_beat(beat)
            options = Ask(_yes(sound, "sound"), read_bars(bars, "bars"), beat, _yes(one_track, "one_track"))
            return _play(by_name[model], _path(primer), selection, settings, stage, shelf, options)
        except MusictxError as error:
            raise gr.Error(sentence(str(error)), print_exception=False) from None

    def info() -> list[dict[str, Any]]:
        """List the models: name, position scheme, training length in events, parameters."""
        return [{**lane.facts(), "card": lane.card} for lane in models]

    def number(name: str, value: Any) -> gr.Number:
        whole = 0 if name in ("seed", "top_k") else None
        return gr.Number(value, label=LIMITS[name][0], precision=whole, visible=False)

    inputs = {
        "primer": gr.File(label="Primer", file_types=list(ENDINGS), visible=False),
        "model": gr.Dropdown(list(by_name), value=first, label="Model", visible=False),
        "seconds": number("seconds", Settings.seconds),
        "seed": number("seed", Settings.seed),
        **{name: number(name, None) for name in SETTINGS if name != "form"},
        "primer_start": gr.Number(0.0, label="Primer start", visible=False),
        "primer_end": gr.Number(0.0, label="Primer end", visible=False),
        "sound": gr.Checkbox(True, label="Sound", visible=False),
        "bars": gr.Number(0, label="Bars", visible=False),
        "beat": gr.Textbox("off", label="Beat", visible=False),
        "one_track": gr.Checkbox(False, label="One track", visible=False),
        "shape": gr.Textbox(None, label="Shape", visible=False),
        "form": number("form", None),  # what is new comes last, for those who call by place
    }
    outputs = [gr.File(label="MIDI", visible=False), gr.File(label="WAV", visible=False)]
    gr.Button(visible=False).click(
        _with_settings(continue_primer, list(inputs)),
        list(inputs.values()),
        outputs,
        api_name="continue",
        preprocess=False,  # values come as they are sent: what is wrong with them is said here
        concurrency_id=PROGRAMS,
        concurrency_limit=MAX_PROGRAMS,
    )
    gr.api(info, api_name="info", queue=False)


def _with_settings(function: Callable[..., Any], order: Sequence[str]) -> Callable[..., Any]:
    """The same with a parameter for each setting in the place of its ``**sampling``, in this order."""
    own = inspect.signature(function, eval_str=True)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        own.parameters.get(name) or inspect.Parameter(name, kind, default=None, annotation=float | None)
        for name in order
    ]

    @wraps(function)
    def endpoint(*given: Any, **named: Any) -> Any:
        return function(**dict(zip(order, given, strict=False)), **named)

    place, usual = "    primer_start:", asdict(SamplingSettings())
    lines = [
        f"{name}: {each.help} Without it the model's own, else {usual[name]}."
        for name, each in SETTINGS.items()
    ]
    told = "".join(f"    {line}\n        " for line in lines)
    endpoint.__doc__ = (function.__doc__ or "").replace(place, told + place, 1)
    endpoint.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return endpoint


def _play(
    lane: LaneModel,
    primer: Path | None,
    selection: tuple[float, float],
    settings: Settings,
    stage: Stage,
    shelf: Shelf,
    options: Ask,
) -> tuple[str, str | None]:
    """Wait for a turn, read the primer, play on, and write the files."""
    with ExitStack() as failing:
        with _turn(stage, lane) as ticket:
            music, end = _read(primer, selection)
            last = apply_pedal(music).duration if end is None else end
            seconds = _seconds_of(options.bars, music, last) if options.bars else settings.seconds
            whole = _check_length(music, selection[0], last, seconds)
            folder = shelf.place(round(4 * SAMPLE_RATE * (whole + RINGS_ON)) if options.sound else 0)
            failing.callback(shelf.remove, folder)  # its room is for others
            played = continue_variations(
                lane.model,
                music,
                seconds=None if options.bars else seconds,
                bars=options.bars or None,
                beat=options.beat,
                primer_start=selection[0],
                primer_end=end,
                seed=settings.seed,
                **asdict(settings.sampling),
                on_progress=lambda seconds: time.sleep(stage.stand_back(ticket, lane.key, seconds)),
            )[0]
        if not len(played.performance):
            raise MusictxError("the model ended the piece at once; try another seed")
        try:
            files = _write(played, lane.key, settings.seed, folder, options)
        except MusictxError as error:  # where the files lie is nobody's business
            raise MusictxError(str(error).replace(f"{folder}/", "")) from None
        failing.pop_all()
    return files


@contextmanager
def _turn(stage: Stage, lane: LaneModel) -> Iterator[Ticket]:
    """A turn of its own for a call, once it has come, with its ticket."""
    caller = f"api {secrets.token_hex(8)}"
    ticket = stage.enter(caller, caller)
    try:
        while stage.wait(ticket, QUEUE_SECONDS) > 0:
            pass
        yield ticket
    finally:
        stage.lane_ended(ticket, lane.key)
        stage.leave(ticket)


def _write(played: Continuation, model: str, seed: int, folder: Path, options: Ask) -> tuple[str, str | None]:
    midi, wav = folder / "continuation.mid", folder / "continuation.wav"
    cut = None if options.one_track else played.cut
    write_midi(played.performance, midi, cut=cut, names=track_names(model, seed))
    if options.sound:
        with _sounding:
            write_wav(played.performance, wav)
    return str(midi), str(wav) if options.sound else None


def _seconds_of(bars: int, music: Performance, end: float) -> float:
    """How long so many bars after the primer's end are, if that is no longer than a lane can be."""
    if music.metre is None:
        raise MusictxError("the primer's file has no bars to count; give the length in seconds")
    seconds = music.metre.bars_after(end, bars) - end
    longest = LIMITS["seconds"][2]
    if not 0 < seconds <= longest:
        raise MusictxError(f"{bars} bars last {seconds:.0f} s here; choose fewer: {longest:g} s at most")
    return seconds


def _read(primer: Path | None, selection: tuple[float, float]) -> tuple[Performance, float | None]:
    """The primer, and where it ends (s) if not with its file; without a file, the first one of the page."""
    if primer is not None:
        return read_primer(primer), selection[1] or None
    preset = presets()[0]
    music = replace(read_notes(preset["notes"], preset["pedals"]), metre=read_metre(preset["metre"]))
    return music, selection[1] or preset["end"] / 1000


def _check_length(music: Performance, start: float, end: float, seconds: float) -> float:
    """How long (s) a primer and its continuation are, if a page could send and save as much."""
    if not 0 <= start < end:
        raise MusictxError(
            f"primer_start is {start:g} s and primer_end {end:g} s; the primer must end after it starts"
        )
    if end - start + seconds > MAX_WAV_SECONDS:
        raise MusictxError(
            f"the primer is {end - start:.10g} s long; with its continuation it can last "
            f"{MAX_WAV_SECONDS:g} s: choose a part of it (primer_start, primer_end)"
        )
    notes = len(slice_time(music, start, end))
    if notes > MAX_NOTES:
        raise MusictxError(f"{notes:,} notes are too many; choose a part with at most {MAX_NOTES:,}")
    return end - start + seconds


def _yes(sent: Any, name: str) -> bool:
    if not isinstance(sent, bool):
        raise MusictxError(f"{name} must be true or false")
    return sent


def _path(sent: Any) -> Path | None:
    """Where the file lies that a program has sent; None if it sent none."""
    if sent is None:
        return None
    path = sent.get("path") if isinstance(sent, dict) else None
    if not isinstance(path, str) or not path:
        raise MusictxError("the primer must be one MIDI file; send it first, and then its path")
    if "\0" in path or Path(path).suffix.lower() not in ENDINGS:
        raise MusictxError(f"the primer must be a MIDI file, with a name that ends in {', '.join(ENDINGS)}")
    return Path(path)
