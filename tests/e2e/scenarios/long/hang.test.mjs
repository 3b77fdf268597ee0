// Hazard: the leader does not run and has told nobody. It keeps its lock and its socket, so death is not what ends it.

import assert from "node:assert/strict";

import { scenario } from "../../harness/scenario.mjs";

const PING_MS = 2_000;
const flags = ["--ping", `${PING_MS}ms`];
/** What a busy machine may take on top of the client's own bounds. */
const SLACK_MS = 3_000;
const SHOWN_MS = 5_000 + SLACK_MS;
const HIDDEN_MS = 2.5 * PING_MS + 6_000 + SLACK_MS;
/** Longer than all of that. */
const COMPUTES_MS = 20_000;

const ways = [
  ["is frozen and does not notice", { needs: ["freeze"], without: ["freeze"], stop: (tab) => tab.freeze(), goOn: (tab) => tab.thaw() }],
  ["is suspended", { stop: (tab) => tab.suspend(), goOn: (tab) => tab.resume() }],
  ["computes without a pause", { stop: (tab) => tab.compute(COMPUTES_MS), goOn: (tab) => tab.hasComputed() }],
];

for (const [way, { needs, without, stop, goOn }] of ways) {
  scenario(`the leading tab ${way}: a tab that is shown is soon at the head again`, { needs, flags, handOver: "never" }, async (stage) => {
    const [leader, next, front] = await stage.tabs(3, { without });
    const before = await stage.orders("before", 3);
    for (const tab of [leader, next, front]) await stage.delivered(tab, before);

    await stop(leader);
    const since = stage.now();
    const meanwhile = await stage.orders("meanwhile", 20);
    await next.show();
    const shown = stage.now();
    await stage.delivered(next, [...before, ...meanwhile], { withinMs: SHOWN_MS });
    stage.tell(`${Math.round(stage.now() - shown)} ms after it was shown the tab was at the head`);
    await stage.delivered(front, [...before, ...meanwhile]);
    const tab = await stage.leader([next, front]);
    await stage.tookOver(`${way}, a tab is shown`, { leader, since, tab });

    await comesBack(stage, { leader, goOn, tabs: [leader, next, front], had: [...before, ...meanwhile] });
  });

  scenario(`the leading tab ${way}: a hidden tab leads after a few pings`, { needs, flags, handOver: "never" }, async (stage) => {
    const [leader, next] = await stage.tabs(2, { without });
    await stage.tab({ user: "luis" });
    assert.equal(await next.isVisible(), false);
    const before = await stage.orders("before", 3);
    for (const tab of [leader, next]) await stage.delivered(tab, before);

    await stop(leader);
    const since = stage.now();
    const meanwhile = await stage.orders("meanwhile", 20);
    await stage.delivered(next, [...before, ...meanwhile], { withinMs: HIDDEN_MS });
    await stage.leads(next, [next]);
    await stage.tookOver(`${way}, others are hidden`, { leader, since, tab: next });

    await comesBack(stage, { leader, goOn, tabs: [leader, next], had: [...before, ...meanwhile] });
  });
}

/** The old leader runs again and works off what has piled up. Nobody gets anything twice of that, and it follows. */
async function comesBack(stage, { leader, goOn, tabs, had }) {
  await goOn(leader);
  const after = await stage.orders("after", 20);
  for (const tab of tabs) await stage.delivered(tab, [...had, ...after], { withinMs: 30_000 });
  assert.notEqual(await stage.leader(tabs), leader);
  for (const tab of tabs) {
    await tab.isOpen();
    assert.equal((await tab.states()).length, 1, "nobody needed a refresh");
  }
}
