// The line in which the page says what happens.

export class Notice {
  constructor(element) {
    this.element = element;
  }

  /** Say something; `bad` if it went wrong. An empty text clears the line. */
  say(text, bad = false) {
    this.element.textContent = text;
    this.element.classList.toggle("bad", bad);
  }
}
