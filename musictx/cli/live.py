"""``musictx live``."""

from __future__ import annotations

import secrets
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from musictx.console.options import Model, Seed, playing, sampling_options
from musictx.errors import MusictxError
from musictx.shipped import DEFAULT_MODEL


@sampling_options()
def live(
    input_name: Annotated[
        str | None, typer.Option("--input", help="MIDI input that you play, or a part of its name.")
    ] = None,
    output_name: Annotated[
        str | None, typer.Option("--output", help="MIDI output for the answers, or a part of its name.")
    ] = None,
    model: Model = DEFAULT_MODEL,
    pause: Annotated[
        float, typer.Option(help="Seconds without a key or the pedal held, after which the model answers.")
    ] = 0.8,
    channel: Annotated[int, typer.Option(help="MIDI channel of the answers, 1 to 16.")] = 1,
    seed: Seed = None,
    save: Annotated[Path | None, typer.Option(help="MIDI file for what both played, at the end.")] = None,
    ports: Annotated[bool, typer.Option("--ports", help="List the MIDI ports and stop.")] = False,
    **settings: Any,
) -> None:
    """Play a duet over MIDI: you play, you pause, and the model answers through your own instrument.

    Without --input and --output it opens ports named "musictx", to choose in a DAW (on macOS and Linux).
    Ctrl-C ends it. Example: musictx live --input "Digital Piano" --output "Digital Piano" --save duet.mid
    """
    from musictx.checkpoint import load_model
    from musictx.compiled import announce_compilation
    from musictx.console.places import check_place
    from musictx.console.progress import console
    from musictx.live import Duet, Turn, open_ports, port_names
    from musictx.midi import write_midi

    if ports:
        for kind, names in zip(("inputs", "outputs"), port_names(), strict=True):
            console.print(f"MIDI {kind}: {', '.join(names) or 'none'}")
        return
    if save:
        check_place(save, ())
        if save.is_file():  # a duet cannot be played again
            raise MusictxError(f"{save} is there already; choose another name")
    opened = open_ports(input_name, output_name)
    answers = False

    def tell(turn: Turn) -> None:
        nonlocal answers
        if answers != (turn is Turn.ANSWERING):
            answers = not answers
            console.print("answering" if answers else "listening")

    duet = Duet(
        load_model(model),
        opened,
        pause=pause,
        channel=channel,
        seed=secrets.randbelow(100_000) if seed is None else seed,
        on_turn=tell,
        **playing(model, settings),
    )
    console.print("play, and pause for an answer; Ctrl-C ends the duet")
    for name in ("SIGTERM", "SIGHUP"):  # a terminal that is closed ends the duet as Ctrl-C does
        if number := getattr(signal, name, None):
            signal.signal(number, signal.default_int_handler)
    try:
        with announce_compilation(console.print), suppress(KeyboardInterrupt):
            duet.run()
    finally:
        opened.close()
        if save and len(duet.performance()):
            write_midi(duet.performance(), save)
            console.print(f"{save}: {duet.performance().duration:.1f} s")
