// The keyboards and instruments of the browser's Web MIDI, where it offers that.

const NO_MIDI = "Web MIDI is not available here. Chrome, Edge and Firefox offer it, on this machine or over https.";
const DENIED = "The browser was not allowed to use MIDI. Allow it in the site's settings, then try again.";

let access = null; // asked for once: with a second one every note would come twice

/** What is plugged in, as a MIDIAccess; an Error's sentence if there can be nothing. */
export async function askForMidi() {
  if (!navigator.requestMIDIAccess) throw new Error(NO_MIDI);
  try {
    return await (access ??= navigator.requestMIDIAccess());
  } catch {
    access = null; // it may be allowed later
    throw new Error(DENIED);
  }
}

const ECHO = 50; // ms in which an instrument, or a port that is output and input, may send back what it was sent
const sent = new Map(); // key and direction → when it was sent (ms of the page)
const nameOf = (pitch, isOn) => `${pitch} ${isOn}`;

/** A key goes down, or up, on an instrument at a moment (ms of the page). */
export function tellSent(pitch, isOn, at) {
  sent.set(nameOf(pitch, isOn), at);
}

/** Whether a message of a keyboard is only what was sent to an instrument, and comes back. */
export function isEcho(pitch, isOn) {
  const name = nameOf(pitch, isOn);
  const echoes = Math.abs(performance.now() - (sent.get(name) ?? -Infinity)) < ECHO;
  if (echoes) sent.delete(name);
  return echoes;
}
