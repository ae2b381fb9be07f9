// The studio: makes the page's parts and tells each of what happens in the others.

import { makePrimers } from "./bringing.js";
import { Compose } from "./compose.js";
import { makeFillings } from "./filling.js";
import { makeBackend, services } from "./io/backend.js";
import { saveVotes } from "./io/save.js";
import { Insight } from "./insight.js";
import { Judging } from "./judging.js";
import { Linking } from "./linking.js";
import { Listening } from "./listening.js";
import { Making } from "./making.js";
import { Modes } from "./modes.js";
import { Models, REAL } from "./music/models.js";
import { hasMusic } from "./music/takes.js";
import { makeOutcome } from "./outcome.js";
import { pianoSamples } from "./sound/samples.js";
import { Sound } from "./sound/synth.js";
import { BlindTest } from "./view/blind.js";
import { showLanes, wireButtons, wireFiles, wireKeys } from "./view/controls.js";
import { showModels } from "./view/explain.js";
import { Lanes } from "./view/lanes.js";
import { offerMidiOutput } from "./view/midi-out.js";
import { Notice } from "./view/notice.js";
import { showPlaces } from "./view/places.js";
import { Settings } from "./view/settings.js";
import { showTheme } from "./view/theme.js";
import { TransportBar } from "./view/transport-bar.js";

class Studio {
  cards; duet; models; outcome; piano; primer; primers; root; series;

  constructor(root, gradio, models, presets) {
    Object.assign(this, { root, models });
    const find = (this.find = (selector) => this.root.querySelector(selector));
    this.notice = new Notice(find("#notice"));
    const samples = pianoSamples();
    this.sound = new Sound(samples, () => this.notice.tellLack(samples));
    this.lanes = new Lanes(find("#lanes"), models, {
      act: (...what) => this.making.act(...what),
      seek: (time) => this.listening.seekLanes(time),
      loop: (from, to) => this.take && this.listening.setLoop({ from, to }),
      tap: (model, note) => this.insight.tap(model, note),
      stale: () => this.listening?.nextFrame(),
    });
    this.settings = new Settings(find("#settings"), models, () => this.settingsChanged());
    this.player = makeBackend(gradio, models, (text) => this.notice.say(text));
    showPlaces(find("#places"), this.player, models);
    offerMidiOutput(find("#midi-out"), this);
    Object.assign(this, makePrimers(this, find));
    this.blind = new BlindTest(find("#vote"), models, {
      chosen: (...vote) => this.judging.voted(...vote),
      save: saveVotes,
      ask: () => this.linking.share(true),
    });
    this.bar = new TransportBar(find("#transport"), {
      toggle: () => this.listening.toggle(),
      seek: (time) => this.listening.seek(time),
      volume: (value) => this.listening.setVolume(value),
      zoom: (factor) => this.zoom(factor),
      loop: () => this.listening.toggleLoop(),
      save: () => this.making.saveAll(),
      view: (view) => this.setView(view),
      inside: () => this.insight.toggle(),
      blind: (on, real) => this.judging.switch(on, real),
      undo: () => this.making.undo(),
      share: () => this.linking.share(),
      take: (index) => this.making.show(this.making.history.takes[index]),
    });
    const [take, running] = [() => this.take, () => this.making.running];
    const [leadIn, heardMore] = [() => this.settings.leadIn, () => this.blind.heardMore(this.take)];
    const chosen = () => this.refresh();
    this.listening = new Listening({ ...this, take, leadIn, heardMore, running, chosen });
    this.insight = new Insight({ ...this, take, running, fit: () => this.fit() }, find("#insight"));
    this.judging = new Judging({ ...this, take }, () => {
      this.arrange();
      this.refresh();
      this.redrawAll();
    });
    this.making = new Making(this, {
      refresh: () => this.refresh(),
      fit: () => this.fit(),
      arrange: () => this.arrange(),
      begun: () => showLanes(this.find(".listen")),
      focus: () => this.find("[data-testid=continue]").focus(),
      lanes: () => (this.compose.on ? this.compose.lanes : this.models.all),
      entering: (made) => (made.model ? this.listening.heard : this.blind.nextTake(this.listening.heard, made)),
      keep: (lane) => this.compose.keep(lane),
      playing: () => this.piano.endRecording(),
      alone: () => this.series.stop(),
      changed: () => this.settingsChanged(),
    });
    this.compose = new Compose(this, find);
    this.modes = new Modes(this, find);
    this.fillings = makeFillings(this, find);
    this.linking = new Linking({ ...this, take }, (how) => this.making.continueMusic(how));
    showModels(root, models);
    Object.assign(this, makeOutcome(this, find));
    this.bar.showLanes(models.all.length);
    this.arrange();
    this.listen();
    this.setView("rows");
    this.start(presets);
  }

  get take() {
    return this.making?.take ?? null;
  }

  async start(presets) {
    const found = await this.primers.start(this.settings, presets);
    const shown = this.modes.recall();
    const link = shown && this.modes.sharedHere ? null : found; // a link to what is here still
    this.ready = true;
    this.root.dataset.ready = "true";
    if (!link && !this.compose.on) this.judging.resume();
    if (shown && !link) {
      if (this.primers.restored) this.making.adopt(shown);
      else this.making.return(shown);
      this.notice.say("The page was reloaded; what the models played is still here.");
    }
    this.refresh();
    this.linking.follow(link);
    window.addEventListener("hashchange", async () => this.linking.follow(await this.primers.follow(this.settings)));
  }

  listen() {
    const changed = (change) => () => {
      change();
      this.settingsChanged();
    };
    wireButtons(this.root, {
      continue: () => this.making.continueMusic(),
      stop: () => this.making.runs.stop(),
      vary: () => {
        const before = this.settings.chosen;
        this.settings.nextSeed(this.take?.model ? this.take.scores.size : 1);
        this.settingsChanged();
        this.making.continueMusic({ before });
      },
      newSeed: changed(() => this.settings.newSeed()),
      defaults: changed(() => this.settings.reset()),
      piano: () => this.piano.toggle(),
    });
    wireFiles(this.root, (file) => this.primers.upload(file));
    wireKeys(this.root, {
      toggle: () => this.listening.toggle(),
      hear: (index) => index < this.modes.order.length && this.listening.hear(this.modes.order[index]),
      vote: (key) => this.piano.open || this.blind.vote.press(key), // an open piano has the letters
      loop: (edge) => this.listening.moveLoop(edge),
      zoom: (factor) => this.zoom(factor),
      look: (held) => this.insight.hold(held),
      leave: () => this.insight.clear(),
      undo: (back) => (this.compose.on ? this.compose.step(back ? 1 : -1) : back || this.making.undo()),
      move: (seconds) => this.listening.seek(this.listening.transport.position + seconds),
    });
    showTheme(this.root, this.find("#theme"), () => this.redrawAll());
    window.addEventListener("pagehide", () => {
      this.making.runs.stop();
      this.modes.remember();
    });
    // A phone that discards a page in the background says nothing more.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.modes.remember();
      else if (this.listening.transport.state !== "stopped") this.sound.wake(); // a call had taken the sound
    });
    new ResizeObserver(() => this.redrawAll()).observe(this.root);
  }

  primerChanged() {
    this.modes.suggest();
    if (this.listening.program === "primer") this.listening.loadPrimer();
    this.settingsChanged();
  }

  settingsChanged() {
    this.notice.forget();
    this.showPreview();
    if (this.ready) this.primers.keep(this.settings);
  }

  /** Before the first run the lanes show the primer that they are going to get. */
  showPreview() {
    if (this.take) return this.refresh();
    if (this.blind.revealed) this.blind.place();
    this.arrange();
    const made = this.primer.source ? [this.primer.score(), this.primer.expected(this.models.all)] : [null, {}];
    this.lanes.show(null, ...made, this.primer.cut().metre);
    this.fit();
    return this.refresh();
  }

  arrange() {
    const { blind, take } = this;
    blind.goesOn = take ? take.scores.has(REAL) : Boolean(this.primer.goesOn(this.settings.values.seconds));
    this.lanes.arrange(this.modes.order, blind.on);
    this.bar.showBlind(blind);
    this.listening.arranged();
  }

  zoom(factor) {
    const { start, end } = this.lanes.view;
    const { position } = this.listening.transport;
    this.lanes.zoom(factor, this.take && position > start && position < end ? position : (start + end) / 2);
  }

  setView(view) {
    this.find("#lanes").dataset.view = view;
    this.bar.showView(view);
    this.redrawAll();
  }

  /** Bring buttons, takes, vote and comparison up to date. */
  refresh() {
    const { take } = this;
    const { running, history } = this.making;
    this.settings.show(running, Boolean(take), this.compose.invitation);
    this.compose.refresh();
    const made = take && !running && hasMusic(take);
    this.bar.showUsable(history.steps.length > 0, Boolean(take), Boolean(made && !this.blind.on));
    this.bar.showTakes(history.takes, take);
    this.blind.refresh(take, running);
    if (!this.compose.on) this.outcome.show(take, running);
    this.series.refresh();
    this.insight.refresh();
    for (const filling of this.fillings) filling.refresh();
  }

  stopFillings() {
    for (const filling of this.fillings) if (filling.running) filling.stop();
  }

  fit() {
    this.lanes.fit(this.take, (this.take?.settings ?? this.settings.values).seconds || 30);
  }

  redrawAll() {
    this.lanes.redraw();
    for (const each of [this.primer, this.compose.view]) each.draw();
    this.cards.redraw();
  }
}

/** Bring the page to life; called once by Gradio when the component is on the page. */
export async function mount({ element, ...gradio }) {
  const root = element.querySelector(".mtx");
  root.hidden = false;
  const arriving = services.presets().catch((error) => error); // an upload plays without them
  let models;
  try {
    models = new Models(await services.models());
  } catch (error) {
    root.replaceChildren(`${error.message} Then reload the page.`);
    return;
  }
  const studio = new Studio(root, gradio, models, await arriving);
  // For tests and measurements: the output node, the clock, the take, the lanes, whether all samples are there, who
  // lets models play, and the duet.
  const { sound, listening, lanes, player, duet } = studio;
  const parts = { sound, transport: listening.transport, lanes, ready: sound.samples.ready, player, duet };
  window.musictx = Object.defineProperty(parts, "take", { get: () => studio.take });
}
