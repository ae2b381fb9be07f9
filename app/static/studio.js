// The studio: one primer, three lanes, one clock. Everything else is a part with a file of its own.

import { showComparison } from "./compare.js";
import { h, icon, isTyping } from "./dom.js";
import { Lane, MODELS } from "./lanes.js";
import { readLink, recall, remember, writeLink } from "./link.js";
import { Piano } from "./piano.js";
import { Primer } from "./primer.js";
import { drawThumbnail, pitchRange } from "./roll.js";
import { pedalledRows, Score } from "./score.js";
import { Settings } from "./settings.js";
import { Samples, Sound } from "./synth.js";
import { showTheme } from "./theme.js";
import { Transport } from "./transport.js";
import { TransportBar } from "./transport-bar.js";
import { shuffled, Vote } from "./vote.js";
import { server, Wire } from "./wire.js";

const MOST_UPLOAD = 8 * 2 ** 20; // bytes, as on the server
const MOST_STEPS = 30; // how far back undo goes
const REDRAW = 60; // milliseconds between two drawings of a lane that grows
const MOST_TAKES = 9;

class Studio {
  constructor({ element, props, trigger, watch }) {
    const root = element.querySelector(".mtx");
    this.root = root;
    const find = (selector) => root.querySelector(selector);
    this.find = find;
    this.takes = [];
    this.take = null;
    this.steps = [];
    this.order = [...MODELS];
    this.blind = false;
    this.program = "primer"; // what the transport plays: "primer" or "lanes"
    this.dirty = new Set();
    this.sound = new Sound(new Samples(new URL("musictx/piano/", document.baseURI)));
    this.transport = new Transport(this.sound, () => this.transportChanged());
    this.wire = new Wire({ trigger, watch, props }, {
      message: (model, message) => this.receive(model, message),
      lost: (model, sentence) => this.fail(model, sentence),
    });
    this.settings = new Settings(find("#settings"), () => this.keep());
    this.primer = new Primer(find("#primer"), {
      changed: () => this.primerChanged(), play: () => this.playPrimer(), tracks: (tracks) => this.chooseTracks(tracks),
    });
    this.piano = new Piano(find("#piano"), this.sound, {
      recorded: (piece) => this.recorded(piece), notice: (text) => this.notice(text), quiet: () => this.transport.pause(),
    });
    this.vote = new Vote(find("#vote"), (choice) => this.voted(choice));
    this.bar = new TransportBar(find("#transport"), {
      toggle: () => this.toggle(), seek: (time) => this.seek(time), volume: (value) => this.setVolume(value),
      view: (view) => this.setView(view), blind: (on) => this.setBlind(on), undo: () => this.undo(),
      share: () => this.share(), take: (index) => this.showTake(this.takes[index]),
    });
    this.lanes = new Map(MODELS.map((model) => [model, new Lane(model, (what) => this.act(what, model), (time) => this.seek(time))]));
    this.heard = MODELS[1];
    this.arrange();
    this.listen();
    this.setView("rows");
    this.setVolume(Number(localStorage.getItem("musictx.volume") ?? 0.8));
    this.start();
  }

  /** Wire up what stands in studio.html. */
  listen() {
    const { find } = this;
    for (const place of this.root.querySelectorAll("[data-icon]")) place.replaceWith(icon(place.dataset.icon));
    showTheme(this.root, find("#theme"), () => this.redrawAll());
    find("#settings").addEventListener("submit", (event) => {
      event.preventDefault();
      this.continueMusic();
    });
    find("#new-seed").append(icon("dice"));
    find("#new-seed").addEventListener("click", () => { this.settings.newSeed(); this.keep(); });
    find("#defaults").addEventListener("click", () => { this.settings.reset(); this.keep(); });
    this.stopButton = find("[data-testid=stop]");
    this.stopButton.addEventListener("click", () => this.stop());
    this.continueButton = find("[data-testid=continue]");
    this.varyButton = find("#vary");
    this.varyButton.addEventListener("click", () => { this.settings.nextSeed(); this.continueMusic(); });
    find("#explain-open").addEventListener("click", () => {
      find("#explain").open = true;
      find("#explain").scrollIntoView({ behavior: "smooth" });
      find("#explain summary").focus({ preventScroll: true });
    });
    const pianoButton = find("#piano-open");
    pianoButton.addEventListener("click", () => {
      const open = !this.piano.open;
      this.piano.toggle(open);
      pianoButton.setAttribute("aria-expanded", open);
      this.redrawAll();
    });
    const upload = find("[data-testid=upload]");
    upload.addEventListener("change", () => {
      if (upload.files[0]) this.upload(upload.files[0]);
      upload.value = "";
    });
    this.root.addEventListener("dragover", (event) => event.preventDefault());
    this.root.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files[0]) this.upload(event.dataTransfer.files[0]);
    });
    // Popovers close when something else is clicked.
    document.addEventListener("pointerdown", (event) => {
      for (const fold of this.root.querySelectorAll("details.fold[open]")) if (!fold.contains(event.target)) fold.open = false;
      this.clicked = event.target.closest?.("button, summary") ?? null;
    });
    document.addEventListener("keydown", (event) => this.keyDown(event));
    new ResizeObserver(() => this.redrawAll()).observe(this.root);
    const frame = () => {
      this.frame();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  async start() {
    try {
      this.presets = await server.presets();
    } catch (error) {
      this.presets = [];
      this.notice(error.message, true);
    }
    this.showPresets();
    let link = null;
    try {
      link = await readLink(location.hash);
    } catch (error) {
      this.notice(error.message, true);
    }
    const page = link ?? recall();
    const preset = this.presets.find((each) => each.name === page?.preset);
    this.settings.set(page?.settings);
    if (preset) this.setSource(this.ofPreset(preset), page.stretch);
    else if (page?.notes?.length) this.setSource({ name: "", composer: "", ...page, title: page.title || "A shared opening" }, page.stretch);
    else if (this.presets.length) this.setSource(this.ofPreset(this.presets[0]), { start: 0, end: this.presets[0].end });
    this.root.dataset.ready = "true";
    if (link && this.primer.source) {
      this.pendingMore = { ...link.more };
      this.continueMusic({ silent: true });
      this.notice("This music came with the link. Press play to listen.");
    }
  }

  // ---- the primer

  ofPreset(preset) {
    return { ...preset, preset: preset.name };
  }

  showPresets() {
    this.find("#presets").replaceChildren(...this.presets.map((preset) => {
      const canvas = h("canvas", { "aria-hidden": "true" });
      const choose = () => this.choosePreset(preset);
      const short = preset.title.split(/[,(]/)[0].trim();
      const card = h("div", { class: "preset", "data-name": preset.name },
        h("button", { type: "button", class: "card", "data-testid": `preset-${preset.name}`, "aria-pressed": "false", title: `${preset.title}. ${preset.description}`, onclick: choose },
          canvas, h("strong", {}, short), h("small", {}, preset.composer.split(" ").at(-1))),
        h("button", { type: "button", class: "icon round play-card", "aria-label": `Hear ${short}`, onclick: () => { choose(); this.playPrimer(true); } }, icon("play")));
      requestAnimationFrame(() => drawThumbnail(canvas, pedalledRows(preset.notes, preset.pedals)));
      return card;
    }));
  }

  choosePreset(preset) {
    if (this.primer.source?.preset === preset.name && !this.take) return this.setSource(this.ofPreset(preset), { start: 0, end: preset.end });
    this.step();
    this.setSource(this.ofPreset(preset), { start: 0, end: preset.end });
  }

  setSource(source, stretch) {
    this.primer.set(source, stretch);
    for (const card of this.root.querySelectorAll(".preset")) {
      const chosen = card.dataset.name === source.preset;
      card.classList.toggle("chosen", chosen);
      card.firstChild.setAttribute("aria-pressed", chosen);
    }
    this.notice((source.remarks ?? []).join(" "));
  }

  primerChanged() {
    if (this.program === "primer") this.transport.load(new Map(), null);
    if (this.program === "primer" || !this.take) this.showPreview();
    this.keep();
  }

  /** Before the first run the lanes show the primer that they are going to get. */
  showPreview() {
    if (this.take) return;
    for (const lane of this.lanes.values()) {
      lane.roll.score = this.primer.score();
      lane.set("waiting");
      lane.showNumbers(null);
    }
    this.fitView();
    this.redrawAll();
    this.refresh();
  }

  async upload(file, tracks) {
    if (file.size > MOST_UPLOAD) return this.notice(`${file.name} is larger than ${MOST_UPLOAD / 2 ** 20} MB; choose a smaller MIDI file.`, true);
    this.notice("Reading the file …");
    try {
      const piece = await server.upload(file, tracks);
      this.step();
      this.leaveTake();
      this.setSource({ ...piece, title: piece.name, composer: "", file });
    } catch (error) {
      this.notice(error.message, true);
      if (tracks) this.primer.showTracks();
    }
  }

  chooseTracks(tracks) {
    const { file } = this.primer.source;
    if (!tracks.length) {
      this.notice("Choose at least one track.", true);
      this.primer.showTracks();
    } else if (file) this.upload(file, tracks);
    else this.notice("Upload the file again to choose other tracks.", true);
  }

  recorded(piece) {
    if (!this.primer.source?.recorded) this.step();
    this.leaveTake();
    const source = { ...piece, name: "", title: "Played by you", composer: "", recorded: true, tracks: [] };
    const end = Math.max(0, ...piece.notes.map((row) => row[1]));
    this.setSource(source, { start: 0, end: Math.max(end, 1) });
  }

  playPrimer(fromStart = false) {
    if (this.program === "primer" && this.transport.state !== "stopped" && !fromStart) return this.transport.pause();
    const score = this.primer.score();
    if (!score.notes.length) return this.notice("There is no note in the chosen stretch.", true);
    this.program = "primer";
    this.transport.load(new Map([["primer", score]]), "primer");
    this.transport.play();
  }

  // ---- runs

  get running() {
    return this.wire.open.size > 0;
  }

  continueMusic({ silent = false } = {}) {
    if (this.running) return;
    const fault = this.settings.fault;
    if (fault) return this.notice(fault, true);
    const cut = this.primer.cut();
    if (!cut.notes.length) return this.notice("There is no note in the chosen stretch: move the handles, choose an opening or play a few notes.", true);
    this.step();
    const { source, stretch } = this.primer;
    const take = { ...cut, source, stretch: { ...stretch }, settings: this.settings.values, run: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`,
      parts: {}, more: {}, summaries: {}, states: {}, errors: {}, voted: null, heardSeconds: 0 };
    take.run = take.run.replaceAll(".", "");
    const rows = this.primer.score();
    take.scores = new Map(MODELS.map((model) => {
      const score = rows.clone();
      Object.assign(score, { complete: false, known: 0 });
      return [model, score];
    }));
    this.takes = [...this.takes, take].slice(-MOST_TAKES);
    if (!this.blind && this.revealed) this.order = [...MODELS];
    this.revealed = false;
    if (this.blind) this.order = shuffled(MODELS);
    this.arrange();
    this.adoptTake(take);
    for (const model of MODELS) this.startLane(model, cut.notes, cut.pedals, cut.length, take.settings);
    this.transport.at = Math.max(0, cut.length / 1000 - this.settings.leadIn);
    if (!silent) this.transport.play();
    this.notice("");
    this.keep();
    this.refresh();
  }

  startLane(model, notes, pedals, length, settings) {
    const { take } = this;
    take.parts[model] = (take.parts[model] ?? -1) + 1;
    this.setState(model, "waiting");
    this.wire.start(model, { run: `${take.run}.${take.parts[model]}`, notes, pedals, length, settings });
  }

  /** Show a take and make it what the transport plays. */
  adoptTake(take) {
    this.take = take;
    this.program = "lanes";
    this.vote.hide();
    for (const [model, lane] of this.lanes) {
      lane.roll.score = take.scores.get(model);
      lane.message = take.messages?.[model] ?? null;
      lane.set(take.states[model] ?? "waiting", take.errors[model]);
      lane.showNumbers();
    }
    this.transport.load(take.scores, this.heard);
    this.fitView();
    this.redrawAll();
    this.showResults();
    this.refresh();
  }

  showTake(take) {
    if (take === this.take) return;
    this.stop();
    this.settings.set(take.settings);
    this.primer.set(take.source, take.stretch);
    this.adoptTake(take);
  }

  leaveTake() {
    this.stop();
    this.take = null;
    this.program = "primer";
    this.transport.load(new Map(), null);
    this.showResults();
  }

  setState(model, state, error = "") {
    this.take.states[model] = state;
    this.take.errors[model] = error;
    this.lanes.get(model).set(state, error);
  }

  receive(model, message) {
    const { take } = this;
    if (!take) return;
    const lane = this.lanes.get(model);
    const score = take.scores.get(model);
    if (message.state === "waiting") {
      const ahead = message.place;
      this.notice(`The models are playing for others. ${ahead === 1 ? "One visitor is" : `${ahead} visitors are`} ahead of you; yours starts by itself.`);
      return;
    }
    if (message.primer) {
      score.adopt(message.primer);
      if (lane.state === "waiting" && this.find("#notice").textContent.startsWith("The models are playing for")) this.notice("");
    }
    score.receive(message);
    (take.messages ??= {})[model] = message;
    if (message.state === "done" || message.state === "error") this.ended(model, message);
    else if (lane.state !== "running") this.setState(model, "running");
    lane.showNumbers(message);
    if (score.continuationCount && !lane.seen) this.firstNote(lane);
    this.fitView();
    this.dirty.add(lane);
    this.transport.nudge();
  }

  ended(model, message) {
    const { take } = this;
    take.scores.get(model).finish();
    take.summaries[model] = message.summary ?? null;
    this.setState(model, message.state, message.error);
    if (this.pendingMore?.[model] > 0) {
      this.pendingMore[model] -= 1;
      this.more(model);
    }
    this.showResults();
    this.refresh();
  }

  firstNote(lane) {
    lane.draw();
    lane.seen = true;
  }

  fail(model, sentence) {
    if (!this.take) return;
    this.take.scores.get(model).finish();
    this.setState(model, "error", sentence);
    this.dirty.add(this.lanes.get(model));
    this.transport.nudge();
    this.refresh();
  }

  /** Stop the models; what is there stays, and goes on sounding. */
  stop() {
    const stopped = [...this.wire.open.keys()];
    this.pendingMore = null;
    for (const model of stopped) {
      this.wire.stop(model);
      this.take.scores.get(model).finish();
      this.setState(model, "done");
      this.dirty.add(this.lanes.get(model));
    }
    if (stopped.length) this.showResults();
    this.refresh();
  }

  act(what, model) {
    if (what === "hear") this.hear(model);
    else if (what === "more") {
      this.step();
      this.more(model);
    } else if (what === "primer") this.usePrimer(model);
    else this.download(model, what === "midi" ? "mid" : "wav");
  }

  /** Continue one lane further from where it is. */
  more(model) {
    const { take } = this;
    if (this.wire.open.has(model)) return;
    const score = take.scores.get(model);
    take.more[model] = (take.more[model] ?? 0) + 1;
    const settings = { ...take.settings, seed: (take.settings.seed + 7919 * take.more[model]) % 2_147_483_647 };
    take.summaries[model] = null;
    const length = Math.round(score.extend() * 1000);
    this.startLane(model, score.rows(), [], length, settings);
    this.refresh();
  }

  usePrimer(model) {
    const score = this.take.scores.get(model);
    this.step();
    const rows = score.rows();
    const title = `${this.take.source.title}, continued by ${this.lanes.get(model).name}`;
    this.leaveTake();
    this.setSource({ name: "", title, composer: "", notes: rows, pedals: [], tracks: [] });
    this.notice("This is the new opening: its last seconds are chosen. Continue when you like.");
  }

  async download(model, format) {
    const score = this.take.scores.get(model);
    const part = this.settings.continuationOnly ? "continuation" : "joined";
    const name = (this.take.source.preset || this.take.source.title || "primer").replace(/\.midi?$/i, "").replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40);
    try {
      const blob = await server.download({ format, notes: score.rows(this.settings.continuationOnly) });
      const link = h("a", { href: URL.createObjectURL(blob), download: `${name}-${model}-${part}.${format}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (error) {
      this.notice(error.message, true);
    }
  }

  // ---- listening

  toggle() {
    if (this.transport.state !== "stopped") return this.transport.pause();
    if (!this.take) return this.playPrimer();
    if (this.program !== "lanes") {
      this.program = "lanes";
      this.transport.load(this.take.scores, this.heard);
    }
    this.transport.play();
  }

  seek(time) {
    if (!this.take) return;
    if (this.program !== "lanes") {
      this.transport.load(this.take.scores, this.heard);
      this.program = "lanes";
    }
    this.transport.seek(time);
  }

  hear(model) {
    this.heard = model;
    if (this.program === "lanes") this.transport.hear(model);
    for (const [name, lane] of this.lanes) lane.setHeard(name === model);
    this.drawPlayheads();
  }

  setVolume(value) {
    const volume = Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0.8;
    this.bar.volume.value = volume;
    this.sound.setVolume(volume);
    localStorage.setItem("musictx.volume", volume);
  }

  setView(view) {
    this.find("#lanes").dataset.view = view;
    this.bar.showView(view);
    this.redrawAll();
  }

  transportChanged() {
    if (this.transport.state === "waiting" && this.transport.statistics.waits && this.program === "lanes") {
      this.notice("The models are still playing; the sound waits a moment for them.");
      this.waitTold = true;
    } else if (this.waitTold && this.transport.state === "playing") {
      this.waitTold = false;
      this.notice("");
    }
    this.primer.setPlaying(this.program === "primer" && this.transport.state !== "stopped");
    this.drawPlayheads();
  }

  keyDown(event) {
    if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const onButton = event.target.closest?.("button, summary, [role=slider], input");
    if (event.key === " " && (!onButton || onButton === this.clicked)) {
      event.preventDefault();
      if (!event.repeat) this.toggle();
    } else if (["1", "2", "3"].includes(event.key)) this.hear(this.order[Number(event.key) - 1]);
    else if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && (!onButton || onButton === this.clicked)) {
      this.seek(this.transport.position + (event.key === "ArrowLeft" ? -1 : 1) * (event.shiftKey ? 5 : 1));
    } else if (event.key === "Escape") for (const fold of this.root.querySelectorAll("details.fold[open]")) fold.open = false;
  }

  // ---- blind test

  setBlind(blind) {
    this.blind = blind;
    this.revealed = false;
    this.order = blind ? shuffled(MODELS) : [...MODELS];
    if (blind) this.heard = this.order[0];
    this.bar.showBlind(blind);
    this.arrange();
    this.hear(this.heard);
    this.showResults();
    this.redrawAll();
  }

  async voted(choice) {
    const { take, order } = this;
    take.voted = choice ?? "none";
    this.blind = false;
    this.revealed = true;
    this.bar.showBlind(false);
    this.arrange();
    this.vote.reveal(order, choice);
    this.showResults(true);
    this.redrawAll();
    try {
      await server.vote({ order, choice, settings: take.settings, notes: take.notes, pedals: take.pedals, length: take.length,
        primer_name: take.source.preset || take.source.title, heard_seconds: take.heardSeconds });
    } catch (error) {
      this.notice(error.message, true);
    }
  }

  /** Put the lanes into their order and give them their names. */
  arrange() {
    const place = this.find("#lanes");
    place.replaceChildren(...this.order.map((model) => this.lanes.get(model).element));
    this.order.forEach((model, index) => this.lanes.get(model).place(index, this.blind));
    for (const [model, lane] of this.lanes) {
      lane.setHeard(model === this.heard);
      lane.showNumbers();
    }
  }

  showResults(keepVote = false) {
    const { take } = this;
    const some = take && [...take.scores.values()].some((score) => score.continuationCount);
    if (!keepVote) {
      if (this.blind && some && !take.voted && !this.running) this.vote.ask(this.order);
      else this.vote.hide();
    }
    showComparison(this.find("#compare"), this.blind || !take ? [] : this.order.map((model) => ({ model, name: this.lanes.get(model).name, summary: take.summaries[model] })));
  }

  // ---- undo, links, memory

  /** Remember how things stand, for undo. */
  step() {
    const { take } = this;
    const { source, stretch } = this.primer;
    if (!source) return;
    const copy = take && { ...take, more: { ...take.more }, parts: { ...take.parts }, summaries: { ...take.summaries }, states: { ...take.states }, errors: { ...take.errors },
      scores: new Map([...take.scores].map(([model, score]) => [model, score.clone()])) };
    this.steps.push({ source, stretch: { ...stretch }, take: copy, original: take, takes: this.takes, settings: this.settings.values });
    if (this.steps.length > MOST_STEPS) this.steps.shift();
    this.refresh();
  }

  undo() {
    const step = this.steps.pop();
    if (!step) return;
    this.leaveTake();
    this.settings.set(step.settings);
    this.setSource(step.source, step.stretch);
    this.takes = step.takes;
    if (step.take) {
      // A run that was going on when the step was taken has ended since.
      for (const score of step.take.scores.values()) score.finish();
      for (const model of MODELS) if (step.take.states[model] !== "error") step.take.states[model] = "done";
      this.takes = this.takes.map((take) => (take === step.original ? step.take : take));
      for (const earlier of this.steps) {
        if (earlier.original === step.original) earlier.original = step.take;
        earlier.takes = earlier.takes.map((take) => (take === step.original ? step.take : take));
      }
      this.adoptTake(step.take);
    } else this.showPreview();
    this.keep();
    this.refresh();
  }

  async share() {
    const from = this.take ?? { ...this.primer, settings: this.settings.values, more: {} };
    const { source, stretch } = from;
    const inside = ([on, off]) => off > stretch.start && on < stretch.end;
    const hash = await writeLink({ preset: source.preset, title: source.title, notes: source.notes.filter(inside), pedals: source.pedals.filter(inside),
      stretch, settings: from.settings, more: from.more });
    history.replaceState(null, "", `#${hash}`);
    try {
      await navigator.clipboard.writeText(location.href);
      this.notice("The link is copied. It holds the opening, the seed and the settings, and gives the same music again.");
    } catch {
      this.notice("The link stands in the address bar. It gives the same music again.");
    }
    this.shared = true;
  }

  keep() {
    const { source, stretch } = this.primer;
    if (!source || !this.root.dataset.ready) return;
    const { notes, pedals, title, composer, preset } = source;
    remember({ stretch, settings: this.settings.values, ...(preset ? { preset } : { notes, pedals, title, composer }) });
    // The address no longer says what the page holds.
    if (location.hash && (this.root.dataset.ready === "true") && !this.wire.open.size && this.shared) {
      history.replaceState(null, "", location.pathname + location.search);
      this.shared = false;
    }
  }

  // ---- drawing

  notice(text, bad = false) {
    const place = this.find("#notice");
    place.textContent = text;
    place.classList.toggle("bad", bad);
  }

  refresh() {
    const { running } = this;
    this.stopButton.disabled = !running;
    this.continueButton.setAttribute("aria-disabled", running);
    this.continueButton.classList.toggle("busy", running);
    this.continueButton.lastChild.textContent = running ? "playing on …" : "three models play on";
    this.varyButton.disabled = running || !this.take;
    this.bar.undoButton.disabled = !this.steps.length;
    this.bar.showTakes(this.takes, this.take);
    this.bar.shown = null;
    if (!running) this.showResults(this.revealed);
  }

  /** One time axis and one range of pitches for all lanes. */
  fitView() {
    const scores = [...this.lanes.values()].map((lane) => lane.score).filter(Boolean);
    if (!scores.length) return;
    const seconds = (this.take?.settings ?? this.settings.values).seconds;
    const end = Math.max(...scores.map((score) => Math.max(score.end, score.partStart + (score.complete && this.take ? 0 : seconds))));
    const pitches = scores.flatMap((score) => score.notes.map((note) => note.pitch));
    const [low, high] = pitchRange(pitches);
    const view = { start: 0, end, low, high };
    const before = this.lanes.get(MODELS[0]).roll.view;
    if (Object.keys(view).every((key) => view[key] === before[key])) return;
    for (const lane of this.lanes.values()) {
      lane.roll.view = view;
      this.dirty.add(lane);
    }
  }

  redrawAll() {
    for (const lane of this.lanes.values()) this.dirty.add(lane);
    this.primer.draw();
    this.drawPlayheads();
  }

  frame() {
    const now = performance.now();
    if (this.dirty.size && now - (this.drawnAt ?? 0) > REDRAW) {
      this.drawnAt = now;
      for (const lane of this.dirty) lane.draw();
      this.dirty.clear();
      this.drawPlayheads();
    } else if (this.transport.state === "playing") this.drawPlayheads();
    if (this.transport.state === "playing" && this.program === "lanes") this.take.heardSeconds += Math.min(0.1, (now - (this.frameAt ?? now)) / 1000);
    this.frameAt = now;
  }

  drawPlayheads() {
    const { transport } = this;
    const inLanes = this.program === "lanes" && this.take;
    const position = transport.position;
    for (const [model, lane] of this.lanes) lane.roll.drawPlayhead(inLanes ? position : null, model === this.heard);
    this.primer.showPlayhead(this.program === "primer" && transport.state !== "stopped" ? position : null);
    this.bar.show(inLanes ? position : 0, inLanes ? transport.end : 0, inLanes ? transport.state : "stopped", Boolean(this.primer.source));
  }
}

/** Bring the page to life; called once by Gradio when the component is on the page. */
export function mount(gradio) {
  const studio = new Studio(gradio);
  studio.root.hidden = false;
  // For tests and measurements: the output node, the clock and what is loaded.
  window.musictx = { sound: studio.sound, transport: studio.transport, ready: studio.sound.samples.ready };
}
