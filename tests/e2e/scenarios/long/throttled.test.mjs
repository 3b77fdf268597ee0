// Hazard: the browser lets the timers of a hidden tab run once a second, or once a minute.

import { engine } from "../../harness/engines/index.mjs";
import { scenario } from "../../harness/scenario.mjs";
import { until } from "../../harness/until.mjs";

scenario("hidden tabs with throttled timers get every event, and take over", { browser: { hurries: true }, handOver: "never" }, async (stage) => {
  const [leader, next, last] = await stage.tabs(3);
  await last.show();
  const before = await stage.orders("before", 5);
  for (const tab of [leader, next, last]) await stage.delivered(tab, before);
  await Promise.all([leader, next].map((tab) => areThrottled(stage, tab)));

  const meanwhile = await stage.orders("meanwhile", 50);
  for (const tab of [leader, next, last]) await stage.delivered(tab, [...before, ...meanwhile]);
  const since = stage.now();
  await leader.close();
  await stage.leader([next, last]);
  const after = await stage.orders("after", 50);
  for (const tab of [next, last]) await stage.delivered(tab, [...before, ...meanwhile, ...after]);
  await stage.sockets(1);
  await stage.tookOver("is closed, all throttled", { leader, since, tab: next });
});

/** Waits until two runs of a fast timer in the page are as far apart as this engine's are in a hidden tab. */
async function areThrottled(stage, tab) {
  await tab.evaluate(() => {
    let last = performance.now();
    window.longestPauseMs = 0;
    setInterval(() => {
      window.longestPauseMs = Math.max(window.longestPauseMs, performance.now() - last);
      last = performance.now();
    }, 50);
  });
  const pause = () => tab.evaluate(() => window.longestPauseMs);
  await until("timers are throttled", async () => (await pause()) >= engine.hiddenTimersMs, { withinMs: 150_000 });
  stage.tell(`a timer of 50 ms in a hidden tab has once taken ${Math.round(await pause())} ms`);
}
