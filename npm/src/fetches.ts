/** Running `fetchState`: one at a time, by number; what an older number brings is dropped. */

import { TabwireError } from "./errors.js";
import { isEventId } from "./options.js";
import type { FetchedState, Position, TabwireOptions } from "./types.js";

/** A state longer than this as JSON, in characters, is not shared: all tabs would hold up their events while it is copied. */
export const SHARED_STATE_CHARS_MAX = 1 << 20;

export interface FetchAnswers {
  /** `json` is the state for other tabs. */
  fetched(position: Position | undefined, json: string | undefined): void;
  failed(): void;
  report(error: TabwireError): void;
}

export class Fetches {
  #current: { readonly n: number; readonly abort: AbortController; state?: unknown } | undefined;

  async start(
    fetchState: NonNullable<TabwireOptions["fetchState"]>,
    request: { n: number; reason: string; epoch: string; head: number },
    isShared: boolean,
    answers: FetchAnswers,
  ): Promise<void> {
    const { n, ...rest } = request;
    this.abort();
    const current = { n, abort: new AbortController(), state: undefined as unknown };
    this.#current = current;
    try {
      const fetched = await fetchState({ ...rest, signal: current.abort.signal });
      checkFetched(fetched);
      if (this.#current !== current) return;
      current.state = fetched.state;
      answers.fetched(fetched.position, isShared ? toShare(fetched.state) : undefined);
    } catch (cause) {
      if (this.#current !== current) return; // our own abort
      answers.failed();
      answers.report(new TabwireError("fetch_state_failed", `fetchState failed: ${cause}`, { cause }));
    }
  }

  /** The state that fetch `n` brought, once. */
  take(n: number): { state: unknown } | undefined {
    const current = this.#current;
    if (current?.n !== n) return undefined;
    this.#current = undefined;
    return { state: current.state };
  }

  abort(): void {
    this.#current?.abort.abort();
    this.#current = undefined;
  }
}

/** The state as JSON, unless it has none or too much: then each tab fetches its own. */
function toShare(state: unknown): string | undefined {
  try {
    const json = JSON.stringify(state);
    return json.length > SHARED_STATE_CHARS_MAX ? undefined : json;
  } catch {
    return undefined; // a cycle, a BigInt, or nothing at all
  }
}

function checkFetched(fetched: FetchedState<unknown>): void {
  if (!("state" in Object(fetched))) throw new TypeError("it must return { state, position? }");
  const { position } = fetched;
  if (position && (typeof position.epoch !== "string" || !isEventId(position.lastEventId))) {
    throw new TypeError("position needs epoch and lastEventId; leave it out when it is not known");
  }
}
