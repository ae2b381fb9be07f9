// A passage is played again so that it leads into what follows: musictx.sampling.filling. What it says of that on the
// way are the messages of the server (app/streaming.py), made here.

import {
  CANDIDATES,
  FOLLOWING,
  MAX_SHIFT,
  MAX_TOKENS_A_SECOND,
  START,
  STEPS_PER_SECOND,
  STEP_SECONDS,
  TAKES,
  TIME_SHIFT,
} from "../music/constants.js";
import { movedMetre } from "../music/metre.js";
import { isBefore, rint } from "../music/rounding.js";
import { encode, isRelease, isTime, resolveOverlaps, tokensToTable } from "./events.js";
import { feed } from "./engine.js";
import { Turns, generate, prefill } from "./generate.js";
import { applyPedal, preparePrimer } from "./primer.js";
import { Random } from "./random.js";
import { milliseconds, openStream, readMusic, readSettings, row, tokenLimit } from "./request.js";

const MESSAGE = 250; // milliseconds between two messages
const NOTHING = { notes: [], tokens: [START], rest: 0, cut: 0, remarks: [] }; // the primer of a piece's beginning
const EXACT = 1e-6; // milliseconds by which a time may be computed too early
const ORDER = 2n ** 32n; // no candidate has this stream of random numbers

const isEvent = (token) => token < TIME_SHIFT;
const secondsOf = (tokens) => tokensToTable(tokens).end * STEP_SECONDS;
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** The passage of a request, {start, end} (s), and what is heard `before` it and `after` it. */
function readPassage(request) {
  const [start, end] = [request.gap.start, request.gap.end].map((time) => rint((time / 1000) * STEPS_PER_SECOND));
  const { notes, pedals } = readMusic(request);
  const heard = applyPedal(notes, pedals);
  const until = (step) => (note) => isBefore(1000 * note.on + EXACT, 1000 * step * STEP_SECONDS);
  const [early, inTime] = [until(start), until(end)];
  const isInside = (note) => !early(note) && inTime(note);
  const [before, after] = [heard.filter(early), heard.filter((note) => !inTime(note))];
  if (!heard.length) throw new Error("There is no note around this selection; choose one inside the music.");
  if (!after.length) throw new Error("No note begins after this selection, so there is nothing to lead into.");
  return { start: start / STEPS_PER_SECOND, end: end / STEPS_PER_SECOND, before, after, isInside };
}

/** The music with a candidate in the passage, or null if that was not wanted any more; `tell` hears of seconds made. */
async function playCandidate(engine, model, request, { primer, passage, seed, turns, tell }) {
  const settings = { ...readSettings(request), theme: 0, form: 0 }; // from the model itself, so that weights mean what they say
  const { start, end, before, after } = passage;
  if (!(await prefill(engine, primer.tokens, turns))) return null;
  const length = end - start;
  let maxTokens = Math.min(rint(MAX_TOKENS_A_SECOND * length) + MAX_TOKENS_A_SECOND, tokenLimit(length));
  if (model.limit) maxTokens = Math.min(maxTokens, model.limit - primer.tokens.length);
  // Where nothing comes before, the model begins with the passage, in which bars and beats lie as they do in the piece.
  const metre = before.length ? request.metre : movedMetre(request.metre, milliseconds(start));
  const stream = openStream(primer, primer.cut + length, { metre }, settings);
  const notes = [];
  const hear = (events) => {
    for (const event of events) {
      if ("on" in event) notes.push({ ...event });
      else if (event.index >= 0) notes[event.index].off = event.off;
    }
  };
  for (const token of generate(engine, primer, settings, new Random(seed), { maxTokens, allowEnd: false })) {
    hear(stream.push(token));
    if (stream.ended) break;
    tell(stream.step * STEP_SECONDS - primer.cut);
    if (!(await turns.take())) return null;
  }
  if (!stream.ended) hear(stream.finish());
  const shift = before.length ? 0 : start;
  const moved = resolveOverlaps(notes).map((n) => ({ ...n, on: n.on + shift, off: Math.min(n.off + shift, end) }));
  // What follows may begin a little before the end: a bar line lies between two hundredths.
  return resolveOverlaps([...before, ...moved, ...after]);
}

/** The tokens of the whole music as the model has it that listens from `start` on: musictx.sampling.takes. */
function takeTokens(music, start, isBeginning, model, begins) {
  const whole = music.map((n) => ({ ...n, on: milliseconds(n.on) / 1000, off: milliseconds(n.off) / 1000 }));
  const everything = encode(whole);
  const primer = isBeginning ? NOTHING : preparePrimer({ notes: whole, pedals: [] }, start, model, begins);
  const events = isBeginning ? 0 : tokensToTable(encode(whole, primer.cut)).events.length;
  let at = 0;
  for (let count = 0; count < events; at += 1) count += Number(isEvent(everything[at]));
  const tokens = [...primer.tokens, ...everything.slice(at)].slice(0, model.limit || undefined);
  return { tokens, begins: secondsOf(everything.slice(0, at)) - secondsOf(primer.tokens) };
}

/**
 * Tokens up to the last that is weighed, and `from` where: the events that follow a passage's end (s), and before them
 * the ends of what is cut there. The first token is known to be a shift by the `rest` of the passage (steps) or more.
 */
function following({ tokens, begins }, end) {
  let left = rint((end - begins) * STEPS_PER_SECOND); // of the passage
  let [from, rest] = [tokens.length, 0];
  const after = [];
  tokens.forEach((token, k) => {
    const shift = isTime(token) ? token - TIME_SHIFT + 1 : 0;
    if (left > 0 && shift >= left) [from, rest] = [k, left];
    left -= shift;
    if (isEvent(token) && left <= (isRelease(token) ? -1 : 0)) after.push(k + 1);
  });
  return { tokens: tokens.slice(0, after.slice(0, FOLLOWING).at(-1) ?? 0), from, rest };
}

/** What a token costs: nats, from logits. */
function costOf(logits, token) {
  let highest = -Infinity;
  for (const logit of logits) highest = Math.max(highest, logit);
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - highest);
  return highest + Math.log(total) - logits[token];
}

/** How surprised the model is by the tokens `from` one on (nats), or null if that was not wanted any more. */
async function surprise(engine, { tokens, from, rest }, turns) {
  if (from >= tokens.length) return 0;
  if (!(await prefill(engine, tokens.slice(0, from), turns))) return null;
  const shortest = TIME_SHIFT + rest - 1;
  const costs = [costOf(engine.logits.slice(shortest, TIME_SHIFT + MAX_SHIFT), tokens[from] - shortest)];
  for (let at = from; at < tokens.length - 1; at += engine.block) {
    const next = tokens.slice(at + 1, at + 1 + engine.block);
    feed(engine, tokens.slice(at, at + next.length));
    next.forEach((token, k) => costs.push(costOf(engine.predict(k), token)));
    if (!(await turns.take())) return null;
  }
  return sum(costs);
}

/** Candidates in an order that is drawn one by one with probabilities exp(-nats): by the numbers' Gumbel noise. */
function drawLikely(nats, random) {
  const keys = nats.map((cost) => cost + Math.log(-Math.log(1 - random.next())));
  return keys.map((_, k) => k).sort((a, b) => keys[a] - keys[b]);
}

/**
 * Fill in; `say` gets each message, the last one with `takes` (rows). Ends early, without a last message, once `goesOn`
 * says no, which may also let it wait.
 *
 * @param engine an Engine with the model's file
 * @param model with name, context_length and limit
 * @param request as the page sends it: run, notes, pedals, begins, metre, settings, and gap {start, end} in ms
 */
export async function fill(engine, model, request, say, goesOn) {
  const { run, begins = true } = request;
  const passage = readPassage(request);
  const { start, end, before, isInside } = passage;
  const seed = readSettings(request).seed;
  let [told, made] = [-Infinity, 0];
  const tell = (now = made) => {
    made = now;
    if (performance.now() - told < MESSAGE) return;
    told = performance.now();
    say({ run, lane: model.name, state: "running", made: Math.floor(100 * made) / 100, candidates: CANDIDATES });
  };
  const turns = new Turns(() => {
    tell(); // while the model reads, too
    return goesOn();
  });
  const primer = before.length ? preparePrimer({ notes: before, pedals: [] }, start, model, begins) : NOTHING;
  const [takes, costs] = [[], []];
  for (let k = 0; k < CANDIDATES; k += 1) {
    const progress = (seconds) => tell((k + Math.min(1, Math.max(0, seconds / (end - start)))) / (CANDIDATES + 1));
    const whole = await playCandidate(engine, model, request, { primer, passage, seed: [seed, k], turns, tell: progress });
    if (!whole) return;
    const cost = await surprise(engine, following(takeTokens(whole, start, !before.length, model, begins), end), turns);
    if (cost === null) return;
    takes.push(whole.filter(isInside));
    costs.push(cost);
  }
  const order = drawLikely(costs, new Random([seed, ORDER])).slice(0, TAKES);
  const rows = order.map((k) => takes[k].map(row));
  say({ run, lane: model.name, state: "done", takes: rows });
}
