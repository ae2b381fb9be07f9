"""What a visitor puts in by hand: the piano's keys, the computer's, a MIDI keyboard's; numbers and links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .conftest import Place
from .test_primer import primer

Open = Callable[..., Any]

# Two keyboards that can be unplugged; as in a browser every request makes new inputs of the same ports.
TWO_KEYBOARDS = """
window.ports = [];
navigator.requestMIDIAccess = async () => {
  const make = (name) => ({ name, state: "connected", onmidimessage: null });
  const access = { inputs: new Map([["one", make("One")], ["two", make("Two")]]), onstatechange: null };
  window.ports.push(access);
  return access;
};
window.midiSend = (id, ...bytes) => {
  for (const { inputs } of window.ports) inputs.get(id)?.onmidimessage?.({ data: new Uint8Array(bytes) });
};
window.unplug = (id) => {
  for (const access of window.ports) {
    access.inputs.delete(id);
    access.onstatechange?.({});
  }
};
"""


def keys_down(studio: Any) -> list[int]:
    down: list[int] = studio.page.evaluate(
        "[...document.querySelectorAll('.key.down')].map((key) => Number(key.dataset.pitch))"
    )
    return down


def play_letters(studio: Any, letters: str) -> None:
    for letter in letters:
        studio.page.keyboard.down(letter)
        studio.page.keyboard.up(letter)


def test_each_midi_note_comes_once_and_an_unplugged_keyboard_lets_go(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, script=TWO_KEYBOARDS)
    studio.get("piano").click()
    for _ in range(2):
        studio.page.evaluate("document.querySelector('.notice').textContent = ''")
        studio.get("midi-connect").click()
        studio.page.wait_for_function(
            "() => document.querySelector('.notice').textContent.includes('One, Two')"
        )
    for message in (
        "'one', 0x90, 60, 80",
        "'one', 0x80, 60, 0",
        "'one', 0x90, 64, 80",
        "'two', 0x90, 67, 80",
    ):
        studio.page.evaluate(f"window.midiSend({message})")
    assert studio.get("recorded").inner_text().startswith("1 note,")
    assert keys_down(studio) == [64, 67]
    studio.page.evaluate("window.unplug('one')")
    assert keys_down(studio) == [67]
    assert studio.get("recorded").inner_text().startswith("2 notes")


def test_a_key_struck_by_keyboard_comes_up_wherever_the_focus_is_by_then(
    open_studio: Open, place: Place
) -> None:
    studio = open_studio(place)
    studio.get("piano").click()
    studio.get("key-60").focus()
    for leave in ("ArrowRight", "Tab"):
        struck = studio.page.evaluate("Number(document.activeElement.dataset.pitch)")
        studio.page.keyboard.down("Enter")
        assert keys_down(studio) == [struck]
        studio.page.keyboard.press(leave)
        studio.page.keyboard.up("Enter")
        assert keys_down(studio) == []
    studio.get("key-60").focus()
    studio.page.keyboard.down("Enter")
    studio.page.evaluate("window.dispatchEvent(new Event('blur'))")
    assert keys_down(studio) == []


def test_continue_ends_a_recording_and_another_one_can_be_undone(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("piano").click()
    play_letters(studio, "adg")
    studio.run(seconds=2)
    assert studio.get("record").get_attribute("aria-pressed") == "false"
    studio.wait_done()
    made = studio.rows("rope")
    studio.get("piano").focus()
    play_letters(studio, "k")
    assert studio.rows("rope") == made
    studio.get("record").click()
    play_letters(studio, "k")
    assert studio.lane("rope").get_attribute("data-state") != "done"
    studio.get("undo").click()
    assert studio.rows("rope") == made
    play_letters(studio, "j")  # nothing is recorded any more
    assert studio.rows("rope") == made
    studio.get("record").click()
    assert (
        studio.get("recorded").inner_text().startswith("3 notes")
    )  # what is the primer now, without the fourth
    play_letters(studio, "j")
    assert primer(studio)["detail"].startswith("4 notes")


def test_clear_and_undo_note_leave_another_primer_alone(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("piano").click()
    play_letters(studio, "adg")
    studio.get("record").click()
    studio.get("preset-fur-elise").click()
    chosen = primer(studio)
    studio.get("piano-undo").click()
    assert studio.get("recorded").inner_text().startswith("2 notes")
    assert primer(studio) == chosen
    studio.get("piano-clear").click()
    assert studio.get("recorded").inner_text() == ""
    assert primer(studio) == chosen


def test_a_key_that_a_screen_reader_clicks_sounds_and_comes_up(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("piano").click()
    studio.get("key-60").evaluate("(key) => key.click()")
    studio.get("key-64").click()  # a pointer's click strikes it once
    studio.page.wait_for_function("() => !document.querySelector('.key.down')")
    notes = studio.page.evaluate("window.musictx.duet.piano.recorder.piece.notes")
    assert [row[2] for row in notes] == [60, 64] and notes[0][1] - notes[0][0] > 300


def test_a_phone_reaches_every_key_by_octaves(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    studio.get("piano").tap()

    def in_view() -> set[int]:
        pitches: list[int] = studio.page.evaluate(
            """() => {
              const frame = document.querySelector(".keyboard-frame").getBoundingClientRect();
              const whole = ({ left, right }) => left >= frame.left - 1 && right <= frame.right + 1;
              return [...document.querySelectorAll(".key")]
                .filter((key) => whole(key.getBoundingClientRect())).map((key) => Number(key.dataset.pitch));
            }"""
        )
        return set(pitches)

    reached = in_view()
    assert set(range(60, 72)) <= reached  # from middle C
    for button in ("octave-lower",) * 2 + ("octave-higher",) * 4:
        studio.get(button).tap()
        reached |= in_view()
    assert reached == set(range(36, 97))
    assert studio.get("octave").inner_text() == "Octave from C 6"
    key = studio.get("key-96").bounding_box()
    studio.page.touchscreen.tap(key["x"] + 10, key["y"] + 80)
    assert studio.get("recorded").inner_text().startswith("1 note,")
    studio.get("octave-lower").focus()
    studio.page.keyboard.press("Enter")
    assert studio.get("octave").inner_text() == "Octave from C 5"
    edges = [
        studio.page.locator(place).bounding_box()
        for place in (".bring", "#piano-open", "[data-testid=continue]", "#new-seed")
    ]
    assert len({box["x"] + box["width"] for box in edges}) == 1  # Continue ends where everything else does
    wide = open_studio(place)
    wide.get("piano").click()
    assert not wide.get("octave-lower").is_visible()


def test_any_number_in_its_range_is_taken(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("settings").click()
    red = "(field) => getComputedStyle(field).borderColor"
    usual = studio.get("temperature").evaluate(red)
    for name, value in (("temperature", "0.97"), ("top-p", "0.975"), ("min-p", "0.005")):
        studio.get(name).fill(value)
        assert studio.get(name).evaluate(red) == usual
    for name, value, sentence in (
        ("temperature", "2.01", "Temperature must be a number from 0 to 2."),
        ("top-k", "1.5", "Top-k must be a whole number from 0 to 391."),
        ("seed", "", "Seed must be a whole number from 0 to 2147483647."),
    ):
        before = studio.get(name).input_value()
        studio.get(name).fill(value)
        studio.get("continue").click()
        assert studio.notice().inner_text() == sentence
        studio.get(name).fill(before)
    studio.run(seconds=10)
    studio.wait_notes()
    assert "must be" not in studio.notice().inner_text()


# The page's link as it was before there was a form.
WITHOUT_FORM = """async () => {
  const { readLink, writeLink } = await import(new URL("musictx/static/io/link.js", document.baseURI));
  const { settings: { form, ...settings }, ...link } = await readLink(location.hash);
  return `#${await writeLink({ ...link, settings, notes: [], pedals: [] })}`;
}"""


def test_a_link_pasted_into_an_open_page_is_followed(open_studio: Open, place: Place) -> None:
    one, other = open_studio(place), open_studio(place)
    one.get("preset-fur-elise").click()
    one.get("seed").fill("4")
    one.get("share").click()
    one.page.wait_for_function("() => location.hash !== ''")
    shared = one.page.evaluate(WITHOUT_FORM)
    other.page.locator("[name=form]").evaluate("(field) => { field.value = 0.5 }")
    before = primer(other)
    other.page.evaluate("location.hash = 'music=abcdef'")
    other.page.wait_for_function("() => document.querySelector('.notice').classList.contains('bad')")
    assert "damaged" in other.notice().inner_text()
    assert primer(other) == before
    other.page.evaluate("(hash) => { location.hash = hash }", shared)
    other.page.wait_for_function(
        "() => document.querySelector('.notice').textContent.includes('with the link')"
    )
    other.wait_notes()
    assert primer(other) == primer(one)
    assert other.get("seed").input_value() == "4" and other.get("form").input_value() == "0"
    assert other.page.evaluate("location.hash") == shared  # to be copied or reloaded
    other.get("undo").click()
    other.get("undo").click()
    assert primer(other) == before
