// What an event costs each tab of a user, and the whole browser, at a steady rate: CPU time of processes, from the kernel. Each tab is
// a process of its own, so that what is not its script (the sockets' and channels' ends, garbage) is in it too; the browser's own
// processes, in which messages pass from tab to tab, are in the figure for all.
//
// The last tab is in front, all others are hidden, as a person has them. No page shows anything after its first event. While nothing
// happens these tabs use less than a hundredth of it.

import { setTimeout } from "node:timers/promises";

import { cpuMs, cpuMsOfAll } from "../harness/cpu.mjs";
import { Stage, heard, recordOf } from "../harness/stage.mjs";

const WHO = ["websocket", "bare", "tabwire", "socket.io-client-websocket"];
const EVENTS_PER_S = 200;
const FULL = { tabs: [1, 5, 12], rounds: 3, warmUp: 400, events: 600 };
const QUICK = { tabs: [1, 5], rounds: 1, warmUp: 100, events: 200 };

export async function tabCpu({ results, quick }) {
  const how = quick ? QUICK : FULL;
  const stage = await Stage.build(WHO);
  try {
    for (let round = 0; round < how.rounds; round++) {
      for (const tabs of how.tabs) {
        for (const who of WHO) {
          await stage.feed(who).steady(EVENTS_PER_S);
          const figures = await stage.withBrowser((browser) => used(stage, browser, who, tabs, how));
          await stage.feed(who).steady(0);
          results.add({ bench: "tab-cpu", setting: tabs === 1 ? "1 tab" : `${tabs} tabs`, who: who.replace("-websocket", ""), figures });
        }
      }
    }
  } finally {
    await stage.strike();
  }
}

async function used(stage, browser, who, tabs, { warmUp, events }) {
  const pages = [];
  while (pages.length < tabs) pages.push(await stage.open(browser, who));
  await heard(pages, warmUp);
  const before = await Promise.all(pages.map(recordOf));
  const from = cpuOf(browser, pages);
  // Nobody asks the pages anything meanwhile: that would be in the figures.
  await setTimeout((events / EVENTS_PER_S) * 1_000);
  const to = cpuOf(browser, pages);
  const after = await Promise.all(pages.map(recordOf));

  const perEvent = (ms, page) => (ms * 1_000) / (after[page].events - before[page].events);
  const costs = pages.map((_, page) => perEvent(to.pages[page] - from.pages[page], page));
  const all = [...to.all].reduce((ms, [pid, used]) => ms + used - (from.all.get(pid) ?? 0), 0);
  // Where each tab has a socket none leads: the first then stands beside the others, which are like it.
  const leader = Math.max(0, after.findIndex(({ ledAt }) => ledAt !== undefined));
  const [leading] = costs.splice(leader, 1);
  const following = costs.length > 0 && { follower_us_per_event: costs.reduce((sum, cost) => sum + cost, 0) / costs.length };
  return { leader_us_per_event: leading, ...following, browser_us_per_event: perEvent(all, leader) };
}

function cpuOf(browser, pages) {
  return { pages: pages.map(({ pid }) => cpuMs(pid)), all: cpuMsOfAll(browser.pid) };
}
