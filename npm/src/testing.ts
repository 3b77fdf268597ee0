/** A client for the tests of an app: no server, no module, no timers. The test plays the server. */

import { TabwireError } from "./errors.js";
import { Handlers } from "./handlers.js";
import { inspection } from "./inspect.js";
import { CLOSED, IDLE, nextStatus } from "./status.js";
import type {
  CommandResult,
  Cursor,
  RegisteredCommands,
  RegisteredEvents,
  RegisteredState,
  SendOptions,
  Tabwire,
  TabwireEvent,
  TabwireStatus,
  TypeOf,
} from "./types.js";

export { TabwireError } from "./errors.js";

/** A command that the app sent. */
export interface SentCommand<Commands extends object, Type extends TypeOf<Commands> = TypeOf<Commands>> {
  readonly type: Type;
  readonly payload: Commands[Type];
  readonly options: SendOptions | undefined;
}

/** `{ type, payload }` narrows by type. */
export type Sent<Commands extends object> = { [Type in TypeOf<Commands>]: SentCommand<Commands, Type> }[TypeOf<Commands>];

/** What an event needs at least; the rest is filled in. */
export type Emitted<Events extends object> = {
  [Type in TypeOf<Events>]: { readonly type: Type; readonly payload: Events[Type] } & Partial<TabwireEvent<Events, Type>>;
}[TypeOf<Events>];

export interface FakeTabwireOptions<Commands extends object> {
  /**
   * The status to begin with.
   * @default open, leader, user "u_test", shop "shop_test", no modules
   */
  readonly status?: Partial<TabwireStatus>;
  /**
   * Answers commands, or throws as the server would refuse them.
   * @default acknowledges with `{}`
   */
  readonly onSend?: (command: Sent<Commands>) => CommandResult | Promise<CommandResult>;
  /**
   * Told what handlers throw.
   * @default throws out of `emit` and `refresh`, so that the test fails; a promise that rejects later is an uncaught error
   */
  readonly onError?: (error: TabwireError) => void;
}

export interface FakeTabwire<
  Events extends object = RegisteredEvents,
  Commands extends object = RegisteredCommands,
  State = RegisteredState,
> extends Tabwire<Events, Commands, State> {
  /** Delivers one event. Returns it as handlers saw it. */
  readonly emit: <Type extends TypeOf<Events>>(
    type: Type,
    payload: Events[Type],
    more?: Partial<Omit<TabwireEvent<Events, Type>, "type" | "payload">>,
  ) => TabwireEvent<Events, Type>;
  /** Delivers several events as one batch, as a replay does. */
  readonly emitBatch: (events: readonly Emitted<Events>[]) => readonly TabwireEvent<Events>[];
  /** As after `fetchState`, or with `undefined` when events were missed and there is none. */
  readonly refresh: (state: State, more?: { readonly reason?: string; readonly position?: { readonly epoch: string; readonly lastEventId: number } }) => void;
  /** Changes what is given of the status. */
  readonly setStatus: (change: Partial<TabwireStatus>) => void;
  /** The commands sent so far, in order. */
  readonly sent: readonly Sent<Commands>[];
}

const OPEN: TabwireStatus = { state: "open", role: "leader", userId: "u_test", shopId: "shop_test", modules: [] };

export function createFakeTabwire<
  Events extends object = RegisteredEvents,
  Commands extends object = RegisteredCommands,
  State = RegisteredState,
>({ status: first, onSend = () => ({}), onError }: FakeTabwireOptions<Commands> = {}): FakeTabwire<Events, Commands, State> {
  const handlers = new Handlers();
  const listeners = new Set<() => void>();
  const done = new Set<string>();
  const sent: Sent<Commands>[] = [];
  let failures: TabwireError[] | undefined;
  let cursor: Cursor = { epoch: "test", view: "test", lastEventId: 0 };
  let status = nextStatus(IDLE, { ...blank(), ...OPEN, ...first });

  const report = (error: TabwireError) => {
    if (onError) onError(error);
    else if (failures) failures.push(error);
    else queueMicrotask(() => {
      throw error;
    });
  };
  const register = (slot: string, handler: (...args: never[]) => unknown) => {
    const registration = { slot, handler, report };
    handlers.add(registration);
    return () => handlers.remove(registration);
  };
  /** All handlers run, as in the real client; then the test hears of those that threw. */
  const run = (deliver: () => void) => {
    const thrown: TabwireError[] = (failures = []);
    deliver();
    failures = undefined;
    if (thrown.length) throw thrown.length === 1 ? thrown[0] : new AggregateError(thrown, `${thrown.length} handlers failed`);
  };
  const replaceStatus = (next: TabwireStatus) => {
    if (next === status) return;
    status = next;
    for (const listener of [...listeners]) listener();
  };
  const isClosed = () => status.state === "stopped" && (status.reason === "closed" || status.reason === "logged_out");
  const deliver = (events: readonly TabwireEvent<Events>[]) => {
    if (isClosed() || !events.length) return;
    cursor = { ...cursor, lastEventId: events.at(-1)!.id };
    run(() => {
      handlers.run("onBatch", events);
      for (const event of events) handlers.run(`on ${event.type}`, event);
    });
  };
  const complete = (event: Emitted<Events>, index: number) =>
    ({
      id: cursor.lastEventId + 1 + index,
      module: "test",
      scope: { shopId: status.shopId ?? "shop_test" },
      timestamp: Date.now(),
      ...event,
    }) as unknown as TabwireEvent<Events>;

  return {
    on: (type, handler) => register(`on ${type}`, handler),
    onBatch: (handler) => register("onBatch", handler),
    onState: (handler) => register("onState", handler),
    async send(type, payload, options) {
      if (isClosed()) throw new TabwireError("closed", `send(${type}): the client is closed`, { executed: "no" });
      const command = { type, payload, options } as unknown as Sent<Commands>;
      sent.push(command);
      options?.onId?.(`test:${sent.length}`);
      return onSend(command);
    },
    getStatus: () => status,
    subscribe(listener) {
      const own = () => listener();
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    cursor: () => cursor,
    inspect: () => inspection(status.role, cursor, undefined),
    async inOneTab(name, id, run) {
      const entry = `${name}:${id}`;
      if (isClosed() || done.has(entry)) return false;
      done.add(entry);
      await run();
      return true;
    },
    reconnect: () => replaceStatus(nextStatus(status, { ...blank(), ...OPEN, ...first })),
    close: () => replaceStatus(CLOSED),
    logout: () => replaceStatus({ ...CLOSED, reason: "logged_out" }),

    emit(type, payload, more) {
      const event = complete({ type, payload, ...more } as unknown as Emitted<Events>, 0);
      deliver([event]);
      return event as never;
    },
    emitBatch(events) {
      const batch = events.map(complete);
      deliver(batch);
      return batch;
    },
    refresh(state, { reason = "initial", position = { epoch: cursor.epoch, lastEventId: cursor.lastEventId } } = {}) {
      if (isClosed()) return;
      cursor = { ...cursor, ...position };
      run(() => handlers.run("onState", state, { reason, position }));
    },
    setStatus: (change) => replaceStatus(nextStatus(status, { ...blank(), ...status, ...change })),
    sent,
  };
}

function blank() {
  return { reason: undefined, retryAt: undefined, userId: undefined, shopId: undefined };
}
