/**
 * A state of one part of an app, kept by the events of a client that runs already. What `fetchState` of `createTabwire` is to
 * the app, this is to a component: events that come during a fetch are held, and follow the state.
 */

import { TabwireError } from "./errors.js";
import type { FetchedState, StateRequest, Tabwire, TabwireEvent } from "./types.js";

/** How many events wait for a state. One more drops them and fetches again. */
const MAX_HELD_EVENTS = 10_000;
const BACKOFF_BASE_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;

export interface LiveStateOptions<State, Events extends object> {
  /**
   * Fetches the state when the component mounts, and again when events were missed. The latest function is called; a new one
   * alone fetches nothing. A failure is retried with backoff.
   */
  readonly fetchState: (request: StateRequest) => FetchedState<State> | Promise<FetchedState<State>>;
  /**
   * The state after the event. Must be idempotent: a fetched state may contain an event that follows it. The state itself, when
   * the event does not concern it, renders nothing.
   */
  readonly reduce: (state: NoInfer<State>, event: TabwireEvent<Events>) => NoInfer<State>;
  /**
   * What the state depends on: the route, the filter. Another key starts anew.
   * @default none
   */
  readonly key?: string | undefined;
  /**
   * Told of fetches that failed and reducers that threw.
   * @default console.error
   */
  readonly onError?: ((error: TabwireError) => void) | undefined;
}

/** A frozen snapshot. `refreshing` and `failed` may still have the last state, which lacks events. */
export type LiveSnapshot<State> =
  | { readonly status: "idle" | "loading"; readonly state?: undefined; readonly error?: undefined }
  | { readonly status: "ready"; readonly state: State; readonly error?: undefined }
  | { readonly status: "refreshing"; readonly state: State; readonly error?: undefined }
  /** Will be tried again. */
  | { readonly status: "failed"; readonly state?: State | undefined; readonly error: TabwireError };

/** On a server, and before the component is mounted. */
export const IDLE_STATE: LiveSnapshot<never> = Object.freeze({ status: "idle" });

type Wire = Pick<Tabwire<any, any, any>, "cursor" | "onBatch" | "onState" | "subscribe">;

export class LiveState<State, Events extends object> {
  #snapshot: LiveSnapshot<State> = IDLE_STATE;
  readonly #listeners = new Set<() => void>();
  readonly #offs: (() => void)[] = [];
  /** The log's position that a state must reach: what comes after is held or reduced. Undefined while there is none. */
  #from: { readonly epoch: string; readonly head: number } | undefined;
  #held: TabwireEvent<Events>[] | undefined;
  /** The position of the state. */
  #at = 0;
  #fetch = new AbortController();
  #failures = 0;

  constructor(
    readonly wire: Wire,
    /** May be replaced at any time. */
    public options: LiveStateOptions<State, Events>,
  ) {}

  readonly getSnapshot = (): LiveSnapshot<State> => this.#snapshot;

  /** The first listener starts it, the last one stops it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const own = () => listener();
    this.#listeners.add(own);
    if (this.#listeners.size === 1) this.#start();
    return () => {
      if (this.#listeners.delete(own) && !this.#listeners.size) this.#stop();
    };
  };

  #start(): void {
    const { onBatch, onState, subscribe } = this.wire;
    this.#set({ status: "loading" });
    this.#offs.push(
      onState((_, { reason, position }) => this.#begin(reason, position)),
      onBatch((events) => this.#came(events as readonly TabwireEvent<Events>[])),
      subscribe(this.#look),
    );
    this.#look();
  }

  #stop(): void {
    for (const off of this.#offs.splice(0)) off();
    this.#fetch.abort();
    this.#from = undefined;
    this.#snapshot = IDLE_STATE;
  }

  /** A client without a position has none yet, or has been closed: then events may be missing when it opens again. */
  readonly #look = (): void => {
    const cursor = this.wire.cursor();
    if (!cursor) {
      this.#fetch.abort();
      this.#from = undefined;
    } else if (!this.#from) {
      this.#begin("initial", cursor);
    }
  };

  #begin(reason: string, { epoch, lastEventId }: { readonly epoch: string; readonly lastEventId: number }): void {
    this.#fetch.abort();
    this.#fetch = new AbortController();
    this.#from = { epoch, head: lastEventId };
    this.#held = [];
    const { state } = this.#snapshot;
    this.#set(state === undefined ? { status: "loading" } : { status: "refreshing", state });
    void this.#ask(reason, this.#from, this.#fetch.signal);
  }

  async #ask(reason: string, from: { readonly epoch: string; readonly head: number }, signal: AbortSignal): Promise<void> {
    try {
      const { state, position = { epoch: from.epoch, lastEventId: from.head } } = await this.options.fetchState({ reason, ...from, signal });
      if (signal.aborted) return;
      if (position.epoch !== from.epoch || position.lastEventId < from.head) throw new Error("its position is not the log's, or older than the request's head");
      this.#failures = 0;
      this.#fetched(state, position.lastEventId);
    } catch (cause) {
      if (signal.aborted) return;
      this.#failed(cause);
      const limit = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** this.#failures++);
      const retry = setTimeout(() => this.#ask(reason, from, signal), Math.random() * limit);
      signal.addEventListener("abort", () => clearTimeout(retry));
    }
  }

  #fetched(state: State, at: number): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#at = at;
    this.#set({ status: "ready", state: this.#reduced(state, held) });
  }

  #came(events: readonly TabwireEvent<Events>[]): void {
    if (!this.#from) return;
    if (!this.#held) {
      const { state } = this.#snapshot;
      const next = this.#reduced(state as State, events);
      if (!Object.is(next, state)) this.#set({ status: "ready", state: next });
      return;
    }
    this.#held.push(...events);
    const cursor = this.wire.cursor();
    if (this.#held.length > MAX_HELD_EVENTS && cursor) this.#begin("overflow", cursor);
  }

  #reduced(state: State, events: readonly TabwireEvent<Events>[]): State {
    for (const event of events) {
      if (event.id <= this.#at) continue;
      try {
        state = this.options.reduce(state, event);
      } catch (cause) {
        this.#report(new TabwireError("handler_failed", `reduce of useTabwireState failed: ${cause}`, { cause }));
      }
    }
    return state;
  }

  #failed(cause: unknown): void {
    const error = new TabwireError("fetch_state_failed", `fetchState of useTabwireState failed, will be called again: ${cause}`, { cause });
    this.#set({ status: "failed", state: this.#snapshot.state, error });
    this.#report(error);
  }

  #report(error: TabwireError): void {
    (this.options.onError ?? console.error)(error);
  }

  #set(snapshot: LiveSnapshot<State>): void {
    this.#snapshot = Object.freeze(snapshot);
    for (const listener of this.#listeners) listener();
  }
}
