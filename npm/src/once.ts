/** `inOneTab`: what one tab of the browser does once, a sound or a notification. Best effort; nothing that must happen. */

import { TabwireError } from "./errors.js";
import type { Role } from "./types.js";

/** How many ids a group of tabs remembers, over all names: what is older may happen again. */
const MAX_REMEMBERED = 256;
const MAX_ID_CHARS = 256;
/** How long an id stays locked: browsers tell other processes of what was stored later than of a lock that is free (seen in Chromium). */
const LOCKED_MS = 5_000;

/** Whether it is this tab's turn: it has the id's lock, for which nobody waits, and nobody had it before. */
export function isFirst(group: string, role: Role, name: string, id: string | number): Promise<boolean> {
  const entry = `${name}:${id}`;
  const key = `tabwire:once:${group}`;
  return new Promise((answer) => {
    if (entry.length > MAX_ID_CHARS) throw new TabwireError("bad_argument", `inOneTab: name and id are over ${MAX_ID_CHARS} characters, shorten them`);
    // No locks (an insecure page): the tab that owns the socket, and nobody else.
    const leads = () => answer(role === "leader" || role === "solo");
    const look = async (lock: unknown) => {
      const first = !!lock && (await navigator.locks.request(key, () => isNew(key, entry)));
      answer(first);
      if (first) await new Promise((over) => setTimeout(over, LOCKED_MS));
    };
    try {
      navigator.locks.request(`${key}:${entry}`, { ifAvailable: true }, look).catch(leads);
    } catch {
      leads();
    }
  });
}

/** Whether it has not happened yet; from now on it has. */
function isNew(key: string, entry: string): boolean {
  try {
    const seen: string[] = JSON.parse(localStorage.getItem(key) ?? "[]");
    if (seen.includes(entry)) return false;
    localStorage.setItem(key, JSON.stringify([...seen, entry].slice(-MAX_REMEMBERED)));
  } catch {
    // No storage (blocked, full): the lock alone remembers, for as long as it is held.
  }
  return true;
}
