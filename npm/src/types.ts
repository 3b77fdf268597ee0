/** What people write against: the types of `createTabwire`, its events, commands and status. */

import type { TabwireError } from "./errors.js";

/**
 * Declare your own types once and every entry knows them, the React hooks too:
 *
 * ```ts
 * declare module "tabwire" {
 *   interface Register { events: Events; commands: Commands; state: State }
 * }
 * ```
 */
export interface Register {}

export type RegisteredEvents = Register extends { events: infer E extends object } ? E : Record<string, unknown>;
export type RegisteredCommands = Register extends { commands: infer C extends object } ? C : Record<string, unknown>;
/** What `fetchState` returns as `state`. `any` until it is registered: it comes from your own back end. */
export type RegisteredState = Register extends { state: infer S } ? S : any;

declare global {
  /** Switches the debug log of every client in the page, at any moment: `true` or `false` goes before what options say. */
  var tabwireDebug: boolean | undefined;
}

export type TypeOf<Map extends object> = keyof Map & string;

/** An event of the shop's log, as the server sent it. */
export interface EventFrame<Type extends string, Payload> {
  /** +1 per event of the shop's log; ids of different epochs never compare. */
  readonly id: number;
  readonly type: Type;
  /** The module the event belongs to. */
  readonly module: string;
  readonly scope: { readonly shopId: string };
  readonly payload: Payload;
  /** Milliseconds since the Unix epoch, by the server's clock. */
  readonly timestamp: number;
  /** The user whose command made the event. */
  readonly by?: string;
  /** The command that made the event. */
  readonly commandId?: string;
}

/** The event of type `Type`; without `Type` a union that `switch (event.type)` narrows. */
export type TabwireEvent<Events extends object = RegisteredEvents, Type extends TypeOf<Events> = TypeOf<Events>> = {
  [T in Type]: EventFrame<T, Events[T]>;
}[Type];

/** "I have every event of this view up to here." Store it only together with the state it belongs to. */
export interface Cursor {
  readonly epoch: string;
  readonly view: string;
  readonly lastEventId: number;
}

/** A place in a shop's log. */
export interface Position {
  readonly epoch: string;
  readonly lastEventId: number;
}

export type ConnectionState = "idle" | "connecting" | "open" | "reconnecting" | "refreshing" | "stopped";

/** `leader` owns the socket, `follower` uses the leader's, `solo` cannot share (no Web Locks or BroadcastChannel). */
export type Role = "leader" | "follower" | "solo" | "none";

export type StatusReason =
  | "replaced"
  | "rejected"
  | "unauthorized"
  | "logged_out"
  | "identity_changed"
  | "closed"
  | "kicked"
  | "malformed"
  | "too_large"
  | "unsupported_version"
  | "unsupported"
  | "crashed"
  /** Not stopped: `fetchState` failed five times in a row and will be tried again. */
  | "state_failed";

/** A frozen snapshot. A new object only when something in it has changed. */
export interface TabwireStatus {
  readonly state: ConnectionState;
  readonly role: Role;
  /** Why it stopped, or what is wrong. */
  readonly reason?: StatusReason;
  /** When the next attempt to connect is due, in milliseconds as `Date.now()` counts. */
  readonly retryAt?: number;
  readonly userId?: string;
  readonly shopId?: string;
  readonly modules: readonly string[];
}

/** The group's session with the server. */
export interface TabwireSession {
  readonly userId: string;
  readonly shopId: string;
  readonly modules: readonly string[];
  readonly view: string;
  /** The number of the grant that automatic reconnects show. */
  readonly claim: number;
  /** How often the server pings, in milliseconds. */
  readonly pingMs: number;
  /** The largest frame that the server takes, in bytes. */
  readonly maxFrame: number;
  /** The device that the group of tabs is to the server. */
  readonly device: string;
}

/** What happened in this tab since it was loaded. */
export interface TabwireCounters {
  /** Events given to the app. */
  readonly delivered: number;
  /** Frames dropped, since everything up to them was there. */
  readonly duplicates: number;
  /** Frames not applied, since something before them was missing. */
  readonly gaps: number;
  /** Events of modules that are not the session's. */
  readonly foreign: number;
  /** Repairs sent to other tabs. */
  readonly ringRepairs: number;
  /** Repairs asked of the server. */
  readonly serverRepairs: number;
  /** Times the app was told to fetch its state, or that it missed something. */
  readonly refreshes: number;
  /** Times this tab began to lead. */
  readonly leads: number;
  /** Connections made. */
  readonly connects: number;
  /** Messages ignored, since they came under an old leadership. */
  readonly stale: number;
  /** Times this tab took the lock from a leader that did not leave. */
  readonly steals: number;
  /** Times this tab left the lead because another told it to. */
  readonly abdications: number;
  /** Times this tab took over from a hidden leader. */
  readonly takeOvers: number;
  /** States taken from another tab instead of being fetched. */
  readonly statesShared: number;
}

/** What a tab knows and has seen. Until the client is loaded `tab` is empty and all counts are 0. */
export interface TabwireInspection {
  /** This tab's name, drawn anew with each load of the page. */
  readonly tab: string;
  readonly role: Role;
  /** The number of the leadership there is: each is higher than those before. */
  readonly term?: number;
  /** The leading tab's name. */
  readonly leader?: string;
  /**
   * Why this tab leads: its turn for the Web Lock came, it took the lock from a leader that did not run, a hidden leader let
   * it, it was elected in a browser without Web Locks, or it is alone in one without BroadcastChannel.
   */
  readonly why?: "granted" | "stole" | "handed_over" | "elected" | "alone";
  /** How long ago the leader showed that it runs, in milliseconds, once it has. */
  readonly beaconAgeMs?: number;
  /** Once a server has welcomed the group. */
  readonly session?: TabwireSession;
  /** Commands of this tab that wait for an answer. */
  readonly outbox: number;
  readonly counters: TabwireCounters;
  readonly cursor?: Cursor;
}

export interface CommandResult {
  /** The event the command became, with the epoch its id belongs to. */
  readonly eventId?: number;
  readonly epoch?: string;
  /** What the app's back end answered. */
  readonly result?: unknown;
}

export interface SendOptions {
  /**
   * How long the command may take, in milliseconds, from 1 to 300,000.
   * @default 10_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Told the command's id, before anything of it can come back: the event that it becomes carries the same `commandId`. What a
   * page shows ahead of its event is matched by it.
   * @default none
   */
  readonly onId?: ((commandId: string) => void) | undefined;
}

export interface TokenRequest {
  readonly reason: "connect" | "renew" | "unauthorized";
}

export interface StateRequest {
  /** Why a state is needed: `initial`, or the reason of the server's refresh. */
  readonly reason: string;
  readonly epoch: string;
  /** The end of the log when the request was made. */
  readonly head: number;
  /** Aborted when the result is no longer wanted. */
  readonly signal: AbortSignal;
}

export interface FetchedState<State> {
  readonly state: State;
  /**
   * The position the state is at: read it before the database.
   * @default the `epoch` and `head` of the request
   */
  readonly position?: Position | undefined;
}

export interface StateInfo {
  readonly reason: string;
  readonly position: Position;
}

export interface TabwireOptions<State = RegisteredState> {
  /** The server's address: absolute, or relative to the page (`"/ws"`). `http(s)` becomes `ws(s)`. */
  readonly url: string;
  /** The user, equal to the token's `sub`. With `url` and `namespace` it names the group of tabs that share a socket. */
  readonly user: string;
  /** The JWT to connect with. `null`: nobody is logged in, stop. A throw or rejection is retried with backoff. */
  readonly getToken: (request: TokenRequest) => string | null | undefined | Promise<string | null | undefined>;
  /**
   * Tabs of different namespaces never share a socket. A user has but one: the namespace that was opened last has it, and the
   * others say `replaced`.
   * @default "ws-sync"
   */
  readonly namespace?: string | undefined;
  /**
   * Fetches the app's state for a fresh tab and after a refresh. Events that come meanwhile are held and follow.
   * @default none: `onState` is told of a refresh with `undefined`
   */
  readonly fetchState?: ((request: StateRequest) => FetchedState<State> | Promise<FetchedState<State>>) | undefined;
  /**
   * What the state depends on, besides user and modules: the route, say. A tab that comes later, or refreshes, takes the state
   * of a tab that gave the same key instead of fetching it. Such a state must be JSON, up to 1 MiB of it: of a `Date` or `Map`
   * other tabs get what `JSON.stringify` makes of it. 1 to 256 characters, together with `fetchState`.
   * @default none: each tab fetches its own
   */
  readonly stateKey?: string | undefined;
  /**
   * Whether a leading tab that gets hidden lets a visible one lead, which connects first, so that nothing is missed or late. A
   * browser that suspends hidden pages without a `freeze` event (Safari) would leave all tabs with a leader that is asleep.
   * @default "auto": where the browser has no `freeze` event
   */
  readonly handOver?: "auto" | "always" | "never" | undefined;
  /**
   * Where to go on from. Only together with the state it belongs to: a stored cursor without its state is a silent gap.
   * @default none: a fresh start
   */
  readonly initialCursor?: Cursor | undefined;
  /**
   * Told of what goes wrong outside of a call: handlers that throw, failing tokens and states, a blocked WebAssembly.
   * @default console.error
   */
  readonly onError?: ((error: TabwireError) => void) | undefined;
  /**
   * Log what the client does to the console. `localStorage["tabwire:debug"] = "1"` does the same; `tabwireDebug = true` or
   * `false`, typed into the console, goes before both.
   * @default false
   */
  readonly debug?: boolean | undefined;
}

/** Every method may be taken off the object: `const { on, send } = wire`. */
export interface Tabwire<
  Events extends object = RegisteredEvents,
  Commands extends object = RegisteredCommands,
  State = RegisteredState,
> {
  /** Calls `handler` for each event of the type, in order. Returns the function that removes it. */
  readonly on: <Type extends TypeOf<Events>>(
    type: Type,
    handler: (event: TabwireEvent<Events, Type>) => unknown,
  ) => () => void;
  /** Calls `handler` once per delivery with all its events, before the handlers of `on`. */
  readonly onBatch: (handler: (events: readonly TabwireEvent<Events>[]) => unknown) => () => void;
  /** Calls `handler` with each fetched state, before the events that were held meanwhile. */
  readonly onState: (handler: (state: State, info: StateInfo) => unknown) => () => void;
  /** Sends a command. Rejects with a `TabwireError` that says whether it was `executed`. */
  readonly send: <Type extends TypeOf<Commands>>(
    type: Type,
    payload: Commands[Type],
    options?: SendOptions,
  ) => Promise<CommandResult>;
  readonly getStatus: () => TabwireStatus;
  /** Calls `listener` after each change of the status. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly cursor: () => Cursor | undefined;
  /** For people: role, term, session, counters. Not for program logic. */
  readonly inspect: () => TabwireInspection;
  /**
   * Calls `run` in one tab of this browser for each `id` of a `name`: a sound, a notification. Call it in all tabs. Best effort
   * and at most once, as far back as the last 256 calls of the group; without localStorage, as far back as 5 s. Without Web
   * Locks it is the leading tab that runs it, if that calls. Says whether it was this tab; what `run` throws goes to `onError`.
   */
  readonly inOneTab: (name: string, id: string | number, run: () => unknown) => Promise<boolean>;
  /** Connects again after `replaced`, `rejected` and the like. */
  readonly reconnect: () => void;
  /** This tab leaves; the others go on. */
  readonly close: () => void;
  /** All tabs of the group stop and forget. */
  readonly logout: () => void;
}
