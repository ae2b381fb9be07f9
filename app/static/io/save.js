// Lanes and votes as files, handed to the visitor.

import { midiBytes } from "../midi/write.js";
import { movedMetre } from "../music/metre.js";
import { REAL } from "../music/models.js";
import { services } from "./backend.js";
import { zip } from "./zip.js";

export const MAKING = "Making the sound …"; // takes a while

/** Save the music of one lane as "mid" or "wav"; throws an error with a plain sentence. */
export async function saveLane(take, lane, models, format, alone) {
  const blob = await services.download({ format, ...laneTracks(take, lane, models, alone) });
  hand(blob, fileName(take, lane, format, alone));
}

/** Save every lane that has some music as MIDI and as sound, with what they came from, in one ZIP file. */
export async function saveAll(take, models, alone) {
  const files = [];
  for (const [model, score] of take.scores) {
    if (model === REAL || !score.continuationCount) continue;
    for (const format of ["mid", "wav"]) {
      const blob = await services.download({ format, ...laneTracks(take, model, models, alone) });
      files.push({ name: fileName(take, model, format, alone), bytes: new Uint8Array(await blob.arrayBuffer()) });
    }
  }
  const { source, selection, settings, filled, model, seeds } = take;
  const from = { primer: source.title, from_ms: selection.start, to_ms: selection.end };
  const origin = { ...from, ...settings, ...(model ? { model, seeds } : {}), filled }; // of takes each has its own seed
  files.push({ name: "settings.json", bytes: new TextEncoder().encode(`${JSON.stringify(origin, null, 2)}\n`) });
  hand(zip(files), `${primerName(take)}-${take.settings.seed}.zip`);
}

/** Save notes and pedals as MIDI, on the bars of `metre`, or as sound, by the file's name; errors are plain sentences. */
export async function savePiece({ notes, pedals, metre = null, cut = null, names = null }, name) {
  if (name.endsWith(".wav")) hand(await services.download({ format: "wav", notes, pedals }), name);
  else hand(new Blob([midiBytes(notes, pedals, { metre, cut, names })], { type: "audio/midi" }), name); // however long it is
}

/** Save the whole piece of which a selection is the primer. */
export function savePrimer(source) {
  return savePiece(source, `${primerName({ source })}.mid`);
}

/** Let the music of a lane be dragged out of the page. */
export function dragLane(event, take, lane, models, alone) {
  dragMidi(event, laneTracks(take, lane, models, alone), fileName(take, lane, "mid", alone));
}

/** Let notes be dragged out of the page as a MIDI file: into a folder, or into a program that takes files. */
export function dragMidi(event, { notes, pedals = [], ...tracks }, name) {
  const file = new File([midiBytes(notes, pedals, tracks)], name, { type: "audio/midi" });
  const address = URL.createObjectURL(file);
  const { dataTransfer, currentTarget } = event;
  dataTransfer.effectAllowed = "copy";
  dataTransfer.setData("DownloadURL", `audio/midi:${name}:${address}`); // what Chromium hands to other programs
  dataTransfer.items.add(file);
  const free = () => setTimeout(() => URL.revokeObjectURL(address), 60_000); // the other program may still read
  currentTarget.addEventListener("dragend", free, { once: true });
}

/** Save the votes that this browser has kept; `musictx votes` reads the file. */
export function saveVotes() {
  hand(services.votesFile(), "musictx-votes.json");
}

/** A lane's music on the bars of its primer; primer and continuation are tracks of their own. */
function laneTracks(take, lane, { version }, alone) {
  const score = take.scores.get(lane);
  const { cut } = score;
  const metre = movedMetre(take.metre, alone ? cut : 0);
  const names = ["Primer", `Continuation: ${take.model ?? lane}, seed ${take.seeds[lane]}, musictx ${version}`];
  return { notes: score.rows(alone), metre, cut: alone ? 0 : cut, names };
}

function fileName(take, model, format, alone) {
  return `${primerName(take)}-${model}${alone ? "-continuation" : ""}.${format}`;
}

/** The name of a take's primer, as part of a file's name. */
function primerName({ source }) {
  return (source.preset || source.title)
    .replace(/\.midi?$/i, "")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .slice(0, 40);
}

/** Save what was chosen among takes; `musictx tune` reads the file. */
export function saveChoices(choices) {
  hand(choices.file, "choices.jsonl");
}

/** Let the browser save something. */
function hand(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
