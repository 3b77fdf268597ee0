// What a person does in the demo is shown at once: ahead of its event, in a tab without a network too, and rolled back when it is refused.

import assert from "node:assert/strict";

import { demo, has, isOffline, isOpen, keptThePromise, logIn, number, order, press, tabs } from "../harness/demo.mjs";
import { until } from "../harness/until.mjs";

demo("what is done in the demo shows at once and is matched with its event", {}, async ({ context, url }) => {
  const [first, second] = await tabs(context, url, "ana", 2);
  await first.getByTestId("place-order").click();
  for (const page of [first, second]) await has(page, "order", 1);
  const made = await first.getByTestId("order").getAttribute("data-order");

  await first.getByTestId("cut").click();
  await isOffline(second);
  await second.getByTestId("place-order").click();
  await second.getByTestId("advance").click();
  await second.getByTestId("chat-input").fill("in a moment");
  await second.getByTestId("chat-send").click();
  await has(second, "pending", 1);
  await has(second, "chat-pending", 1);
  await second.locator(`[data-order="${made}"][data-status=preparing][data-pending=changed]`).waitFor();
  // Where it was not done, nothing is seen of it yet.
  assert.equal(await first.locator(`[data-order="${made}"]`).getAttribute("data-status"), "new");

  for (const page of [first, second]) {
    await isOpen(page);
    await has(page, "order", 2);
    await page.locator(`[data-order="${made}"][data-status=preparing]:not([data-pending])`).waitFor();
    await has(page, "chat-line", 1);
    for (const waiting of ["pending", "chat-pending"]) await has(page, waiting, 0);
    assert.equal(await number(page, "order-count"), 2);
  }
  await keptThePromise(first, second);
});

demo("what the server refuses is shown, rolled back, and said to be refused", {}, async ({ context, url }) => {
  const page = await logIn(context, url, "ana");
  // With nothing to cancel, an order is placed first.
  await page.getByTestId("refused").click();
  const toast = page.locator("[data-testid=toast][data-kind=bad]");
  await toast.getByText(/refused and rolled back \(forbidden/).waitFor();
  await has(page, "order", 1);
  await page.getByTestId("refused-note").waitFor();

  // While the network is cut the roll-back waits: what is ahead of it stands on the board.
  await toast.getByRole("button").click();
  await has(page, "toast", 0);
  await page.getByTestId("cut").click();
  await isOffline(page);
  await page.getByTestId("refused").click();
  await page.locator("[data-testid=order][data-pending=cancelled]").waitFor();
  await isOpen(page);
  await toast.getByText(/refused and rolled back/).waitFor();
  await page.locator("[data-testid=order]:not([data-pending])").waitFor();
  assert.equal(await number(page, "order-count"), 1);
  assert.equal(await number(page, "inspect-outbox"), 0);
});

demo("a tab that is opened without a network shows what was last seen, takes orders, and goes on from there", {}, async ({ server, context, url }) => {
  const first = await logIn(context, url, "ana");
  for (const id of ["kept-1", "kept-2"]) await order(server, id);
  await has(first, "order", 2);
  await until("the shop is kept", () => first.evaluate(() => localStorage["tabwire-demo:shop:ana@northside"]?.includes("kept-2")));

  await first.getByTestId("cut").click();
  const second = await press(first, "open-tab");
  await isOffline(second);
  await has(second, "order", 2);
  await second.getByText("You see the shop as of event #2.", { exact: false }).waitFor();
  await second.getByTestId("place-order").click();
  await has(second, "pending", 1);
  await order(server, "meanwhile");

  for (const page of [first, second]) {
    await isOpen(page);
    await has(page, "order", 4);
    await has(page, "pending", 0);
    // Each is drawn in a frame of its own.
    await until("its cursor is there", async () => (await number(page, "cursor")) === 4);
  }
  assert.equal(await number(second, "received"), 2, "it went on from its cursor");
  assert.equal(await number(second, "inspect-refreshes"), 0, "and fetched nothing");
  await keptThePromise(first, second);
});

demo("a tab without a network that was never here before says so, and has the shop when there is one", {}, async ({ server, context, url }) => {
  await order(server, "there");
  const first = await logIn(context, url, "ana");
  await first.getByTestId("cut").click();
  const stranger = await press(first, "other-user");
  await isOffline(stranger);
  await stranger.getByText("There is nothing to show yet.", { exact: false }).waitFor();
  await isOpen(stranger);
  await has(stranger, "order", 1);
});

demo("a tab that is opened while the server is down shows what was last seen, and goes live when there is one", { tells: true }, async ({ server, context, url }) => {
  const first = await logIn(context, url, "ana");
  await order(server, "kept");
  await has(first, "order", 1);
  await until("the shop is kept", () => first.evaluate(() => localStorage["tabwire-demo:shop:ana@northside"]?.includes("kept")));
  const asset = () => caches.open("tabwire-demo-files").then((files) => files.keys()).then((keys) => keys.some(({ url }) => url.includes("charts-")));
  await until("the page is kept", () => first.evaluate(asset));

  await server.kill();
  await isOffline(first);
  const second = await press(first, "open-tab");
  await isOffline(second);
  await second.locator("[data-order=kept]").waitFor();
  await second.locator(".plot canvas").first().waitFor();
  await second.getByTestId("place-order").click();
  await has(second, "pending", 1);

  // Its log was in memory: the order that was kept is gone with it, the one that waited is there.
  await server.startAgain();
  for (const page of [first, second]) {
    await page.locator("[data-order=kept]").waitFor({ state: "detached" });
    await isOpen(page);
    await has(page, "order", 1);
    await has(page, "pending", 0);
  }
});
