/** The boundary to the wasm module: what it exports and what it calls. Types only. */

import type { Cursor, Position, Role, TabwireEvent, TabwireInspection } from "./types.js";

/** One tab's state machine with its socket, channel and lock. */
export interface WasmClient {
  /** Joins the group: opens the channel and asks for the lock. */
  start(): void;
  /** Returns the command's id, by which `Host.settled` will name it. */
  send(type: string, payloadJson: string, timeoutMs: number): string;
  /** Answers `Host.getToken`; `undefined`: logged out. */
  token(n: number, token: string | undefined): void;
  tokenFailed(n: number): void;
  /** Answers `Host.fetchState` with the position the state is at, if it is known, and with the state as JSON if it is to be shared. */
  stateFetched(n: number, position: Position | undefined, json: string | undefined): void;
  stateFailed(n: number): void;
  cursor(): Cursor | undefined;
  inspect(): WasmInspection;
  reconnect(): void;
  close(): void;
  logout(): void;
}

/** What a client is made with. */
export interface WasmClientOptions {
  /** Absolute, `ws:` or `wss:`. */
  readonly url: string;
  /** Names the lock and the channel. */
  readonly group: string;
  readonly user: string;
  readonly cursor: Cursor | undefined;
  readonly fetchesState: boolean;
  /** Free of what JSON escapes. */
  readonly stateKey: string | undefined;
  /** A leader whose page gets hidden lets a visible tab lead. */
  readonly handsOver: boolean;
}

/** What the module says for `inspect()`; the counters in the order of inspect.ts. */
export interface WasmInspection extends Omit<TabwireInspection, "role" | "cursor" | "counters"> {
  readonly counters: readonly number[];
}

export type WasmClientConstructor = new (host: Host, options: WasmClientOptions) => WasmClient;

/**
 * What the module calls. Calls come in order and never nested, when the machine is drained and nothing in
 * the module is borrowed, so a method may call back into the client. None may throw.
 */
export interface Host {
  getToken(n: number, reason: "connect" | "renew" | "unauthorized"): void;
  /** At most one is outstanding: a new `n` replaces the older one. */
  fetchState(n: number, reason: string, epoch: string, head: number): void;
  /** The result of fetch `n` is valid, or `shared` is another tab's state. The events held meanwhile follow in `deliver`. */
  applyState(n: number, reason: string, epoch: string, lastEventId: number, shared?: unknown): void;
  /** A full refresh, and no fetchState is configured. */
  refreshed(reason: string, epoch: string, at: number): void;
  deliver(events: readonly TabwireEvent[]): void;
  /** Without `code` the command was acknowledged and `ack` is the frame. */
  settled(
    id: string,
    code: string | undefined,
    executed: string | undefined,
    message: string | undefined,
    ack: object | undefined,
  ): void;
  status(
    state: string,
    role: Role,
    reason: string | undefined,
    retryAt: number | undefined,
    userId: string | undefined,
    shopId: string | undefined,
    modules: string[],
  ): void;
  log(code: number): void;
  /** The Web Lock was granted. `release` is plain JavaScript: it works when the module has trapped. */
  holdsLock(release: () => void): void;
  lockGone(): void;
}

/** A loaded module. A trap poisons the memory that all its clients share. */
export interface WasmModule {
  readonly Client: WasmClientConstructor;
  crashed?: boolean;
  /** Told when the module has trapped, in whichever client's call. */
  readonly onCrash: Set<(cause: unknown) => void>;
}

/** Starts loading the module, or returns the load that is under way. */
export type Loader = () => Promise<WasmModule>;
