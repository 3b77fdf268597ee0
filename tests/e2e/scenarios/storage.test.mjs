// Hazard: the browser keeps nothing for the page. Storage throws, and so may locks and channels.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";

const browser = { blocksStorage: true };

scenario("where nothing may be stored a tab works alone", { browser }, async (stage) => {
  const tab = await stage.tab();
  const lacks = await lacking(tab);
  stage.tell(`does not work here: ${lacks.join(", ")}`);
  assert.ok(lacks.includes("localStorage"), "nothing may be stored");

  const { id } = await stage.order("from-back-end");
  const { eventId } = await tab.send("order_created", { orderId: "from-tab", customer: "Ana", item: "pan", total: 3 });
  await stage.delivered(tab, [id, eventId]);
  assert.deepEqual(await tab.orders(), ["from-back-end new", "from-tab new"]);
  assert.equal((await tab.status()).role, lacks.includes("BroadcastChannel") ? "solo" : "leader");
  await stage.sockets(1);
});

scenario("where nothing may be stored two tabs share a socket if they can talk, else a person decides which has it", { browser }, async (stage) => {
  const first = await stage.tab();
  const second = await stage.tab();
  if (!(await lacking(first)).includes("BroadcastChannel")) {
    const { id } = await stage.order("for-both");
    for (const tab of [first, second]) await stage.delivered(tab, [id]);
    return stage.sockets(1);
  }

  // Nothing tells the server, or the tabs, that they are one browser.
  await first.hasStopped("replaced");
  const { id } = await stage.order("for-the-second");
  await stage.delivered(second, [id]);
  await first.reconnect();
  await second.hasStopped("replaced");
  const { id: next } = await stage.order("for-the-first");
  await stage.delivered(first, [id, next]);
  await stage.sockets(1);
});

/** What throws, rejects or is missing in this page. */
function lacking(tab) {
  return tab.evaluate(async () => {
    const tries = {
      localStorage: () => localStorage.getItem(""),
      BroadcastChannel: () => new BroadcastChannel("e2e").close(),
      locks: () => navigator.locks.request("e2e", () => {}),
    };
    const tried = Object.entries(tries).map(([what, use]) => Promise.resolve().then(use).then(() => [], () => [what]));
    return (await Promise.all(tried)).flat();
  });
}
