// Hazard: the browser keeps nothing for the page. Storage throws, and so may locks and channels.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";

scenario("where nothing may be stored a tab works alone", { browser: { blocksStorage: true } }, async (stage) => {
  const tab = await stage.tab();
  const lacks = await tab.evaluate(async () => {
    const works = (what, use) => Promise.resolve().then(use).then(() => [], () => [what]);
    const lacks = await Promise.all([
      works("localStorage", () => localStorage.getItem("")),
      works("BroadcastChannel", () => new BroadcastChannel("e2e").close()),
      works("locks", () => navigator.locks.request("e2e", () => {})),
    ]);
    return lacks.flat();
  });
  stage.tell(`does not work here: ${lacks.join(", ")}`);
  assert.ok(lacks.includes("localStorage"), "nothing may be stored");

  const { id } = await stage.order("from-back-end");
  const { eventId } = await tab.send("order_created", { orderId: "from-tab", customer: "Ana", item: "pan", total: 3 });
  await stage.delivered(tab, [id, eventId]);
  assert.deepEqual(await tab.orders(), ["from-back-end new", "from-tab new"]);
  const { role } = await tab.status();
  assert.ok(role === "solo" || role === "leader", `it has its own socket, as ${role}`);
  await stage.sockets(1);
});

scenario("where nothing may be stored the tab opened last is served, and another one when it is shown", { browser: { blocksStorage: true } }, async (stage) => {
  const [first, second] = [await stage.tab(), await stage.tabAsItComes()];
  await second.isOpen();
  const { id } = await stage.order("for-the-second");
  await stage.delivered(second, [id]);

  await first.show();
  const { id: next } = await stage.order("for-the-first");
  await stage.delivered(first, [id, next], { withinMs: 60_000 });
});
