"""The piano's samples on a slow line, on a line that fails, and on a phone that rings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Place
from .music import midi_bytes, scale

Open = Callable[..., Any]

# A page that asks for its files itself, so that a test can hold them back: in a profile of its own.
BY_ITSELF = {"locale": "en-GB", "script": "delete Navigator.prototype.serviceWorker"}

# For every note: its pitch, and by how many semitones each sample that it mixes is bent.
WATCH_STRIKES = """() => {
  const { sound } = window.musictx;
  const strike = sound.strike.bind(sound);
  window.struck = [];
  sound.strike = (...all) => {
    const voice = strike(...all);
    window.struck.push([all[1], ...voice.sources.map((source) => 12 * Math.log2(source.playbackRate.value))]);
    return voice;
  };
}"""


def state_is(studio: Any, state: str) -> None:
    studio.page.wait_for_function(f"() => window.musictx.transport.state === '{state}'")


def notice_says(studio: Any, words: str) -> None:
    studio.page.wait_for_function(
        "(words) => document.querySelector('.notice').textContent.includes(words)", arg=words
    )


def test_on_a_slow_line_music_waits_for_its_samples_and_never_sounds_wrong(
    open_studio: Open, place: Place
) -> None:
    studio = open_studio(place, start=False, **BY_ITSELF)
    held: list[Any] = []
    holding = [".flac"]  # what has not come through yet

    def slowly(route: Any) -> None:
        if any(part in route.request.url for part in holding):
            held.append(route)
        else:
            route.continue_()

    def let_through(but: list[str]) -> None:
        holding[:] = but
        waiting, held[:] = held[:], []
        for route in waiting:
            slowly(route)

    studio.page.route("**/piano/*.flac", slowly)
    studio.open()
    studio.page.evaluate(WATCH_STRIKES)
    rising = {"name": "scale.mid", "mimeType": "audio/midi", "buffer": midi_bytes(scale(count=10, step=0.5))}
    studio.get("upload").set_input_files(rising)
    studio.page.wait_for_function(
        "() => document.querySelector('.primer-title strong').textContent === 'scale.mid'"
    )
    studio.get("primer-play").click()
    notice_says(studio, "waits for them")
    assert studio.page.evaluate("window.musictx.transport.state") == "waiting"
    assert studio.page.evaluate("window.struck") == []
    let_through(but=["-069"])  # the last two notes, after four seconds, need it
    state_is(studio, "playing")
    assert studio.notice().inner_text() == ""
    state_is(studio, "waiting")
    assert studio.position() == 4
    notice_says(studio, "waits for them")
    let_through(but=[])
    state_is(studio, "stopped")
    assert studio.notice().inner_text() == ""
    struck = studio.page.evaluate("window.struck")
    assert [pitch for pitch, *_ in struck] == list(range(60, 70))
    assert all(len(bends) == 2 and max(map(abs, bends)) < 1.5 for _, *bends in struck)


@pytest.mark.slow
def test_samples_that_fail_are_told_and_asked_for_again(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, start=False, **BY_ITSELF)
    studio.loses_server = True  # the browser itself reports what it could not fetch
    failing = ["index.json"]

    def sometimes(route: Any) -> None:
        if any(part in route.request.url for part in failing):
            route.abort()
        else:
            route.continue_()

    studio.page.route("**/piano/*", sometimes)
    studio.open()
    studio.get("primer-play").click()
    notice_says(studio, "sounds cannot be loaded")
    assert studio.page.evaluate("window.musictx.transport.state") == "waiting"
    failing[:] = ["-06"]
    studio.page.wait_for_event("requestfailed", lambda request: "-06" in request.url)
    failing.clear()
    studio.page.wait_for_function("() => window.musictx.transport.position > 0.3")
    assert studio.notice().inner_text() == ""
    assert [line for line in studio.console if "Failed to load resource" not in line] == []


def test_a_key_without_its_sample_is_silent_and_says_so(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, start=False, **BY_ITSELF)
    studio.page.route("**/piano/*.flac", lambda route: None)  # for good on its way
    studio.open()
    studio.page.evaluate(WATCH_STRIKES)
    studio.get("piano").click()
    studio.get("key-60").click()
    notice_says(studio, "still on its way")
    assert studio.page.evaluate("window.struck") == [[60]]


def test_sound_comes_back_after_a_telephone_call(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    resumed = studio.page.evaluate(
        """async () => {
            const { sound } = window.musictx;
            const context = sound.wake();
            let state = 'interrupted'; // as Safari on a phone has it
            let resumed = 0;
            Object.defineProperty(context, 'state', { get: () => state });
            context.resume = async () => {
              resumed += 1;
              if (resumed === 1) throw new DOMException('the call goes on', 'InvalidStateError');
              state = 'running';
            };
            for (let click = 0; click < 3; click += 1) {
              sound.wake();
              await new Promise((next) => setTimeout(next));
            }
            return resumed;
        }"""
    )
    assert resumed == 2
