// Written by `app/constants.py`, from the Python that says what each of them means.

export const NOTE_ON = 0;
export const NOTE_OFF = 128;
export const TIME_SHIFT = 256;
export const VELOCITY = 356;
export const PAD = 388;
export const START = 389;
export const END = 390;
export const VOCABULARY_SIZE = 391;
export const MAX_SHIFT = 100;
export const STEPS_PER_SECOND = 100;
export const STEP_SECONDS = 0.01;
export const VELOCITY_LEVELS = 32;
export const VELOCITIES_PER_LEVEL = 4;
export const DEFAULT_VELOCITY_LEVEL = 20;
export const STRIDES = {"theme": 32, "form": 256};
export const AGREED = 0.5;
export const GROWTH = 1.0;
export const HALF = 0.5;
export const MIN_PROBABILITY = 0.001;
export const ABOVE = [[0.4, 1.0], [2.0, 6.0], [0.5, 3.0]];
export const BACK_TILT = [0.5, 0.15, 0.3];
export const BELOW = [[0.1, 0.8], [2.0, 6.0], [0.5, 3.0]];
export const BY = [1.4, 14.0, 10.0];
export const TILT = [[0.3, 0.6], [0.09, 0.06], [0.2, 0.2]];
export const KINDS = [[0, 128], [356, 388]];
export const PRIMER_NOTES = 64;
export const USUAL = [2.5, 62.0, 16.0];
export const RECENT_SECONDS = 4.0;
export const RECENT_NOTES = 24;
export const SPARSEST = 0.25;
export const DENSE_FROM = 0.25;
export const NOTE_TILT = 4.0;
export const DENSE = 12.0;
export const DENSEST = 25.0;
export const OPEN = 20.0;
export const SHORTEST = 8;
export const NOTE = 2.0;
export const RELEASE_TILT = 12.0;
export const REST = 250;
export const HELD = 10;
export const LONG_HELD = 100;
export const LONGER = 1.5;
export const LONG = 400;
export const LOOSE = 0.1;
export const STRICT = 0.2;
export const STRICT_TEMPERATURE = 0.7;
export const PATTERN_TILT = 8.0;
export const PATTERN_FROM = 0.15;
export const PATTERN_FULL = 0.25;
export const PATTERN_LEAST = 0.1;
export const PATTERN_MOST = 0.5;
export const MAJOR = [0, 2, 4, 5, 7, 9, 11];
export const SCALE_TILT = 0.8;
export const SCALE_LOW = 0.97;
export const SCALE_HIGH = 0.99;
export const SCALE_EQUAL = 0.01;
export const PATTERN_LOW = 100;
export const PATTERN_HIGH = 600;
export const PATTERN_MEMORY = 400.0;
export const PATTERN_SLACK = 4;
export const PATTERN_NOTES = 12.0;
export const MAX_NOTE_STEPS = 1000;
export const MAX_REST_STEPS = 800;
export const WISHES = [["denser", "calmer"], ["higher", "lower"], ["louder", "softer"]];
export const STEADY = "steady";
export const START_LEAD = 0.35;
export const MAX_START_LEAD = 4.0;
export const RESUME_LEAD = 1.2;
export const MAX_RESUME_LEAD = 12.0;
export const HOLD = 0.1;
export const PACE_SHARE = 0.9;
export const PACE_SECONDS = 0.5;
export const TOKENS_PER_SECOND = 400;
export const SPARE_TOKENS = 64;
export const CANDIDATES = 16;
export const FOLLOWING = 64;
export const TAKES = 4;
export const MAX_TOKENS_A_SECOND = 150;
export const GAP_SECONDS = [0.1, 15.0];

/** What of drawing can be set, in the order of the page. */
export const SETTINGS = [
  {
    name: "temperature",
    label: "Temperature",
    value: 1.0,
    min: 0,
    max: 2,
    step: 0.05,
    remark: "Below 1 the models play what they expect; above 1 they are more adventurous.",
  },
  {
    name: "top_p",
    label: "Top-p",
    value: 0.98,
    min: 0.05,
    max: 1,
    step: 0.01,
    remark: "Only the likeliest events, up to this total probability, can be chosen.",
  },
  {
    name: "top_k",
    label: "Top-k",
    value: 0,
    min: 0,
    max: 391,
    step: 1,
    remark: "Only this many of the likeliest events can be chosen; 0 means any.",
  },
  {
    name: "min_p",
    label: "Min-p",
    value: 0.0,
    min: 0,
    max: 0.5,
    step: 0.01,
    remark: "Events less likely than this share of the likeliest one cannot be chosen.",
  },
  {
    name: "theme",
    label: "Theme",
    value: 0.5,
    min: 0,
    max: 1,
    step: 0.25,
    remark: "How strongly to develop earlier material.",
  },
  {
    name: "form",
    label: "Form",
    value: 0.0,
    min: 0,
    max: 1,
    step: 0.25,
    remark: "How strongly to bring back what was played some ten seconds ago or earlier.",
  },
];
