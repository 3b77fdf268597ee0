// Hazard: the network goes away, loudly or in silence, while the server goes on.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";
import { until } from "../harness/until.mjs";

scenario("events published while the network is down are replayed in order when it is back", { network: true }, async (stage) => {
  const tabs = await stage.tabs(3);
  const before = await stage.orders("before", 3);
  for (const tab of tabs) await stage.delivered(tab, before);

  stage.network.refuse();
  stage.network.cut();
  for (const tab of tabs) {
    await until("the tab says that it is reconnecting", async () => (await tab.status()).state === "reconnecting");
  }
  const meanwhile = await stage.orders("meanwhile", 300);
  await stage.network.accept();
  const after = await stage.orders("after", 3);

  for (const tab of tabs) {
    await stage.delivered(tab, [...before, ...meanwhile, ...after], { withinMs: 60_000 });
    assert.equal((await tab.states()).length, 1, "a replay needs no new state");
  }
  await stage.sockets(1);
});

scenario("a connection cut in the middle of a burst loses nothing, however often", { network: true }, async (stage) => {
  const tabs = await stage.tabs(2);
  const ids = [];
  for (let round = 0; round < 5; round += 1) {
    const published = stage.orders(`round-${round}-`, 100);
    stage.network.cut();
    ids.push(...(await published));
  }

  for (const tab of tabs) await stage.delivered(tab, ids, { withinMs: 60_000 });
  await stage.sockets(1);
});

scenario("a connection that died in silence is noticed and replaced", { flags: ["--ping", "1s"], network: true, handOver: "never" }, async (stage) => {
  const tabs = await stage.tabs(3);
  const before = await stage.orders("before", 3);
  for (const tab of tabs) await stage.delivered(tab, before);

  stage.network.swallow({ up: true, down: true });
  const swallowed = await stage.orders("swallowed", 20);

  for (const tab of tabs) {
    await stage.delivered(tab, [...before, ...swallowed], { withinMs: 60_000 });
    assert.equal((await tab.states()).length, 1, "a replay needs no new state");
  }
  // The leader connects again or, with pings this fast, another tab was first to notice and leads.
  const opened = await Promise.all(tabs.map((tab) => tab.socketsOpened()));
  assert.equal(opened.reduce((sum, count) => sum + count), 2);
  await stage.sockets(1);
});
