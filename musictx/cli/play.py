"""``musictx continue``, ``render``, ``info`` and ``app``."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from musictx.console.options import (
    AsJson,
    Audio,
    Beat,
    CopyCheck,
    Int8,
    Model,
    ModelName,
    Models,
    Roll,
    Seed,
    Tracks,
    given,
    moment,
    playing,
    sampling_options,
)
from musictx.console.places import PICTURES, Places, check_place, check_places
from musictx.console.progress import console, corpus_progress, on_output, read_music, working
from musictx.errors import MusictxError
from musictx.files import keep_inputs
from musictx.shipped import DEFAULT_MODEL

LONG_PRIMER = 60.0  # seconds of a file from which on one is told that it is played on from its end
OneTrack = Annotated[bool, typer.Option("--one-track", help="Primer and continuation in one track.")]
OnlyContinuation = Annotated[bool, typer.Option("--only-continuation", help="Leave out the primer.")]


@sampling_options()
def continue_primer(
    primer: Annotated[
        Path, typer.Argument(help="MIDI file to continue, or `-` for none: the model begins from nothing.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="MIDI file to write; with --takes a folder, which may be left out.",
            show_default=False,
        ),
    ] = None,
    model: Model = DEFAULT_MODEL,
    seconds: Annotated[float | None, typer.Option(help="Length of the continuation. [default: 30]")] = None,
    bars: Annotated[int | None, typer.Option(help="Length in bars, instead of seconds.")] = None,
    beat: Beat = "off",
    tokens: Annotated[
        int | None, typer.Option(help="Stop after this many tokens, if that comes first.")
    ] = None,
    primer_start: Annotated[
        float, typer.Option(parser=moment, metavar="<time>", help="Where the primer starts (s, or 1:15.3).")
    ] = 0.0,
    primer_end: Annotated[
        float | None, typer.Option(parser=moment, metavar="<time>", help="Where it ends. [default: the end]")
    ] = None,
    tracks: Tracks = [],  # noqa: B006
    seed: Seed = None,
    variations: Annotated[
        int, typer.Option(help="Number of continuations; their files are numbered from 1.")
    ] = 1,
    takes: Annotated[
        int | None,
        typer.Option(
            help="Write this many variations to a folder, with sound, piano rolls and a page to hear them. "
            "[default folder: the primer's name and -takes, and a number if there is one already]"
        ),
    ] = None,
    audio: Audio = None,
    roll: Roll = None,
    one_track: OneTrack = False,
    only_continuation: OnlyContinuation = False,
    early_end: Annotated[bool, typer.Option(help="Let the model end the piece early.")] = True,
    copy_check: CopyCheck = None,
    int8: Int8 = True,
    window: Annotated[
        int | None,
        typer.Option(help="Attend to this many last tokens only; 0: all. [default: the model's own]"),
    ] = None,
    rope_scaling: Annotated[str | None, typer.Option(help="none, ntk or yarn, for rope models.")] = None,
    rope_factor: Annotated[
        float | None, typer.Option(help="Factor by which ntk or yarn extend the training length.")
    ] = None,
    **settings: Any,
) -> None:
    """Play on from a primer.

    Defaults come from the model's card: grand's has --theme 0.3 --form 0.35 --steady.

    Example: musictx continue data/primers/chopin-black-keys.mid -o out.mid --audio out.wav --roll out.png
    """
    import torch

    from musictx.checkpoint import find_model, load_model
    from musictx.cli.takes import folder_of_takes, write_page
    from musictx.labels import track_names
    from musictx.performance import Performance
    from musictx.sampling import continue_variations
    from musictx.sampling.beat import check_beat
    from musictx.sampling.continuation import check_variations

    seed = secrets.randbelow(100_000) if seed is None else seed
    if bars is not None and seconds is not None:
        raise MusictxError("--bars and --seconds both say how long the continuation is; give one of them")
    seconds = 30.0 if seconds is tokens is bars is None else seconds
    check_beat(beat)
    if takes is not None and (variations > 1 or audio or roll):
        raise MusictxError("--takes makes sound and rolls itself; leave out --variations, --audio and --roll")
    settings = playing(model, settings)
    variations = variations if takes is None else takes
    check_variations(variations)
    if takes is None and output is None:
        raise typer.BadParameter("it is missing; only with --takes it may be", param_hint="--output / -o")
    nothing = str(primer) == "-"
    if nothing and (tracks or primer_start or primer_end is not None or bars is not None or beat != "off"):
        raise MusictxError("without a primer there are no tracks, times, bars or beat to name")
    name = "from-nothing" if nothing else primer.stem
    music = Performance() if nothing else read_music(primer, beat=beat, tracks=tracks)
    _tell(primer, music.duration, primer_start, primer_end)
    changes: dict[str, Any] = {} if window is None else {"window": window or None}
    player = load_model(model, **changes, **given(rope_scaling=rope_scaling, rope_factor=rope_factor))
    index = _copy_index(copy_check)
    places = Places(output, audio, roll) if output and takes is None else folder_of_takes(output, name)
    check_places(places, variations, [primer, find_model(model), copy_check])
    torch.set_num_threads(1)  # one token is too little work for two
    began = time.monotonic()
    with working("playing on", total=seconds) as advance:
        results = continue_variations(
            player,
            music,
            seconds=seconds,
            tokens=tokens,
            bars=bars,
            beat=beat,
            primer_start=primer_start,
            primer_end=primer_end,
            seed=seed,
            variations=variations,
            **settings,
            allow_end=early_end,
            int8=int8,
            on_progress=advance,
        )
    took = time.monotonic() - began
    for remark in results[0].performance.remarks[len(music.remarks) :]:
        console.print(remark)
    parts = [result.alone if only_continuation else result.performance for result in results]
    over = "the model ended the piece at once; try another seed, or --no-early-end"
    short = "no note came within that length; give more seconds or tokens"
    if not any(map(len, parts)):
        raise MusictxError(over if any(result.ended for result in results) else short)
    saved = []
    for number, (result, part) in enumerate(zip(results, parts, strict=True), 1):
        place = places.of(number, variations)
        if not len(part):
            console.print(f"{place.midi}: {over if result.ended else short}")
            continue
        title = f"{name} · {model} · seed {seed}" + (f" {number}" if variations > 1 else "")
        cut = None if only_continuation else result.cut
        split = None if one_track else cut or 0.0  # without a primer everything is the continuation
        place.write(part, title, cut, cut=split, names=track_names(model, seed))
        made, whole = len(result.performance) - len(result.primer), result.performance.duration - result.cut
        ended = " (the model ended the piece)" if result.ended else ""
        drawn = f"{result.tokens} tokens in {took:.1f} s"
        words = f"{made} notes, {whole:.1f} s of music, {drawn}, seed {seed}{ended}"
        saved.append((number, place, f"{words}."))
        console.print(f"{place.midi}: {words}")
        if index:
            console.print(f"copy check: {index.check(result.alone)}")
    if takes is not None:
        folder = places.midi.parent
        write_page(folder, f"{name}, continued by {model}", saved)
        console.print(f"{folder / 'index.html'}: a page to hear the takes")


def _tell(path: Path, duration: float, start: float, end: float | None) -> None:
    """Say what is worth knowing of a primer's file."""
    if end is None and duration - start > LONG_PRIMER:
        console.print(
            f"{path} lasts {duration:.0f} s, and the continuation begins after its end; "
            f"to begin earlier, say where: --primer-end {start + LONG_PRIMER / 2:g}"
        )


def _copy_index(folder: Path | None) -> Any:
    if folder is None:
        return None
    from musictx.lab.evaluation.loading import open_copy_index

    with corpus_progress() as encoding:
        return open_copy_index(folder, progress=encoding)


def render(
    midi: Annotated[Path, typer.Argument(help="MIDI file.", show_default=False)],
    output: Annotated[
        Path, typer.Argument(help="File to write: .wav for sound, .png, .svg or .pdf for a picture.")
    ],
) -> None:
    """Turn a MIDI file into sound (WAV) or a picture (PNG, SVG, PDF)."""
    check_place(output, (".wav", *PICTURES))
    keep_inputs([output], [midi])
    music = read_music(midi)
    if output.suffix.lower() == ".wav":
        from musictx.render.audio import write_wav

        with working("rendering"):
            write_wav(music, output)
    else:
        from musictx.render.pianoroll import draw_roll

        draw_roll(music, output, title=midi.stem)


def info(model: ModelName, as_json: AsJson = False) -> None:
    """Show a model's card: data, parameters, steps, NLL, licence."""
    import json

    from rich.table import Table

    from musictx.checkpoint import find_model, load_model, read_card

    folder = find_model(model)
    loaded = load_model(folder)
    facts = {"model": model, "parameters": loaded.parameter_count(), **read_card(folder)}
    facts["config"] = loaded.config.to_dict()
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    table = Table(show_header=False, box=None)
    for key, value in facts.items():
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
        table.add_row(key, text)
    on_output.print(table)


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port. [default: the first free one from 7860]")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = False,
    models: Models = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--public-host",
            help="A name by which visitors know the server, such as demo.example.org; repeatable. "
            "Without it, only addresses and localhost are answered.",
        ),
    ] = None,
    prefix: Annotated[
        str, typer.Option("--root-path", help="Path below which a reverse proxy shows the page: /music.")
    ] = "",
) -> None:
    """Open the web demo: one primer, several models, seen and heard side by side.

    Example: musictx app --model runs/mine --model relative
    """
    from musictx.app import launch

    launch(host, port, models=models or None, names=names or (), prefix=prefix, open_browser=browser)
