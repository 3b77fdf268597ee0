// Hazard: a browser, or a page without https, that has no Web Locks. Tabs must agree by what they tell each other.

import { scenario } from "../harness/scenario.mjs";
import { until } from "../harness/until.mjs";

const without = ["locks"];
const ELECTED_MS = 3_000;
/** What a busy machine may take on top. */
const SLACK_MS = 3_000;

for (const [way, go, needs, long] of [
  ["is closed", (tab) => tab.close(), [], false],
  ["crashes", (tab) => tab.crash(), ["crash"], true],
  ["is suspended", (tab) => tab.suspend(), [], true],
]) {
  scenario(`without locks one tab leads, and another one when it ${way}`, { needs, handOver: "never", long }, async (stage) => {
    const tabs = await stage.tabs(3, { without });
    const leader = await stage.leader(tabs);
    await stage.sockets(1);
    const before = await stage.orders("before", 5);
    for (const tab of tabs) await stage.delivered(tab, before);

    const since = stage.now();
    await go(leader);
    const others = tabs.filter((tab) => tab !== leader);
    const meanwhile = await stage.orders("meanwhile", 5);
    const tab = await stage.leader(others, { withinMs: ELECTED_MS + SLACK_MS });
    for (const each of others) await stage.delivered(each, [...before, ...meanwhile]);
    await stage.tookOver(`${way}, without locks`, { leader, since, tab });

    if (leader.gone === "suspended") {
      leader.resume();
      await stage.delivered(leader, [...before, ...meanwhile]);
      await until("the old leader follows", async () => (await leader.status()).role === "follower");
    }
    await stage.sockets(1);
  });
}

scenario("without locks six tabs that load at the same time end with one leader and one socket", { long: true }, async (stage) => {
  const tabs = await stage.tabs(6, { without });
  await Promise.all(tabs.map((tab) => tab.reload()));

  await stage.leader(tabs);
  await stage.sockets(1);
  const ids = await stage.orders("after", 20);
  for (const tab of tabs) await stage.delivered(tab, ids);
});
