// Pages that Playwright plays as a person would, served by a real server in demo mode, with a console that stays empty.

import assert from "node:assert/strict";
import { test } from "node:test";

import { launchForPlaywright } from "./engines/chromium.mjs";
import { engine } from "./engines/index.mjs";
import { note } from "./notes.mjs";
import { Server } from "./server.mjs";

/** What React tells each developer. */
const REACT_SAYS = /^%cDownload the React DevTools/;
const skip = engine.name !== "chromium" && "its pages are played with Playwright, which drives Chromium only here";

/**
 * A test with a server and an empty browser profile. `site` is the folder that is served, or makes it and returns `{folder, remove}`.
 * `play` gets `{server, context, said}`, the last what was said in the consoles so far. Where there is no server
 * to be found for a while, the browser itself `tells` so there.
 */
export function played(sentence, { site, flags = [], tells = false }, play) {
  if (skip) note({ engine: engine.name, skipped: sentence, because: skip });
  test(`${engine.name}: ${sentence}`, { timeout: 120_000, skip }, async () => {
    const { folder, remove } = typeof site === "string" ? { folder: site } : await site();
    const server = await Server.start({ flags: ["--static", folder, ...flags] });
    const browser = await launchForPlaywright();
    try {
      const context = await browser.newContext();
      const said = [];
      context.on("page", (page) => {
        page.on("console", (message) => REACT_SAYS.test(message.text()) || said.push(`${message.type()}: ${message.text()}`));
        page.on("pageerror", (error) => said.push(`uncaught: ${error}`));
      });
      try {
        await play({ server, context, said });
      } catch (error) {
        for (const page of context.pages()) console.error(`a page shows:\n${await page.locator("body").innerText()}`);
        throw error;
      }
      if (!tells) assert.deepEqual(said, [], "the console is empty");
    } finally {
      await browser.close();
      await server.kill();
      await remove?.();
    }
  });
}
