// A tab of the demo that its browser freezes. Playwright's own browser shows every tab, and a tab that is shown is never frozen: so this
// one is started as a person starts it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { order, SHOP, SITE } from "../harness/demo.mjs";
import { engine } from "../harness/engines/index.mjs";
import { note } from "../harness/notes.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";

const SENTENCE = "the demo shows that a tab is frozen, and that it goes on when it is thawed";
const skip = engine.name !== "chromium" && "only Chromium can be told to freeze a tab";
if (skip) note({ engine: engine.name, skipped: SENTENCE, because: skip });

test(`${engine.name}: ${SENTENCE}`, { timeout: 60_000, skip }, async () => {
  const server = await Server.start({ flags: ["--static", SITE] });
  const browser = await engine.launch();
  try {
    const url = `${server.url}/?user=ana@${SHOP}&shop=${SHOP}`;
    const shows = (page, what, selector) => until(what, () => page.evaluate(`!!document.querySelector(${JSON.stringify(selector)})`));
    const open = async () => {
      const page = await browser.open(url);
      await shows(page, "it is open", "[data-testid=state][data-state=open]");
      return page;
    };
    const first = await open();
    const second = await open();
    const id = await first.evaluate("document.querySelector('[data-testid=tab-id]').textContent");
    const tab = `[data-testid=tab][data-tab="${id}"]`;
    await shows(second, "the first leads", `${tab}[data-role=leader]:not([data-trouble])`);
    assert.equal(await first.evaluate("document.visibilityState"), "hidden");

    await first.freeze();
    await shows(second, "the first is frozen", `${tab}[data-trouble=frozen]`);
    await until("the second leads", () => second.evaluate("document.querySelector('[data-testid=role]').textContent === 'leader'"));
    await order(server, "meanwhile");
    await shows(second, "the order is there", "[data-order=meanwhile]");

    await first.thaw();
    await shows(first, "the order came when it was thawed", "[data-order=meanwhile]");
    await shows(second, "the first follows", `${tab}[data-role=follower]:not([data-trouble])`);
  } finally {
    await browser.close();
    await server.kill();
  }
});
