// The blind test: who stands in which lane, whose names were seen, and what becomes of a vote.

import { services } from "../io/backend.js";
import { recall, remember } from "../io/memory.js";
import { visitor } from "../io/visitor.js";
import { shareHeard } from "../music/hearing.js";
import { REAL } from "../music/models.js";
import { hasMusic } from "../music/takes.js";
import { Vote } from "./vote.js";

const KEY = "musictx.blind"; // how the test stood when the page was left

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
  /** `on` is as in Vote. */
  constructor(element, models, on) {
    this.models = models;
    this.on = false;
    this.real = false; // whether how the piece goes on stands in a lane too …
    this.goesOn = false; // … where that is known
    this.places = [...models.keys];
    this.revealed = null; // what was heard of the take whose vote's answer is shown
    this.vote = new Vote(element, models, on);
  }

  /** What stands in the lanes, from the first one on. */
  get order() {
    return this.places.filter((key) => key !== REAL || (this.real && this.goesOn));
  }

  /** Put everybody into a place: into any while names are hidden. */
  place() {
    this.places = this.on ? shuffled([...this.models.keys, REAL]) : [...this.models.keys];
    this.revealed = null;
  }

  /** Begin or end without a vote. */
  switch(on, real = this.real) {
    this.on = on;
    this.real = real;
    this.place();
  }

  /** The page is left, or loaded again. */
  keep() {
    const { on, real, places } = this;
    remember(KEY, { on, real, places }, "sessionStorage");
  }

  /** Go on with a test that was under way when the page was left; whether there was one. */
  recall() {
    const { on, real, places } = recall(KEY, "sessionStorage") ?? {};
    const here = [...this.models.keys, REAL];
    if (!on || places.length !== here.length || !here.every((key) => places.includes(key))) return false; // other models
    Object.assign(this, { on, real, places });
    return true;
  }

  /**
   * For a new `take` the lanes are shuffled again. Which one to hear then, where `heard` was until now: the same lane,
   * whoever stands in it, for going on with the same model would tell which it is.
   */
  nextTake(heard, take) {
    const lane = this.order.indexOf(heard);
    if (this.on || this.revealed) this.place();
    this.goesOn = take.scores.has(REAL);
    const { order } = this;
    return !this.on && order.includes(heard) ? heard : (order[lane] ?? order[0]);
  }

  /** Names are shown from now on, with what was chosen. */
  reveal(take, choice, verdict) {
    this.on = false;
    this.revealed = take.heard;
    this.vote.reveal(this.order, choice, verdict, Boolean(services.votesFile));
  }

  /** Keep a vote; throws an error with a plain sentence. */
  send(take, choice, verdict) {
    const { order } = this;
    const of = (table) => Object.fromEntries(order.filter((key) => key in table).map((key) => [key, table[key]]));
    return services.vote({
      order,
      choice,
      verdict,
      settings: take.settings,
      notes: take.notes,
      pedals: take.pedals,
      length: take.length,
      primer_name: take.source.preset || take.source.title,
      heard_seconds: take.heard.seconds,
      heard: of(take.heard.lanes),
      models: of(this.models.weights),
      visitor: visitor(),
    });
  }

  /** Ask, or say why not, or be silent, as it stands with the take that is shown. */
  refresh(take, running) {
    if (take && !this.on) take.heard.named = true;
    if (this.on && take?.heard.named) this.vote.decline();
    else if (this.on && take && !running && hasMusic(take)) this.vote.ask(this.order, this.shares(take));
    else if (this.revealed !== take?.heard) this.vote.hide();
  }

  /** More of a take was heard. */
  heardMore(take) {
    if (this.vote.choices.size) this.vote.showHeard(this.order, this.shares(take));
  }

  shares({ heard, scores }) {
    return new Map(this.order.map((model) => [model, shareHeard(heard, model, scores.get(model))]));
  }
}
