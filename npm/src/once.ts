/** `inOneTab`: what one tab of the browser does once, a sound or a notification. Best effort; nothing that must happen. */

import { TabwireError } from "./errors.js";
import type { Role } from "./types.js";

/** How many ids a group of tabs remembers, over all names: what is older may happen again. */
const MAX_REMEMBERED = 256;
const MAX_ID_CHARS = 256;

/** Whether it is this tab's turn. The tabs ask one after another, under a lock that is held for no longer than it takes to look. */
export async function isFirst(group: string, role: Role, name: string, id: string | number): Promise<boolean> {
  const entry = `${name}:${id}`;
  if (entry.length > MAX_ID_CHARS) throw new TabwireError("bad_argument", `inOneTab: name and id are over ${MAX_ID_CHARS} characters, shorten them`);
  const key = `tabwire:once:${group}`;
  try {
    return await navigator.locks.request(key, () => {
      const seen: string[] = JSON.parse(localStorage.getItem(key) ?? "[]");
      if (seen.includes(entry)) return false;
      localStorage.setItem(key, JSON.stringify([...seen, entry].slice(-MAX_REMEMBERED)));
      return true;
    });
  } catch {
    // No locks (an insecure page) or no storage (blocked, full): the tab that owns the socket, and nobody else.
    return role === "leader" || role === "solo";
  }
}
