// Hazard: an effect that people notice, a sound say, happens in each tab, or in none.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";
import { until } from "../harness/until.mjs";

scenario("what is done in one tab is done once for each event, also while the leading tab is being closed", { handOver: "never" }, async (stage) => {
  const tabs = await stage.tabs(3);
  const leader = await stage.leader(tabs);
  const others = tabs.filter((tab) => tab !== leader);
  for (const tab of tabs) await rings(tab);

  const before = await stage.ordersOneByOne("before", 10);
  await until("each has rung", () => before.every((id) => ringsOf(stage, id) > 0));

  const [during] = await Promise.all([stage.ordersOneByOne("during", 20), leader.close()]);
  const after = await stage.ordersOneByOne("after", 20);
  for (const tab of others) await stage.delivered(tab, [...before, ...during, ...after]);
  await until("each after it has rung", () => after.every((id) => ringsOf(stage, id) > 0));

  // What a tab was about to do when it was closed it may have left undone: better that than done twice.
  const twice = [...before, ...during, ...after].filter((id) => ringsOf(stage, id) > 1);
  assert.deepEqual(twice, []);
});

/** The tab rings for each order, unless another does. */
function rings(tab) {
  return tab.evaluate((name) => {
    const ring = (id) => fetch(`/told?what=rang ${id} in ${name}`, { keepalive: true });
    window.wire.on("order_created", ({ id }) => window.wire.inOneTab("bell", id, () => ring(id)));
  }, tab.name);
}

/** In how many tabs it rang for this event. */
function ringsOf(stage, id) {
  return [...stage.pages.told].filter((what) => what.startsWith(`rang ${id} in `)).length;
}
