// Hazard: the browser freezes a tab in the background. Nothing runs in it, but it keeps its socket and its lock unless
// it has let go of them before.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";
import { until } from "../harness/until.mjs";

scenario("when the leading tab is frozen another leads, and it comes back as a follower that has missed nothing", { needs: ["freeze"] }, async (stage) => {
  const tabs = await stage.tabs(3);
  const leader = await stage.leader(tabs);
  const others = tabs.filter((tab) => tab !== leader);
  const before = await stage.orders("before", 3);
  for (const tab of tabs) await stage.delivered(tab, before);

  const since = stage.now();
  await leader.freeze();
  const next = await stage.leader(others);
  await stage.tookOver("is frozen", { leader, since, tab: next });
  const meanwhile = await stage.orders("meanwhile", 40);
  for (const tab of others) await stage.delivered(tab, [...before, ...meanwhile]);
  await stage.sockets(1);

  await leader.thaw();
  const after = await stage.orders("after", 3);
  for (const tab of tabs) {
    await stage.delivered(tab, [...before, ...meanwhile, ...after]);
    assert.equal((await tab.states()).length, 1, "nobody needed a refresh");
  }
  await leader.isOpen();
  assert.equal((await leader.status()).role, "follower");
  await stage.sockets(1);
});

scenario("a follower that was frozen catches up", { needs: ["freeze"] }, async (stage) => {
  const [leader, follower] = await stage.tabs(2);

  await follower.freeze();
  const meanwhile = await stage.orders("meanwhile", 40);
  await stage.delivered(leader, meanwhile);
  await follower.thaw();

  await stage.delivered(follower, meanwhile);
  assert.equal((await follower.states()).length, 1, "it did not need a refresh");
  assert.deepEqual(await follower.orders(), await leader.orders());
});

// A socket that was being opened when its tab was frozen ends when the server has waited for its hello.
const flags = ["--hello-timeout", "1s"];
scenario("all tabs frozen and woken again share one socket and have missed nothing", { needs: ["freeze"], flags }, async (stage) => {
  const tabs = await stage.tabs(3);
  for (const tab of tabs) await tab.freeze();
  await stage.sockets(0);
  const meanwhile = await stage.orders("meanwhile", 10);

  for (const tab of tabs) await tab.thaw();

  for (const tab of tabs) {
    await stage.delivered(tab, meanwhile);
    await until("the tab is open", async () => (await tab.status()).state === "open");
    assert.equal((await tab.states()).length, 1, "nobody needed a refresh");
  }
  await stage.leader(tabs);
  await stage.sockets(1);
});
