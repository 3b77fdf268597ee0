// A visitor of an app: Chromium, and all that it would tell a person who has the console open.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { chromium } from "playwright-core";

import { find } from "../../e2e/harness/processes.mjs";
import { until } from "../../e2e/harness/until.mjs";

const EXECUTABLE = find(process.env.TABWIRE_CHROMIUM, "chromium", "chromium-browser", "google-chrome-stable", "google-chrome");
// The flags of the browser that runs the client's own tests.
const { args } = JSON.parse(readFileSync(new URL("../../../xtask/webdriver.json", import.meta.url), "utf8"))["goog:chromeOptions"];

export function launch() {
  assert(EXECUTABLE, "there is no chromium");
  return chromium.launch({ executablePath: EXECUTABLE, args });
}

/** Two tabs of the app at `url`: both get what is published, through one socket, and the browser has nothing to complain of. */
export async function worksInTwoTabs(browser, server, url) {
  const context = await browser.newContext();
  const complaints = watch(context);
  try {
    const first = await context.newPage();
    await first.goto(url);
    await shows(first, "open, leader", complaints);
    await receives(server, [first]);

    const second = await context.newPage();
    await second.goto(url);
    await shows(second, "open, follower", complaints);
    await receives(server, [first, second]);

    // Those of an earlier page of the same server may have to end first.
    await until("two tabs have one socket", async () => (await server.metric("tabwire_connections")) === 1);
    assert.deepEqual(complaints, [], "what the browser complained of");
  } finally {
    await context.close();
  }
}

/** Waits until the page says that it is in this status. */
export async function shows(page, status, complaints) {
  const says = () => page.locator("#status").textContent({ timeout: 1_000 });
  await until(`the page says "${status}"`, async () => (await says()) === status).catch((error) => {
    throw new Error(`${error.message}; the browser: ${JSON.stringify(complaints)}`);
  });
}

/** Errors and warnings of the console, what nobody caught, and requests that came to nothing. */
export function watch(context) {
  const complaints = [];
  context.on("console", (message) => {
    const { url } = message.location();
    // The browser asks for one by itself, and these apps have none.
    if (url.endsWith("/favicon.ico")) return;
    if (["error", "warning"].includes(message.type())) complaints.push(`${message.type()}: ${message.text()} (${url})`);
  });
  context.on("weberror", (error) => complaints.push(`uncaught: ${error.error()}`));
  context.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  context.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.url()}: ${response.status()}`);
  });
  return complaints;
}

let published = 0;

/** Publishes an order, and waits until the pages list it. */
export async function receives(server, pages) {
  const orderId = `order-${++published}`;
  await server.publish({ type: "order_created", scope: { shopId: "s_1" }, payload: { orderId, customer: "Ana", item: "Rye bread", total: 4.2 } });
  for (const page of pages) await page.locator("#orders li").getByText(orderId, { exact: true }).waitFor();
}
