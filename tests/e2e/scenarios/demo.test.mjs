// The demo's shop in several tabs: orders, chat, the network cut, the leading tab closed, logged out.

import assert from "node:assert/strict";

import { demo, has, hasSessions, isOpen, keptThePromise, leads, logIn, marks, name, number, order, press, role, shows, tabs } from "../harness/demo.mjs";
import { until } from "../harness/until.mjs";

demo("the demo: three tabs, orders, chat, the network cut, the leading tab closed, logged out", {}, async ({ server, context, url }) => {
  const [first, second] = await tabs(context, url, "ana", 2);
  const third = await context.newPage();
  await third.goto(url); // it joins the user of the others
  await isOpen(third);
  const all = [first, second, third];
  for (const page of all) await shows(page, "3 tabs, 1 WebSocket");
  assert.deepEqual(await Promise.all(all.map(role)), ["leader", "follower", "follower"]);
  await hasSessions(server, 1);
  assert.match(await first.title(), /^★ \w{4} leads/);
  assert.match(await second.title(), /^\w{4} follows/);

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
  for (const page of all) {
    await until("the picture and the timeline show each tab at the same number", async () => {
      const at = await number(page, "cursor");
      const shown = await page.locator("[data-testid=tab] .at").allTextContents();
      const received = await Promise.all(all.map(async (tab) => marks(page, await name(tab), "received")));
      return at === 4 && shown.every((text) => text === "#4") && received.every((count) => count === 4);
    });
    assert.match(await page.getByTestId("latency-published").textContent(), / ms$/);
  }
  assert.match(await second.getByTestId("latency-own").textContent(), / ms$/);

  await third.getByTestId("cut").click();
  for (const page of all) await page.locator("[data-testid=state][data-state=reconnecting]").waitFor();
  await third.getByTestId("place-order").click();
  await has(third, "pending", 1);
  await order(server, "made-meanwhile");
  for (const page of all) {
    await isOpen(page);
    await has(page, "order", 4);
    await page.locator("[data-order=made-meanwhile]").waitFor();
    await until("it is drawn as replayed", async () => (await marks(page, await name(page), "replayed")) > 0);
  }
  await has(third, "pending", 0);

  // A person has opened this one, so it may only leave the group.
  await third.getByTestId("close-leader").click();
  await first.getByTestId("left").waitFor();
  await leads(second);
  // This one was opened by the demo.
  const closed = second.waitForEvent("close");
  await third.getByTestId("close-leader").click();
  await closed;
  await leads(third);
  await first.getByTestId("rejoin").click();
  await isOpen(first);
  assert.equal(await role(first), "follower");
  await order(server, "made-after");
  for (const page of [first, third]) {
    await page.locator("[data-order=made-after]").waitFor();
    assert.equal(await page.getByTestId("order-count").textContent(), "5");
  }
  await keptThePromise(first, third);
  await hasSessions(server, 1);

  await first.getByTestId("logout").click();
  for (const page of [first, third]) await page.getByTestId("login").waitFor();
  await until("nobody is connected", async () => (await server.metric("tabwire_connections")) === 0);
  const kept = () => Object.keys(localStorage).filter((key) => key.startsWith("tabwire-demo:shop:"));
  assert.deepEqual(await first.evaluate(kept), [], "nothing is left of the shop");
});

const UNDER = { flags: ["--base-path", "/shop/realtime"], path: "/shop/realtime" }; // the slash at its end is the server's matter

demo("the demo under a path of its own finds everything beside its page", UNDER, async ({ context, url }) => {
  const page = await logIn(context, url, "ana");
  await page.getByTestId("place-order").click();
  await has(page, "order", 1);
  await page.getByTestId("restart").click();
  await has(page, "order", 0);
  const second = await press(page, "open-tab");
  await isOpen(second);
  await second.getByTestId("place-order").click();
  await has(page, "order", 1);
});
