// The studio: one primer, three lanes, one clock. Everything else is a part with a file of its own.

import { BlindTest } from "./blind.js";
import { showComparison } from "./compare.js";
import { wireButtons, wireFiles, wireKeys } from "./controls.js";
import { Display } from "./display.js";
import { setUsable } from "./dom.js";
import { recall, remember } from "./memory.js";
import { Openings } from "./openings.js";
import { Piano } from "./piano.js";
import { Primer } from "./primer.js";
import { Runs } from "./runs.js";
import { Samples } from "./samples.js";
import { saveLane } from "./save.js";
import { keepTakes, recallTakes } from "./session.js";
import { Settings } from "./settings.js";
import { Sound } from "./synth.js";
import { History, newTake } from "./takes.js";
import { showTheme } from "./theme.js";
import { Transport } from "./transport.js";
import { TransportBar, WAITS } from "./transport-bar.js";

class Studio {
  constructor({ element, props, trigger, watch }) {
    this.root = element.querySelector(".mtx");
    const find = (selector) => this.root.querySelector(selector);
    this.find = find;
    this.history = new History();
    this.program = "primer"; // what the transport plays: "primer" or "lanes"
    this.heard = "relative";
    this.toldWait = null; // what the notice says that the clock waits for
    this.sound = new Sound(new Samples(new URL("musictx/piano/", document.baseURI)), () => this.tellLack());
    this.transport = new Transport(this.sound, () => this.transportChanged());
    this.display = new Display(find("#lanes"), {
      act: (what, model) => this.act(what, model),
      seek: (time) => this.seekLanes(time),
    });
    this.runs = new Runs({ trigger, watch, props }, this.display, {
      notice: (text) => this.notice(text),
      changed: () => this.refresh(),
      arrived: () => {
        this.fit();
        this.transport.nudge();
      },
    });
    this.settings = new Settings(find("#settings"), () => this.settingsChanged());
    this.primer = new Primer(find("#primer"), {
      changed: () => this.primerChanged(),
      play: () => this.playPrimer(),
      tracks: (tracks) => this.openings.chooseTracks(tracks),
    });
    this.openings = new Openings(find("#presets"), this.primer, {
      step: () => this.step(),
      made: () => Boolean(this.take),
      leave: () => this.leaveTake(),
      notice: (text, bad) => this.notice(text, bad),
      play: () => this.playPrimer(),
    });
    this.piano = new Piano(find("#piano"), this.sound, {
      recorded: (piece) => this.openings.recorded(piece),
      takenBack: (piece) => this.openings.takenBack(piece),
      notice: (text) => this.notice(text),
      quiet: () => this.transport.pause(),
    });
    this.blind = new BlindTest(find("#vote"), (choice) => this.voted(choice));
    this.bar = new TransportBar(find("#transport"), {
      toggle: () => this.toggle(),
      seek: (time) => this.seek(time),
      volume: (value) => this.setVolume(value),
      view: (view) => this.setView(view),
      blind: (on) => this.setBlind(on),
      undo: () => this.undo(),
      share: () => this.openings.share(this.take ?? { ...this.primer, settings: this.settings.values, more: {} }),
      take: (index) => this.showTake(this.history.takes[index]),
    });
    this.arrange();
    this.listen();
    this.setView("rows");
    this.setVolume(recall("musictx.volume") ?? 0.8);
    this.start();
  }

  async start() {
    const link = await this.openings.start(this.settings);
    const { takes, shown } = recallTakes();
    for (const take of takes) this.history.add(take);
    this.ready = true;
    this.root.dataset.ready = "true";
    if (shown && !link) {
      this.adoptTake(shown);
      this.notice("The page was loaded again; what the models played is still here.");
    }
    this.refresh();
    this.playLink(link);
    window.addEventListener("hashchange", async () => this.playLink(await this.openings.follow(this.settings)));
  }

  /** Let the models play what a link asks for; the visitor says when it is heard. */
  playLink(link) {
    if (!link) return;
    this.continueMusic({ silent: true, more: link.more });
    this.notice("This music came with the link. Press play to listen.");
  }

  listen() {
    wireButtons(this.root, {
      continue: () => this.continueMusic(),
      stop: () => this.runs.stop(),
      vary: () => {
        this.settings.nextSeed();
        this.settingsChanged();
        this.continueMusic();
      },
      newSeed: () => {
        this.settings.newSeed();
        this.settingsChanged();
      },
      defaults: () => {
        this.settings.reset();
        this.settingsChanged();
      },
      piano: () => this.piano.toggle(),
    });
    wireFiles(this.root, (file) => this.openings.upload(file));
    wireKeys(this.root, {
      toggle: () => this.toggle(),
      hear: (index) => this.hear(this.blind.order[index]),
      move: (seconds) => this.seek(this.transport.position + seconds),
    });
    showTheme(this.root, this.find("#theme"), () => this.redrawAll());
    window.addEventListener("pagehide", () => {
      this.runs.stop();
      keepTakes(this.history.takes, this.take);
    });
    new ResizeObserver(() => this.redrawAll()).observe(this.root);
    const frame = () => {
      this.frame();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  // ---- primer and settings

  primerChanged() {
    if (this.program === "primer") this.transport.load(new Map(), null);
    this.showPreview();
    if (this.ready) this.openings.keep(this.settings.values);
  }

  settingsChanged() {
    this.showPreview();
    if (this.ready) this.openings.keep(this.settings.values);
  }

  /** Before the first run the lanes show the primer that they are going to get. */
  showPreview() {
    if (this.take) return;
    this.display.show(null, this.primer.source ? this.primer.score() : null);
    this.fit();
    this.refresh();
  }

  playPrimer() {
    if (this.primerSounds) return this.transport.pause();
    const score = this.primer.score();
    if (!score.notes.length) return this.notice("There is no note in the chosen stretch.", true);
    this.program = "primer";
    this.transport.load(new Map([["primer", score]]), "primer");
    return this.transport.play();
  }

  get primerSounds() {
    return this.program === "primer" && this.transport.state !== "stopped";
  }

  // ---- runs

  get take() {
    return this.runs.take;
  }

  continueMusic({ silent = false, more = {} } = {}) {
    if (this.runs.running || !this.primer.source) return;
    this.piano.endRecording(); // or the next key would replace what is continued
    const fault =
      this.openings.fault ??
      this.settings.fault ??
      (this.primer.cut().notes.length
        ? null
        : "There is no note in the chosen stretch: move the handles, choose an opening or play a few notes.");
    if (fault) {
      this.notice(fault, true);
      return;
    }
    this.step();
    const take = newTake(this.primer, this.settings.values);
    this.history.add(take);
    this.heard = this.blind.nextTake(this.heard);
    this.notice("");
    this.adoptTake(take);
    this.arrange();
    this.transport.at = Math.max(0, take.length / 1000 - this.settings.leadIn);
    this.runs.start(take, more);
    if (!silent) this.transport.play();
  }

  /** Show a take and make it what the transport plays. */
  adoptTake(take) {
    this.runs.take = take;
    this.program = "lanes";
    this.display.show(take);
    this.transport.load(take.scores, this.heard);
    this.fit();
    this.refresh();
  }

  showTake(take) {
    if (take === this.take) return;
    this.runs.stop();
    this.settings.set(take.settings);
    this.openings.set(take.source, take.stretch);
    this.adoptTake(take);
  }

  /** Leave what was made: the lanes wait for the next primer. */
  leaveTake() {
    this.runs.stop();
    this.runs.take = null;
    this.program = "primer";
    this.transport.load(new Map(), null);
  }

  act(what, model) {
    if (what === "hear") this.hear(model);
    else if (what === "more") {
      this.step();
      this.runs.startLane(model);
      this.fit();
    } else if (what === "primer") this.usePrimer(model);
    else this.download(model, what === "midi" ? "mid" : "wav");
  }

  usePrimer(model) {
    const rows = this.take.scores.get(model).rows();
    const title = `${this.take.source.title}, continued by ${this.display.lane(model).name}`;
    this.step();
    this.leaveTake();
    this.openings.set({ title, composer: "", notes: rows, pedals: [] });
    this.notice("This is the new opening; its last seconds are chosen. Continue when you like.");
    // The lane's button is out of use now. A mouse needs no other place, and its space key still plays.
    if (document.activeElement.matches(":focus-visible")) this.find("[data-testid=continue]").focus();
  }

  async download(model, format) {
    try {
      await saveLane(this.take, model, format, this.settings.continuationOnly);
    } catch (error) {
      this.notice(error.message, true);
    }
  }

  // ---- listening

  toggle() {
    if (this.transport.state !== "stopped") this.transport.pause();
    else if (!this.take) this.playPrimer();
    else {
      this.showLanesInTransport();
      this.transport.play();
    }
  }

  /** Move in what sounds; if nothing does, in the lanes. */
  seek(time) {
    if (this.primerSounds) this.transport.seek(time);
    else this.seekLanes(time);
  }

  seekLanes(time) {
    if (!this.take) return;
    this.showLanesInTransport();
    this.transport.seek(time);
  }

  showLanesInTransport() {
    if (this.program === "lanes") return;
    this.program = "lanes";
    this.transport.load(this.take.scores, this.heard);
  }

  hear(model) {
    this.heard = model;
    if (this.program === "lanes") this.transport.hear(model);
    this.display.hear(model);
    this.drawPlayheads();
  }

  setVolume(value) {
    const volume = Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0.8;
    this.bar.volume.value = volume;
    this.sound.setVolume(volume);
    remember("musictx.volume", volume);
  }

  transportChanged() {
    const { waitsFor } = this.transport;
    if (waitsFor !== this.toldWait) this.notice(WAITS[waitsFor] ?? "", waitsFor === "lost piano");
    this.toldWait = waitsFor;
    this.primer.setPlaying(this.primerSounds);
    this.drawPlayheads();
  }

  /** A key was struck whose sound is not here yet. */
  tellLack() {
    const lost = this.sound.samples.lost.size > 0;
    this.notice(lost ? WAITS["lost piano"] : "This key’s sound is still on its way; try it again in a moment.", lost);
  }

  // ---- blind test

  setBlind(on) {
    this.blind.switch(on);
    this.hear(this.blind.order[on ? 0 : 1]);
    this.blindChanged();
  }

  async voted(choice) {
    const { take } = this;
    this.blind.reveal(take, choice);
    this.blindChanged();
    try {
      await this.blind.send(take, choice);
    } catch (error) {
      this.notice(error.message, true);
    }
  }

  blindChanged() {
    this.bar.showBlind(this.blind.on);
    this.arrange();
    this.refresh();
    this.redrawAll();
  }

  arrange() {
    this.display.arrange(this.blind.order, this.blind.on, this.heard);
  }

  // ---- undo

  step() {
    const { source, stretch } = this.primer;
    this.history.step({ source, stretch, settings: this.settings.values, take: this.take });
    this.refresh();
  }

  undo() {
    const step = this.history.undo();
    if (!step) return;
    this.leaveTake();
    this.settings.set(step.settings);
    this.openings.set(step.source, step.stretch);
    if (step.take) this.adoptTake(step.take);
    this.refresh();
  }

  // ---- showing

  notice(text, bad = false) {
    const place = this.find("#notice");
    place.textContent = text;
    place.classList.toggle("bad", bad);
  }

  setView(view) {
    this.find("#lanes").dataset.view = view;
    this.bar.showView(view);
    this.redrawAll();
  }

  /** Bring buttons, takes, vote and comparison up to date. */
  refresh() {
    const { take } = this;
    const { running } = this.runs;
    const start = this.find("[data-testid=continue]");
    start.setAttribute("aria-disabled", running);
    start.classList.toggle("busy", running);
    start.lastChild.textContent = running ? "playing on …" : "three models play on";
    setUsable(this.find("[data-testid=stop]"), running);
    setUsable(this.find("#vary"), !running && take);
    this.bar.showUndo(this.history.steps.length > 0);
    this.bar.showTakes(this.history.takes, take);
    this.blind.refresh(take, running);
    const shown = take && !this.blind.on ? this.blind.order : [];
    showComparison(
      this.find("#compare"),
      shown.map((model) => ({ model, name: this.display.lane(model).name, summary: take.summaries[model] })),
    );
  }

  fit() {
    this.display.fit(this.take, (this.take?.settings ?? this.settings.values).seconds || 30);
  }

  redrawAll() {
    this.display.redraw();
    this.primer.draw();
    this.openings.redraw();
  }

  frame() {
    const now = performance.now();
    const playing = this.transport.state === "playing";
    if (this.display.frame(now) || playing) this.drawPlayheads();
    if (playing && this.take && this.program === "lanes")
      this.take.heard.seconds += Math.min(0.1, (now - this.frameAt) / 1000);
    this.frameAt = now;
  }

  drawPlayheads() {
    const { position, state, end } = this.transport;
    const { primerSounds } = this;
    const inLanes = this.program === "lanes" && this.take;
    this.display.drawPlayheads(inLanes ? position : null, this.heard);
    this.primer.showPlayhead(primerSounds ? position : null);
    const whole = inLanes && this.runs.running ? Math.max(end, this.display.end) : end;
    const moves = inLanes || primerSounds;
    this.bar.show(moves ? position : 0, moves ? whole : 0, state, Boolean(this.primer.source), primerSounds);
  }
}

/** Bring the page to life; called once by Gradio when the component is on the page. */
export function mount(gradio) {
  const studio = new Studio(gradio);
  studio.root.hidden = false;
  // For tests and measurements: the output node, the clock, and whether all samples are there.
  window.musictx = { sound: studio.sound, transport: studio.transport, ready: studio.sound.samples.ready };
}
