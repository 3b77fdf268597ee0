/** The app's handlers, called in order of registration. None can disturb the others or the client. */

import { TabwireError } from "./errors.js";

export interface Registration {
  /** `on <type>`, `onBatch` or `onState`. */
  readonly slot: string;
  readonly handler: (...args: never[]) => unknown;
  readonly report: (error: TabwireError) => void;
  removed?: boolean;
}

export class Handlers {
  // Lists are replaced, not changed: a handler that adds one does not have it called for the current event.
  readonly #slots = new Map<string, readonly Registration[]>();

  add(registration: Registration): void {
    registration.removed = false;
    this.#slots.set(registration.slot, [...(this.#slots.get(registration.slot) ?? []), registration]);
  }

  remove(registration: Registration): void {
    registration.removed = true;
    const left = (this.#slots.get(registration.slot) ?? []).filter((other) => other !== registration);
    if (left.length) this.#slots.set(registration.slot, left);
    else this.#slots.delete(registration.slot);
  }

  /** Promises are not awaited; one that rejects is reported like a throw. */
  run(slot: string, ...args: unknown[]): void {
    for (const registration of this.#slots.get(slot) ?? []) {
      if (registration.removed) continue;
      const failed = (cause: unknown) =>
        registration.report(new TabwireError("handler_failed", `A handler of ${slot} failed: ${cause}`, { cause }));
      try {
        const returned = (registration.handler as (...args: unknown[]) => unknown)(...args);
        if (isThenable(returned)) returned.then(undefined, failed);
      } catch (cause) {
        failed(cause);
      }
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}
