// Hazard: the server goes away and comes back without its memory. What it published before cannot be continued.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";
import { until } from "../harness/until.mjs";

for (const [way, end] of [
  ["killed", (server) => server.kill()],
  ["stopped", (server) => server.stop()],
]) {
  scenario(`after the server was ${way} and started again, every tab refreshes once and goes on in the new log`, {}, async (stage) => {
    const tabs = await stage.tabs(3);
    const lost = await stage.orders("lost", 3);
    for (const tab of tabs) await stage.delivered(tab, lost);
    const { epoch: before } = await stage.server.position(stage.shop);

    await end(stage.server);
    for (const tab of tabs) {
      await until("the tab says that it is reconnecting", async () => (await tab.status()).state === "reconnecting");
    }
    await stage.server.startAgain();

    for (const tab of tabs) {
      await until("the tab has refreshed", async () => (await tab.states()).length === 2, { withinMs: 60_000 });
      await tab.isOpen();
      const [, refresh] = await tab.states();
      assert.equal(refresh.reason, "epoch_changed");
    }
    const { id, epoch } = await stage.order("in-the-new-log");
    assert.notEqual(epoch, before);
    assert.ok(id <= lost.at(-1), "the new process knows nothing of the old ids: only the epoch tells them apart");
    for (const tab of tabs) {
      await stage.delivered(tab, [...lost, id]);
      assert.deepEqual(await tab.orders(), ["in-the-new-log new"]);
      const cursor = await tab.cursor();
      assert.equal(cursor.epoch, epoch);
      assert.equal(cursor.lastEventId, id);
      assert.equal((await tab.states()).length, 2, "one refresh, not more");
    }
    await stage.sockets(1);
  });
}

scenario("a tab opened while the server is away opens when it is back", {}, async (stage) => {
  const [first] = await stage.tabs(1);
  await stage.server.kill();

  const opening = stage.tab({ withinMs: 60_000 });
  await until("the first tab has lost its connection", async () => (await first.status()).state === "reconnecting");
  await stage.server.startAgain();
  const second = await opening;
  await first.isOpen({ withinMs: 60_000 });
  // Open, they may still be fetching the new log's state, and a state fetched after the order has it in it.
  const { epoch } = await stage.server.position(stage.shop);
  for (const tab of [first, second]) {
    await until("the tab has the new log's state", async () => (await tab.states()).at(-1)?.position.epoch === epoch);
  }

  const { id } = await stage.order("for-both");
  await stage.delivered(first, [id]);
  await stage.delivered(second, [id]);
  await stage.sockets(1);
});
