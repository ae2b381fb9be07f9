"""What comes out of the loudspeaker, recorded by a tap on the page's output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from musictx.lab.bench.site import slowed
from musictx.lab.bench.slowdown import held

from .conftest import Place, Server

Open = Callable[..., Any]

# Frames of 128 samples: the context's time, the loudest sample and the power.
TAP = """
async () => {
  const { sound } = window.musictx;
  await window.musictx.ready;
  sound.wake();
  const source = `registerProcessor('tap', class extends AudioWorkletProcessor {
    process([input]) {
      let peak = 0, power = 0, other = 0;
      for (const channel of input) for (const x of channel) {
        peak = Math.max(peak, Math.abs(x));
        power += x * x;
      }
      this.port.postMessage([currentTime, peak, power / 256]);
      return true;
    }
  })`;
  const code = new Blob([source], { type: 'text/javascript' });
  await sound.context.audioWorklet.addModule(URL.createObjectURL(code));
  window.tapped = [];
  const node = new AudioWorkletNode(sound.context, 'tap');
  node.port.onmessage = ({ data }) => window.tapped.push(data);
  sound.output.connect(node);
}
"""

# How far the music is ahead of the sound's own clock: whoever listens on hears no jump if it stays.
AHEAD = "() => { const { music, context } = window.musictx.transport.segment; return music - context; }"

# The page does nothing for 600 ms, as when another tab or the system is busy.
STALL = "() => { const until = performance.now() + 600; while (performance.now() < until); }"


def open_tapped(open_studio: Open, place: Place) -> Any:
    """A page whose sound is recorded: its content policy, which would keep the tap out, is set aside."""
    studio = open_studio(place, start=False)
    session = studio.page.context.new_cdp_session(studio.page)
    session.send("Page.setBypassCSP", {"enabled": True})
    studio.open()
    studio.page.evaluate(TAP)
    return studio


def tapped(studio: Any) -> list[list[float]]:
    frames: list[list[float]] = studio.page.evaluate("window.tapped")
    return frames


def sounding(frames: list[list[float]]) -> tuple[float, float]:
    """First and last moment (s) at which anything was heard."""
    times = [time for time, peak, _ in frames if peak > 1e-3]
    assert times, "nothing was heard"
    return times[0], times[-1]


def longest_silence(frames: list[list[float]], start: float, end: float) -> float:
    """Longest time (s) without sound between two moments."""
    longest, last = 0.0, start
    for time, peak, _ in frames:
        if start <= time <= end and peak > 1e-4:
            longest, last = max(longest, time - last), time
    return max(longest, end - last)


def let_pass(studio: Any, seconds: float) -> None:
    """Wait until the music has moved on by so much."""
    target = studio.position() + seconds
    studio.page.wait_for_function("(target) => window.musictx.transport.position >= target", arg=target)


def test_music_sounds_without_gaps_while_the_models_play_and_lanes_are_switched(
    open_studio: Open, place: Place
) -> None:
    studio = open_tapped(open_studio, place)
    studio.run(seconds=20, lead_in=8)  # the dense primer is heard by all lanes: any gap is the page's fault
    studio.page.wait_for_function("() => window.musictx.transport.state === 'playing'")
    let_pass(studio, 1)
    begun = studio.page.evaluate("window.musictx.sound.context.currentTime")
    positions = []
    for key, model in (("1", "vanilla"), ("3", "rope"), ("2", "relative")):
        before, ahead = studio.position(), studio.page.evaluate(AHEAD)
        studio.page.keyboard.press(key)
        assert studio.get(f"solo-{model}").get_attribute("aria-pressed") == "true"
        assert studio.page.evaluate(AHEAD) == ahead  # the same musical moment
        assert studio.position() >= before
        positions.append(studio.position())
        studio.page.evaluate(STALL)
        let_pass(studio, 1)
    ended = studio.page.evaluate("window.musictx.sound.context.currentTime")
    primer_end = studio.page.evaluate("window.musictx.transport.scores.get('relative').length")
    ended = min(ended, primer_end - ahead)  # what models play after it may well be silent
    frames = tapped(studio)
    assert longest_silence(frames, begun, ended) < 0.05
    assert max(peak for _, peak, _ in frames) <= 1.0
    statistics = studio.page.evaluate("window.musictx.transport.statistics")
    assert statistics["late"] == 0
    assert positions == sorted(positions)


def test_ten_loud_notes_at_once_do_not_clip(open_studio: Open, place: Place) -> None:
    studio = open_tapped(open_studio, place)
    studio.page.evaluate(
        """() => {
            const { sound } = window.musictx;
            const when = sound.context.currentTime + 0.05;
            for (let k = 0; k < 20; k += 1) sound.strike(sound.live, 36 + 3 * k, 127, when);
        }"""
    )
    studio.page.wait_for_function("() => window.tapped.filter(([, peak]) => peak > 0.3).length > 50")
    assert 0.3 < max(peak for _, peak, _ in tapped(studio)) < 1.0


def test_louder_notes_sound_louder_and_released_notes_end(open_studio: Open, place: Place) -> None:
    studio = open_tapped(open_studio, place)
    start = studio.page.evaluate(
        """() => {
            const { sound } = window.musictx;
            const now = sound.context.currentTime + 0.1;
            for (const [k, velocity] of [[0, 40], [1, 110]]) {
              sound.release(sound.strike(sound.live, 60, velocity, now + k), now + k + 0.3);
            }
            return now;
        }"""
    )
    studio.page.wait_for_function("(end) => window.tapped.some(([time]) => time > end)", arg=start + 2.2)

    def peak(since: float, until: float) -> float:
        return max(p for time, p, _ in tapped(studio) if since <= time < until)

    assert peak(start + 1, start + 1.3) > 3 * peak(start, start + 0.3) > 0
    assert peak(start + 1.9, start + 2.2) < 0.02 * peak(start + 1, start + 1.3)


def test_space_plays_and_pauses_and_a_click_on_a_roll_seeks(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.run(seconds=3)
    studio.wait_done()
    studio.page.keyboard.press("Space")
    assert studio.page.evaluate("window.musictx.transport.state") == "stopped"
    roll = studio.lane("vanilla").locator(".roll").bounding_box()
    studio.page.mouse.click(roll["x"] + roll["width"] / 2, roll["y"] + roll["height"] / 2)
    middle = studio.page.evaluate("window.musictx.transport.end") / 2
    assert abs(studio.position() - middle) < 1
    studio.page.keyboard.press("Space")
    studio.page.wait_for_function(
        "(start) => window.musictx.transport.position > start + 0.3", arg=studio.position()
    )
    studio.page.keyboard.press("ArrowLeft")
    assert studio.page.evaluate("window.musictx.transport.state") in ("playing", "waiting")
    studio.get("play").click()
    assert studio.page.evaluate("window.musictx.transport.state") == "stopped"
    for testid in ("position", "volume"):  # a slider that has the focus does not keep the space key
        studio.get(testid).click()
        studio.page.keyboard.press("Space")
        assert studio.page.evaluate("window.musictx.transport.state") != "stopped"
        studio.page.keyboard.press("Space")
        assert studio.page.evaluate("window.musictx.transport.state") == "stopped"


def test_a_new_run_stops_the_old_sound_and_keeps_the_volume(open_studio: Open, place: Place) -> None:
    studio = open_tapped(open_studio, place)
    studio.get("volume").fill("0.3")
    studio.run(seconds=3, lead_in=1)
    studio.wait_done()
    studio.page.wait_for_function("() => window.musictx.transport.state === 'playing'")
    voices = studio.page.evaluate(
        "window.oldLane = window.musictx.transport.segment.lane; window.oldLane.voices.size"
    )
    assert voices > 0
    studio.run(seconds=2, seed=77)
    studio.page.wait_for_function("() => window.oldLane.bus.node.gain.value === 0")
    assert studio.page.evaluate("window.musictx.sound.master.gain.value") < 0.35
    studio.wait_done()


def test_pausing_silences_everything(open_studio: Open, place: Place) -> None:
    studio = open_tapped(open_studio, place)
    studio.get("primer-play").click()
    studio.page.wait_for_function("() => window.musictx.transport.position > 1")
    studio.get("primer-play").click()
    paused = studio.page.evaluate("window.musictx.sound.context.currentTime")
    studio.page.wait_for_function("(end) => window.tapped.some(([time]) => time > end)", arg=paused + 0.8)
    assert sounding(tapped(studio))[1] < paused + 0.4


def assert_others_rest(studio: Any) -> None:
    """Relative, which is heard, is made to its end while the others are not."""
    studio.page.wait_for_function(
        "() => window.musictx.transport.scores.get('relative').complete"
        " && window.musictx.transport.asked === 10"
    )
    behind = [studio.lane(model).get_attribute("data-state") for model in ("vanilla", "rope")]
    assert behind == ["running", "running"]


@pytest.mark.slow
def test_a_slow_computer_makes_the_lane_first_that_is_heard(
    chromium: Any, open_studio: Open, shipped_site: Place
) -> None:
    studio = open_studio(shipped_site)
    studio.run(seconds=2)  # brings the models
    studio.wait_done()
    with slowed(chromium, 20.0):
        studio.run(seconds=10)
        studio.page.wait_for_function("() => window.musictx.transport.turns.taken")
        assert_others_rest(studio)
    studio.wait_done()
    studio.page.wait_for_function("() => window.musictx.transport.state === 'stopped'")


@pytest.mark.slow
def test_so_does_a_slow_server(open_studio: Open, start_server: Callable[..., Server]) -> None:
    server = start_server()
    studio = open_studio(server)
    studio.run(seconds=2)
    studio.wait_done()
    assert server.process
    with held([server.process.pid], 12.0):
        studio.run(seconds=10)
        studio.page.wait_for_function("() => window.musictx.transport.turns.taken")
        assert "All lanes at once are too slow now" in studio.notice().inner_text()
        assert_others_rest(studio)
    studio.wait_done()


def test_the_sound_waits_for_a_slow_lane_and_goes_on(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.page.evaluate("window.musictx.ready")  # or it waits for the piano's sounds
    studio.run(seconds=20, lead_in=0)
    studio.page.wait_for_function("() => window.musictx.transport.state === 'playing'")
    studio.page.keyboard.press("1")
    # The lane that is heard seems to be behind: the clock stands still until it has caught up.
    studio.page.evaluate(
        """() => {
            const { transport } = window.musictx;
            const score = transport.scores.get('vanilla');
            const limit = transport.position + 0.5;
            window.letGo = () => { limited = false; };
            let limited = true;
            const really = { complete: score.complete, known: score.known };
            Object.defineProperty(score, 'complete', {
              get: () => !limited && really.complete,
              set: (value) => { really.complete = value; },
            });
            Object.defineProperty(score, 'known', {
              get: () => (limited ? Math.min(limit, really.known) : really.known),
              set: (value) => { really.known = value; },
            });
        }"""
    )
    studio.page.wait_for_function("() => window.musictx.transport.state === 'waiting'")
    assert "waits a moment" in studio.notice().inner_text()
    studio.page.evaluate("window.letGo()")
    studio.wait_done()
    studio.page.wait_for_function("() => window.musictx.transport.state === 'playing'")
    assert studio.notice().inner_text() == ""
