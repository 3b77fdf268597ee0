// What it takes to bring an event from the socket to all tabs: a burst comes as fast as the server has it, and counted is from the
// first event in the first tab to the last event in the last tab, per event. What the browser has, by hand, is the floor, with a socket
// (`bare`) and without one; without followers it is what the tab needs to hear the events itself.

import { payload } from "../harness/payload.mjs";
import { Stage, heard, said } from "../harness/stage.mjs";

const SHARING = ["bare", "tabwire", "partysocket"];
const SETTINGS = [
  { followers: 0, whos: SHARING },
  { followers: 5, whos: ["broadcastchannel", ...SHARING] },
];
const BURST = 1_000;
/** By which it is seen that all tabs are connected. */
const CONNECTING_EVENTS_PER_S = 50;
const WARM_UP_BURSTS = 2;
const FULL = { rounds: 4, bursts: 3 };
const QUICK = { rounds: 1, bursts: 1 };

export async function relay({ results, quick }) {
  const { rounds, bursts } = quick ? QUICK : FULL;
  const stage = await Stage.build(SETTINGS.at(-1).whos);
  try {
    for (let round = 0; round < rounds; round++) {
      for (const { followers, whos } of SETTINGS) {
        for (const who of whos) {
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
  const feed = stage.feed(who);
  if (feed) {
    await feed.steady(CONNECTING_EVENTS_PER_S);
    await heard(pages, 1);
  }
  const times = [];
  while (times.length < WARM_UP_BURSTS + bursts) times.push(await (feed ? fromFeed(feed, pages) : fromFirst(pages)));
  return times.slice(WARM_UP_BURSTS);
}

/** How long a burst takes that the feed publishes, in milliseconds. */
async function fromFeed(feed, pages) {
  const published = await feed.steady(0);
  await time(pages, published + 1);
  await feed.burst(BURST);
  return took(pages);
}

/** How long a burst takes that the first page posts to the others. */
async function fromFirst(pages) {
  const events = Array.from({ length: BURST }, (_, number) => ({ id: number + 1, type: "order_created", payload: payload(number + 1) }));
  await time(pages, 1);
  await pages[0].evaluate(`window.post(${JSON.stringify(events)})`);
  return took(pages);
}

async function time(pages, first) {
  for (const page of pages) await page.evaluate(`window.time(${first}, ${first + BURST - 1})`);
}

/** From the first event in any page to the last in every page. */
async function took(pages) {
  const records = await said(pages, "window.timed");
  return Math.max(...records.map(({ to }) => to)) - Math.min(...records.map(({ from }) => from));
}
