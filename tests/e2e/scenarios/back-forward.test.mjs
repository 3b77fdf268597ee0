// Hazard: a page that is left is kept by the browser and may come back as it was: not loaded anew, and behind.

import assert from "node:assert/strict";

import { engine } from "../harness/engines/index.mjs";
import { scenario } from "../harness/scenario.mjs";

const how = engine.keepsPages ? "as it was" : "loaded again";

for (const [who, number] of [
  ["leading", 0],
  ["following", 1],
]) {
  scenario(`the ${who} tab goes to another site and comes back ${how}`, { handOver: "never" }, async (stage) => {
    const tabs = await stage.tabs(2);
    await stage.leader(tabs);
    const [traveller, other] = number === 0 ? tabs : tabs.toReversed();
    const before = await stage.orders("before", 3);
    for (const tab of tabs) await stage.delivered(tab, before);

    await traveller.leave();
    await stage.leader([other]);
    await stage.sockets(1);
    const meanwhile = await stage.orders("meanwhile", 40);
    await stage.delivered(other, [...before, ...meanwhile]);
    await traveller.back();

    await wasKept(traveller);
    await traveller.isOpen();
    const after = await stage.orders("after", 3);
    await stage.delivered(other, [...before, ...meanwhile, ...after]);
    await stage.delivered(traveller, engine.keepsPages ? [...before, ...meanwhile, ...after] : after);
    for (const tab of tabs) assert.equal((await tab.states()).length, 1, "nobody needed a refresh");
    assert.equal(await stage.leader(tabs), other);
    await stage.sockets(1);
  });
}

scenario(`the only tab goes to another site and comes back ${how}, with a socket again`, {}, async (stage) => {
  const tab = await stage.tab();
  await tab.leave();
  await stage.sockets(0);
  const meanwhile = await stage.orders("meanwhile", 40);

  await tab.back();

  await wasKept(tab);
  await tab.isOpen();
  await stage.delivered(tab, engine.keepsPages ? meanwhile : []);
  assert.equal((await tab.states()).length, 1, "what it missed is replayed, or in the state of now");
  await stage.leader([tab]);
  await stage.sockets(1);
});

async function wasKept(tab) {
  assert.deepEqual(await tab.shown(), engine.keepsPages ? [false, true] : [false], "pageshow.persisted each time");
}
