// A scenario: what must be true of one app, with a server and a browser of its own.

import { after, before, describe, test } from "node:test";

import { Server } from "../../e2e/harness/server.mjs";
import { App } from "./app.mjs";
import { launch } from "./visit.mjs";

const INSTALLED_WITHIN_MS = 300_000;
const TAKES_MS_MAX = 240_000;

/** Installs the app once for the sentences that `scenarios` says of it: each a function of `{ app, browser, serve }`. */
export function installed(name, scenarios) {
  describe(name, { concurrency: 1 }, () => {
    let app;
    let browser;
    before(
      async () => {
        app = await App.install(name);
        browser = await launch();
      },
      { timeout: INSTALLED_WITHIN_MS },
    );
    after(async () => {
      await browser?.close();
      await app?.remove();
    });
    for (const [sentence, run] of Object.entries(scenarios)) {
      test(`${name}: ${sentence}`, { timeout: TAKES_MS_MAX }, async () => {
        const servers = [];
        const serve = async (...flags) => {
          servers.push(await Server.start({ flags }));
          return servers.at(-1);
        };
        try {
          await run({ app, browser, serve });
        } finally {
          await app.stop();
          for (const server of servers) await server.kill();
        }
      });
    }
  });
}
