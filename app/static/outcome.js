// What came of a take: the answer to the headline's question, the sentence in each lane, the table below them, and
// what is read out at the end of a run.

import { describe } from "./music/measures.js";
import { REAL } from "./music/models.js";
import { findMotifs } from "./music/motifs.js";
import { answerWords, verdictSentence } from "./music/sentences.js";
import { judge } from "./music/verdict.js";
import { Series } from "./series.js";
import { showComparison } from "./view/compare.js";
import { h } from "./view/dom.js";
import { ResultBar } from "./view/result.js";

/** What says how a take came out, and what counts several: {outcome, series}. */
export function makeOutcome(studio, find) {
  const bar = new ResultBar(find("#result"), find("#result-words"), find("#how"), {
    theme: (manner) => studio.making.choose(manner),
    series: () => series.toggle(),
  });
  const outcome = new Outcome(studio, find("#headline"), bar, find("#compare"), find("#outcome"));
  const judged = (take, model) => outcome.of(take, model)?.verdict;
  const free = () => {
    studio.stopFillings();
    studio.duet.giveWay();
  };
  const series = new Series(studio, bar, judged, free);
  return { outcome, series };
}

class Outcome {
  bar; blind; headline; lanes; models; primers; status; table;

  /**
   * `headline` asks a question, whose answer `bar` repeats; `table` and `status` are where the comparison stands, and
   * what is read out.
   */
  constructor({ models, lanes, blind, primers }, headline, bar, table, status) {
    Object.assign(this, { models, lanes, blind, primers, headline, bar, table, status });
    this.question = [...headline.childNodes];
    this.known = new WeakMap(); // by score: what was found, and of how many notes
    this.running = this.wasBlind = false;
    this.answered = null; // what stands in the headline, unless it is the question
  }

  /** Bring all of it up to date; once a run has ended, say how. */
  show(take, running) {
    const ended = this.running && !running;
    this.running = running;
    for (const model of this.models.keys) {
      const found = take && this.of(take, model);
      const lane = this.lanes.lane(model);
      lane.verdict = found ? verdictSentence(this.models.of(model).name, found.verdict) : "";
      lane.showSaid();
    }
    const shown = take && !this.blind.on ? this.lanes.order.filter((model) => model !== REAL && this.of(take, model)) : [];
    const found = shown.map((model) => ({ ...this.models.of(model), ...this.of(take, model) }));
    showComparison(this.table, found);
    this.answer(running ? null : answerWords(found));
    const hidden = this.blind.on !== this.wasBlind; // what was read out with the names on screen, or without
    this.wasBlind = this.blind.on;
    if (running || !take || hidden) this.status.textContent = "";
    if (ended && take) this.status.textContent = this.sentences(take);
  }

  /** Put [sentence, sentence] in the question's place; null brings it back. */
  answer(words) {
    const text = words?.join("") ?? null;
    if (text === this.answered) return;
    this.answered = text;
    this.bar.showAnswer(text ?? "");
    this.headline.replaceChildren(...(words ? [words[0], h("span", {}, words[1])] : this.question));
  }

  sentences(take) {
    if (this.blind.on) return "The models have played. Listen, then vote.";
    return this.lanes.order
      .map((model) => take.errors[model] || this.lanes.lane(model).verdict)
      .filter(Boolean)
      .join(" ");
  }

  /** What is known of a lane that has ended with some music: {verdict, beyond, before, after}; or null. */
  of(take, model) {
    const score = take.scores.get(model);
    const ended = Boolean(take.messages[model]?.ended);
    if (take.states[model] !== "done" || !(score.continuationCount || ended)) return null;
    const state = `${score.notes.length} ${score.known} ${ended}`;
    if (this.known.get(score)?.state !== state) this.known.set(score, { state, ...this.find(score, ended) });
    return this.known.get(score);
  }

  find(score, ended) {
    const { notes, length, beyond } = score;
    const primer = notes.filter((note) => note.primer);
    const end = Math.max(score.known, length);
    const side = (from, to) => {
      const described = describe(notes, from, to, primer);
      return described && { ...described, motifs: findMotifs(primer, described.notes) };
    };
    return {
      verdict: judge(score, ended, this.primers.others),
      beyond,
      before: side(length, Math.min(beyond ?? end, end)),
      after: beyond === null ? null : side(Math.max(beyond, length), end),
    };
  }
}
