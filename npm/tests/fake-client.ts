/** A stand-in for the wasm `Client`: it records what it is told, and the test plays the machine through `host`. */

import type { Loader, Host, WasmClient, WasmClientOptions, WasmInspection, WasmModule } from "../src/wasm.js";
import type { Cursor, Position, TabwireEvent } from "../src/types.js";

export class FakeClient implements WasmClient {
  /** All that were made since `reset`, in order. */
  static made: FakeClient[] = [];
  static get last(): FakeClient {
    const last = FakeClient.made.at(-1);
    if (!last) throw new Error("no client was made");
    return last;
  }

  readonly calls: unknown[][] = [];
  at: Cursor | undefined;
  /** Thrown by the next call, as a trap would be. */
  trap: Error | undefined;
  /** Settles each command before `send` returns. */
  answersAtOnce = false;
  #sent = 0;

  constructor(
    readonly host: Host,
    readonly options: WasmClientOptions,
  ) {
    FakeClient.made.push(this);
  }

  /** The names of the methods called so far. */
  get log(): unknown[] {
    return this.calls.map(([name]) => name);
  }

  #called(...call: unknown[]): void {
    if (this.trap) {
      const trap = this.trap;
      this.trap = undefined;
      throw trap;
    }
    this.calls.push(call);
  }

  start = () => this.#called("start");
  send = (type: string, payload: string, timeoutMs: number) => {
    this.#called("send", type, payload, timeoutMs);
    const id = `tab:${++this.#sent}`;
    if (this.answersAtOnce) this.host.settled(id, undefined, undefined, undefined, { t: "ack", id, eventId: 7, epoch: "e" });
    return id;
  };
  token = (n: number, token: string | undefined) => this.#called("token", n, token);
  tokenFailed = (n: number) => this.#called("tokenFailed", n);
  stateFetched = (n: number, position: Position | undefined, json: string | undefined) =>
    this.#called("stateFetched", n, position, json);
  stateFailed = (n: number) => this.#called("stateFailed", n);
  cursor = () => this.at;
  inspect = (): WasmInspection => ({
    tab: "leading-tab-0001",
    leader: "leading-tab-0001",
    term: 3,
    why: "granted",
    beaconAgeMs: 120,
    session: { userId: "u_1", shopId: "s_1", modules: ["orders"], view: "v", claim: 2, pingMs: 25_000, maxFrame: 65_536, device: "d_1" },
    outbox: 0,
    counters: Array.from({ length: 14 }, (_, index) => index + 1),
  });
  reconnect = () => this.#called("reconnect");
  close = () => {
    this.#called("close");
    this.host.lockGone();
    this.host.status("stopped", "none", "closed", undefined, undefined, undefined, []);
  };
  logout = () => {
    this.#called("logout");
    this.host.status("stopped", "none", "logged_out", undefined, undefined, undefined, []);
  };

  open(modules = ["orders", "chat"]): void {
    this.host.status("open", "leader", undefined, undefined, "u_1", "s_1", modules);
  }

  deliver(...events: [id: number, type: string, payload?: unknown][]): void {
    this.host.deliver(events.map(([id, type, payload]) => event(id, type, payload)));
  }
}

export function event(id: number, type: string, payload: unknown = {}): TabwireEvent {
  return { id, type, payload, module: "orders", scope: { shopId: "s_1" }, timestamp: 1_730_569_300_000 };
}

/** A load of the fake module that ends when the test says so. */
export function fakeModule(): { load: Loader; loaded: () => Promise<void>; failed: (cause: unknown) => Promise<void>; module: WasmModule } {
  const module: WasmModule = { Client: FakeClient, onCrash: new Set() };
  let resolve!: (module: WasmModule) => void;
  let reject!: (cause: unknown) => void;
  const loading = new Promise<WasmModule>((...settle) => ([resolve, reject] = settle));
  return {
    module,
    load: () => loading,
    loaded: async () => {
      resolve(module);
      await flush();
    },
    failed: async (cause) => {
      reject(cause);
      await flush();
    },
  };
}

/** Lets everything that is already settled run. */
export async function flush(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** Forgets the clients of earlier tests: each test is a new page. */
export function newPage(): void {
  FakeClient.made = [];
  delete (globalThis as { [key: symbol]: unknown })[Symbol.for("tabwire:1")];
}
