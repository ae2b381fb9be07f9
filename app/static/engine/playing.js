// What a lane says from Continue to the last note: the messages that the server sends (app/streaming.py), made here.

import { END, STEP_SECONDS } from "../music/constants.js";
import { shortContexts } from "./contrast.js";
import { Turns, generate, prefill } from "./generate.js";
import { preparePrimer } from "./primer.js";
import { Random } from "./random.js";
import { milliseconds, openStream, readMusic, readSettings, row, tokenLimit } from "./request.js";

const MESSAGE = 80; // milliseconds between two messages of a lane
const HEARTBEAT = 1000; // a lane that has nothing to say still says so this often
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

  /** One message; a rest of so many milliseconds was no work. */
  message(state, rested, more = {}) {
    const [at, offsAt] = this.told;
    this.told = [this.notes.length, this.offs.length];
    const elapsed = Math.max(performance.now() - this.begun - rested, 1) / 1000;
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
  const settings = readSettings(request);
  const { notes, length, begins = true } = request;
  if (!notes.length) throw new Error("There is no note in the primer; choose or play a few notes first.");
  const primer = preparePrimer(readMusic(request), length / 1000, model, begins);
  const stream = openStream(primer, primer.cut + settings.seconds, request, settings);
  const said = new Said(request, model, primer);
  const held = [...stream.open.values()].map((index) => -1 - index).sort((a, b) => a - b);
  say(said.message("running", 0, { primer: primer.notes.map(row), held, remark: primer.remarks.join(" ") }));
  let told = performance.now();
  const tell = () => {
    told = performance.now();
    say(said.message("running", turns.rested));
  };
  const turns = new Turns(() => {
    if (performance.now() - told >= HEARTBEAT) tell(); // while the model reads, too
    return goesOn();
  });
  if (!(await prefill(engine, primer.tokens, turns))) return;
  const shorts = await shortContexts(engine, settings);
  let maxTokens = tokenLimit(settings.seconds);
  if (model.limit) maxTokens = Math.min(maxTokens, model.limit - primer.tokens.length);
  const random = new Random([settings.seed, 0]);
  let ended = false;
  for (const token of generate(engine, primer, settings, random, { shorts, maxTokens })) {
    said.hear(stream.push(token), stream.step * STEP_SECONDS);
    ended = token === END;
    if (stream.ended) break;
    if (said.fresh && performance.now() - told >= MESSAGE) tell();
    if (!(await turns.take())) return;
  }
  if (!stream.ended) said.hear(stream.finish(), stream.step * STEP_SECONDS);
  say(said.message("done", turns.rested, { ended }));
}
