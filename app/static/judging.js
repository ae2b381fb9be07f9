// The blind test as the page goes through it: hide the names, listen, vote, see.

export class Judging {
  /** `take` gives the take that is shown; `changed` is called when names are hidden or shown. */
  constructor({ blind, bar, listening, notice, take }, changed) {
    Object.assign(this, { blind, bar, listening, notice, changed });
    this.takeOf = take;
  }

  /** Begin, or end without a vote. */
  switch(on) {
    this.blind.switch(on);
    this.listening.hear(on ? this.blind.order[0] : this.listening.first);
    this.show();
  }

  async voted(choice) {
    const take = this.takeOf();
    this.blind.reveal(take, choice);
    this.show();
    try {
      await this.blind.send(take, choice);
    } catch (error) {
      this.notice.say(error.message, true);
    }
  }

  show() {
    this.bar.showBlind(this.blind.on);
    this.changed();
  }
}
