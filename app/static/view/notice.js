// The line in which the page says what happens.

import { WAITS } from "./transport-bar.js";

const SOON = "This key’s sound is still on its way; try it again in a moment.";

export class Notice {
  constructor(element) {
    this.element = element;
    this.passing = false; // whether what stands there is out of date as soon as something is changed
  }

  /** Say something; `bad` if it went wrong. An empty text clears the line. */
  say(text, bad = false) {
    this.element.textContent = text;
    this.element.classList.toggle("bad", bad);
    this.passing = false;
  }

  /** A key was struck whose sound is not here yet. */
  tellLack({ lost }) {
    this.say(lost.size ? WAITS["lost piano"] : SOON, lost.size > 0);
  }

  /** Say something that is true until something is changed. */
  pass(text) {
    this.say(text);
    this.passing = true;
  }

  /** This is over: clear the line, unless something else was said since. */
  withdraw(text) {
    if (this.element.textContent === text) this.say("");
  }

  /** Something was changed. */
  forget() {
    if (this.passing) this.say("");
  }
}
