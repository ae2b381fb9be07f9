// A MIDI keyboard, where the browser offers Web MIDI.

/**
 * Listen to every MIDI input, also to those plugged in later. `on` has noteOn(pitch, velocity),
 * noteOff(pitch) and pedal(down). Returns a sentence for the visitor.
 */
export async function connectMidi(on) {
  if (!navigator.requestMIDIAccess) {
    return "This browser has no Web MIDI here. Chrome, Edge and Firefox have it, on this machine or over https.";
  }
  let access;
  try {
    access = await navigator.requestMIDIAccess();
  } catch {
    return "The browser was not allowed to use MIDI. Allow it in the site's settings, then try again.";
  }
  const listen = () => {
    for (const input of access.inputs.values()) input.onmidimessage = (event) => handle(event.data, on);
  };
  listen();
  access.onstatechange = listen;
  const names = [...access.inputs.values()].map((input) => input.name || "a MIDI keyboard");
  return names.length ? `Listening to ${names.join(", ")}.` : "No MIDI keyboard found yet. Plug one in and play.";
}

function handle([status, first, second], on) {
  const kind = status & 0xf0;
  if (kind === 0x90 && second > 0) on.noteOn(first, second);
  else if (kind === 0x80 || kind === 0x90) on.noteOff(first);
  else if (kind === 0xb0 && first === 64) on.pedal(second >= 64);
}
