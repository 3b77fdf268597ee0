// Hazard: the tab that owns the socket goes away while events keep coming.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";
import { until } from "../harness/until.mjs";

for (const [way, go, needs] of [
  ["is closed", (tab) => tab.close(), []],
  ["is reloaded", (tab) => tab.reload(), []],
  ["goes to another site", (tab) => tab.leave(), []],
  ["crashes", (tab) => tab.crash(), ["crash"]],
]) {
  scenario(`when the leading tab ${way}, another leads and no event is missing or doubled`, { needs, handOver: "never" }, async (stage) => {
    const tabs = await stage.tabs(3);
    const leader = await stage.leader(tabs);
    const others = tabs.filter((tab) => tab !== leader);
    const before = await stage.orders("before", 5);
    for (const tab of tabs) await stage.delivered(tab, before);

    const since = stage.now();
    const [meanwhile] = await Promise.all([stage.ordersOneByOne("meanwhile", 50), go(leader)]);
    const next = await stage.leader(others);
    const after = await stage.orders("after", 5);

    for (const tab of others) {
      await stage.delivered(tab, [...before, ...meanwhile, ...after]);
      assert.equal((await tab.states()).length, 1, "the state is fetched once, when the tab is opened");
    }
    await stage.sockets(1);
    await stage.tookOver(way, { leader, since, tab: next });
  });
}

scenario("the lead passes from tab to tab until the last one has it", { handOver: "never" }, async (stage) => {
  let tabs = await stage.tabs(4);
  const last = tabs.at(-1);
  const ids = [];
  while (tabs.length > 1) {
    const leader = await stage.leader(tabs);
    assert.notEqual(leader, last, "locks are granted in the order in which they were asked for");
    await leader.close();
    tabs = tabs.filter((tab) => tab !== leader);
    ids.push(...(await stage.orders(`with-${tabs.length}-tabs-`, 3)));
  }

  await stage.delivered(last, ids);
  await until("the last tab leads", () => last.leads());
  await stage.sockets(1);
});

scenario("a leader that is reloaded comes back as a follower, with the state of now", { handOver: "never" }, async (stage) => {
  const [leader, follower] = await stage.tabs(2);
  const ids = await stage.orders("early", 3);
  await stage.delivered(follower, ids);

  await leader.reload();
  assert.equal((await leader.status()).role, "follower");
  assert.equal((await follower.status()).role, "leader");
  const { id } = await stage.order("late");

  await stage.delivered(follower, [...ids, id]);
  await stage.delivered(leader, [id]);
  assert.deepEqual(await leader.orders(), await follower.orders());
  await stage.sockets(1);
});
