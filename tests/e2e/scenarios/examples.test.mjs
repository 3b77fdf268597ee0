// The package's entries with the real client against a real server, as the example apps use them.

import assert from "node:assert/strict";

import { example, lines, open, order, says, SHOP } from "../harness/examples.mjs";
import { until } from "../harness/until.mjs";

for (const react of [19, 18]) {
  example(`React ${react} in StrictMode: two tabs, one socket, each event once`, { name: "react", react }, async (stage) => {
    const first = await open(stage, { state: "open, leader" });
    const second = await open(stage, { state: "open, follower" });
    await shows([first, second], "orders", []);
    const [socket] = await stage.server.sessions(SHOP);

    await second.getByRole("button", { name: "Order" }).click();
    await shows([first, second], "orders", ["ana: new"]); // or the next one might come before it
    await order(stage.server, "Bo");
    await shows([first, second], "orders", ["ana: new", "Bo: new"]);
    await first.getByRole("button", { name: "Ready: Bo" }).click();
    await shows([first, second], "orders", ["ana: new", "Bo: ready"]);

    // Each ring renders the provider again, with options made anew.
    await rang([first, second], 2);
    const sessions = await stage.server.sessions(SHOP);
    assert.deepEqual(sessions.map(({ socketId }) => socketId), [socket.socketId], "the socket is still the first");
    assert.equal(await stage.server.metric("tabwire_connections"), 1);

    await second.getByRole("button", { name: "Log out" }).click();
    for (const page of [first, second]) await says(page, "stopped, none, logged_out");
    await until("nobody is connected", async () => (await stage.server.metric("tabwire_connections")) === 0);
  });
}

for (const react of [19, 18]) {
  example(`React ${react}: a page that a server has rendered is taken over`, { name: "react", react, rendered: true }, async (stage) => {
    const page = await stage.context.newPage();
    const response = await page.goto(`${stage.server.url}/?user=ana`);
    assert.match(await response.text(), /role="status">idle/);
    await says(page, "open, leader");
    await order(stage.server, "Bo");
    await shows([page], "orders", ["Bo: new"]);
  });
}

for (const react of [19, 18]) {
  example(`React ${react}: a provider that comes back at once keeps the socket; one that goes gives it up, and begins anew`, { name: "remount", react }, async (stage) => {
    const page = await open(stage);
    const [socket] = await stage.server.sessions(SHOP);
    const { id: first } = await order(stage.server, "first");
    await shows([page], "orders", ["first: new"]);

    // Faster than the client is given up: nobody sees that it was away.
    await page.evaluate(async () => {
      const button = document.querySelector("button");
      button.click();
      while (button.textContent !== "Show") await new Promise((rendered) => setTimeout(rendered));
      button.click();
    });
    await says(page, /^open/);
    const { id: second } = await order(stage.server, "second");
    await shows([page], "orders", ["first: new", "second: new"]);
    assert.deepEqual((await stage.server.sessions(SHOP)).map(({ socketId }) => socketId), [socket.socketId], "the socket is still the first");

    await page.getByRole("button", { name: "Hide" }).click();
    await until("nobody is connected", async () => (await stage.server.metric("tabwire_connections")) === 0);
    await order(stage.server, "unseen");
    await page.getByRole("button", { name: "Show" }).click();
    await shows([page], "orders", ["first: new", "second: new", "unseen: new"]);
    const { id: third } = await order(stage.server, "third");
    await shows([page], "orders", ["first: new", "second: new", "unseen: new", "third: new"]);
    assert.deepEqual(await page.evaluate(() => window.handled), [first, second, third], "each once, and none of when it was away");
    assert.equal((await stage.server.sessions(SHOP)).length, 1);
  });
}

example("React: the bell rings in one tab, also when the leading tab is closed", { name: "react" }, async (stage) => {
  const pages = [await open(stage), await open(stage), await open(stage)];
  await order(stage.server, "first");
  await rang(pages, 1);
  const [leader, ...others] = pages;
  await says(leader, "open, leader");
  const before = await bells(others);
  await leader.close();
  await order(stage.server, "second");
  await shows(others, "orders", ["first: new", "second: new"]);
  await rang(others, before + 1);

  // What one tab has stored the other hears of a little later than of a lock that is free.
  const customers = Array.from({ length: 40 }, (_, n) => `customer ${n}`);
  for (const customer of customers) await order(stage.server, customer);
  await shows(others, "orders", ["first", "second", ...customers].map((customer) => `${customer}: new`));
  await rang(others, before + 1 + customers.length);
});

example("Zustand: a page goes on from the cursor that was stored with its state, and fetches nothing", { name: "zustand" }, async (stage) => {
  const first = await open(stage);
  const second = await open(stage);
  await order(stage.server, "Ada");
  await first.getByRole("button", { name: "Order" }).click();
  await shows([first, second], "orders", ["Ada: new", "ana: new"]);

  await first.close();
  await second.goto("about:blank");
  await until("nobody is connected", async () => (await stage.server.metric("tabwire_connections")) === 0);
  await order(stage.server, "Bo");
  await second.goto(`${stage.server.url}/?user=ana`);
  await says(second, "open, leader");
  await shows([second], "orders", ["Ada: new", "ana: new", "Bo: new"]);
  assert.equal(await second.getByRole("main").locator("output").innerText(), "0", "it has fetched no state");
});

example("Zustand: what was missed is one change of the store, and comes once", { name: "zustand" }, async (stage) => {
  const page = await open(stage);
  await order(stage.server, "Ada");
  await shows([page], "orders", ["Ada: new"]);
  await page.goto("about:blank");
  await until("nobody is connected", async () => (await stage.server.metric("tabwire_connections")) === 0);

  const missed = Array.from({ length: 50 }, (_, n) => `missed ${n}`);
  for (const customer of missed) await order(stage.server, customer);
  // The store is written whenever it has changed.
  await page.addInitScript(() => {
    window.stored = [];
    const { setItem } = Storage.prototype;
    Storage.prototype.setItem = function (key, value) {
      if (key.startsWith("shop of ")) window.stored.push(JSON.parse(value).state.orders.length);
      return setItem.call(this, key, value);
    };
  });
  await page.goto(`${stage.server.url}/?user=ana`);
  await shows([page], "orders", ["Ada", ...missed].map((customer) => `${customer}: new`));
  const stored = await page.evaluate(() => window.stored);
  assert.deepEqual(stored.filter((length) => length > 1), [51], `from one order to all, at once: ${stored}`);
});

example("Zustand's middleware: one change of the store for each delivery, inside other middlewares", { name: "middleware" }, async (stage) => {
  const pages = [await open(stage), await open(stage)];
  const customers = Array.from({ length: 120 }, (_, n) => `customer ${n}`);
  const events = customers.map((customer) => ({ type: "order_created", scope: { shopId: SHOP }, payload: { orderId: customer, customer } }));
  await stage.server.publish(events.slice(0, 100));
  for (const event of events.slice(100)) await stage.server.publish(event);
  await shows(pages, "orders", customers.map((customer) => `${customer}: new`));
  for (const page of pages) {
    const { events, batches, states, changes } = await page.evaluate(() => window.counts);
    assert.equal(events, customers.length, "each event once");
    assert.equal(changes, batches + states, "one change for each delivery, and for the state");
  }
});

example("Redux Toolkit: actions in the order of the events, and a stream into RTK Query's cache", { name: "redux" }, async (stage) => {
  const first = await open(stage);
  const second = await open(stage);
  await second.getByLabel("Say").fill("hola");
  await second.getByRole("button", { name: "Send" }).click();
  await shows([first, second], "chat", ["ana: hola"]);

  const customers = Array.from({ length: 100 }, (_, n) => `customer ${n}`);
  const events = customers.map((customer) => ({ type: "order_created", scope: { shopId: SHOP }, payload: { orderId: customer, customer } }));
  await stage.server.publish(events);
  await shows([first, second], "orders", customers.map((customer) => `${customer}: new`));

  // Another log: the cache is fetched again.
  const token = stage.server.token({ userId: "ana", shopId: SHOP });
  await fetch(`${stage.server.url}/demo/restart`, { method: "POST", headers: { authorization: `Bearer ${token}` } });
  await shows([first, second], "chat", []);
  await shows([first, second], "orders", []);
  await first.getByLabel("Say").fill("again");
  await first.getByRole("button", { name: "Send" }).click();
  await shows([first, second], "chat", ["ana: again"]);
});

/** Waits until all pages list exactly this, in this order. */
async function shows(pages, label, wanted) {
  for (const page of pages) {
    await until(`${label}: ${wanted.join(", ") || "none"}`, async () => {
      const shown = (await lines(page, label)).map((line) => line.split("\n")[0].trim().replace(/ ?Ready: .*/, ""));
      if (JSON.stringify(shown) === JSON.stringify(wanted)) return true;
      throw new Error(shown.join(", ") || "none");
    });
  }
}

async function bells(pages) {
  const counts = await Promise.all(pages.map((page) => page.locator("output").innerText()));
  return counts.reduce((sum, count) => sum + Number(count), 0);
}

/** Waits until the pages together rang exactly so often. */
function rang(pages, times) {
  return until(`${times} rings`, async () => {
    const heard = await bells(pages);
    if (heard === times) return true;
    throw new Error(`${heard}`);
  });
}
