// Hazard: hot reload runs an app's modules again, in a page that goes on. A client too many would be a socket too many, or an event
// handled twice.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { lines, order, says, SHOP } from "../harness/examples.mjs";
import { hot } from "../harness/hot.mjs";
import { until } from "../harness/until.mjs";

const REACT = fileURLToPath(new URL("../../../npm/examples/react/", import.meta.url));
const PLAIN = fileURLToPath(new URL("../page/hot/", import.meta.url));

hot("React's Fast Refresh: the socket stays, state stays, and the newest handler has each event once", { source: REACT, main: "main.tsx" }, async (stage) => {
  const pages = [await open(stage), await open(stage)];
  const socket = await onlySocket(stage);
  await order(stage.server, "before");
  await shows(pages, ["before: new"]);
  await rang(pages, 1);

  await stage.edit("app.tsx", { "<h1>Orders</h1>": "<h1>Orders, edited</h1>", ": ${payload.text}": " says ${payload.text}" });
  for (const page of pages) await page.getByRole("heading", { name: "Orders, edited" }).waitFor();
  await order(stage.server, "after");
  await stage.server.publish({ type: "chat_message", scope: { shopId: SHOP }, payload: { text: "hola" } });

  for (const page of pages) await page.getByText("somebody says hola").waitFor();
  await shows(pages, ["before: new", "after: new"]);
  await rang(pages, 2);
  assert.equal(await onlySocket(stage), socket, "the socket is still the first");
  await wereNotReloaded(pages);
});

hot("a module that is replaced gives its handlers back, and the one with the client its client", { source: PLAIN, main: "main.ts" }, async (stage) => {
  const pages = [await open(stage), await open(stage)];
  const socket = await onlySocket(stage);
  await order(stage.server, "first");
  await handled(pages, ["1 by 1"]);

  await stage.edit("main.ts", { "VERSION = 1": "VERSION = 2" });
  for (const page of pages) await says(page, "version 2");
  await order(stage.server, "second");
  await handled(pages, ["1 by 1", "2 by 2"]);
  assert.equal(await onlySocket(stage), socket, "the client was not replaced");

  await stage.edit("wire.ts", { "The app's client": "The app's client, edited" });
  for (const page of pages) await until("the page has another client", () => page.evaluate(() => window.clients === 2));
  for (const page of pages) await says(page, /^open/);
  await order(stage.server, "third");
  await handled(pages, ["1 by 1", "2 by 2", "3 by 2"]);
  for (const page of pages) assert.deepEqual(await lines(page, "orders"), ["first", "second", "third"]);
  await onlySocket(stage);
  await wereNotReloaded(pages);
});

/** A tab of which can be said later that it is the same page. */
async function open({ context, url }) {
  const page = await context.newPage();
  await page.goto(`${url}?user=ana`);
  await says(page, /^open/);
  await page.evaluate(() => {
    window.sinceBefore = true;
  });
  return page;
}

async function wereNotReloaded(pages) {
  for (const page of pages) assert.ok(await page.evaluate(() => window.sinceBefore), "it is the same page");
}

/** The id of the shop's socket, once there is one alone. */
async function onlySocket({ server }) {
  await until("there is one socket", async () => (await server.sessions(SHOP)).length === 1 && (await server.metric("tabwire_connections")) === 1);
  const [{ socketId }] = await server.sessions(SHOP);
  return socketId;
}

/** Waits until the pages have handled exactly these events, in this order. */
async function handled(pages, wanted) {
  for (const page of pages) {
    await until(`handled: ${wanted.join(", ")}`, async () => {
      const all = await page.evaluate(() => window.handled);
      if (all.join() === wanted.join()) return true;
      throw new Error(all.join(", ") || "none");
    });
  }
}

async function shows(pages, wanted) {
  for (const page of pages) {
    await until(`orders: ${wanted.join(", ")}`, async () => {
      const shown = (await lines(page, "orders")).map((line) => line.split("\n")[0].replace(/ ?Ready: .*/, "").trim());
      if (shown.join() === wanted.join()) return true;
      throw new Error(shown.join(", ") || "none");
    });
  }
}

/** Waits until the pages together rang exactly so often. */
function rang(pages, times) {
  return until(`${times} rings`, async () => {
    const counts = await Promise.all(pages.map((page) => page.locator("output").innerText()));
    const heard = counts.reduce((sum, count) => sum + Number(count), 0);
    if (heard === times) return true;
    throw new Error(`${heard}`);
  });
}
