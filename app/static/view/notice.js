// The line in which the page says what happens.

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
