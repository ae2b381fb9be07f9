// The models whose continuations stand side by side, in the order of the lanes.

export const MODELS = ["vanilla", "relative", "rope"];
