// MIDI velocity and the levels of the VELOCITY event: musictx.events.velocity.

import { VELOCITIES_PER_LEVEL, VELOCITY_LEVELS } from "./constants.js";

export const levelOf = (velocity) =>
  Math.min(Math.max(Math.floor((velocity - 1) / VELOCITIES_PER_LEVEL), 0), VELOCITY_LEVELS - 1);
export const velocityOf = (level) => Math.min(VELOCITIES_PER_LEVEL * level + VELOCITIES_PER_LEVEL / 2, 127);
