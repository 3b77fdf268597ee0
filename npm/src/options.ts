/** The options, checked once and at once: a mistake throws where it is made and names the option. */

import { TabwireError } from "./errors.js";
import type { Cursor, TabwireOptions } from "./types.js";

const NAME = /^[\w.:@-]{1,128}$/;
const STATE_KEY_CHARS_MAX = 256;

export function checkOptions(options: TabwireOptions): void {
  if (!options || typeof options !== "object") throw bad("options", "must be an object with url, user and getToken");
  const { url, user, getToken, namespace, fetchState, stateKey, handOver, onError, initialCursor } = options;
  if (!url || typeof url !== "string") throw bad("url", 'is missing: give the server\'s address, such as "/ws"');
  if (typeof user !== "string" || !NAME.test(user)) {
    throw bad("user", "must be the token's sub: 1 to 128 of A-Z a-z 0-9 _ . : @ -");
  }
  if (typeof getToken !== "function") throw bad("getToken", "must be a function that returns a JWT, or null when logged out");
  if (namespace !== undefined && (typeof namespace !== "string" || !namespace)) throw bad("namespace", "must be a text, or left out");
  if (fetchState && typeof fetchState !== "function") throw bad("fetchState", "must be a function, or left out");
  if (stateKey !== undefined) {
    if (typeof stateKey !== "string" || !stateKey || stateKey.length > STATE_KEY_CHARS_MAX) {
      throw bad("stateKey", `must be a text of 1 to ${STATE_KEY_CHARS_MAX} characters, or left out`);
    }
    encodedKey(stateKey);
    if (!fetchState) throw bad("stateKey", "needs fetchState: without it there is no state to share");
  }
  if (!["auto", "always", "never", undefined].includes(handOver)) throw bad("handOver", 'must be "auto", "always" or "never", or left out');
  if (onError && typeof onError !== "function") throw bad("onError", "must be a function, or left out");
  if (initialCursor !== undefined && !isCursor(initialCursor)) {
    throw bad("initialCursor", "needs epoch, view and lastEventId, as cursor() gave them; leave it out to start fresh");
  }
}

/** `ws(s)://…` from an absolute address or one relative to the page. */
export function absoluteUrl(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url, location.href);
  } catch {
    throw bad("url", `is not an address: ${url}`);
  }
  parsed.protocol = parsed.protocol.replace("http", "ws");
  if (!/^wss?:$/.test(parsed.protocol)) throw bad("url", `must be http(s) or ws(s): ${url}`);
  parsed.hash = ""; // WebSocket refuses a fragment
  return parsed.href;
}

/** The key as tabs tell it each other: free of what JSON escapes. */
export function encodedKey(stateKey: string | undefined): string | undefined {
  try {
    return stateKey && encodeURIComponent(stateKey);
  } catch {
    throw bad("stateKey", "must not have half a surrogate pair");
  }
}

/** Whether this tab, leading and hidden, lets a visible one lead. */
export function handsOver(handOver: TabwireOptions["handOver"] = "auto"): boolean {
  // A browser without `freeze` suspends hidden pages without a word, and they keep their locks.
  return handOver === "always" || (handOver === "auto" && !("onfreeze" in document));
}

/** A position of a log: an integer from 0 to 2^53-1. */
export function isEventId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCursor(cursor: Cursor): boolean {
  return typeof cursor?.epoch === "string" && typeof cursor.view === "string" && isEventId(cursor.lastEventId);
}

function bad(option: string, remedy: string): TabwireError {
  return new TabwireError("bad_option", `createTabwire: ${option} ${remedy}`);
}
