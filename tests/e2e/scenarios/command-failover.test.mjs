// Hazard: the leading tab dies between a follower's command and its answer. Nobody in the browser can know whether
// the command was carried out; sent again, it must take effect once.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";
import { until } from "../harness/until.mjs";

const ORDER = { orderId: "o_1", customer: "Ana", item: "pan", total: 3 };

for (const [way, die, needs] of [
  ["is closed", (tab) => tab.close(), []],
  ["crashes", (tab) => tab.crash(), ["crash"]],
]) {
  scenario(`a command whose ack was lost takes effect once although the leader ${way}`, { network: true, needs, handOver: "never" }, async (stage) => {
    const { leader, followers, before } = await threeTabs(stage);

    stage.network.swallow({ down: true });
    const sent = followers[0].send("order_created", ORDER);
    await until("the server has carried the command out", async () => (await head(stage)) === before + 1);
    await die(leader);

    await takesEffectOnce(stage, followers, sent, before);
  });

  scenario(`a command that never left the browser takes effect once although the leader ${way}`, { network: true, needs, handOver: "never" }, async (stage) => {
    const { leader, followers, before } = await threeTabs(stage);

    stage.network.swallow({ up: true });
    const sent = followers[0].send("order_created", ORDER);
    await until("the leader has accepted the command", async () => stage.network.swallowedBytes > 0);
    await die(leader);

    await takesEffectOnce(stage, followers, sent, before);
  });
}

scenario("commands of all tabs are carried out in each tab's order while the connection is cut", { network: true }, async (stage) => {
  const tabs = await stage.tabs(3);
  const before = await head(stage);
  const sent = tabs.flatMap((tab, number) =>
    [0, 1, 2, 3, 4].map((n) => tab.send("chat_message", { text: `${number}-${n}` })),
  );
  stage.network.cut();

  const results = await Promise.all(sent);
  assert.deepEqual(results.filter(({ code }) => code), [], "no command was rejected");
  const ids = results.map(({ eventId }) => eventId).sort((one, other) => one - other);
  assert.deepEqual(ids, Array.from({ length: 15 }, (_, n) => before + 1 + n));
  for (const tab of tabs) await stage.delivered(tab, ids);
  const texts = (await tabs[0].events()).map(({ payload }) => payload.text);
  for (const number of [0, 1, 2]) {
    const inOrder = texts.filter((text) => text.startsWith(`${number}-`));
    assert.deepEqual(inOrder, [0, 1, 2, 3, 4].map((n) => `${number}-${n}`));
  }
});

async function threeTabs(stage) {
  const tabs = await stage.tabs(3);
  const leader = await stage.leader(tabs);
  return { leader, followers: tabs.filter((tab) => tab !== leader), before: await head(stage) };
}

/** The promise of `sent` is kept, with the one event that the command has made. */
async function takesEffectOnce(stage, followers, sent, before) {
  const result = await sent;
  assert.equal(result.code, undefined, `rejected: ${JSON.stringify(result)}`);
  assert.equal(result.eventId, before + 1);
  for (const tab of followers) {
    await stage.delivered(tab, [before + 1]);
    assert.deepEqual(await tab.orders(), ["o_1 new"]);
  }
  assert.equal(await head(stage), before + 1);
  await stage.sockets(1);
}

async function head(stage) {
  return (await stage.server.position(stage.shop)).head;
}
