"""``musictx bench``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from musictx.console.options import AsJson
from musictx.console.places import check_place
from musictx.console.progress import console
from musictx.files import keep_inputs

bench = typer.Typer(
    no_args_is_help=True,
    help="Measure speed and memory, beside other installed libraries (`pip install 'musictx[peers]'`).",
)

Plot = Annotated[Path | None, typer.Option(help="PNG file for a picture.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of PyTorch. [default: its own choice]")]
Repetitions = Annotated[int, typer.Option(min=1, help="Number of measurements; the median counts.")]
Peers = Annotated[bool, typer.Option(help="Let other libraries that are installed do the same work.")]


def _finish(
    measure: Callable[..., dict[str, Any]], as_json: bool, plot: Path | None, *arguments: Any, **options: Any
) -> None:
    """Run a benchmark and show what it found."""
    from musictx.lab.bench.report import draw, show

    if plot:
        check_place(plot, (".png",))
        keep_inputs([plot], [each for each in arguments if isinstance(each, Path)])
    with console.status("measuring") as status:
        result = measure(*arguments, progress=lambda text: status.update(f"measuring: {text}"), **options)
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        show(result)
    if plot:
        draw(result, plot)


@bench.command()
def attention(
    length: Annotated[list[int], typer.Option(min=1, help="Length; repeatable. [default: 512 to 8192]")] = [],  # noqa: B006
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float64.")] = "float32",
    batch: Annotated[int, typer.Option(min=1, help="Sequences at once.")] = 2,
    heads: Annotated[int, typer.Option(min=1, help="Heads of attention.")] = 4,
    width: Annotated[int, typer.Option(min=1, help="Width of a head.")] = 64,
    threads: Threads = None,
    repetitions: Repetitions = 5,
    memory: Annotated[bool, typer.Option(help="Measure the memory as well.")] = True,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Relative attention over the length: time and memory next to plain attention, skew and gather.

    Example: musictx bench attention --threads 2 --plot attention.png
    """
    from musictx.lab.bench.attention import bench_attention

    options: dict[str, Any] = {"lengths": length} if length else {}
    options |= {"batch": batch, "heads": heads, "width": width, "dtype": dtype, "memory": memory}
    _finish(bench_attention, as_json, plot, thread_count=threads, repetitions=repetitions, **options)


@bench.command()
def generate(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Shipped names or folders; the peers get the dimensions of the first."),
    ] = None,
    primer: Annotated[int, typer.Option(min=1, help="Tokens given.")] = 128,
    tokens: Annotated[int, typer.Option(min=1, help="Tokens made.")] = 512,
    prefix: Annotated[
        list[int], typer.Option(min=1, help="Time a step after this many tokens; repeatable.")
    ] = [],  # noqa: B006
    threads: Annotated[int, typer.Option(min=1, help="Threads of PyTorch, the same for all.")] = 1,
    repetitions: Repetitions = 3,
    peers: Peers = True,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Decoding: a step over the prefix, whole generators, and what streaming the weights would take.

    Example: musictx bench generate relative --plot generate.png
    """
    from musictx.lab.bench.generate import bench_generate

    chosen = models or ("relative", "vanilla", "rope")
    options: dict[str, Any] = {"prefixes": prefix} if prefix else {}
    options |= {"primer": primer, "tokens": tokens, "thread_count": threads, "peers": peers}
    _finish(bench_generate, as_json, plot, chosen, repetitions=repetitions, **options)


@bench.command()
def train(
    size: Annotated[str, typer.Option(help="tiny, small, medium or large.")] = "small",
    context: Annotated[int, typer.Option(min=1, help="Tokens in a window.")] = 1024,
    batch: Annotated[int, typer.Option(min=1, help="Windows in a step.")] = 4,
    precision: Annotated[str, typer.Option(help="auto, 32-true or bf16-mixed.")] = "auto",
    threads: Threads = None,
    repetitions: Repetitions = 5,
    peers: Peers = True,
    as_json: AsJson = False,
) -> None:
    """Whole training steps of each position scheme next to a bare loop, and the data alone.

    Example: musictx bench train --context 512 --batch 8
    """
    from musictx.lab.bench.train import bench_train

    options: dict[str, Any] = {"size": size, "length": context, "batch": batch, "precision": precision}
    options |= {"thread_count": threads, "repetitions": repetitions, "peers": peers}
    _finish(bench_train, as_json, None, **options)


@bench.command()
def encode(
    midi: Annotated[
        Path | None, typer.Argument(help="Folder of MIDI files. [default: the primers of musictx]")
    ] = None,
    files: Annotated[
        list[int], typer.Option(min=1, help="Encode a folder of so many made-up files, too; repeatable.")
    ] = [],  # noqa: B006
    repetitions: Repetitions = 3,
    peers: Peers = True,
    as_json: AsJson = False,
) -> None:
    """MIDI files to events: a folder, and made-up performances of up to a million notes.

    Example: musictx bench encode my-midi/ --files 1000 --files 100000
    """
    from musictx.lab.bench.encode import bench_encode

    _finish(bench_encode, as_json, None, midi, files=files, repetitions=repetitions, peers=peers)


@bench.command()
def load(
    visitors: Annotated[int, typer.Option(min=1, help="Pages that press Continue.")] = 5,
    seconds: Annotated[float, typer.Option(min=2, max=180, help="Length of each continuation.")] = 30.0,
    between: Annotated[float, typer.Option(min=0, help="Seconds from one visitor to the next.")] = 0.0,
    rounds: Annotated[int, typer.Option(min=1, help="Continuations of each visitor.")] = 1,
    busy: Annotated[bool, typer.Option("--busy", help="Send files and get sound files meanwhile.")] = False,
    address: Annotated[
        str | None, typer.Option(help="A demo that runs already. [default: start one]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Visitors of the web demo at once: who hears gaps, how long the others wait, memory.

    Example: musictx bench load --visitors 50 --between 1
    """
    from musictx.lab.bench.load import bench_load

    with console.status("measuring"):
        result = bench_load(
            visitors, seconds=seconds, between=between, rounds=rounds, busy=busy, address=address
        )
    print(json.dumps(result, indent=None if as_json else 2))


@bench.command()
def live(
    models: Annotated[
        list[str] | None, typer.Argument(help="Shipped names or folders. [default: all that are shipped]")
    ] = None,
    repetitions: Repetitions = 5,
    as_json: AsJson = False,
) -> None:
    """The duet over MIDI, without a device: the end of the player's pause to the answer's first note.

    Example: musictx bench live grand --repetitions 10
    """
    from musictx.lab.bench.live import bench_live
    from musictx.shipped import SHIPPED_MODELS

    _finish(bench_live, as_json, None, models or SHIPPED_MODELS, repetitions=repetitions)


Slowdown = Annotated[
    float, typer.Option(help="Listen once more as on a computer so many times slower, if above 1.")
]


@bench.command("app")
def demo(
    seconds: Annotated[float, typer.Option(help="Length of the continuation listened to.")] = 60.0,
    repetitions: Repetitions = 5,
    slowdown: Slowdown = 1.0,
    address: Annotated[
        str | None, typer.Option(help="A demo that runs already. [default: start one]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The web demo in a browser: click to first note and sound, lead over the playhead, pause to answer.

    Example: musictx bench app
    """
    from musictx.lab.bench.app import bench_app

    with console.status("measuring"):
        result = bench_app(seconds=seconds, repetitions=repetitions, address=address, slowdown=slowdown)
    print(json.dumps(result, indent=None if as_json else 2))


@bench.command()
def site(
    seconds: Annotated[float, typer.Option(help="Length of the continuation listened to.")] = 60.0,
    repetitions: Repetitions = 5,
    slowdown: Slowdown = 1.0,
    as_json: AsJson = False,
) -> None:
    """The web demo without a server: first note, times real time, gaps, a first visit over a slow line.

    Example: musictx bench site
    """
    from musictx.lab.bench.site import bench_site

    with console.status("measuring"):
        result = bench_site(seconds=seconds, repetitions=repetitions, slowdown=slowdown)
    print(json.dumps(result, indent=None if as_json else 2))


@bench.command()
def browser(
    runtime: Annotated[
        Path,
        typer.Argument(
            metavar="DIST", help="Folder dist of npm's package onnxruntime-web.", show_default=False
        ),
    ],
    before: Annotated[int, typer.Option(min=24, help="Tokens before the measured steps.")] = 512,
    repetitions: Repetitions = 5,
    as_json: AsJson = False,
) -> None:
    """A step of the three models in a browser: the page's engine next to onnxruntime-web, and Python.

    Example: npm pack onnxruntime-web && tar xf onnxruntime-web-*.tgz && musictx bench browser package/dist
    """
    from musictx.lab.bench.browser_step import bench_browser_step
    from musictx.shipped import COMPARED_MODELS

    with console.status("measuring"):
        result = bench_browser_step(runtime, models=COMPARED_MODELS, before=before, repetitions=repetitions)
    print(json.dumps(result, indent=None if as_json else 2))
