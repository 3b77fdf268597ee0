/** Zustand: events become the store's state, one `setState` per batch. Runs nothing of Zustand itself. */

import type { StateCreator, StoreMutatorIdentifier } from "zustand/vanilla";
import type { Cursor, RegisteredState, StateInfo, Tabwire, TabwireEvent } from "./types.js";

/** What of a Zustand store is used; every `StoreApi` fits, with or without middleware. */
export interface StoreLike<Store> {
  getState(): Store;
  setState(partial: Partial<Store>, replace?: false, action?: string): unknown;
}

/** What changes, or nothing. */
export type Change<Store> = Partial<Store> | undefined | null | void;

/**
 * By event type, what an event changes. Must be idempotent: a fetched state may contain an event that follows it.
 * `state` says what a fetched state changes, so an event type of that name cannot be bound.
 */
export type Reducers<Store, Events extends object, State> = {
  readonly [Type in keyof Events & string as Exclude<Type, "state">]?: (
    store: Store,
    event: TabwireEvent<Events, Type>,
  ) => Change<Store>;
} & {
  /** `fetched` is undefined when events were missed and the client has no `fetchState`. */
  readonly state?: (store: Store, fetched: State, info: StateInfo) => Change<Store>;
};

export interface BindStoreOptions {
  /**
   * Keeps the cursor in the store, under `tabwire`, in the same `setState` as what it stands for. Give it back as
   * `initialCursor` when the persisted store is there again.
   * @default false
   */
  readonly persistCursor?: boolean;
}

/** What a store with `persistCursor` has beside its own state. */
export interface WithCursor {
  readonly tabwire?: Cursor | undefined;
}

/** Binds the store to the client; returns the function that unbinds it. */
export function bindStore<Store, Events extends object, Commands extends object, State = RegisteredState>(
  wire: Tabwire<Events, Commands, State>,
  store: StoreLike<Store>,
  reducers: Reducers<NoInfer<Store>, NoInfer<Events>, NoInfer<State>>,
  { persistCursor = false }: BindStoreOptions = {},
): () => void {
  type Reduce = (store: Store, event: unknown) => Change<Store>;
  const byType = new Map(Object.entries(reducers) as [string, Reduce][]);
  byType.delete("state");

  const save = (change: Partial<Store>, action: string) => {
    // In a handler the cursor stands where the app stands once the handler has run.
    if (persistCursor) change = { ...change, tabwire: wire.cursor() };
    if (Object.keys(change).length) store.setState(change, false, `tabwire/${action}`);
  };

  const offState = wire.onState((fetched, info) => {
    const change = reducers.state?.(store.getState(), fetched, info) ?? {};
    save(change, "state");
  });

  const offBatch = wire.onBatch((events) => {
    let next = store.getState();
    let change: Partial<Store> = {};
    const failures: unknown[] = [];
    for (const event of events) {
      try {
        const part = byType.get(event.type)?.(next, event);
        if (!part) continue;
        next = { ...next, ...part };
        change = { ...change, ...part };
      } catch (failure) {
        failures.push(failure); // the events after it are as good as ever
      }
    }
    save(change, actionName(events));
    if (failures.length) throw failures.length === 1 ? failures[0] : new AggregateError(failures, `${failures.length} reducers failed`);
  });

  return () => {
    offState();
    offBatch();
  };
}

export interface TabwireMiddlewareOptions<Store, Events extends object, Commands extends object, State> extends BindStoreOptions {
  /** The client: made before the store, and living as long. */
  readonly wire: Tabwire<Events, Commands, State>;
  /** As those of `bindStore`. */
  readonly reducers: Reducers<NoInfer<Store>, NoInfer<Events>, NoInfer<State>>;
}

/**
 * `bindStore` as a middleware, for a store that lives as long as the page:
 * `create<Shop>()(devtools(tabwire((set) => ({ orders: {} }), { wire, reducers })))`. A store that is thrown away, or whose stored
 * cursor is the client's `initialCursor`, is bound with `bindStore`.
 */
export function tabwire<
  Store,
  Events extends object,
  Commands extends object,
  State = RegisteredState,
  Mps extends [StoreMutatorIdentifier, unknown][] = [],
  Mcs extends [StoreMutatorIdentifier, unknown][] = [],
>(
  initializer: StateCreator<Store, Mps, Mcs>,
  { wire, reducers, ...options }: TabwireMiddlewareOptions<Store, Events, Commands, State>,
): StateCreator<Store, Mps, Mcs> {
  return (set, get, api) => {
    // Looked up at each call: the middleware around this one puts its own `setState` there.
    const setState = (...args: unknown[]) => (api.setState as (...args: unknown[]) => void)(...args);
    bindStore(wire, { getState: get, setState }, reducers, options);
    return initializer(set, get, api);
  };
}

function actionName(events: readonly { readonly type: string }[]): string {
  const [first, ...rest] = new Set(events.map((event) => event.type));
  return rest.length || !first ? `${events.length} events` : `${first}${events.length > 1 ? ` ×${events.length}` : ""}`;
}
