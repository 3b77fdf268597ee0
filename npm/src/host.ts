/** What the module calls: each call is handed on to the app, and none throws. */

import { TabwireError } from "./errors.js";
import type { PageClient } from "./page-client.js";
import { writeLine } from "./log.js";
import type { ConnectionState, StatusReason } from "./types.js";
import type { Host } from "./wasm.js";

export function makeHost(page: PageClient): Host {
  return {
    async getToken(n, reason) {
      try {
        const token = await page.options.getToken({ reason });
        if (token != null && (typeof token !== "string" || !token)) throw new TypeError("it must return a JWT, or null");
        page.call((client) => client.token(n, token ?? undefined));
      } catch (cause) {
        page.call((client) => client.tokenFailed(n));
        page.report(new TabwireError("token_failed", `getToken failed, will be called again: ${cause}`, { cause }));
      }
    },

    fetchState(n, reason, epoch, head) {
      const { fetchState, stateKey } = page.options;
      // Only when the app replaced its options by others without it: the module keeps asking, with backoff.
      if (!fetchState) return page.call((client) => client.stateFailed(n));
      void page.fetches.start(fetchState, { n, reason, epoch, head }, stateKey !== undefined, {
        fetched: (position, json) => page.call((client) => client.stateFetched(n, position, json)),
        failed: () => page.call((client) => client.stateFailed(n)),
        report: (error) => page.report(error),
      });
    },

    applyState(n, reason, epoch, lastEventId, shared) {
      const fetched = shared === undefined ? page.fetches.take(n) : { state: shared };
      if (fetched) page.dispatch("onState", fetched.state, { reason, position: { epoch, lastEventId } });
    },

    refreshed(reason, epoch, at) {
      page.dispatch("onState", undefined, { reason, position: { epoch, lastEventId: at } });
    },

    deliver(events) {
      page.dispatch("onBatch", events);
      for (const event of events) page.dispatch(`on ${event.type}`, event);
    },

    settled: (...args) => page.commands.settled(...args),

    status(state, role, reason, retryAt, userId, shopId, modules) {
      page.setStatus({
        state: state as ConnectionState,
        role,
        reason: reason as StatusReason | undefined,
        retryAt,
        userId,
        shopId,
        modules,
      });
    },

    log: (code) => writeLine(page, code),

    holdsLock(release) {
      page.releaseLock = release;
    },

    lockGone() {
      page.releaseLock = undefined;
    },
  };
}
