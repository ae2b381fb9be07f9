// The piano's samples: which of them a note mixes, fetched in the order in which they are needed.

import { freeLine } from "./line.js";

const LAYER_VELOCITY = { soft: 40, loud: 77 };
const INAUDIBLE = 0.04; // the smallest weight with which a layer is mixed in
const AT_ONCE = 4; // samples fetched at a time, so that the page's own requests are not held up
const FIRST_PAUSE = 500; // milliseconds before what did not arrive is asked for again; twice as much each time …
const MAX_PAUSE = 4000; // … up to this

/** The layers that a velocity mixes, with their weights, as musictx/render/piano/README.md says. */
function layersOf(velocity) {
  const { soft, loud } = LAYER_VELOCITY;
  const share = Math.min(Math.max((velocity - soft) / (loud - soft), 0), 1.5);
  const layers = [
    { layer: "loud", weight: share },
    { layer: "soft", weight: 1 - share },
  ];
  return layers.filter(({ weight }) => Math.abs(weight) >= INAUDIBLE);
}

let piano = null;

/** The page's piano: one for all, since its samples take some room. */
export function pianoSamples() {
  piano ??= new Samples(new URL("musictx/piano/", document.baseURI));
  return piano;
}

/** Loads what `index.json` lists: what was asked for with `prefer` first, then the middle of the keyboard. */
export class Samples {
  constructor(base) {
    this.base = base;
    this.nearest = null; // by layer and pitch (0 to 127), the sample to play; unknown before the list is here
    this.queue = [];
    this.complete = false;
    this.hurry = new AbortController(); // ends the wait for models when notes need samples
    this.lost = new Set(); // files that were asked for again and still did not come
    this.ready = this.load();
  }

  async load() {
    const list = await this.fetch("index.json", (response) => response.json());
    this.nearest = Object.fromEntries(
      Object.keys(LAYER_VELOCITY).map((layer) => {
        const samples = list.filter((sample) => sample.layer === layer);
        const closest = (pitch) =>
          samples.reduce((a, b) => (Math.abs(b.pitch - pitch) < Math.abs(a.pitch - pitch) ? b : a));
        return [layer, Array.from({ length: 128 }, (_, pitch) => closest(pitch))];
      }),
    );
    this.queue = list.sort((a, b) => Math.abs(a.pitch - 63) - Math.abs(b.pitch - 63));
    // An offline context decodes without a click having been made.
    const decoder = new OfflineAudioContext(1, 1, 44100);
    const decode = async (response) => decoder.decodeAudioData(await response.arrayBuffer());
    const worker = async () => {
      for (let sample = await this.next(); sample; sample = await this.next())
        sample.buffer = await this.fetch(sample.file, decode);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    this.complete = true;
  }

  /** The sample to fetch next. One that no note needs yet lets the models go first. */
  async next() {
    if (!this.queue[0]?.needed) await freeLine(this.hurry.signal);
    return this.queue.shift();
  }

  /** What `read` makes of a file. It is asked for until it is there: a line that failed may come back. */
  async fetch(file, read) {
    for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, MAX_PAUSE)) {
      try {
        const response = await fetch(new URL(file, this.base));
        if (!response.ok) throw new Error(response.statusText);
        const content = await read(response);
        this.lost.delete(file);
        return content;
      } catch {
        if (pause > FIRST_PAUSE) this.lost.add(file);
        await new Promise((again) => setTimeout(again, pause));
      }
    }
  }

  /** What a note mixes, as {sample, weight}; null while not all of it is here. */
  of({ pitch, velocity }) {
    if (!this.nearest) return null;
    const parts = layersOf(velocity).map(({ layer, weight }) => ({ sample: this.nearest[layer][pitch], weight }));
    return parts.every(({ sample }) => sample.buffer) ? parts : null;
  }

  /** Seconds for which a note's string rings that nothing stops; its samples are here. */
  ringing(note) {
    const ends = this.of(note).map(({ sample }) => sample.buffer.duration / 2 ** ((note.pitch - sample.pitch) / 12));
    return Math.max(...ends);
  }

  /** Fetch what these notes need before everything else, in their order. */
  prefer(notes) {
    if (!this.nearest || this.complete) return;
    const needed = notes.flatMap(({ pitch, velocity }) =>
      layersOf(velocity).map(({ layer }) => this.nearest[layer][pitch]),
    );
    const waiting = new Set(this.queue);
    const first = needed.filter((sample) => waiting.has(sample));
    this.queue = [...new Set([...first, ...this.queue])];
    if (first.every((sample) => sample.needed)) return;
    for (const sample of first) sample.needed = true;
    this.hurry.abort();
    this.hurry = new AbortController();
  }
}
