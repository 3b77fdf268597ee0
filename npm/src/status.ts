/** The status as a snapshot that `useSyncExternalStore` can live with: frozen, a new object only on change. */

import type { TabwireStatus } from "./types.js";

export const IDLE: TabwireStatus = Object.freeze({ state: "idle", role: "none", modules: Object.freeze([]) });
export const CONNECTING: TabwireStatus = Object.freeze({ ...IDLE, state: "connecting" });
export const CLOSED: TabwireStatus = Object.freeze({ ...IDLE, state: "stopped", reason: "closed" });

/** A status whose optional fields may be there and undefined, as the module gives them. */
export type StatusFields = {
  readonly [Field in keyof TabwireStatus]: TabwireStatus[Field] | undefined;
} & { readonly modules: readonly string[] };

/** `fields` as a snapshot, or `last` itself when nothing differs. */
export function nextStatus(last: TabwireStatus, fields: StatusFields): TabwireStatus {
  const sameModules = last.modules.join() === fields.modules.join();
  const modules = sameModules ? last.modules : Object.freeze([...fields.modules]);
  const set = Object.entries({ ...fields, modules }).filter(([, value]) => value !== undefined);
  const next = Object.freeze(Object.fromEntries(set)) as unknown as TabwireStatus;
  const names = Object.keys({ ...last, ...next }) as (keyof TabwireStatus)[];
  return names.every((name) => last[name] === next[name]) ? last : next;
}
