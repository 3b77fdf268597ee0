// What it takes to bring an event from the socket to all tabs: a burst comes as fast as the server has it, and counted is from the
// first event in the first tab to the last event in the last tab, per event. What the browser has, by hand, is the floor; without
// followers it is what the tab needs to hear them itself.

import { until } from "../../e2e/harness/until.mjs";
import { Stage, heard, recordOf } from "../harness/stage.mjs";

const WHO = ["bare", "tabwire", "partysocket"];
const FOLLOWERS = [0, 5];
const BURST = 1_000;
/** By which it is seen that all tabs are connected. */
const CONNECTING_EVENTS_PER_S = 50;
const WARM_UP_BURSTS = 2;
const FULL = { rounds: 5, bursts: 3 };
const QUICK = { rounds: 1, bursts: 1 };

export async function relay({ results, quick }) {
  const { rounds, bursts } = quick ? QUICK : FULL;
  const stage = await Stage.build(WHO);
  try {
    for (let round = 0; round < rounds; round++) {
      for (const followers of FOLLOWERS) {
        for (const who of WHO) {
          const times = await stage.withBrowser((browser) => timed(stage, browser, who, 1 + followers, bursts));
          for (const ms of times) {
            results.add({ bench: "relay", setting: `${followers} followers`, who, figures: { us_per_event: (ms * 1_000) / BURST } });
          }
        }
      }
    }
  } finally {
    await stage.strike();
  }
}

async function timed(stage, browser, who, tabs, bursts) {
  const pages = [];
  while (pages.length < tabs) pages.push(await stage.open(browser, who));
  await stage.feed(who).steady(CONNECTING_EVENTS_PER_S);
  await heard(pages, 1);
  for (let n = 0; n < WARM_UP_BURSTS; n++) await burst(stage.feed(who), pages);
  const times = [];
  while (times.length < bursts) times.push(await burst(stage.feed(who), pages));
  return times;
}

/** How long a burst takes, in milliseconds, from the first event in any page to the last in every page. */
async function burst(feed, pages) {
  const published = await feed.steady(0);
  for (const page of pages) await page.evaluate(`window.time(${published + 1}, ${published + BURST})`);
  await feed.burst(BURST);
  const records = await until("every page has heard the burst", async () => {
    const records = await Promise.all(pages.map(recordOf));
    return records.every(({ to }) => to !== undefined) && records;
  });
  return Math.max(...records.map(({ to }) => to)) - Math.min(...records.map(({ from }) => from));
}
