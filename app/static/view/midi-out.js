// The choice, in the settings, of a MIDI instrument on which playback sounds too.

import { MidiOutput } from "../io/midi-output.js";
import { h } from "./dom.js";

const NONE = "none";
const HINT = "Playback goes to this instrument as well as to the piano of the page; the volume is the piano’s.";

/** Offer it to a `studio`, whose playback stops when the instrument is gone. */
export function offerMidiOutput(element, studio) {
  const { sound, notice } = studio;
  const output = new MidiOutput(() => sound.context, {
    changed: () => show(),
    lost: (name) => {
      studio.listening.transport.pause();
      notice.say(`${name} is gone, so playback has stopped. Plug it in again or choose another one.`, true);
    },
  });
  sound.instrument = output;
  const choose = () => {
    output.choose(select.value);
    const { transport } = studio.listening;
    if (transport.state !== "stopped") transport.seek(transport.position); // what sounds now sounds there, too
  };
  const select = h("select", { "data-testid": "midi-output", onchange: choose });
  const field = h("label", { class: "field", hidden: true }, "MIDI output", select);
  const find = h("button", { type: "button", "data-testid": "midi-output-find", onclick: () => connect() }, "MIDI output …");
  const show = () => {
    const ports = [[NONE, output.ports.length ? "none" : "none found"], ...output.ports];
    select.replaceChildren(...ports.map(([id, name]) => h("option", { value: id }, name)));
    select.value = output.port?.id ?? NONE;
  };
  const connect = async () => {
    try {
      await output.connect();
    } catch (error) {
      notice.say(error.message, true);
      return;
    }
    find.hidden = true;
    field.hidden = false;
    show();
    select.focus();
  };
  element.append(find, field, h("p", {}, HINT));
}
