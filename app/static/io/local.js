// What the page asks for besides the lanes' music, where there is no server: files of the site, and the browser.

import { describeUpload } from "../midi/read.js";
import { midiBytes } from "../midi/write.js";
import { pianoSamples } from "../sound/samples.js";
import { wavBytes } from "../sound/wav.js";
import { sentence } from "./server.js";
import { keepVote, votesFile } from "./votes.js";

const MAX_WAV_SECONDS = 900;

async function read(path) {
  let response;
  try {
    response = await fetch(new URL(`musictx/${path}`, document.baseURI));
  } catch {
    throw new Error("A part of the page could not be downloaded: there is no connection.");
  }
  if (!response.ok) throw new Error("A part of the page is missing on its server.");
  return response.json();
}

async function download({ format, notes, pedals = [], ...tracks }) {
  if (!notes.length) throw new Error("There is nothing to download yet; press Continue first.");
  if (format === "mid") return new Blob([midiBytes(notes, pedals, tracks)], { type: "audio/midi" });
  const seconds = Math.max(...notes.map((row) => row[1])) / 1000;
  if (seconds > MAX_WAV_SECONDS)
    throw new Error(`The music lasts ${Math.round(seconds)} s; a .wav can hold ${MAX_WAV_SECONDS} s here, a .mid any length.`);
  return new Blob([await wavBytes(pianoSamples(), notes, pedals)], { type: "audio/wav" });
}

async function upload(file, tracks) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  try {
    return describeUpload(bytes, file.name, tracks);
  } catch (error) {
    throw new Error(sentence(error.message));
  }
}

/** The functions of `server`, answered here. */
export const local = {
  models: async () => read("models.json"),
  presets: async () => read("primers.json"),
  vote: async (vote) => keepVote(vote),
  votesFile,
  alive: async () => ({}),
  download,
  upload,
};
