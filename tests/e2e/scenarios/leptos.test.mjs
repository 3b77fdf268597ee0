// A front end in Rust: the order board in examples/leptos, in two tabs that share one socket, with an empty console, and for
// everybody to use.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { played } from "../harness/played.mjs";
import { until } from "../harness/until.mjs";

const BOARD = process.env.TABWIRE_LEPTOS ?? fileURLToPath(new URL("../../../examples/leptos/dist", import.meta.url));
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Who logs in without a shop. */
const SHOP = "s_1";
const SENTENCE = "the board in Leptos: two tabs, one socket, the same orders, also when the first is closed or the server starts again";

played(SENTENCE, { site: BOARD }, ({ server, context, said }) => play(context, server, said));

async function play(context, server, said) {
  await order(server, "before");
  const first = await context.newPage();
  await first.goto(server.url);
  await isOpen(first);
  await first.getByText("this tab holds the connection of all").waitFor();
  await shows([first], ["before"]);

  const second = await context.newPage();
  await second.goto(server.url);
  await isOpen(second);
  await second.getByText("another tab holds the connection").waitFor();
  await hasOneSession(server);

  await order(server, "made");
  await shows([first, second], ["made", "before"]);
  for (const page of [second, first]) await page.getByRole("button", { name: "Place an order" }).click();
  await until("both have both", async () => {
    const [here, there] = await Promise.all([orders(first), orders(second)]);
    return here.length === 4 && here.join() === there.join();
  });
  await isFine(first);

  await first.close();
  await second.getByText("this tab holds the connection of all").waitFor();
  await order(server, "after");
  await until("it goes on", async () => (await orders(second))[0] === "after");
  assert.equal((await orders(second)).length, 5);
  await hasOneSession(server);

  // Its log is in memory: the state is fetched anew, and it is empty.
  await server.kill();
  await second.locator("[role=status][data-state=Reconnecting]").waitFor();
  await server.startAgain();
  await isOpen(second);
  await shows([second], []);
  await order(server, "anew");
  await shows([second], ["anew"]);
  // The browser says so itself, whoever connects.
  const refused = said.splice(0).filter((line) => !line.includes("ERR_CONNECTION_REFUSED"));
  assert.deepEqual(refused, []);
}

function isOpen(page) {
  return page.locator("[role=status][data-state=Open]").waitFor();
}

/** The ids of the orders, the newest first. */
function orders(page) {
  return page.locator("[data-order]").evaluateAll((items) => items.map((item) => item.dataset.order));
}

async function shows(pages, ids) {
  for (const page of pages) await until(`it shows ${ids}`, async () => (await orders(page)).join() === ids.join());
}

/** axe-core finds nothing, light and dark, on a screen and on a phone. */
async function isFine(page) {
  await page.evaluate(AXE);
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 375]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html)}`), [], `${colorScheme}, ${width} px`);
      const folder = process.env.TABWIRE_E2E_SCREENSHOTS;
      if (folder) await page.screenshot({ path: `${folder}/leptos-${colorScheme}-${width}.png` });
    }
  }
}

async function hasOneSession(server) {
  await until("the server has one socket", async () => {
    const listed = (await server.sessions(SHOP)).length;
    return listed === 1 && (await server.metric("tabwire_connections")) === 1;
  });
}

function order(server, orderId) {
  const payload = { orderId, customer: "Ana", item: "Rye bread", total: 4.2 };
  return server.publish({ type: "order_created", scope: { shopId: SHOP }, payload });
}
