"use strict";
// Rolls and players of the study's page. No dependency, no request: notes come from the page itself, sound
// from a small synthesiser.

const primers = JSON.parse(document.getElementById("data").textContent);

// ---- music ----------------------------------------------------------------------------------------------

function unpack(take) {
  if (!take.list) {
    take.list = [];
    let onset = 0;
    for (let i = 0; i < take.notes.length; i += 4) {
      onset += take.notes[i];
      take.list.push({
        onset: onset / 100, offset: (onset + take.notes[i + 1]) / 100,
        pitch: take.notes[i + 2], velocity: take.notes[i + 3],
      });
    }
    take.end = take.list.reduce((end, note) => Math.max(end, note.offset), 0);
  }
  return take;
}

// ---- rolls ----------------------------------------------------------------------------------------------

function css(name) {
  const inside = /^var\((.*)\)$/.exec(name);
  return inside ? getComputedStyle(document.documentElement).getPropertyValue(inside[1]).trim() : name;
}

function draw(canvas, take, colour, bounds) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const row = height / (bounds.high - bounds.low + 1);
  const x = (seconds) => (seconds / bounds.end) * width;
  const y = (pitch) => (bounds.high - pitch) * row;
  pen.fillStyle = css("var(--row)");
  for (let pitch = bounds.low; pitch <= bounds.high; pitch++) {
    if ([1, 3, 6, 8, 10].includes(pitch % 12)) pen.fillRect(0, y(pitch), width, row);
  }
  const grey = css("var(--soft)"), own = css(colour);
  for (const note of take.list) {
    pen.globalAlpha = 0.35 + 0.65 * (note.velocity / 127);
    pen.fillStyle = note.onset < take.cut - 0.005 ? grey : own;
    pen.fillRect(x(note.onset), y(note.pitch), Math.max(1, x(note.offset - note.onset) - 0.5), Math.max(1.4, row));
  }
  pen.globalAlpha = 1;
  pen.strokeStyle = grey;
  pen.setLineDash([4, 3]);
  pen.beginPath();
  pen.moveTo(x(take.cut), 0);
  pen.lineTo(x(take.cut), height);
  pen.stroke();
}

// ---- sound ----------------------------------------------------------------------------------------------

const AHEAD = 0.7; // seconds that are scheduled before they sound
const ZONE = 3; // semitones that share a rendered tone
let audio = null;
const tones = new Map();

function tone(pitch) {
  const zone = Math.round(pitch / ZONE) * ZONE;
  if (!tones.has(zone)) {
    const rate = audio.context.sampleRate;
    const frequency = 440 * 2 ** ((zone - 69) / 12);
    const seconds = Math.min(5, 1 + 400 / frequency);
    const buffer = audio.context.createBuffer(1, Math.ceil(seconds * rate), rate);
    const samples = buffer.getChannelData(0);
    for (let k = 1; k <= 8 && k * frequency < rate / 2.2; k++) {
      // Upper partials are weaker, die sooner, and are a little sharp, as on a string.
      const angle = (2 * Math.PI * frequency * k * Math.sqrt(1 + 0.0004 * k * k)) / rate;
      const decay = Math.exp(-(1.2 + 0.7 * k) / (seconds * 0.55 * rate) * 1.0);
      const turn = 2 * Math.cos(angle);
      let level = 0.5 / k ** 1.35, before = 0, now = Math.sin(angle);
      for (let i = 0; i < samples.length; i++) {
        samples[i] += level * now;
        [before, now] = [now, turn * now - before];
        level *= decay;
      }
    }
    const fade = Math.round(0.003 * rate); // in and out
    for (let i = 0; i < fade; i++) samples[i] *= i / fade;
    for (let i = 1; i <= fade; i++) samples[samples.length - i] *= i / fade;
    tones.set(zone, buffer);
  }
  return { buffer: tones.get(zone), rate: 2 ** ((pitch - zone) / 12) };
}

function startAudio() {
  if (!audio) {
    const context = new AudioContext();
    const limiter = context.createDynamicsCompressor();
    const master = context.createGain();
    master.gain.value = 0.32;
    master.connect(limiter).connect(context.destination);
    audio = { context, master };
  }
  audio.context.resume();
}

const player = { lane: null, from: 0, began: 0, next: 0, sounding: new Set(), timer: 0 };

function position() {
  return player.from + Math.max(0, audio.context.currentTime - player.began);
}

function schedule() {
  const take = player.lane.take;
  const until = position() + AHEAD;
  while (player.next < take.list.length && take.list[player.next].onset < until) {
    const note = take.list[player.next++];
    if (note.offset <= player.from) continue;
    const { buffer, rate } = tone(note.pitch);
    const at = Math.max(audio.context.currentTime, player.began + note.onset - player.from);
    const source = audio.context.createBufferSource();
    const gain = audio.context.createGain();
    source.buffer = buffer;
    source.playbackRate.value = rate;
    gain.gain.setValueAtTime((note.velocity / 127) ** 1.6, at);
    const release = player.began + note.offset - player.from;
    gain.gain.setTargetAtTime(0, release, 0.07);
    source.connect(gain).connect(audio.master);
    source.start(at);
    source.stop(release + 0.6);
    const voice = { source, gain };
    player.sounding.add(voice);
    source.onended = () => player.sounding.delete(voice);
  }
  if (position() > take.end + 0.8) stop();
}

function play(lane, from) {
  startAudio();
  stop();
  Object.assign(player, { lane, from, began: audio.context.currentTime + 0.06 });
  player.next = lane.take.list.findIndex((note) => note.onset >= from - 1e-6);
  if (player.next < 0) player.next = lane.take.list.length;
  lane.button.textContent = "■";
  lane.button.setAttribute("aria-label", `stop ${lane.title}`);
  schedule();
  player.timer = setInterval(schedule, 100);
  requestAnimationFrame(follow);
}

function stop() {
  if (!player.lane) return 0;
  const at = position();
  clearInterval(player.timer);
  const now = audio.context.currentTime;
  for (const { source, gain } of player.sounding) { // faded: cut off, they would click
    gain.gain.cancelScheduledValues(now);
    gain.gain.setTargetAtTime(0, now, 0.01);
    source.stop(now + 0.08);
  }
  player.sounding.clear();
  player.lane.button.textContent = "▶";
  player.lane.button.setAttribute("aria-label", `play ${player.lane.title}`);
  player.lane.head.style.display = "none";
  player.lane.paused = at;
  player.last = player.lane;
  player.lane = null;
  return at;
}

function follow() {
  if (!player.lane) return;
  const share = position() / player.lane.bounds.end;
  player.lane.head.style.display = "block";
  player.lane.head.style.left = `${Math.min(100, 100 * share)}%`;
  requestAnimationFrame(follow);
}

document.addEventListener("keydown", (event) => {
  if (event.code !== "Space" || event.target.closest("button, summary")) return;
  if (!player.lane && !player.last) return;
  event.preventDefault();
  if (player.lane) stop();
  else play(player.last, player.last.paused < player.last.take.end ? player.last.paused : 0);
});

// ---- page -----------------------------------------------------------------------------------------------

function make(kind, attributes = {}, ...children) {
  const element = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function buildLane(data, bounds, place) {
  const button = make("button", { type: "button" }, "▶");
  const canvas = make("canvas", { role: "img" });
  const head = make("div", { class: "head" });
  const roll = make("div", { class: "roll" }, canvas, head);
  const name = make("h3", {}, data.model);
  name.style.borderColor = data.colour;
  const takes = make("div", { class: "takes" }, button);
  const lane = { bounds, button, head, paused: 0, title: data.model, take: data.takes[0] };
  const show = () => draw(canvas, lane.take, data.colour, bounds);
  const choose = (number) => {
    if (player.lane === lane) stop();
    lane.take = data.takes[number];
    lane.paused = 0;
    choices.forEach((choice, i) => choice.setAttribute("aria-pressed", String(i === number)));
    canvas.setAttribute("aria-label", `Piano roll of ${data.model}, take ${number + 1}`);
    show();
  };
  const choices = data.takes.length < 2 ? [] : data.takes.map((_, i) => {
    const choice = make("button", { type: "button", "aria-label": `${data.model}, take ${i + 1}` }, String(i + 1));
    choice.addEventListener("click", () => choose(i));
    return choice;
  });
  takes.append(...choices);
  button.setAttribute("aria-label", `play ${data.model}`);
  button.addEventListener("click", () => (player.lane === lane ? stop() : play(lane, 0)));
  roll.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    play(lane, ((event.clientX - box.left) / box.width) * bounds.end);
  });
  place.append(make("div", { class: "lane" }, make("div", {}, name, takes), roll));
  choose(0);
  return show;
}

const shown = []; // functions that draw the rolls that are open

function open(primer, place) {
  const all = primer.lanes.flatMap((lane) => lane.takes.map(unpack));
  const pitches = all.flatMap((take) => take.list.map((note) => note.pitch));
  const bounds = {
    low: Math.min(...pitches) - 1, high: Math.max(...pitches) + 1, end: Math.max(...all.map((take) => take.end)),
  };
  for (const lane of primer.lanes) shown.push(buildLane(lane, bounds, place));
}

for (const [number, primer] of primers.entries()) {
  const details = make("details", {}, make("summary", {}, primer.title));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) open(primer, details);
  });
  document.getElementById("players").append(details);
  if (number === 0) details.open = true;
}

let waiting = 0;
function redraw() {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => shown.forEach((show) => show()));
}
window.addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
