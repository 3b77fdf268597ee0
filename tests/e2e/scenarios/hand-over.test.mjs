// Hazard: a browser that will stop a hidden tab without a word. Its leader must be gone before.

import assert from "node:assert/strict";

import { engine } from "../harness/engines/index.mjs";
import { scenario } from "../harness/scenario.mjs";

// Where a tab hears `freeze` it leads on until then, unless it is told otherwise.
const handOver = engine.cannot.freeze ? undefined : "always";

scenario("the tab that is shown leads, and while the lead passes no event is missing or doubled", { handOver }, async (stage) => {
  const tabs = await stage.tabs(3);
  await stage.leads(tabs[2], tabs);
  const ids = [];
  for (const tab of [tabs[0], tabs[1], tabs[0]]) {
    const since = stage.now();
    const leader = tabs.find((each) => each !== tab);
    await tab.show();
    ids.push(...(await stage.ordersOneByOne(`round-${ids.length}-`, 20)));
    await stage.leads(tab, tabs);
    await stage.tookOver("is hidden while another is shown", { leader, since, tab });
  }

  for (const tab of tabs) {
    await stage.delivered(tab, ids);
    assert.equal((await tab.states()).length, 1, "nobody needed a refresh");
  }
  await stage.sockets(1);
});

scenario("a hidden leader goes on while no other tab is shown", { handOver }, async (stage) => {
  const [first] = await stage.tabs(1);
  const other = await stage.tab({ user: "luis" });
  assert.equal(await first.isVisible(), false);

  const { id } = await stage.order("for-all");
  for (const tab of [first, other]) await stage.delivered(tab, [id]);
  await stage.leads(first, [first]);
  await stage.sockets(2);
});
