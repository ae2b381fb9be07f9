// Links: to what is on the page, and what becomes of one that was followed.

export class Linking {
  blind; judging; models; notice; play; primer; primers; settings;

  /** `take` gives the take that is shown, or null; `play` lets the models play, as Making's continueMusic does. */
  constructor({ primer, primers, settings, blind, judging, models, notice, take }, play) {
    Object.assign(this, { primer, primers, settings, blind, judging, models, notice, play });
    this.takeOf = take;
  }

  /** What a take would be made from. */
  get untaken() {
    const { source, selection } = this.primer;
    return { source, selection, begins: this.primer.cut().begins, settings: this.settings.values, more: {} };
  }

  /** Copy a link to what is here; or to a blind test of it. */
  share(asTest = this.blind.on) {
    this.primers.share(this.takeOf() ?? this.untaken, asTest ? { real: this.blind.real } : null);
  }

  /** Let the models play what a link asks for; the visitor says when it is heard. A blind test waits for Continue. */
  follow(link) {
    if (!link) return;
    const lack = this.settings.lack(link.settings);
    if (link.blind && this.models.all.length > 1) {
      this.judging.switch(true, link.blind.real);
      this.notice.say(`This link opens a blind test: press Continue, listen to every lane, then vote.${lack}`);
      return;
    }
    this.play({ silent: true, more: link.more });
    this.notice.say(`This music came with the link. Press play to listen.${lack}`);
  }
}
