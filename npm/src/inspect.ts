/** What `inspect()` shows: what the module says of itself, beside what is known on this side of it. */

import type { Cursor, Role, TabwireCounters, TabwireInspection } from "./types.js";
import type { WasmInspection } from "./wasm.js";

/** Mirrors `Counters` in client-wasm/src/core/io.rs: the module gives a number for each, in this order. */
export const COUNTERS = [
  "delivered",
  "duplicates",
  "gaps",
  "foreign",
  "ringRepairs",
  "serverRepairs",
  "refreshes",
  "leads",
  "connects",
  "stale",
  "steals",
  "abdications",
  "takeOvers",
  "statesShared",
] as const satisfies readonly (keyof TabwireCounters)[];

/** `said` is undefined while there is no module to ask. */
export function inspection(role: Role, cursor: Cursor | undefined, said: WasmInspection | undefined): TabwireInspection {
  const counters = COUNTERS.map((name, index) => [name, said?.counters[index] ?? 0]);
  return {
    tab: "",
    outbox: 0,
    ...said,
    role,
    ...(cursor && { cursor }),
    counters: Object.fromEntries(counters) as unknown as TabwireCounters,
  };
}
