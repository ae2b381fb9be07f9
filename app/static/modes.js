// The two ways to use the page: comparing models, and composing with one. What was made either way stays.

import { recall, remember } from "./io/memory.js";
import { keepTakes, recallTakes } from "./io/session.js";
import { tellingLength } from "./music/length.js";
import { Metre } from "./music/metre.js";
import { History } from "./music/takes.js";

const MODES = ["compare", "compose"]; // the address names the second one
const ADDRESS = "musictx.address"; // what the address held when the page was left

export class Modes {
  find; studio;

  constructor(studio, find) {
    Object.assign(this, { studio, find });
    this.made = { history: new History(), take: null }; // the other way; what was `left` there, its primer and settings
    for (const mode of MODES) this.button(mode).addEventListener("click", () => this.switch(mode));
    this.set(new URLSearchParams(location.search).get("mode") === "compose" ? "compose" : "compare");
    studio.settings.set(studio.settings.usual);
  }

  button(mode) {
    return this.find(`[data-testid=mode-${mode}]`);
  }

  get composing() {
    return this.mode === "compose";
  }

  /** The lanes that stand on the page, from the first one on. */
  get order() {
    const { compose, blind } = this.studio;
    return this.composing ? compose.order : blind.order;
  }

  set(mode) {
    this.mode = this.studio.root.dataset.mode = mode;
    this.studio.primer.fillsBars = this.composing;
    this.studio.settings.useMode(this.composing);
    for (const each of MODES) this.button(each).setAttribute("aria-pressed", each === mode);
    for (const place of ["#headline", "#how", "#result", "#result-words"]) this.find(place).hidden = this.composing;
    for (const place of ["#composing", "#piece", "#shaping", "#steady", "#explain-compose"])
      this.find(place).hidden = !this.composing;
    const vary = this.find("#vary");
    vary.textContent = this.composing ? "Other takes" : "Variation";
    vary.title = this.composing ? "Draw others from the same place instead of these" : "The same primer with the next seed";
  }

  switch(mode) {
    if (mode === this.mode) return;
    const { making, settings, listening, blind, judging, player, models, series, primer, primers, notice } = this.studio;
    if (blind.on) judging.switch(false);
    series.stop();
    this.studio.stopFillings();
    listening.transport.pause();
    const { source, selection } = primer;
    const left = { source, selection, settings: settings.chosen, own: settings.ownLength };
    this.set(mode);
    this.showAddress();
    const other = this.made;
    const was = other.left ?? other.take; // a take that was there before a reload says how it was made
    const brought = (source?.file || source?.recorded) && !making.take && source !== was?.source; // and not played on yet
    this.made = { ...making.exchangeHistory(other), left };
    if (brought) making.leave();
    else notice.say(""); // it was about what is left behind
    settings.set(was ? { bars: was.bars, ...was.settings } : settings.usual, other.left?.own ?? false);
    const lanes = this.composing ? models.takes : models.all;
    player.leave([...models.players, ...models.takes].filter((each) => !lanes.includes(each)).map(({ key }) => key));
    const { take } = this.studio;
    listening.heard = this.composing ? this.order[0] : listening.first;
    if (take) {
      primers.set(was.source, was.selection);
      making.adopt(take);
    } else listening.loadPrimer();
    this.studio.primerChanged();
  }

  showAddress() {
    const address = new URL(location.href);
    if (this.composing) address.searchParams.set("mode", this.mode);
    else address.searchParams.delete("mode");
    history.replaceState(null, "", address);
  }

  /** Offer a length for what is going to be played. */
  suggest() {
    const { models, primer, settings, compose } = this.studio;
    const lengths = models.all.map((model) => model.training_length);
    const { metre, length } = primer.cut();
    const at = length / 1000;
    const bars = metre && new Metre(metre);
    settings.useBars(bars && ((count) => bars.barsAfter(at, count) - at));
    if (this.composing) settings.suggest(compose.seconds, compose.bars);
    else settings.suggest(tellingLength(...primer.measure(), lengths));
  }

  /** Bring back what was made before the page was loaded again. Returns the take that was shown. */
  recall() {
    const { making, models } = this.studio;
    const [compare, compose] = MODES.map((mode) => {
      const { takes, shown } = recallTakes(mode, models);
      const history = new History();
      for (const take of takes) history.add(take);
      return { history, take: shown };
    });
    const now = this.composing ? compose : compare;
    this.made = this.composing ? compare : compose;
    making.exchangeHistory({ history: now.history, take: null });
    return now.take;
  }

  /** Whether the address holds what it held when the page was left: music that is here. */
  get sharedHere() {
    return location.hash === recall(ADDRESS, "sessionStorage");
  }

  /** The page is left. */
  remember() {
    const { making, take, blind } = this.studio;
    blind.keep();
    remember(ADDRESS, location.hash, "sessionStorage");
    const now = { history: making.history, take };
    const ways = this.composing ? [this.made, now] : [now, this.made];
    for (const [k, mode] of MODES.entries()) keepTakes(mode, ways[k].history.takes, ways[k].take);
  }
}
