// The demo as a person uses it: the built pages, served by the server, and a console that stays empty.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchForPlaywright } from "../harness/engines/chromium.mjs";
import { engine } from "../harness/engines/index.mjs";
import { note } from "../harness/notes.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";

const SITE = process.env.TABWIRE_SITE ?? fileURLToPath(new URL("../../../www/dist", import.meta.url));
const SHOP = "northside";
const SENTENCE = "the demo: three tabs, orders, chat, the network cut, the leading tab closed, logged out";
const skip = engine.name !== "chromium" && "its pages are played with Playwright, which drives Chromium only here";
if (skip) note({ engine: engine.name, skipped: SENTENCE, because: skip });

test(`${engine.name}: ${SENTENCE}`, { timeout: 120_000, skip }, async () => {
  const server = await Server.start({ flags: ["--static", SITE] });
  const browser = await launchForPlaywright();
  try {
    const context = await browser.newContext();
    const said = [];
    context.on("page", (page) => {
      page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => said.push(`uncaught: ${error}`));
    });
    try {
      await play(context, server);
    } catch (error) {
      for (const page of context.pages()) console.error(`a page shows:\n${await page.locator("#root").innerText()}`);
      throw error;
    }
    assert.deepEqual(said, [], "the console is empty");
  } finally {
    await browser.close();
    await server.kill();
  }
});

const UNDER_A_PATH = "the demo under a path of its own finds everything beside its page";
if (skip) note({ engine: engine.name, skipped: UNDER_A_PATH, because: skip });

test(`${engine.name}: ${UNDER_A_PATH}`, { timeout: 60_000, skip }, async () => {
  const server = await Server.start({ flags: ["--static", SITE, "--base-path", "/shop/realtime"] });
  const browser = await launchForPlaywright();
  try {
    const page = await browser.newPage();
    await page.goto(`${server.url}/shop/realtime`); // the slash at its end is the server's matter
    await page.getByTestId("login-name").fill("ana");
    await page.getByTestId("login").click();
    await isOpen(page);
    await page.getByTestId("place-order").click();
    await has(page, "order", 1);
    const [second] = await Promise.all([page.context().waitForEvent("page"), page.getByTestId("open-tab").click()]);
    await isOpen(second);
    await has(second, "order", 1);
  } finally {
    await browser.close();
    await server.kill();
  }
});

async function play(context, server) {
  const first = await context.newPage();
  await first.goto(server.url);
  await first.getByTestId("login-name").fill("ana");
  await first.getByTestId(`login-shop-${SHOP}`).check();
  await first.getByTestId("login").click();
  await isOpen(first);
  const [second] = await Promise.all([context.waitForEvent("page"), first.getByTestId("open-tab").click()]);
  await isOpen(second);
  const third = await context.newPage();
  await third.goto(server.url); // it joins the user of the others
  await isOpen(third);

  const all = [first, second, third];
  for (const page of all) await shows(page, /^3 tabs, 1 WebSocket$/);
  assert.deepEqual(await Promise.all(all.map(role)), ["leader", "follower", "follower"]);
  await hasOneSession(server);

  await first.getByTestId("place-order").click();
  await third.getByTestId("place-order").click();
  await second.getByTestId("chat-input").fill("hello from a follower");
  await second.getByTestId("chat-send").click();
  for (const page of all) {
    await has(page, "order", 2);
    await page.getByText("hello from a follower", { exact: true }).waitFor();
  }
  await second.getByTestId("advance").first().click();
  for (const page of all) await page.locator("[data-testid=order][data-status=preparing]").waitFor();

  await third.getByTestId("cut").click();
  for (const page of all) await page.locator("[data-testid=state][data-state=reconnecting]").waitFor();
  await third.getByTestId("place-order").click();
  await has(third, "pending", 1);
  await order(server, "made-meanwhile");
  for (const page of all) {
    await isOpen(page);
    await has(page, "order", 4);
    await page.locator("[data-order=made-meanwhile]").waitFor();
  }
  await has(third, "pending", 0);

  // A person has opened this one, so it may only leave the group.
  await third.getByTestId("close-leader").click();
  await first.getByTestId("left").waitFor();
  await until("another tab leads", async () => (await role(second)) === "leader");
  // This one was opened by the demo.
  const closed = second.waitForEvent("close");
  await third.getByTestId("close-leader").click();
  await closed;
  await until("the last tab leads", async () => (await role(third)) === "leader");
  await first.getByTestId("rejoin").click();
  await isOpen(first);
  assert.equal(await role(first), "follower");
  await order(server, "made-after");
  for (const page of [first, third]) {
    await page.locator("[data-order=made-after]").waitFor();
    assert.equal(await page.getByTestId("out-of-order").textContent(), "0");
    assert.equal(await page.getByTestId("order-count").textContent(), "5");
  }
  await hasOneSession(server);

  await first.getByTestId("logout").click();
  for (const page of [first, third]) await page.getByTestId("login").waitFor();
  await until("nobody is connected", async () => (await server.metric("tabwire_connections")) === 0);
}

function isOpen(page) {
  return page.locator("[data-testid=state][data-state=open]").waitFor();
}

function role(page) {
  return page.getByTestId("role").textContent();
}

function shows(page, text) {
  return page.getByText(text).waitFor();
}

function has(page, testid, count) {
  return until(`${count} × ${testid}`, async () => (await page.getByTestId(testid).count()) === count);
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
