// Notes in colours that say how surprised a model was by them, and the primer set again after the take.

import { colourOf } from "./canvas.js";
import { h } from "./dom.js";

const MAX_NATS = 10; // nats from which on all notes have the last colour

/** A function from nats to a colour, from what was expected to what was not, as the style sheet has them. */
export function surpriseColours(element) {
  const [unread, calm, stirred, startled] = ["--primer-faint", "--calm", "--stirred", "--startled"].map((name) =>
    colourOf(element, name),
  );
  return (nats) => {
    if (nats == null) return unread;
    const share = 2 * Math.min(1, Math.max(0, nats / MAX_NATS));
    const [low, high] = share < 1 ? [calm, stirred] : [stirred, startled];
    return `color-mix(in oklab, ${high} ${(100 * (share < 1 ? share : share - 1)).toFixed(0)}%, ${low})`;
  };
}

/**
 * The primer's notes where they come again, from what the server answers: {notes, end, words}, each note with its
 * `nats`. `notes` are the lane's.
 */
export function setAgain(notes, answer) {
  const later = (answer.at - answer.from) / 1000;
  const again = answer.notes.map(([row, nats]) => {
    const { on, off, pitch, velocity } = notes[row];
    return { on: on + later, off: off + later, pitch, velocity, nats };
  });
  return {
    notes: again,
    at: answer.at / 1000,
    end: Math.max(...again.map(({ off }) => off)),
    words: `the primer again: ${answer.first.toFixed(1)} → ${answer.second.toFixed(1)} nats per note`,
  };
}

/** Draw the primer that comes again, after a line. */
export function drawAgain(context, roll, scales) {
  const colour = surpriseColours(roll.element);
  context.fillStyle = colourOf(roll.element, "--roll-primer");
  context.fillRect(scales.x(roll.again.at), 0, roll.width, roll.height);
  context.fillStyle = colourOf(roll.element, "--ink-soft");
  context.fillRect(Math.round(scales.x(roll.again.at)), 0, 1, roll.height);
  for (const note of roll.again.notes) {
    const { left, top, width, height } = roll.boxOf(note, scales);
    context.fillStyle = colour(note.nats);
    context.fillRect(left, top, width, height);
  }
}

/** Which colour means what. */
export function legend() {
  return h(
    "span",
    { class: "legend", "data-testid": "legend", hidden: true },
    "Surprise in nats: 0 ",
    h("i", { class: "ramp", role: "img", "aria-label": "from blue, through amber, to red" }),
    ` ${MAX_NATS} and more`,
  );
}
