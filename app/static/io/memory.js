// What the browser remembers for the page. A browser that forbids it only forgets.

/** A value kept under `key`, or null. `storage` is "localStorage" or, for this tab alone, "sessionStorage". */
export function recall(key, storage = "localStorage") {
  try {
    return JSON.parse(window[storage].getItem(key));
  } catch {
    return null;
  }
}

/** Keep a value; false if it is not allowed, or there is no room. */
export function remember(key, value, storage = "localStorage") {
  try {
    window[storage].setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
