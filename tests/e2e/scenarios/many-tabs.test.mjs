// Hazard: many tabs at once, as when a browser restores its session, and tabs that are copies of others.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";

scenario("twelve tabs that load at the same time share one socket", { long: true }, async (stage) => {
  const tabs = await stage.tabs(12, { withinMs: 60_000 });
  const { id: before } = await stage.order("before");
  for (const tab of tabs) await stage.delivered(tab, [before]);

  await Promise.all(tabs.map((tab) => tab.reload({ withinMs: 60_000 })));
  await stage.leader(tabs);
  await stage.sockets(1);
  const ids = await stage.orders("after", 50);

  for (const tab of tabs) {
    await stage.delivered(tab, ids);
    assert.equal((await tab.orders()).length, 51);
  }
  await stage.sockets(1);
});

scenario("the lead passes through twelve tabs", { handOver: "never", long: true }, async (stage) => {
  let tabs = await stage.tabs(12, { withinMs: 60_000 });
  const ids = [];
  while (tabs.length > 1) {
    const leader = await stage.leader(tabs);
    const since = stage.now();
    await leader.close();
    tabs = tabs.filter((tab) => tab !== leader);
    const tab = await stage.leader(tabs);
    ids.push((await stage.order(`with-${tabs.length}-tabs`)).id);
    for (const each of tabs) await stage.delivered(each, ids);
    await stage.tookOver("is closed, of twelve", { leader, since, tab });
  }
  await stage.sockets(1);
});

scenario("a duplicated tab is another tab: it follows, and leads when the first one goes", { handOver: "never" }, async (stage) => {
  const original = await stage.tab();
  await original.evaluate(() => sessionStorage.setItem("e2e", "copied"));
  const { id: before } = await stage.order("before");

  const copy = await stage.duplicate(original);
  assert.equal(await copy.evaluate(() => sessionStorage.getItem("e2e")), "copied", "as browsers do it");
  assert.equal((await copy.status()).role, "follower");
  await stage.sockets(1);
  const { id: both } = await stage.order("both");
  await stage.delivered(original, [before, both]);
  await stage.delivered(copy, [both]);

  await original.close();
  await stage.leader([copy]);
  const { id: after } = await stage.order("after");
  await stage.delivered(copy, [both, after]);
  await stage.sockets(1);
});
