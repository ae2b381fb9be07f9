// The piano: voices, and the way to the loudspeaker.

export const UNDAMPED = 90; // strings from this pitch up have no damper
const RESTRIKE = 0.04; // time constant (s) with which a new stroke stops the old sound of its string
const RAMP = 0.01; // seconds in which a lane is faded in or out
const ZONES = 9; // the keyboard's parts that stand next to one another from left to right

/** Time constant (s) of a damped string, as in musictx/audio.py: 130 ms in the bass, 70 ms at the top. */
function damping(pitch) {
  return 0.13 - 0.06 * Math.min(1, Math.max(0, (pitch - 21) / (UNDAMPED - 1 - 21)));
}

/** Where a pitch stands between left (-1) and right (1), in steps of a zone. */
function panOf(zone) {
  return 0.4 * (-1 + (2 * zone) / (ZONES - 1));
}

/** What one lane plays into: a gain, and before it a few places from left to right. */
class Bus {
  constructor(context, target) {
    this.context = context;
    this.node = new GainNode(context);
    this.node.connect(target);
    this.zones = new Map();
  }

  input(pitch) {
    const zone = Math.round(((Math.min(1, Math.max(-1, (pitch - 64) / 44)) + 1) / 2) * (ZONES - 1));
    if (!this.zones.has(zone)) {
      const place = new StereoPannerNode(this.context, { pan: panOf(zone) });
      // A panner halves the power of what stands in the middle; both sides together stay as loud.
      const level = new GainNode(this.context, { gain: Math.SQRT2 });
      level.connect(place).connect(this.node);
      this.zones.set(zone, level);
    }
    return this.zones.get(zone);
  }

  disconnect() {
    this.node.disconnect();
  }
}

/** Web Audio from the voices to the output. Made with the first click, as browsers demand. */
export class Sound {
  /** `onlack` is called when a note was struck whose samples are not here yet. */
  constructor(samples, onlack) {
    this.samples = samples;
    this.onlack = onlack;
    this.context = null;
    this.volume = 0.8;
    this.instrument = null; // a MIDI instrument on which playback sounds too (io/midi-output.js)
  }

  /** Make or wake the audio context; call it from a click or a key. */
  wake() {
    if (!this.context) this.build();
    // Beside "suspended" there is "interrupted", when a phone rings; then the phone may refuse until the next click.
    if (!["running", "closed"].includes(this.context.state)) this.context.resume().catch(() => {});
    return this.context;
  }

  build() {
    // Or an iPhone in silent mode plays without a sound.
    if ("audioSession" in navigator) navigator.audioSession.type = "playback";
    const context = new AudioContext({ latencyHint: "interactive" });
    this.context = context;
    this.master = new GainNode(context, { gain: this.volume });
    const compressor = new DynamicsCompressorNode(context, {
      threshold: -8,
      knee: 6,
      ratio: 12,
      attack: 0.002,
      release: 0.2,
    });
    // Last guard: a curve that is straight up to 0.8 and never reaches full scale.
    const curve = Float32Array.from({ length: 4097 }, (_, k) => {
      const x = k / 2048 - 1;
      const size = Math.abs(x);
      return Math.sign(x) * (size < 0.8 ? size : 0.8 + 0.18 * Math.tanh((size - 0.8) / 0.18));
    });
    this.output = new WaveShaperNode(context, { curve });
    this.master.connect(compressor).connect(this.output).connect(context.destination);
    this.live = new Bus(context, this.master);
  }

  setVolume(volume) {
    this.volume = volume;
    if (this.context) this.master.gain.setTargetAtTime(volume, this.context.currentTime, 0.01);
  }

  bus() {
    return new Bus(this.context, this.master);
  }

  /** Fade a lane out at context time `when`. */
  fadeOut(bus, when) {
    bus.node.gain.setValueAtTime(1, when);
    bus.node.gain.linearRampToValueAtTime(0, when + RAMP);
  }

  /**
   * Strike a string at context time `when`. `skip` seconds of it have passed already.
   * A note whose samples are not here yet stays silent: none sounds wrong.
   */
  strike(bus, pitch, velocity, when, skip = 0) {
    const level = 0.7 * (velocity / 127) ** 1.5;
    const envelope = new GainNode(this.context);
    envelope.connect(bus.input(pitch));
    const voice = { pitch, envelope, sources: [], start: when, stopped: Infinity };
    const parts = this.samples.of({ pitch, velocity });
    if (!parts) {
      this.samples.prefer([{ pitch, velocity }]);
      this.onlack();
    }
    for (const { sample, weight } of parts ?? []) {
      const rate = 2 ** ((pitch - sample.pitch) / 12);
      const source = new AudioBufferSourceNode(this.context, { buffer: sample.buffer, playbackRate: rate });
      const gain = new GainNode(this.context, { gain: weight * level * sample.gain });
      source.connect(gain).connect(envelope);
      if (skip * rate < sample.buffer.duration) source.start(when, skip * rate);
      else continue;
      voice.sources.push(source);
    }
    if (voice.sources.length) voice.sources[0].onended = () => envelope.disconnect();
    else envelope.disconnect();
    if (skip > 0) {
      // Coming in the middle of a note without a click.
      envelope.gain.setValueAtTime(0, when);
      envelope.gain.linearRampToValueAtTime(1, when + RAMP);
    }
    return voice;
  }

  /** Let the damper fall at context time `when`. */
  release(voice, when) {
    if (when >= voice.stopped) return; // the string is struck again, where one sound had ended
    if (voice.pitch < UNDAMPED) this.fade(voice, when, damping(voice.pitch));
  }

  /** The string is struck again: its old sound ends quickly. */
  stopString(voice, when) {
    voice.stopped = when;
    this.fade(voice, when, RESTRIKE);
  }

  fade(voice, when, constant) {
    const at = Math.max(when, voice.start + 0.01, this.context.currentTime);
    voice.envelope.gain.setTargetAtTime(0, at, constant);
    for (const source of voice.sources) source.stop(at + constant * 9);
  }

  /** A short click, for the metronome. */
  click(when, strong) {
    const tone = new OscillatorNode(this.context, { frequency: strong ? 1500 : 1000 });
    const gain = new GainNode(this.context, { gain: 0 });
    tone.connect(gain).connect(this.live.node);
    gain.gain.setValueAtTime(0.15, when);
    gain.gain.exponentialRampToValueAtTime(0.001, when + 0.05);
    tone.start(when);
    tone.stop(when + 0.06);
  }
}
