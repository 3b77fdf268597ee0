/** The options, checked once and at once: a mistake throws where it is made and names the option. */

import { TabwireError } from "./errors.js";
import type { Cursor, TabwireOptions } from "./types.js";

type Rule = [isRight: (value: any) => boolean, wanted: string, isRequired?: true];
const text = (pattern: RegExp) => (value: unknown) => typeof value === "string" && pattern.test(value);
const isFunction = (value: unknown) => typeof value === "function";

/** What each option must be. What is not required may be left out. */
const RULES: Readonly<Record<keyof TabwireOptions, Rule>> = {
  url: [text(/./), 'the server\'s address, such as "/ws"', true],
  user: [text(/^[\w.:@-]{1,128}$/), "the token's sub: 1 to 128 of A-Z a-z 0-9 _ . : @ -", true],
  getToken: [isFunction, "a function that returns a JWT, or null when logged out", true],
  namespace: [text(/./), "a text"],
  fetchState: [isFunction, "a function"],
  // Half a surrogate pair could not be told to another tab.
  stateKey: [text(/^\P{Cs}{1,256}$/u), "a text of 1 to 256 characters"],
  handOver: [text(/^(auto|always|never)$/), '"auto", "always" or "never"'],
  initialCursor: [isCursor, "what cursor() gave: epoch, view and lastEventId"],
  onError: [isFunction, "a function"],
  debug: [(debug) => debug === !!debug, "true or false"],
};

export function checkOptions(options: TabwireOptions): void {
  if (!options || typeof options !== "object") throw bad("options", "must be an object");
  for (const name of Object.keys(options)) {
    if (!(name in RULES)) throw bad(name, `is unknown, there are ${Object.keys(RULES).join(", ")}`);
  }
  for (const [name, [isRight, wanted, isRequired]] of Object.entries(RULES)) {
    const value = options[name as keyof TabwireOptions];
    if (value === undefined ? isRequired : !isRight(value)) {
      throw bad(name, `${value === undefined ? "is missing, it " : ""}must be ${wanted}${isRequired ? "" : ", or left out"}`);
    }
  }
  if (options.stateKey && !options.fetchState) throw bad("stateKey", "needs fetchState: without it there is no state to share");
}

/** `ws(s)://…` from an absolute address or one relative to the page. */
export function absoluteUrl(url: string): string {
  try {
    const parsed = new URL(url, location.href);
    parsed.protocol = parsed.protocol.replace("http", "ws");
    parsed.hash = ""; // WebSocket refuses a fragment
    if (/^wss?:/.test(parsed.href)) return parsed.href;
  } catch {
    // said below
  }
  throw bad("url", `must be an address of http(s) or ws(s), not ${url}`);
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

export function bad(option: string, remedy: string): TabwireError {
  return new TabwireError("bad_option", `createTabwire: ${option} ${remedy}`);
}
