/**
 * One client per group and page. Kept on `globalThis`, so that StrictMode, hot reload and a second copy of this package
 * share a socket too.
 */

import type { TabwireError } from "./errors.js";
import { absoluteUrl, bad } from "./options.js";
import { type Member, PageClient } from "./page-client.js";
import type { Cursor } from "./types.js";
import type { Loader } from "./wasm.js";

/** How long a client outlives its last handle, in milliseconds. */
export const LINGER_MS = 1_000;
/** The number changes when copies of the package can no longer share a `PageClient`. */
const KEY = Symbol.for("tabwire:1");
const DEFAULT_NAMESPACE = "ws-sync";

interface Entry {
  readonly client: PageClient;
  linger?: ReturnType<typeof setTimeout> | undefined;
  /** The last handle left in an earlier turn than this one. */
  left?: boolean;
}

export function join(member: Member, load: Loader): PageClient {
  const { url, user, namespace = DEFAULT_NAMESPACE } = member.options;
  const address = absoluteUrl(url);
  const group = `${namespace}|${address}|${user}`;
  const entries = registry();
  let entry = entries.get(group);
  if (entry && !canJoin(entry, member)) {
    entry.client.close();
    entry = undefined;
  }
  if (entry) {
    clearTimeout(entry.linger);
    entry.left = false;
    entry.client.members.add(member);
  } else {
    entry = { client: new PageClient(address, group, member.options) };
    entry.client.members.add(member);
    entry.client.start(load); // throws when the slim entry is not initialised: then nothing is kept
    entries.set(group, entry);
  }
  return entry.client;
}

export function leave(member: Member, client: PageClient): void {
  const entries = registry();
  const entry = entries.get(client.group);
  const last = client.members.delete(member) && !client.members.size;
  if (!last) return;
  if (entry?.client !== client) return client.close();
  entry.linger = setTimeout(() => {
    client.close();
    if (entries.get(client.group) === entry) entries.delete(client.group);
  }, LINGER_MS);
  queueMicrotask(() => {
    entry.left = !client.members.size;
  });
}

function canJoin({ client, left }: Entry, { options }: Member): boolean {
  if (client.over) return false;
  const { fetchState, stateKey, initialCursor } = options;
  const agrees = !client.options.fetchState === !fetchState && client.options.stateKey === stateKey;
  const fits = !initialCursor || isSame(initialCursor, client.cursor);
  if (client.members.size) {
    if (!agrees) throw conflict("fetchState", "given, with one stateKey,");
    if (!fits) throw conflict("initialCursor", "where the running client is,");
    return true;
  }
  // Within one turn nothing is lost (StrictMode). Later a handle may bring a new store, which needs a state, or events may
  // have come while nobody listened: then only a fresh client is right for it.
  const isWhole = initialCursor ? fits : !client.missed && !fetchState;
  return agrees && (left ? isWhole : fits);
}

function isSame(a: Cursor, b: Cursor | undefined): boolean {
  return a.epoch === b?.epoch && a.view === b.view && a.lastEventId === b.lastEventId;
}

function conflict(option: string, rule: string): TabwireError {
  return bad(option, `must be ${rule} for all clients of one url, user and namespace in a page: better share one`);
}

function registry(): Map<string, Entry> {
  const page = globalThis as { [KEY]?: Map<string, Entry> };
  page[KEY] ??= new Map();
  return page[KEY];
}
