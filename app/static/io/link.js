// A link that holds primer, seed and settings; and the page's memory of them across a reload.

import { Metre } from "../music/metre.js";
import { recall, remember } from "./memory.js";

const KEY = "musictx.page";
const STRENGTHS = ["theme", "form"]; // settings from 0 to 1 that the address keeps
const MAX_KEPT = 20_000; // notes that are remembered across a reload, and that a link may have
const LATEST = 24 * 3_600_000; // ms: where music that is read from a file ends as well
const MAX_BYTES = 4 * 2 ** 20; // of what a link holds
const MAX_PARTS = 30; // of each lane

async function through(stream, bytes) {
  const piped = new Blob([bytes]).stream().pipeThrough(stream);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

/** What was packed, unless it is longer than any link's: a few letters can stand for gigabytes. */
async function unpacked(bytes) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts = [];
  for (let length = 0; length <= MAX_BYTES; length += parts.at(-1).length) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts).text();
    parts.push(value);
  }
  throw new Error();
}

function toText(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function toBytes(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

/** Onsets as steps and offsets as lengths: small numbers, so that the link stays short. */
function packRows(rows) {
  let last = 0;
  return rows.flatMap(([on, off, pitch, velocity]) => {
    const step = on - last;
    last = on;
    return [step, off - on, pitch, velocity];
  });
}

function unpackRows(flat) {
  const rows = [];
  let on = 0;
  for (let k = 0; k + 3 < flat.length; k += 4) {
    on += flat[k];
    rows.push([on, on + flat[k + 1], flat[k + 2], flat[k + 3]]);
  }
  return rows;
}

/** From where each lane goes on; a link of an earlier version says only how often. */
function readMore(more) {
  const from = (parts) => (Array.isArray(parts) ? parts : Array(Math.min(Number(parts) || 0, MAX_PARTS)).fill(null));
  const start = (time) => (time > 0 && Number.isFinite(time) ? time : null);
  return Object.fromEntries(
    Object.entries(more ?? {}).map(([model, parts]) => [model, from(parts).slice(0, MAX_PARTS).map(start)]),
  );
}

/** Rows of notes and spans of the pedal as a link has them, which a file could have; or an Error. */
function readRows(flat, spans) {
  const notes = unpackRows(flat);
  const pedals = spans.flatMap((down, i) => (i % 2 ? [] : [[down, spans[i + 1]]]));
  const struck = ([, , pitch, velocity]) => pitch < 128 && velocity > 0 && velocity < 128;
  const fits = ([from, to]) => from <= to && to <= LATEST;
  if (notes.length > MAX_KEPT || ![...notes, ...pedals].every(fits) || !notes.every(struck)) throw new Error();
  return { notes, pedals };
}

/** Bars that a link holds; a damaged one has none. */
function readMetre(facts) {
  const rows = (table, width) =>
    Array.isArray(table) && table.every((row) => Array.isArray(row) && row.length === width && row.every(isWhole));
  const bar = ([, beats, unit]) => beats > 0 && beats < 256 && UNITS.includes(unit);
  const good = rows(facts?.tempos, 2) && rows(facts.signatures, 3) && facts.signatures.every(bar);
  const counted = good && isWhole(facts.division) && facts.division > 0 && facts.division < 2 ** 15;
  return counted && isWhole(facts.start ?? 0) && !new Metre(facts).fault ? facts : null;
}

const UNITS = [1, 2, 4, 8, 16, 32, 64]; // which note a beat can be
const isWhole = (value) => Number.isInteger(value) && value >= 0;
const WORDS = ["beat", "shape"]; // settings that are no numbers
const isSetting = ([name, value]) => (WORDS.includes(name) ? typeof value === "string" : Number.isFinite(value));

/**
 * The text after # for {preset | title, notes, pedals, metre, continues}, where `continues` says that music comes before them,
 * selection, settings and lanes continued further; `blind`, {real}, makes it a blind test, with the real one in a lane
 * too or without it.
 */
export async function writeLink({ preset, title, notes, pedals, metre, continues, selection, settings, more, blind }) {
  const own = { t: title, n: packRows(notes), d: pedals.flat(), c: continues, k: metre ?? undefined };
  const music = preset ? { p: preset } : own;
  const how = { a: selection.start, b: selection.end, s: settings, m: more, q: blind && 1 + Number(blind.real) };
  const content = JSON.stringify({ v: 1, ...music, ...how });
  const bytes = await through(new CompressionStream("deflate-raw"), new TextEncoder().encode(content));
  return `music=${toText(bytes)}`;
}

/**
 * The reverse; null if the address holds no music, an Error's sentence if it is damaged.
 *
 * @returns {Promise<any>}
 */
export async function readLink(hash) {
  const text = new URLSearchParams(hash.replace(/^#/, "")).get("music");
  if (!text) return null;
  try {
    const { v, p, t, n, d, c, k, a, b, s, m, q } = JSON.parse(await unpacked(toBytes(text)));
    if (v !== 1 || !isWhole(a) || !isWhole(b) || a >= b || b > LATEST) throw new Error();
    const blind = q ? { real: q === 2 } : null;
    const settings = Object.fromEntries(Object.entries({ theme: 0, form: 0, ...s }).filter(isSetting));
    const common = { selection: { start: a, end: b }, settings, more: readMore(m), blind };
    if (p) return { preset: String(p), ...common };
    if (!n.every(isWhole) || !d.every(isWhole)) throw new Error();
    return { title: String(t), ...readRows(n, d), metre: readMetre(k), continues: c ?? a > 0, ...common };
  } catch {
    throw new Error(
      "The link is damaged: the music in it cannot be read. Ask for it again, or choose a primer here.",
    );
  }
}

/** The address's hash for a theme, a form and a shape; empty for the usual ones. */
export function writeManner(settings, usual) {
  const others = [...STRENGTHS, "shape"].filter((name) => settings[name] !== usual[name]);
  return others.length ? `#${others.map((name) => `${name}=${settings[name]}`).join("&")}` : "";
}

/** {theme, form, shape} of an address without music, as far as it has them. */
export function readManner(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const manner = {};
  for (const name of STRENGTHS) {
    const value = Number(said.get(name) || NaN);
    if (Number.isFinite(value)) manner[name] = Math.min(1, Math.max(0, value));
  }
  if (said.has("shape")) manner.shape = said.get("shape");
  return manner;
}

/** Remember the primer and settings in this tab, so that a reload keeps them; where there is no room, none. */
export function rememberPage(page) {
  const kept = (page.notes?.length ?? 0) <= MAX_KEPT && remember(KEY, page, "sessionStorage");
  if (!kept) remember(KEY, null, "sessionStorage");
}

export function recallPage() {
  return recall(KEY, "sessionStorage");
}
