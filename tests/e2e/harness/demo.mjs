// The demo as a person uses it: the built pages, served by the server, and a console that stays empty.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { played } from "./played.mjs";
import { until } from "./until.mjs";

export const SITE = process.env.TABWIRE_SITE ?? fileURLToPath(new URL("../../../www/dist", import.meta.url));
export const SHOP = "northside";

/** A test where nobody is logged in. `play` gets `{server, context, url}`; the options are those of `played`, and the `path` of the page. */
export function demo(sentence, { path = "", ...options } = {}, play) {
  played(sentence, { site: SITE, ...options }, ({ server, context }) => play({ server, context, url: server.url + path }));
}

/** A new tab, where a person logs in by the form. */
export async function logIn(context, url, name) {
  const page = await context.newPage();
  await page.goto(url);
  await page.getByTestId("login-name").fill(name);
  await page.getByTestId(`login-shop-${SHOP}`).check();
  await page.getByTestId("login").click();
  await isOpen(page);
  return page;
}

/** Tabs of one user: the first, which leads, and those that are opened from it. */
export async function tabs(context, url, name, count) {
  const all = [await logIn(context, url, name)];
  while (all.length < count) {
    const page = await press(all[0], "open-tab");
    await isOpen(page);
    all.push(page);
  }
  for (const page of all) await shows(page, `${count} tabs, 1 WebSocket`);
  return all;
}

/** Presses a button that opens a tab, which is returned. */
export async function press(page, testid) {
  const [opened] = await Promise.all([page.context().waitForEvent("page"), page.getByTestId(testid).click()]);
  return opened;
}

export function isOpen(page) {
  return page.locator("[data-testid=state][data-state=open]").waitFor();
}

export function isStopped(page, reason) {
  return page.locator(`[data-testid=state][data-state=stopped][data-reason=${reason}]`).waitFor();
}

export function isOffline(page) {
  return page.locator("[data-testid=situation][data-look=offline]").waitFor();
}

export function role(page) {
  return page.getByTestId("role").textContent();
}

export function leads(page) {
  return until("it leads", async () => (await role(page)) === "leader");
}

export function shows(page, text) {
  return page.getByText(text, { exact: true }).first().waitFor();
}

export function has(page, testid, count) {
  return until(`${count} × ${testid}`, async () => (await page.getByTestId(testid).count()) === count);
}

/** What a page shows as a number, `#` or not. */
export async function number(page, testid) {
  return Number((await page.getByTestId(testid).textContent()).replace("#", ""));
}

export function counts(page, testid, count) {
  return until(`${testid} is ${count}`, async () => (await number(page, testid)) === count);
}

/** The promise, as each tab counts it. */
export async function keptThePromise(...pages) {
  for (const page of pages) {
    assert.equal(await number(page, "missing"), 0, "no event is missing");
    assert.equal(await number(page, "out-of-order"), 0, "none came twice or out of order");
  }
}

/** How many marks of a kind the timeline of `page` has for a tab. */
export function marks(page, tab, kind) {
  return page.locator(`[data-testid=timeline-table] [data-tab="${tab}"] [data-kind=${kind}]`).textContent().then(Number);
}

export function name(page) {
  return page.getByTestId("tab-id").textContent();
}

export async function hasSessions(server, count) {
  await until(`the server has ${count} sockets`, async () => {
    const listed = (await server.sessions(SHOP)).length;
    return listed === count && (await server.metric("tabwire_connections")) === count;
  });
}

export function order(server, orderId) {
  const payload = { orderId, customer: "Ana", item: "Rye bread", total: 4.2 };
  return server.publish({ type: "order_created", scope: { shopId: SHOP }, payload });
}
