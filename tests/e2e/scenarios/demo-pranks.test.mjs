// What a visitor of the demo may do to the tabs and to the shop, and what each button promises.

import assert from "node:assert/strict";

import { counts, demo, has, hasSessions, isOpen, keptThePromise, leads, marks, name, number, order, role, tabs } from "../harness/demo.mjs";
import { until } from "../harness/until.mjs";

demo("the leading tab of the demo hangs: it is seen to be silent, another leads, and it catches up", {}, async ({ server, context, url }) => {
  const all = await tabs(context, url, "ana", 3);
  const [first, second, third] = all;
  await leads(first);
  const hung = await name(first);
  await second.getByTestId("hang-leader").click();
  await third.locator(`[data-testid=tab][data-tab="${hung}"][data-trouble=silent]`).waitFor();
  await order(server, "made-meanwhile");
  await until("another leads", async () => (await Promise.all([second, third].map(role))).includes("leader"));
  for (const page of all) await page.locator("[data-order=made-meanwhile]").waitFor();
  await until("it follows", async () => (await role(first)) === "follower");
  await third.locator(`[data-testid=tab][data-tab="${hung}"]:not([data-trouble])`).waitFor();
  await order(server, "made-after");
  for (const page of all) await page.locator("[data-order=made-after]").waitFor();
  await keptThePromise(...all);
  await hasSessions(server, 1);
});

demo("a thousand events reach each tab of the demo once and in order", {}, async ({ context, url }) => {
  const all = await tabs(context, url, "ana", 3);
  for (const page of all) await page.evaluate(countDrawings);
  await all[1].getByTestId("rush").click();
  for (const page of all) {
    await counts(page, "received", 1_000);
    assert.equal(await number(page, "cursor"), 1_000);
    assert.equal(await number(page, "head"), 1_000);
    await has(page, "order", 20);
    const { drawings, frames } = await page.evaluate("counted");
    assert.equal(drawings > 0 && drawings <= frames, true, `the board was drawn ${drawings} times in ${frames} frames`);
  }
  await keptThePromise(...all);
  for (const status of ["new", "preparing", "ready", "delivered"]) {
    await all[2].locator(`[data-testid=order][data-status=${status}]`).first().waitFor();
  }
});

demo("a restarted log is a new epoch that every tab of the demo refreshes for", {}, async ({ context, url }) => {
  const all = await tabs(context, url, "ana", 3);
  const epoch = (page) => page.getByTestId("epoch").textContent();
  await all[0].getByTestId("place-order").click();
  for (const page of all) await has(page, "order", 1);
  const before = await epoch(all[0]);

  await all[2].getByTestId("restart").click();
  for (const page of all) {
    await has(page, "order", 0);
    await until("its epoch is another one", async () => (await epoch(page)) !== before);
    await isOpen(page);
    for (const tab of all) {
      const id = await name(tab);
      await until("each row of the timeline has a refresh", async () => (await marks(page, id, "refresh")) > 0);
    }
  }
  assert.equal(new Set(await Promise.all(all.map(epoch))).size, 1, "all are of the same epoch");
  await all[1].getByTestId("place-order").click();
  for (const page of all) await has(page, "order", 1);
  await keptThePromise(...all);
});

/** In the page: how often the board changes, and how many frames there were for it. What changes within a frame is told at once. */
function countDrawings() {
  globalThis.counted = { drawings: 0, frames: 0 };
  requestAnimationFrame(function next() {
    counted.frames += 1;
    requestAnimationFrame(next);
  });
  const board = document.querySelector("[data-testid=orders]");
  new MutationObserver(() => (counted.drawings += 1)).observe(board, { subtree: true, childList: true, attributes: true });
}
