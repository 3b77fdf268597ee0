/** The one client of a group in this page: the wasm `Client`, and the handles that share it. */

import { Commands } from "./commands.js";
import { TabwireError, type TabwireErrorCode } from "./errors.js";
import { Fetches } from "./fetches.js";
import { Handlers } from "./handlers.js";
import { makeHost } from "./host.js";
import { handsOver } from "./options.js";
import { CLOSED, CONNECTING, IDLE, nextStatus, type StatusFields } from "./status.js";
import type { Cursor, StatusReason, TabwireOptions } from "./types.js";
import type { Loader, WasmClient, WasmModule } from "./wasm.js";

/** A handle, as the client sees it. */
export interface Member {
  readonly options: TabwireOptions;
  statusChanged(): void;
  report(error: TabwireError): void;
}

export class PageClient {
  readonly commands = new Commands();
  readonly fetches = new Fetches();
  readonly handlers = new Handlers();
  readonly members = new Set<Member>();
  status = CONNECTING;
  /** A handle that comes now would start with a gap: something was delivered while there was none. */
  missed = false;
  /** Gives the Web Lock back, without the module. */
  releaseLock: (() => void) | undefined;

  #options: TabwireOptions;
  #module: WasmModule | undefined;
  #client: WasmClient | undefined;
  #logout = false;
  #over = false;

  constructor(
    readonly url: string,
    readonly group: string,
    options: TabwireOptions,
  ) {
    this.#options = options;
  }

  /** The options of the handle that came last: after a hot reload these are the newest functions. */
  get options(): TabwireOptions {
    for (const member of this.members) this.#options = member.options;
    return this.#options;
  }

  /** It will never deliver again, whatever is called. */
  get over(): boolean {
    return this.#over || this.status.reason === "logged_out";
  }

  get cursor(): Cursor | undefined {
    return this.#client ? this.call((client) => client.cursor()) : this.options.initialCursor;
  }

  start(load: Loader): void {
    const loading =
      typeof WebSocket === "undefined"
        ? Promise.reject(new TabwireError("no_websocket", "This browser has no WebSocket: poll instead"))
        : load();
    loading.then(
      (module) => this.#loaded(module),
      (error) => this.stop("unsupported", error),
    );
  }

  /** Calls the module, unless it is not there or must not be called. A trap ends it for good. */
  readonly call = <T>(run: (client: WasmClient) => T): T | undefined => {
    if (!this.#client) return undefined;
    try {
      return run(this.#client);
    } catch (cause) {
      this.crashed(cause);
      return undefined;
    }
  };

  /** The module has trapped, and with it every client in its memory. */
  readonly crashed = (cause: unknown): void => {
    const module = this.#module;
    if (this.#over || !module) return;
    module.crashed = true;
    this.stop("crashed", new TabwireError("crashed", `The client crashed, reload the page: ${cause}`, { cause }));
    for (const crashed of module.onCrash) crashed(cause);
  };

  setStatus(fields: StatusFields): void {
    const next = nextStatus(this.status, fields);
    if (next === this.status) return;
    this.status = next;
    for (const member of this.members) member.statusChanged();
  }

  report(error: TabwireError): void {
    for (const member of this.members) member.report(error);
  }

  /** Calls the handlers of a slot; remembers when there was nobody to hear it. */
  dispatch(slot: string, ...args: unknown[]): void {
    if (!this.members.size) this.missed = true;
    this.handlers.run(slot, ...args);
  }

  logout(): void {
    this.#logout = true; // kept until the module is there to tell the other tabs
    this.call((client) => client.logout());
  }

  /** The last handle has left for good. */
  close(): void {
    if (this.#over) return;
    this.call((client) => client.close());
    this.#end("closed", "the client was closed");
    this.setStatus(CLOSED);
  }

  /** Ends without another call into the module, which is not there or has trapped. */
  stop(reason: StatusReason & TabwireErrorCode, error: TabwireError): void {
    if (this.#over) return;
    this.#end(reason, error.message);
    this.setStatus({ ...IDLE, state: "stopped", reason });
    this.report(error);
  }

  #loaded(module: WasmModule): void {
    if (this.#over) return;
    this.#module = module;
    module.onCrash.add(this.crashed);
    if (module.crashed) return this.crashed("another client of this page has crashed before");
    const { user, initialCursor: cursor, fetchState, stateKey, handOver } = this.options;
    try {
      const host = makeHost(this);
      const { url, group } = this;
      this.#client = new module.Client(host, {
        url,
        group,
        user,
        cursor,
        fetchesState: !!fetchState,
        stateKey: stateKey && encodeURIComponent(stateKey), // free of what JSON escapes
        handsOver: handsOver(handOver),
      });
    } catch (cause) {
      return this.crashed(cause);
    }
    this.call((client) => client.start());
    if (this.#logout) this.logout();
    this.commands.loaded(this.call);
  }

  #end(code: TabwireErrorCode, message: string): void {
    this.#over = true;
    this.#client = undefined;
    this.#module?.onCrash.delete(this.crashed);
    this.releaseLock?.();
    this.releaseLock = undefined;
    this.fetches.abort();
    this.commands.end(code, message);
  }
}
