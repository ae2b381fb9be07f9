// What a lane says from Continue to the last note: the messages that the server sends (app/streaming.py), made here.

import { Beat } from "../music/beat.js";
import { END, NOTE_OFF, SETTINGS, SPARE_TOKENS, STEP_SECONDS, TOKENS_PER_SECOND } from "../music/constants.js";
import { Metre } from "../music/metre.js";
import { rint } from "../music/rounding.js";
import { ShortContext, contrast } from "./contrast.js";
import { NoteStream } from "./events.js";
import { preparePrimer } from "./primer.js";
import { Random } from "./random.js";
import { Shaping } from "./shaping.js";

const MESSAGE = 80; // milliseconds between two messages of a lane
const HEARTBEAT = 1000; // a lane that has nothing to say still says so this often
const TURN = 30; // milliseconds of work after which a message from the page may be read
const DRAWN = Object.fromEntries(SETTINGS.map(({ name, value }) => [name, value]));
const DEFAULTS = { seconds: 30, seed: 0, beat: "off", shape: "", ...DRAWN };

const milliseconds = (seconds) => rint(seconds * 1000);
const row = (n) => [milliseconds(n.on), milliseconds(n.off), n.pitch, n.velocity];

/** The music that a request asks to be continued: its primer as the model gets it. */
function readRequest({ notes, pedals = [], length, begins = true }, model) {
  if (!notes.length) throw new Error("There is no note in the primer; choose or play a few notes first.");
  const music = {
    notes: notes.map(([on, off, pitch, velocity]) => ({ on: on / 1000, off: off / 1000, pitch, velocity })),
    pedals: pedals.map(([down, up]) => ({ down: down / 1000, up: up / 1000 })).sort((a, b) => a.down - b.down),
  };
  return preparePrimer(music, length / 1000, model, begins);
}

/** Lets an event of the page come in between. */
function turn() {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
}

/** Show the model a primer; what it has seen of it already stays. False if `goesOn` said no on the way. */
async function prefill(engine, tokens, goesOn) {
  const known = engine.common(tokens);
  engine.rewind(known);
  let turned = performance.now();
  for (let at = known; at < tokens.length; at += engine.block) {
    if (!engine.feed(tokens.slice(at, at + engine.block))) throw new Error(NO_ROOM);
    if (performance.now() - turned < TURN) continue;
    await turn();
    if (!(await goesOn())) return false;
    turned = performance.now();
  }
  return true;
}

const NO_ROOM = "This device has no memory for more music at once; what is there stays. Choose a shorter length.";

/** Weigh up what all that was played makes likelier, and what is wished. */
function weigh(engine, short, shaping, theme, mayEnd) {
  const allowed = [];
  engine.allowed.forEach((may, token) => may && (mayEnd || token !== END) && allowed.push(token));
  const { logits } = engine;
  const mixed = short ? contrast(logits, short.after(engine.tokens), allowed, theme) : logits;
  if (mixed.every(Number.isFinite)) shaping?.shape(mixed, allowed); // damaged ones stay, to be noticed
  engine.logits = mixed;
}

/** What was made so far, and the messages that say it. */
class Said {
  lane; model; primer; run;

  constructor(request, model, primer) {
    Object.assign(this, { run: request.run, lane: model.name, model, primer });
    this.notes = [];
    this.offs = [];
    this.told = [0, 0]; // notes and offs that were said
    this.tokens = 0;
    this.music = 0; // seconds
    this.beyond = null;
    this.begun = performance.now();
  }

  /** Take in what one token made, and up to where (s) the music goes now. */
  hear(events, until) {
    this.tokens += 1;
    for (const event of events) {
      if ("on" in event) this.notes.push([milliseconds(event.on), event.pitch, event.velocity]);
      else this.offs.push([event.index, milliseconds(event.off)]);
    }
    this.music = Math.max(this.music, until - this.primer.cut);
    if (this.beyond === null && this.primer.tokens.length + this.tokens > this.model.context_length)
      this.beyond = milliseconds(this.primer.cut + this.music);
  }

  get fresh() {
    return this.notes.length + this.offs.length > this.told[0] + this.told[1];
  }

  message(state, more = {}) {
    const [at, offsAt] = this.told;
    this.told = [this.notes.length, this.offs.length];
    const elapsed = Math.max(performance.now() - this.begun, 1) / 1000;
    return {
      run: this.run,
      lane: this.lane,
      state,
      at,
      notes: this.notes.slice(at),
      offs: this.offs.slice(offsAt),
      tokens: this.tokens,
      tokens_per_second: Math.round((10 * this.tokens) / elapsed) / 10,
      music_per_second: Math.round((100 * this.music) / elapsed) / 100,
      known: milliseconds(this.primer.cut + this.music),
      beyond: this.beyond,
      ...more,
    };
  }
}

/**
 * Play on; `say` gets each message. Ends early, without a last message, once `goesOn` says no,
 * which may also let it wait.
 *
 * @param engine an Engine with the model's file
 * @param model with name, context_length and limit
 * @param request as the page sends it: run, notes, pedals, length, begins, metre (music/metre.js; without it there
 *   are no bars) and settings
 */
export async function play(engine, model, request, say, goesOn) {
  const settings = { ...DEFAULTS, ...request.settings };
  const primer = readRequest(request, model);
  const stream = new NoteStream(primer, primer.cut + settings.seconds);
  const metre = request.metre ? new Metre(request.metre) : null;
  const onsets = primer.notes.map(({ on }) => on);
  const beat = Beat.of(metre, onsets, primer.cut, settings.beat, primer.cut + settings.seconds);
  const inTime = (events) => (beat ? beat.move(events) : events);
  const said = new Said(request, model, primer);
  const held = [...stream.open.values()].map((index) => -1 - index).sort((a, b) => a - b);
  say(said.message("running", { primer: primer.notes.map(row), held, remark: primer.remarks.join(" ") }));
  if (!(await prefill(engine, primer.tokens, goesOn))) return;
  engine.begin(primer.tokens);
  const short = settings.theme > 0 ? new ShortContext((engine.short ??= await engine.twin())) : null;
  const shaping = settings.shape ? new Shaping(settings.shape, primer.tokens) : null;
  const random = new Random([settings.seed, 0]);
  let maxTokens = Math.floor(settings.seconds * TOKENS_PER_SECOND) + SPARE_TOKENS;
  if (model.limit) maxTokens = Math.min(maxTokens, model.limit - primer.tokens.length);
  let [turned, told, struck, ended] = [performance.now(), 0, false, false];
  for (let made = 1; ; made += 1) {
    // Who gives a whole piece wants to hear more: it does not end before a note was struck.
    if (short || shaping) weigh(engine, short, shaping, settings.theme, struck);
    const token = engine.choose(random.next(), settings, struck);
    shaping?.advance(token);
    struck ||= token < NOTE_OFF;
    said.hear(inTime(stream.push(token)), stream.step * STEP_SECONDS);
    ended = token === END;
    if (stream.ended || made === maxTokens) break;
    if (!engine.feed([token])) throw new Error(NO_ROOM);
    const now = performance.now();
    if (now - told >= (said.fresh ? MESSAGE : HEARTBEAT)) {
      told = now;
      say(said.message("running"));
    }
    if (now - turned < TURN) continue;
    await turn();
    const asked = performance.now();
    if (!(await goesOn())) return;
    turned = performance.now();
    said.begun += turned - asked; // a rest is no work
  }
  if (!stream.ended) said.hear(inTime(stream.finish()), stream.step * STEP_SECONDS);
  say(said.message("done", { ended }));
}
