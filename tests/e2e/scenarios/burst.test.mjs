// Hazard: many events at once, through relay and followers.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";

const EVENTS = 2_000;
const PUBLISHERS = 4;
const EVENTS_PER_CALL = 50;

scenario("2,000 events arrive exactly once and in order in each of three tabs", {}, async (stage) => {
  const tabs = await stage.tabs(3);
  const ids = await burst(stage);

  for (const tab of tabs) {
    await stage.delivered(tab, ids, { withinMs: 60_000 });
    assert.equal((await tab.states()).length, 1, "nobody needed a refresh");
  }
  await stage.sockets(1);
});

scenario("the same while the leading tab is closed in the middle", { handOver: "never" }, async (stage) => {
  const [leader, ...others] = await stage.tabs(3);
  const halfOfTheCalls = EVENTS / EVENTS_PER_CALL / 2;
  const ids = await burst(stage, (calls) => calls === halfOfTheCalls && leader.close());

  for (const tab of others) {
    await stage.delivered(tab, ids, { withinMs: 60_000 });
    assert.equal((await tab.states()).length, 1, "nobody needed a refresh");
  }
  await stage.sockets(1);
});

/** Publishes from several publishers at once; returns all ids in order. `onCall` hears how many calls were made. */
async function burst(stage, onCall = () => {}) {
  const ids = [];
  let calls = 0;
  const publisher = async (name) => {
    for (let n = 0; n < EVENTS / PUBLISHERS / EVENTS_PER_CALL; n += 1) {
      ids.push(...(await stage.orders(`p${name}-${n}-`, EVENTS_PER_CALL)));
      calls += 1;
      await onCall(calls);
    }
  };
  await Promise.all(Array.from({ length: PUBLISHERS }, (_, name) => publisher(name)));
  assert.equal(ids.length, EVENTS);
  return ids.sort((one, other) => one - other);
}
