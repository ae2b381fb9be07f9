"""What programs may call: endpoints with plain types, beside the page, in the same queue as its visitors."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.utils import get_upload_folder

from musictx.errors import MusictxError
from musictx.labels import track_names
from musictx.midi import read_midi, write_midi
from musictx.performance import Performance
from musictx.render.audio import write_wav
from musictx.sampling import continue_variations
from musictx.sampling.beat import check_beat

from .models import LaneModel
from .payloads import LIMITS, Settings, read_bars, read_notes, read_settings, sentence
from .presets import presets
from .stage import Stage
from .uploads import MOST_BYTES

QUEUE_SECONDS = 0.5  # how long it waits for its turn before it looks again


class Ask(NamedTuple):
    """What a program asks for besides the page's settings."""

    sound: bool = True
    bars: int = 0  # 0: the length is in seconds
    beat: str = "off"
    one_track: bool = False


def add_endpoints(models: Sequence[LaneModel], stage: Stage, **queue: Any) -> None:
    """Add ``/continue`` and ``/info`` to the `gr.Blocks` that are being laid out.

    Parameters
    ----------
    models : sequence of LaneModel
    stage : Stage
        Decides whose turn it is.
    **queue
        Gradio's ``concurrency_id`` and ``concurrency_limit``.
    """
    by_name = {lane.key: lane for lane in models}
    first = "relative" if "relative" in by_name else models[0].key

    def continue_primer(
        primer: str | None = None,
        model: str = first,
        seconds: float = Settings.seconds,
        seed: float = Settings.seed,
        temperature: float = Settings.temperature,
        top_p: float = Settings.top_p,
        top_k: float = Settings.top_k,
        min_p: float = Settings.min_p,
        theme: float = Settings.theme,
        primer_start: float = 0.0,
        primer_end: float = 0.0,
        sound: bool = True,
        bars: float = 0.0,
        beat: str = "off",
        one_track: bool = False,
    ) -> tuple[str, str | None]:
        """Play on from a MIDI file, the primer.

        Args:
            primer: A MIDI file; without one, the first primer that comes with musictx.
            model: The model that plays on; /info lists them.
            seconds: Length of the continuation in seconds, 2 to 180.
            seed: The same seed gives the same music.
            temperature: Above 1 bolder, below 1 tamer.
            top_p: Draw from the likeliest events with this probability in all.
            top_k: Draw from so many likeliest events only; 0 for all.
            min_p: Leave out events below this share of the likeliest.
            theme: How much is made of what was played before, 0 to 1; 0 is the model as it is.
            primer_start: Where the primer starts in the file, in seconds.
            primer_end: Where it ends, in seconds; 0 for the end of the file.
            sound: Whether to make a WAV file too.
            bars: Length in bars of the file instead of seconds; 0 for seconds.
            beat: off, loose or strict: whether notes are moved to the sixteenths or triplets of the file.
            one_track: Primer and continuation in one track of the MIDI file.

        Returns
        -------
            A MIDI file and a WAV file of primer and continuation.
        """
        sent = {"seconds": seconds, "seed": seed, "temperature": temperature}
        sent |= {"top_p": top_p, "top_k": top_k, "min_p": min_p, "theme": theme}
        try:
            if model not in by_name:
                raise MusictxError(f"there is no model {model!r} here; choose one of {', '.join(by_name)}")
            settings = read_settings(sent)
            folder = Path(get_upload_folder()) / secrets.token_hex(16)
            stretch = (primer_start, primer_end)
            how = Ask(sound, read_bars(bars), beat, one_track)
            return _play(by_name[model], primer, stretch, settings, stage, folder, how)
        except MusictxError as error:
            raise gr.Error(sentence(str(error)), print_exception=False) from None

    def info() -> list[dict[str, Any]]:
        """List the models: name, position scheme, training length in events, parameters."""
        return [{**lane.facts(), "card": lane.card} for lane in models]

    def number(name: str) -> gr.Number:
        # Its limits are checked by `read_settings`, whose sentences are ours.
        whole = 0 if name in ("seed", "top_k") else None
        return gr.Number(getattr(Settings(), name), label=LIMITS[name][0], precision=whole, visible=False)

    inputs = [
        gr.File(label="Primer", file_types=[".mid", ".midi"], visible=False),
        gr.Dropdown(list(by_name), value=first, label="Model", visible=False),
        *map(number, ("seconds", "seed", "temperature", "top_p", "top_k", "min_p", "theme")),
        gr.Number(0.0, label="Primer start", visible=False),
        gr.Number(0.0, label="Primer end", visible=False),
        gr.Checkbox(True, label="Sound", visible=False),
        gr.Number(0, label="Bars", visible=False),
        gr.Textbox("off", label="Beat", visible=False),
        gr.Checkbox(False, label="One track", visible=False),
    ]
    outputs = [gr.File(label="MIDI", visible=False), gr.File(label="WAV", visible=False)]
    gr.Button(visible=False).click(continue_primer, inputs, outputs, api_name="continue", **queue)
    gr.api(info, api_name="info", queue=False)


def _play(
    lane: LaneModel,
    primer: str | None,
    stretch: tuple[float, float],
    settings: Settings,
    stage: Stage,
    folder: Path,
    how: Ask,
) -> tuple[str, str | None]:
    """Wait for a turn, play on, and write the files into `folder`, which is made."""
    check_beat(how.beat)
    music, end = _read(primer)
    seconds = settings.seconds
    if how.bars:
        seconds = _seconds_of(how.bars, music, stretch[1] or end or music.duration)
    caller = f"api {secrets.token_hex(8)}"  # each call has a turn of its own
    ticket = stage.enter(caller, caller)
    try:
        while stage.wait(ticket, QUEUE_SECONDS) > 0:
            pass
        played = continue_variations(
            lane.model,
            music,
            seconds=seconds,
            beat=how.beat,
            primer_start=stretch[0],
            primer_end=stretch[1] or end,
            seed=settings.seed,
            **asdict(settings.sampling()),
            on_progress=lambda seconds: time.sleep(stage.stand_back(ticket, lane.key, seconds)),
        )[0]
    finally:
        stage.lane_ended(ticket, lane.key)
        stage.leave(ticket)
    if not len(played.performance):
        raise MusictxError("the model ended the piece at once; try another seed")
    folder.mkdir(parents=True)
    midi, wav = folder / "continuation.mid", folder / "continuation.wav"
    cut = None if how.one_track else played.cut
    write_midi(played.performance, midi, cut=cut, names=track_names(lane.key, settings.seed))
    if how.sound:
        write_wav(played.performance, wav)
    return str(midi), str(wav) if how.sound else None


def _seconds_of(bars: int, music: Performance, end: float) -> float:
    """How long so many bars after the primer's end are, if that is no longer than a lane can be."""
    if music.metre is None:
        raise MusictxError("the primer's file has no bars to count; give the length in seconds")
    seconds = music.metre.bars_after(end, bars) - end
    longest = LIMITS["seconds"][2]
    if not 0 < seconds <= longest:
        raise MusictxError(f"{bars} bars last {seconds:.0f} s here; choose fewer: {longest:g} s at most")
    return seconds


def _read(primer: str | None) -> tuple[Performance, float | None]:
    """The primer, and where it ends (s) if not with its file; without a file, the first one of the page."""
    if not primer:
        preset = presets()[0]
        return read_notes(preset["notes"], preset["pedals"]), preset["end"] / 1000
    if Path(primer).stat().st_size > MOST_BYTES:
        raise MusictxError(f"the primer is larger than {MOST_BYTES // 2**20} MB; send a smaller MIDI file")
    try:
        return read_midi(primer), None
    except MusictxError as error:  # the visitor knows the file by its name, not by its place on the server
        raise MusictxError(str(error).replace(str(Path(primer)), Path(primer).name)) from None
