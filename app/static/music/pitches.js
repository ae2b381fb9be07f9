// Names of pitches, in words that can be read out.

const NAMES = ["C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B"];

/** A MIDI pitch by its name: 60 is "C 4". */
export const pitchName = (pitch) => `${NAMES[pitch % 12]} ${Math.floor(pitch / 12) - 1}`;
