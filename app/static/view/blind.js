// The blind test: who stands in which lane, whose names were seen, and what becomes of a vote.

import { Vote } from "./vote.js";
import { services } from "../io/place.js";
import { saveVotes } from "../io/save.js";

/** A random order of some things. */
function shuffled(things) {
  const order = [...things];
  const random = crypto.getRandomValues(new Uint32Array(order.length));
  for (let k = order.length - 1; k > 0; k -= 1) {
    const other = random[k] % (k + 1);
    [order[k], order[other]] = [order[other], order[k]];
  }
  return order;
}

export class BlindTest {
  /** `voted` is called with a model, or null for "cannot tell". */
  constructor(element, models, voted) {
    this.models = models;
    this.on = false;
    this.order = [...this.models.keys];
    this.revealed = null; // what was heard of the take whose vote's answer is shown
    this.vote = new Vote(element, models, voted);
  }

  /** Begin or end without a vote. */
  switch(on) {
    this.on = on;
    this.revealed = null;
    this.order = on ? shuffled(this.models.keys) : [...this.models.keys];
  }

  /**
   * For a new take the lanes are shuffled again. Which one to hear then, where `heard` was until now: the same lane,
   * whoever stands in it, for going on with the same model would tell which it is.
   */
  nextTake(heard) {
    const lane = this.order.indexOf(heard);
    if (this.on) this.order = shuffled(this.models.keys);
    else if (this.revealed) this.order = [...this.models.keys];
    this.revealed = null;
    return this.on ? this.order[lane] : heard;
  }

  /** Names are shown from now on, with what was chosen. */
  reveal(take, choice) {
    this.on = false;
    this.revealed = take.heard;
    this.vote.reveal(this.order, choice, services.votesFile && saveVotes);
  }

  /** Keep a vote; throws an error with a plain sentence. */
  send(take, choice) {
    return services.vote({
      order: this.order,
      choice,
      settings: take.settings,
      notes: take.notes,
      pedals: take.pedals,
      length: take.length,
      primer_name: take.source.preset || take.source.title,
      heard_seconds: take.heard.seconds,
    });
  }

  /** Ask, or say why not, or be silent, as it stands with the take that is shown. */
  refresh(take, running) {
    if (take && !this.on) take.heard.named = true;
    const some = take && !running && [...take.scores.values()].some((score) => score.continuationCount);
    if (this.on && take?.heard.named) this.vote.decline();
    else if (this.on && some) this.vote.ask(this.order);
    else if (this.revealed !== take?.heard) this.vote.hide();
  }
}
