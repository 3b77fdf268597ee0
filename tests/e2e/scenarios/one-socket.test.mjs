// Hazard: every tab opening a socket of its own.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";
import { until } from "../harness/until.mjs";

scenario("three tabs of a user share one socket", { handOver: "never" }, async (stage) => {
  const tabs = await stage.tabs(3);

  await stage.sockets(1);
  await stage.leader(tabs);
  const opened = await Promise.all(tabs.map((tab) => tab.socketsOpened()));
  assert.deepEqual(opened, [1, 0, 0], "sockets opened per tab");
});

scenario("every tab shows the same orders, whoever made them", {}, async (stage) => {
  const tabs = await stage.tabs(3);
  const [leader, follower] = tabs;

  const { id: first } = await stage.order("from-back-end");
  await leader.send("order_created", { orderId: "from-leader", customer: "Ana", item: "pan", total: 3 });
  await follower.send("order_created", { orderId: "from-follower", customer: "Luis", item: "café", total: 2 });
  await follower.send("order_updated", { orderId: "from-back-end", status: "paid" });

  for (const tab of tabs) {
    await stage.delivered(tab, [first, first + 1, first + 2, first + 3]);
    assert.deepEqual(await tab.orders(), ["from-back-end paid", "from-leader new", "from-follower new"]);
  }
});

scenario("a tab opened later gets the state, then the events after it", { handOver: "never" }, async (stage) => {
  await stage.tab();
  await stage.orders("before", 3);

  const late = await stage.tab();
  const { id } = await stage.order("after");

  await stage.delivered(late, [id]);
  assert.deepEqual(await late.orders(), ["before0 new", "before1 new", "before2 new", "after new"]);
  assert.equal(await late.socketsOpened(), 0);
});

scenario("two users of one browser have a socket each and see their own shop only", {}, async (stage) => {
  const ana = await stage.tabs(2, { user: "ana" });
  const luis = await stage.tabs(2, { user: "luis", shop: "s_2" });

  const { id: ours } = await stage.order("ours");
  const { id: theirs } = await stage.order("theirs", { shop: "s_2" });

  for (const tab of ana) await stage.delivered(tab, [ours]);
  for (const tab of luis) await stage.delivered(tab, [theirs]);
  await until("two sockets are open", async () => (await stage.server.metric("tabwire_connections")) === 2);
});

scenario("an event addressed to one user reaches that user's tabs and moves on the others unseen", {}, async (stage) => {
  const ana = await stage.tab({ user: "ana" });
  const luis = await stage.tab({ user: "luis" });

  const { id } = await stage.order("for-ana", { userIds: ["ana"] });
  const { id: last } = await stage.order("for-all");

  await stage.delivered(ana, [id, last]);
  await stage.delivered(luis, [last]);
});

scenario("the socket closes when the last tab has gone", {}, async (stage) => {
  const tabs = await stage.tabs(2);
  for (const tab of tabs) await tab.close();

  await stage.sockets(0);
  await until("the metric of sessions agrees", async () => (await stage.server.metric("tabwire_sessions")) === 0);
});
