"""``musictx fill``."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from musictx.console.options import Audio, Beat, Int8, Model, Roll, Seed, Tracks, moment, sampling_options
from musictx.console.places import Places, check_places
from musictx.console.progress import console, read_music, working
from musictx.settings import SETTINGS
from musictx.shipped import DEFAULT_MODEL


@sampling_options(*(name for name in SETTINGS if name not in ("theme", "form")))
def fill(
    midi: Annotated[Path, typer.Argument(help="MIDI file.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="MIDI file to write.")],
    start: Annotated[
        float,
        typer.Option(
            "--from", parser=moment, metavar="<time>", help="Where the passage starts (s, or 1:15.3)."
        ),
    ],
    end: Annotated[float, typer.Option("--to", parser=moment, metavar="<time>", help="Where it ends.")],
    model: Model = DEFAULT_MODEL,
    takes: Annotated[int, typer.Option(help="Number of fillings; their files are numbered from 1.")] = 1,
    candidates: Annotated[
        int, typer.Option(help="Number of candidates to choose from; more fit better and take longer.")
    ] = 16,
    beat: Beat = "off",
    tracks: Tracks = [],  # noqa: B006
    seed: Seed = None,
    audio: Audio = None,
    roll: Roll = None,
    int8: Int8 = True,
    **settings: Any,
) -> None:
    """Play a passage of a piece again, so that it leads into what follows.

    The model plays as it is, whatever its card says of theme and form. The file that is written has one piano
    track, without drums; the pedal is part of its notes' lengths.

    Example: musictx fill song.mid -o out.mid --from 12 --to 16 --takes 3
    """
    import torch

    from musictx.checkpoint import find_model, load_model
    from musictx.sampling import fill_in
    from musictx.sampling.beat import check_beat
    from musictx.sampling.filling import check_takes

    seed = secrets.randbelow(100_000) if seed is None else seed
    check_takes(takes, candidates)
    check_beat(beat)
    check_places(places := Places(output, audio, roll), takes, [midi, find_model(model)])
    music = read_music(midi, beat=beat, tracks=tracks)
    player = load_model(model)
    torch.set_num_threads(1)  # one token is too little work for two
    with working("playing candidates", total=max(end - start, 0.0)) as advance:
        fillings = fill_in(
            player,
            music,
            start,
            end,
            takes=takes,
            candidates=candidates,
            beat=beat,
            seed=seed,
            **settings,
            int8=int8,
            on_progress=advance,
        )
    for number, filling in enumerate(fillings, 1):
        place, span = places.of(number, takes), f"from {filling.start:g} to {filling.end:g} s"
        place.write(filling.performance, f"{midi.stem} · {model} {span} · seed {seed}")
        console.print(f"{place.midi}: {len(filling.notes)} notes {span}, seed {seed}")
