// Where a primer comes from: the cards, an upload, the piano, a link, or this tab before it was reloaded.

import { cutRows, LATEST, pedalledRows, Score } from "../music/score.js";
import { wholeOrEnd } from "../music/selection.js";
import { preciseClock } from "../music/sentences.js";
import { readLink, readManner, recallPage, rememberPage, writeLink, writeManner } from "./link.js";
import { services } from "./backend.js";
import { sentence } from "./server.js";

const MAX_UPLOAD = 8 * 2 ** 20; // bytes, as on the server
const SOUND = /\.(wav|mp3|m4a|aac|flac|ogg|aiff?|mp4|mov)$/i;
const SCORE = /\.(musicxml|mxl|mscz|xml|pdf)$/i;

/** Whether a host's name is that of the machine that asks. */
function isLocal(host) {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || host.startsWith("127.");
}

/** Copy a text that is still made: Safari wants the click to begin it. False without a clipboard, as without https. */
async function copy(text) {
  const { clipboard } = navigator;
  const blob = text.then((words) => new Blob([words], { type: "text/plain" }));
  try {
    if (!clipboard) return false;
    if (globalThis.ClipboardItem) await clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    else await clipboard.writeText(await text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Puts pieces into the primer. `on` has step(), called before something replaces what is there, leave(),
 * made(), whether the models have played on from it, notice(text, bad), passing(text), for what is
 * soon out of date, and replaced(), before anything but what is being recorded becomes the primer.
 */
export class Primers {
  cardNotes;

  constructor(primer, cards, on) {
    this.primer = primer;
    this.cards = cards;
    this.on = on;
    this.presets = [];
    this.told = new WeakSet(); // pieces whose remarks were said
    this.restored = false; // whether the page began with what a link or the tab's memory had
    this.reading = null; // the file or link that is being read, unless something else is chosen meanwhile
  }

  /** Why there is nothing to continue yet, or null. */
  get fault() {
    return this.reading && `${this.reading.name} is still being read. Continue in a moment, or choose another primer.`;
  }

  /** Show the presets, or say the error, and put in what the address or the tab's memory holds. Returns what a link asks for. */
  async start(settings, presets) {
    if (presets instanceof Error) this.on.notice(presets.message, true);
    else this.presets = presets;
    this.cards.show(this.presets);
    const { link, fault } = await this.readAddress();
    this.restored = this.put(link ?? recallPage(), settings);
    if (!this.restored && this.presets.length) this.usePreset(this.presets[0]);
    if (!link) settings.set(readManner(location.hash));
    if (fault) this.on.notice(fault, true);
    return link;
  }

  /** Put in what a link asks for that was pasted into the address of this tab, and return it. */
  async follow(settings) {
    const { hash } = location;
    if (!hash) return null;
    const reading = (this.reading = { name: "The link" });
    const { link, fault } = await this.readAddress();
    if (this.reading !== reading) return null;
    this.reading = null;
    if (fault) this.on.notice(fault, true);
    if (!link) return null;
    this.on.step();
    this.on.leave();
    this.put(link, settings);
    history.replaceState(null, "", hash); // until something is changed the address says what the page holds
    return link;
  }

  /** The link in the address, or null, and a sentence if it cannot be followed. */
  async readAddress() {
    try {
      const link = await readLink(location.hash);
      if (!link?.preset || this.preset(link.preset)) return { link };
      throw new Error(`The link asks for the primer “${link.preset}”, which is not here. Choose another one.`);
    } catch (error) {
      return { link: null, fault: error.message };
    }
  }

  /** Put in a page as a link or the tab's memory has it; false if there is no music in it. */
  put(page, settings) {
    settings.set(page?.settings, page?.ownLength ?? Boolean(page?.settings));
    const preset = this.preset(page?.preset);
    if (preset) this.set({ ...preset, preset: preset.name }, page.selection);
    else if (page?.notes?.length)
      this.set({ composer: "", ...page, title: page.title || "A shared primer" }, page.selection);
    else return false;
    return true;
  }

  /** The notes of every card's primer: beside them one sees how much of a theme comes back by chance. */
  get others() {
    this.cardNotes ??= this.presets.map(({ notes, pedals, end }) => {
      const cut = cutRows(notes, pedals, 0, end);
      return Score.finished(pedalledRows(cut.notes, cut.pedals), end / 1000).notes;
    });
    return this.cardNotes;
  }

  preset(name) {
    return this.presets.find((each) => each.name === name);
  }

  /** A card was chosen. */
  choose(preset) {
    this.on.step();
    this.on.leave();
    this.usePreset(preset);
  }

  usePreset(preset) {
    this.set({ ...preset, preset: preset.name }, { start: 0, end: preset.end });
  }

  set(source, selection) {
    this.on.replaced();
    this.putIn(source, selection);
  }

  putIn(source, selection) {
    this.reading = null;
    if (!source.recorded) {
      const remarks = this.told.has(source) ? [] : (source.remarks ?? []); // once
      this.on.notice(remarks.map(sentence).join(" ")); // what one plays has none, and keys say their own
      this.told.add(source);
    }
    this.primer.set(source, selection);
    this.cards.mark(source.preset);
  }

  async upload(file, tracks) {
    if (SOUND.test(file.name) || SCORE.test(file.name)) {
      const what = SOUND.test(file.name) ? "a recording" : "a score";
      this.on.notice(`${file.name} is ${what}; the models read MIDI. Export a MIDI file (.mid) from where it was made.`, true);
      return;
    }
    if (file.size > MAX_UPLOAD) {
      this.on.notice(`${file.name} is larger than ${MAX_UPLOAD / 2 ** 20} MB; choose a smaller MIDI file.`, true);
      return;
    }
    this.on.notice("Reading the file …");
    const reading = (this.reading = { name: file.name });
    try {
      const piece = await services.upload(file, tracks);
      if (this.reading !== reading) return;
      this.on.step();
      this.on.leave();
      // Other tracks of the same piece are heard from where one was listening.
      const whole = this.primer.fillsBars ? wholeOrEnd(piece.notes) : undefined;
      this.set({ ...piece, title: piece.name, composer: "", file }, tracks ? this.primer.selection : whole);
      if (!tracks && this.primer.offersParts) this.on.notice([...piece.remarks.map(sentence), this.partWords].join(" "));
    } catch (error) {
      if (this.reading !== reading) return;
      this.reading = null;
      this.on.notice(error.message, true);
      if (tracks) this.primer.tickTracks();
    }
  }

  /** Which part of a longer piece the models play on from. */
  get partWords() {
    const { start, end } = this.primer.selection;
    const [from, to] = [start, end].map((time) => preciseClock(time / 1000));
    return `${from} to ${to} is the primer, from whose end the models play on. Its handles choose another part.`;
  }

  chooseTracks(tracks) {
    const { file } = this.primer.source;
    if (tracks.length && file) this.upload(file, tracks);
    else {
      this.on.notice(file ? "Choose at least one track." : "Upload the file again to choose other tracks.", true);
      this.primer.tickTracks();
    }
  }

  /** What has been played on the piano so far; on bars, if the metronome was on. */
  recorded({ notes, pedals, metre = null }) {
    if (!this.primer.source?.recorded || this.on.made()) this.on.step();
    this.on.leave();
    // With the pedal down the last notes ring on after their keys.
    const end = Math.max(10, ...notes.map((row) => row[1]), ...pedals.map((span) => span[1]));
    const played = { notes, pedals, metre, title: "Played by you", composer: "", recorded: true };
    this.putIn(played, { start: Math.max(0, end - LATEST), end });
  }

  /** What is left of it after Undo or Clear. Another primer that was chosen meanwhile stays. */
  takenBack(piece) {
    if (this.primer.source?.recorded) this.recorded(piece);
  }

  /** A link to `from`: its primer, settings and lanes continued further; or to a blind test of it, {real}. */
  async share({ source, selection, begins, settings, more, filled }, blind = null) {
    const inside = ([on, off]) => off > selection.start && on < selection.end;
    const link = writeLink({
      preset: source.preset,
      title: source.title,
      notes: source.notes.filter(inside),
      pedals: source.pedals.filter(inside),
      metre: source.metre,
      continues: !begins,
      selection,
      settings,
      more: blind ? {} : more,
      blind,
    }).then((hash) => {
      history.replaceState(null, "", `#${hash}`);
      return location.href;
    });
    const copied = await copy(link);
    await link;
    const where = copied ? "is copied" : "is in the address bar";
    const here = isLocal(location.hostname) ? " The link works only on this machine." : "";
    const what = blind ? "opens as a blind test: the same music, without names" : "plays the same music again";
    const less = filled?.length ? ", without what was filled in" : "";
    this.on.passing(`The link ${where}. It holds the primer, the seed and the settings, and ${what}${less}.${here}`);
  }

  /** Keep primer and settings across a reload. The address no longer says what the page holds. */
  keep(settings) {
    const { source, selection } = this.primer;
    if (!source) return;
    const { notes, pedals, metre, title, composer, preset, continues, piece } = source;
    const music = preset ? { preset } : { notes, pedals, metre, title, composer, continues, piece };
    rememberPage({ selection, settings: settings.kept, ownLength: settings.ownLength, ...music });
    const hash = writeManner(settings.values, settings.defaults);
    if (location.hash !== hash) history.replaceState(null, "", location.pathname + location.search + hash);
  }
}
