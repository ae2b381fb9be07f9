// Which lanes rest while another one is made.

/** Let these lanes rest, and no others; those of `open` (lane → {rests}) for which that is new, as they are now. */
export function changeRests(open, lanes) {
  const changed = [...open].filter(([lane, { rests }]) => rests !== lanes.includes(lane));
  for (const [, each] of changed) each.rests = !each.rests;
  return changed;
}
