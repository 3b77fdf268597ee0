/** Redux: events become actions, or a stream for RTK Query. Runs nothing of Redux itself. */

import { TabwireError } from "./errors.js";
import type { RegisteredState, StateInfo, Tabwire, TabwireEvent, TabwireStatus, TypeOf } from "./types.js";

export interface ActionLike {
  readonly type: string;
}

/** An action, several in order, or none. */
export type Actions = ActionLike | readonly ActionLike[] | undefined | null | void;

export interface TabwireMiddlewareOptions<Events extends object, State> {
  /**
   * The action of an event. What reduces it must be idempotent: a fetched state may contain an event that follows it.
   * @default eventAction: `{ type: "tabwire/order_created", payload, meta: { id, module, timestamp, by, … } }`
   */
  readonly toAction?: (event: TabwireEvent<Events>) => Actions;
  /**
   * One action for all events of a delivery (a replay may bring hundreds), instead of `toAction` for each.
   * @default none: an action per event
   */
  readonly toBatchAction?: (events: readonly TabwireEvent<Events>[]) => Actions;
  /**
   * The action of a fetched state. `state` is undefined when events were missed and the client has no `fetchState`.
   * @default stateAction: `{ type: "tabwire:state", payload: state, meta: { reason, position } }`
   */
  readonly toStateAction?: (state: State, info: StateInfo) => Actions;
  /**
   * The action of a change of the status. The status before the first change is the initial state of whoever reduces it.
   * @default statusAction: `{ type: "tabwire:status", payload: status }`
   */
  readonly toStatusAction?: (status: TabwireStatus) => Actions;
}

type Install = (api: { dispatch(action: any): unknown }) => (next: (action: unknown) => unknown) => (action: unknown) => unknown;

/** Fits Redux' `Middleware`. Whatever is dispatched passes through untouched. */
export interface TabwireMiddleware extends Install {
  /** Stops dispatching to every store it was installed in: before a hot-reloaded store takes over, say. */
  readonly stop: () => void;
}

/** Dispatches what comes from the client: states, the events of each delivery in order, changes of the status. */
export function tabwireMiddleware<Events extends object, Commands extends object, State = RegisteredState>(
  wire: Tabwire<Events, Commands, State>,
  options: TabwireMiddlewareOptions<NoInfer<Events>, NoInfer<State>> = {},
): TabwireMiddleware {
  const { toAction = eventAction, toBatchAction, toStateAction = stateAction, toStatusAction = statusAction } = options;
  const offs: (() => void)[] = [];
  const install: Install = ({ dispatch }) => {
    const dispatchAll = (actions: Actions) => {
      for (const action of [actions ?? []].flat() as ActionLike[]) dispatch(action);
    };
    offs.push(
      wire.onState((state, info) => dispatchAll(toStateAction(state, info))),
      wire.onBatch((events) => {
        if (toBatchAction) return dispatchAll(toBatchAction(events));
        const failures: unknown[] = [];
        for (const event of events) {
          try {
            dispatchAll(toAction(event));
          } catch (failure) {
            failures.push(failure); // the events after it are as good as ever
          }
        }
        if (failures.length) throw failures.length === 1 ? failures[0] : new AggregateError(failures, `${failures.length} events failed`);
      }),
      wire.subscribe(() => dispatchAll(toStatusAction(wire.getStatus()))),
    );
    return (next) => next;
  };
  const stop = () => {
    for (const off of offs.splice(0)) off();
  };
  return Object.assign(install, { stop });
}

/** The types of the actions that are no event's. An event's is `tabwire/` and its own type. */
export const STATE_ACTION = "tabwire:state";
export const STATUS_ACTION = "tabwire:status";

export function eventAction<Type extends string, Payload>({
  type,
  payload,
  ...meta
}: {
  readonly type: Type;
  readonly payload: Payload;
}): { readonly type: `tabwire/${Type}`; readonly payload: Payload; readonly meta: object } {
  return { type: `tabwire/${type}`, payload, meta };
}

export function stateAction<State>(state: State, info: StateInfo): { readonly type: typeof STATE_ACTION; readonly payload: State; readonly meta: StateInfo } {
  return { type: STATE_ACTION, payload: state, meta: info };
}

export function statusAction(status: TabwireStatus): { readonly type: typeof STATUS_ACTION; readonly payload: TabwireStatus } {
  return { type: STATUS_ACTION, payload: status };
}

/** What of RTK Query's `onCacheEntryAdded` api is used: pass it as it is. */
export interface CacheLifecycle {
  readonly cacheDataLoaded?: PromiseLike<unknown>;
  readonly cacheEntryRemoved?: PromiseLike<unknown>;
}

export interface TabwireStreamOptions {
  /**
   * Called when events may be missing between the cached data and the stream: the client's first position, and each refresh.
   * Fetch the data again, by `invalidateTags` say.
   * @default none: right only if what is cached may be incomplete
   */
  readonly onRefresh?: (info: StateInfo) => void;
  /**
   * How many events may wait for the data, or for the loop. One more ends the stream with an error: fetch again.
   * @default 10_000
   */
  readonly maxWaiting?: number;
}

/**
 * The events of `types`, from this call on: what comes before `cacheDataLoaded` waits, so nothing falls between the data and
 * its updates. Ends with `cacheEntryRemoved`, or when the loop is left.
 *
 * ```ts
 * async onCacheEntryAdded(_, api) {
 *   for await (const event of tabwireStream(wire, ["order_created"], api)) api.updateCachedData((orders) => add(orders, event));
 * }
 * ```
 */
export function tabwireStream<Events extends object, Commands extends object, State, Type extends TypeOf<Events>>(
  wire: Tabwire<Events, Commands, State>,
  types: readonly Type[],
  { cacheDataLoaded, cacheEntryRemoved }: CacheLifecycle = {},
  { onRefresh, maxWaiting = 10_000 }: TabwireStreamOptions = {},
): AsyncIterableIterator<TabwireEvent<Events, Type>> {
  type Event = TabwireEvent<Events, Type>;
  const wanted = new Set<string>(types);
  let waiting: Event[] = [];
  let failure: TabwireError | undefined;
  let ended = false;
  let wake = () => {};

  const end = () => {
    ended = true;
    waiting = []; // there is nothing left to update
    for (const off of offs.splice(0)) off();
    wake();
  };
  const offs = [
    wire.onBatch((events) => {
      waiting.push(...(events.filter((event) => wanted.has(event.type)) as unknown as Event[]));
      if (waiting.length > maxWaiting) {
        failure = new TabwireError("queue_full", `tabwireStream: more than maxWaiting (${maxWaiting}) events wait; fetch the data again`);
        return end();
      }
      wake();
    }),
  ];
  if (onRefresh) offs.push(...watchGaps(wire, onRefresh));
  // `cacheDataLoaded` rejects when the entry is removed before its data came.
  const loaded = Promise.race([cacheDataLoaded, ...(cacheEntryRemoved ? [cacheEntryRemoved] : [])]).then(() => {}, end);
  cacheEntryRemoved?.then(end, end);

  async function* stream(): AsyncGenerator<Event, void, undefined> {
    await loaded;
    while (!ended) {
      const event = waiting.shift();
      if (event) yield event;
      else await new Promise<void>((woken) => (wake = woken));
    }
    if (failure) throw failure;
  }
  // Not the generator itself: its `return` would wait for a `next` that waits for an event.
  const events = stream();
  return {
    next: () => events.next(),
    async return() {
      end();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Data that was fetched before the client knew a position may lack what came in between, as after a refresh. */
function watchGaps({ cursor, onState, subscribe }: Tabwire<any, any, any>, onRefresh: (info: StateInfo) => void): (() => void)[] {
  let placed = !!cursor();
  return [
    onState((_, info) => {
      placed = true;
      onRefresh(info);
    }),
    subscribe(() => {
      const first = placed ? undefined : cursor(); // without fetchState nothing else tells of it
      if (!first) return;
      placed = true;
      onRefresh({ reason: "initial", position: { epoch: first.epoch, lastEventId: first.lastEventId } });
    }),
  ];
}
