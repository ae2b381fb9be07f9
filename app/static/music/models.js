// The models whose continuations stand side by side, in the order of the lanes.

export const REAL = "real"; // the lane in which the piece goes on as it was written

const THE_PIECE = { key: REAL, name: "The piece itself", colour: "primer" };
const NUMBERS = ["No", "One", "Two", "Three", "Four"];
const TAKE_COLOURS = { A: "rose", B: "ochre", C: "olive", D: "slate" };

/** How a scheme knows the order of events, in a musician's words. */
const SCHEMES = {
  vanilla: "counts events from the start",
  learned: "learned a vector for each place",
  relative: "knows how far back each event is",
  rope: "measures distance like clock hands turning",
};

export class Models {
  /**
   * `models` are what the server says of each: key, name, colour, position, training_length and window (in events),
   * parameters, tokens_seen, whether it stands in a lane of its own beside the others (`compared`), and the file with
   * which a browser plays it, if one can; `alike` says that nothing learned sets the compared ones apart but how they
   * know the order.
   */
  constructor({ models, alike }) {
    this.players = models;
    const all = models.filter(({ compared }) => compared);
    this.all = all;
    this.alike = alike;
    this.keys = all.map((model) => model.key);
    // Lanes in which one model plays several times.
    this.takes = Object.entries(TAKE_COLOURS).map(([key, colour]) => ({ key, name: `Take ${key}`, colour, take: true }));
  }

  of(key) {
    return key === REAL ? THE_PIECE : [...this.players, ...this.takes].find((each) => each.key === key);
  }

  /** The model to make music with, unless another is chosen. */
  get composer() {
    const own = this.players.find(({ compared }) => !compared);
    return own?.key ?? this.first;
  }

  /** So many lanes of takes by one model, as `newTake` wants them. */
  takesOf(model, count) {
    return this.takes.slice(0, count).map((take) => ({ ...this.of(model), ...take, model }));
  }

  /** Of musictx. */
  get version() {
    return this.all[0].version;
  }

  /** How many there are, as a sentence begins. */
  get number() {
    return NUMBERS[this.all.length];
  }

  /** By model, the hash of its weights. */
  get weights() {
    return Object.fromEntries(this.players.map(({ key, weights }) => [key, weights]));
  }

  /** Which lane is chosen at first. */
  get first() {
    return this.keys.includes("relative") ? "relative" : this.keys[0];
  }

  /** One line about a model, for its lane. */
  tagline(key) {
    if (key === REAL) return "how the piece really goes on";
    if (this.of(key).take) return "";
    const { position, tokens_seen: seen } = this.of(key);
    const scheme = SCHEMES[position] ?? `${position} positions`;
    return this.alike || !seen ? scheme : `${scheme}; ${(seen / 1e6).toFixed(1)} M events of training`;
  }
}

/** A whole number with its thousands parted: 1,024. */
export function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Bytes in millions: 6.7. */
export function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
