// How a primer comes into the page: a card, an upload, the piano, a link; and the selection of it that is chosen.

import { Answering } from "./answering.js";
import { Primers } from "./io/primers.js";
import { savePiece } from "./io/save.js";
import { Cards } from "./view/cards.js";
import { DuetPanel } from "./view/duet.js";
import { Piano } from "./view/piano.js";
import { Primer } from "./view/primer.js";

/** Make the parts, {cards, primer, primers, piano, duet}. `studio` is asked for the other parts when something happens. */
export function makePrimers(studio, find) {
  const cards = new Cards(find("#presets"), {
    choose: (preset) => primers.choose(preset),
    play: (preset) => {
      primers.choose(preset);
      studio.listening.playPrimer();
    },
  });
  const primer = new Primer(find("#primer"), {
    changed: () => studio.primerChanged(),
    step: () => studio.making.step(),
    play: () => studio.listening.playPrimer(),
    tracks: (tracks) => primers.chooseTracks(tracks),
    filling: () => studio.refresh(),
  });
  const primers = new Primers(primer, cards, {
    step: () => studio.making.step(),
    made: () => Boolean(studio.take),
    leave: () => studio.making.leave(),
    notice: (text, bad) => studio.notice.say(text, bad),
    passing: (text) => studio.notice.pass(text),
    replaced: () => piano.endRecording(), // or the next key would replace what was chosen
  });
  const piano = new Piano(find("#piano"), studio.sound, {
    recorded: (piece) => primers.recorded(piece),
    takenBack: (piece) => primers.takenBack(piece),
    notice: (text) => studio.notice.say(text),
    quiet: () => studio.listening.transport.pause(),
    recording: () => (primer.source?.recorded ? primer.source : null),
  });
  const panel = new DuetPanel(studio.models, {
    switch: (on) => duet.switch(on),
    changed: () => duet.changed(),
    save: () => {
      const piece = { ...piano.recorder.piece, metre: piano.metre };
      return savePiece(piece, "duet.mid").catch((error) => studio.notice.say(error.message, true));
    },
  });
  piano.element.append(panel.element);
  const duet = new Answering({
    sound: studio.sound,
    piano,
    panel,
    player: studio.player,
    values: () => studio.settings.values,
    say: (text, bad) => studio.notice.say(text, bad),
    quiet: () => studio.listening.transport.pause(),
    free: () => {
      studio.stopFillings();
      studio.series.stop();
    },
  });
  piano.duet = duet;
  return { cards, primer, primers, piano, duet };
}
