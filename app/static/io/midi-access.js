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
