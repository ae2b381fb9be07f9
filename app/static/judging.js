// The blind test as the page goes through it: hide the names, listen, vote, see.

export class Judging {
  blind; changed; listening; notice;

  /** `take` gives the take that is shown; `changed` is called when names are hidden or shown. */
  constructor({ blind, listening, notice, take }, changed) {
    Object.assign(this, { blind, listening, notice, changed });
    this.takeOf = take;
  }

  /** Begin, or end without a vote; `real`: how the piece goes on stands in a lane too, where that is known. */
  switch(on, real) {
    this.blind.switch(on, real);
    this.changed();
    this.listening.hear(on ? this.blind.order[0] : this.listening.first);
  }

  async voted(choice, verdict) {
    const take = this.takeOf();
    this.blind.reveal(take, choice, verdict);
    this.changed();
    try {
      await this.blind.send(take, choice, verdict);
    } catch (error) {
      this.notice.say(error.message, true);
    }
  }
}
