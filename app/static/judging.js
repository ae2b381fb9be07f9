// The blind test as the page goes through it: hide the names, listen, vote, see.

export class Judging {
  blind; changed; listening; notice;

  /** `take` gives the take that is shown; `changed` is called when names are hidden or shown. */
  constructor({ blind, listening, notice, take }, changed) {
    Object.assign(this, { blind, listening, notice, changed });
    this.takeOf = take;
    this.sending = false; // whether a vote is on its way
  }

  /** Begin, or end without a vote; `real`: how the piece goes on stands in a lane too, where that is known. */
  switch(on, real) {
    this.blind.switch(on, real);
    this.changed();
    this.listening.hear(on ? this.blind.order[0] : this.listening.first);
  }

  /** Go on with a test that was under way when the page was left: its names stay hidden. */
  resume() {
    if (!this.blind.recall()) return;
    this.changed();
    this.listening.hear(this.blind.order[0]); // who was heard at first would tell where that model is
  }

  /** Names are shown once the vote is kept: until then it can be given again. */
  async voted(choice, verdict) {
    if (this.sending) return;
    this.sending = true;
    const take = this.takeOf();
    try {
      await this.blind.send(take, choice, verdict);
      if (take !== this.takeOf() || !this.blind.on) return; // the visitor went on meanwhile
      this.blind.reveal(take, choice, verdict);
      this.changed();
    } catch (error) {
      this.notice.say(error.message, true);
    } finally {
      this.sending = false;
    }
  }
}
