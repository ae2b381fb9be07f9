// What the browser remembers for the page. A browser that forbids it only forgets.

/** A value kept under `key`, or null. `storage` is "localStorage" or, for this tab alone, "sessionStorage". */
export function recall(key, storage = "localStorage") {
  try {
    return JSON.parse(window[storage].getItem(key));
  } catch {
    return null;
  }
}

export function remember(key, value, storage = "localStorage") {
  try {
    window[storage].setItem(key, JSON.stringify(value));
  } catch {
    // Not allowed, or no room.
  }
}
