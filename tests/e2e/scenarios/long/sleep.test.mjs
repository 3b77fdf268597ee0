// Hazard: the lid is closed. Nothing runs, the server gives the device up, and on waking every socket looks alive.

import assert from "node:assert/strict";

import { scenario } from "../../harness/scenario.mjs";
import { until } from "../../harness/until.mjs";

const flags = ["--ping", "1s"];

scenario("after a sleep the tabs have what they missed, with one socket and without a refresh", { flags, network: true }, async (stage) => {
  const tabs = await stage.tabs(3);
  const before = await stage.orders("before", 3);
  for (const tab of tabs) await stage.delivered(tab, before);

  stage.sleep();
  await stage.sockets(0);
  const meanwhile = await stage.orders("meanwhile", 100);
  stage.wake();

  const woken = stage.now();
  for (const tab of tabs) await stage.delivered(tab, [...before, ...meanwhile], { withinMs: 60_000 });
  stage.tell(`all tabs were at the head ${Math.round(stage.now() - woken)} ms after waking`);
  for (const tab of tabs) {
    await tab.isOpen();
    assert.equal((await tab.states()).length, 1, "a replay needs no new state");
  }
  await stage.leader(tabs);
  await stage.sockets(1);
});

const forgetful = [...flags, "--retention-events", "10"];
scenario("after a sleep longer than events are kept every tab refreshes once", { flags: forgetful, network: true }, async (stage) => {
  const tabs = await stage.tabs(3);
  const before = await stage.orders("before", 3);
  for (const tab of tabs) await stage.delivered(tab, before);

  stage.sleep();
  await stage.sockets(0);
  await stage.orders("meanwhile", 100);
  stage.wake();

  const after = await stage.order("after");
  for (const tab of tabs) {
    await until("the tab has refreshed", async () => (await tab.states()).length > 1, { withinMs: 60_000 });
    await until("it shows the last order", async () => (await tab.orders()).includes("after new"));
    assert.equal((await tab.states()).length, 2, "one refresh, not more");
    assert.equal((await tab.cursor()).lastEventId, after.id);
  }
  await stage.sockets(1);
});
