/** What `createTabwire` returns: the app's end of the page's client. Pure until it is opened. */

import { TabwireError } from "./errors.js";
import type { Registration } from "./handlers.js";
import { inspection } from "./inspect.js";
import { isFirst } from "./once.js";
import { checkOptions } from "./options.js";
import type { Member, PageClient } from "./page-client.js";
import { join, leave } from "./registry.js";
import { CLOSED, IDLE } from "./status.js";
import type { SendOptions, Tabwire, TabwireOptions } from "./types.js";
import type { Loader } from "./wasm.js";

type Handler = (...args: never[]) => unknown;

export class Handle implements Member, Tabwire<Record<string, unknown>, Record<string, unknown>, unknown> {
  /** Its functions may be replaced at any time: the next call takes the new ones. */
  options: TabwireOptions;
  readonly #load: Loader;
  readonly #registrations = new Set<Registration>();
  readonly #listeners = new Set<() => void>();
  /** Sent before `open`. */
  readonly #unsent: (() => void)[] = [];
  #client: PageClient | undefined;
  #closed = false;

  constructor(options: TabwireOptions, load: Loader) {
    checkOptions(options);
    this.options = options;
    this.#load = load;
  }

  /** Joins the page's client, also again after `close`. On a server nothing happens, ever. */
  open(): void {
    if (!inBrowser() || this.#client) return;
    this.#client = join(this, this.#load);
    this.#closed = false;
    for (const registration of this.#registrations) this.#client.handlers.add(registration);
    for (const send of this.#unsent.splice(0)) send();
    this.statusChanged();
  }

  readonly close = (): void => {
    const client = this.#client;
    if (!client) return;
    this.#client = undefined;
    this.#closed = true;
    for (const registration of this.#registrations) client.handlers.remove(registration);
    leave(this, client);
    this.statusChanged();
  };

  readonly on = (type: string, handler: Handler) => this.#register(`on ${type}`, handler);
  readonly onBatch = (handler: Handler) => this.#register("onBatch", handler);
  readonly onState = (handler: Handler) => this.#register("onState", handler);

  readonly send = async (type: string, payload: unknown, options?: SendOptions) => {
    if (!inBrowser()) throw new TabwireError("not_in_browser", "send: call it in the browser only", { executed: "no" });
    if (this.#closed) throw new TabwireError("closed", `send(${type}): the client is closed, make another`, { executed: "no" });
    if (!this.#client) await new Promise<void>((opened) => this.#unsent.push(opened));
    return this.#client!.commands.send(type, payload, options);
  };

  readonly inOneTab = async (name: string, id: string | number, run: () => unknown): Promise<boolean> => {
    const client = this.#client;
    if (!client || !(await isFirst(client.group, client.status.role, name, id))) return false;
    try {
      await run();
    } catch (cause) {
      this.report(new TabwireError("handler_failed", `inOneTab(${name}) failed: ${cause}`, { cause }));
    }
    return true;
  };

  readonly getStatus = () => this.#client?.status ?? (this.#closed ? CLOSED : IDLE);

  readonly subscribe = (listener: () => void) => {
    const own = () => listener(); // the same function may subscribe twice
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };

  readonly cursor = () => this.#client?.cursor;
  readonly inspect = () => inspection(this.getStatus().role, this.cursor(), this.#client?.call((client) => client.inspect()));
  readonly reconnect = () => void this.#client?.call((client) => client.reconnect());
  readonly logout = () => this.#client?.logout();

  statusChanged(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (cause) {
        this.report(new TabwireError("handler_failed", `A listener of subscribe failed: ${cause}`, { cause }));
      }
    }
  }

  readonly report = (error: TabwireError): void => {
    try {
      (this.options.onError ?? console.error)(error);
    } catch (cause) {
      console.error(cause);
    }
  };

  #register(slot: string, handler: Handler): () => void {
    if (typeof handler !== "function") throw new TabwireError("bad_argument", `${slot}: the handler must be a function`);
    const registration = { slot, handler, report: this.report };
    this.#registrations.add(registration);
    this.#client?.handlers.add(registration);
    return () => {
      this.#registrations.delete(registration);
      this.#client?.handlers.remove(registration);
    };
  }
}

/** A Node that has a global WebSocket is no browser: nothing here makes sense without a document. */
function inBrowser(): boolean {
  return typeof document !== "undefined";
}
